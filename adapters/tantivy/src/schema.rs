//! The fields of the index, and a document in them.
//!
//! | field | holds |
//! |---|---|
//! | `name` | the words of the name |
//! | `name_stem` | their stems |
//! | `name_joined` | neighbours in the name as one word |
//! | `name_part` | ends of its long words |
//! | `name_edge` | beginnings of its words |
//! | `name_key` | the whole name as one word |
//! | `category_key` | categories, and those above them, each as one word and as one stem |
//! | `tag_key` | tags, in the same way |
//! | `topic` | words and stems of categories and tags |
//! | `place` | the address |
//! | `contact` | ends of the phone number, and the host of the website |
//! | `text` | stems of the description |
//!
//! The rest are filters (terms), columns that are read per hit, and the document itself.

use ports::search::{Document, SearchError};
use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, Schema, SchemaBuilder, TextFieldIndexing, TextOptions};

use crate::analysis::{self, Languages};
use crate::{contact, geo, hours, synonyms};

/// Another number makes an index that is built anew.
pub const VERSION: u32 = 2;
/// Separates what is packed into one column.
pub const SEPARATOR: char = '\u{1f}';
const DESCRIPTION_WORDS_MAX: usize = 400;
const NAME_WORDS_MAX: usize = 24;
const ADDRESS_WORDS_MAX: usize = 24;
/// How many ratings an unknown document is given, and how good they are.
const PRIOR_COUNT: f64 = 5.0;
const PRIOR_MEAN: f64 = 3.5;

#[derive(Debug, Clone, Copy)]
pub struct Fields {
    pub id: Field,
    pub kind: Field,
    pub name: Field,
    pub name_stem: Field,
    pub name_joined: Field,
    pub name_part: Field,
    pub name_edge: Field,
    pub name_key: Field,
    pub category_key: Field,
    pub tag_key: Field,
    pub topic: Field,
    pub place: Field,
    pub contact: Field,
    pub text: Field,
    pub category: Field,
    pub tag: Field,
    pub cell: Field,
    pub currency: Field,
    pub kind_number: Field,
    pub category_label: Field,
    pub tag_label: Field,
    pub price: Field,
    pub rating: Field,
    pub rank: Field,
    pub position: Field,
    pub hours: Field,
    pub created: Field,
    pub tie: Field,
    pub source: Field,
}

pub mod column {
    pub const ID: &str = "id";
    pub const KIND: &str = "kind_number";
    pub const CATEGORY: &str = "category_label";
    pub const TAG: &str = "tag_label";
    pub const PRICE: &str = "price";
    pub const RATING: &str = "rating";
    pub const RANK: &str = "rank";
    pub const POSITION: &str = "position";
    pub const HOURS: &str = "hours";
    pub const CREATED: &str = "created";
    pub const TIE: &str = "tie";
}

pub fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let raw = |builder: &mut SchemaBuilder, name: &str| builder.add_text_field(name, terms("raw", IndexRecordOption::Basic, false));
    let flat = |builder: &mut SchemaBuilder, name: &str| builder.add_text_field(name, terms("whitespace", IndexRecordOption::Basic, false));
    let weighed =
        |builder: &mut SchemaBuilder, name: &str| builder.add_text_field(name, terms("whitespace", IndexRecordOption::WithFreqs, true));
    let label = |builder: &mut SchemaBuilder, name: &str| builder.add_text_field(name, TextOptions::default().set_fast("raw"));
    let fields = Fields {
        id: builder.add_text_field(column::ID, terms("raw", IndexRecordOption::Basic, false).set_fast("raw")),
        kind: raw(&mut builder, "kind"),
        name: weighed(&mut builder, "name"),
        name_stem: weighed(&mut builder, "name_stem"),
        name_joined: flat(&mut builder, "name_joined"),
        name_part: flat(&mut builder, "name_part"),
        name_edge: flat(&mut builder, "name_edge"),
        name_key: raw(&mut builder, "name_key"),
        category_key: flat(&mut builder, "category_key"),
        tag_key: flat(&mut builder, "tag_key"),
        topic: flat(&mut builder, "topic"),
        place: flat(&mut builder, "place"),
        contact: flat(&mut builder, "contact"),
        text: weighed(&mut builder, "text"),
        category: raw(&mut builder, "category"),
        tag: raw(&mut builder, "tag"),
        cell: raw(&mut builder, "cell"),
        currency: raw(&mut builder, "currency"),
        kind_number: builder.add_u64_field(column::KIND, FAST),
        category_label: label(&mut builder, column::CATEGORY),
        tag_label: label(&mut builder, column::TAG),
        price: builder.add_i64_field(column::PRICE, FAST),
        rating: builder.add_f64_field(column::RATING, FAST),
        rank: builder.add_f64_field(column::RANK, FAST),
        position: builder.add_u64_field(column::POSITION, FAST),
        hours: label(&mut builder, column::HOURS),
        created: builder.add_i64_field(column::CREATED, FAST),
        tie: builder.add_u64_field(column::TIE, FAST),
        source: builder.add_text_field("source", STORED),
    };
    (builder.build(), fields)
}

fn terms(tokenizer: &str, option: IndexRecordOption, norms: bool) -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option).set_fieldnorms(norms);
    TextOptions::default().set_indexing_options(indexing)
}

pub fn to_index(fields: &Fields, document: &Document) -> Result<TantivyDocument, SearchError> {
    let mut out = TantivyDocument::new();
    let languages = Languages::of(document.language.as_deref());
    out.add_text(fields.id, &document.id);
    out.add_text(fields.kind, document.kind.as_str());
    out.add_u64(fields.kind_number, document.kind as u64);
    add_name(&mut out, fields, &document.name, languages);
    add_topics(&mut out, fields, document);
    add_place(&mut out, fields, document);
    add_contact(&mut out, fields, document);
    let mut description = analysis::words(&document.description);
    description.truncate(DESCRIPTION_WORDS_MAX);
    let stems: Vec<String> = description.iter().flat_map(|word| analysis::stems(&word.plain, languages)).collect();
    out.add_text(fields.text, stems.join(" "));
    if let Some(price) = document.price {
        out.add_text(fields.currency, price.currency.code());
        out.add_i64(fields.price, price.amount);
    }
    if let Some(mean) = document.rating.mean() {
        out.add_f64(fields.rating, mean);
    }
    out.add_f64(fields.rank, rank(document));
    if let Some(position) = document.position {
        out.add_u64(fields.position, geo::pack(position));
        for cell in geo::cells(position) {
            out.add_text(fields.cell, cell);
        }
    }
    if let Some(hours) = &document.hours {
        out.add_text(fields.hours, hours::pack(hours, document.position));
    }
    out.add_i64(fields.created, document.created_at.as_millis());
    out.add_u64(fields.tie, tie(&document.id));
    out.add_text(fields.source, serde_json::to_string(document).map_err(|error| SearchError::Failed(error.to_string()))?);
    Ok(out)
}

/// Few ratings pull the mean only a little away from the ordinary.
#[allow(clippy::cast_precision_loss)]
pub fn rank(document: &Document) -> f64 {
    (document.rating.sum as f64 + PRIOR_MEAN * PRIOR_COUNT) / (document.rating.count as f64 + PRIOR_COUNT)
}

/// Orders hits that are otherwise equal, the same way in every index (FNV-1a).
pub fn tie(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The whole name as one word, if there is any.
pub fn name_key(name: &str) -> String {
    analysis::keys(name).concat()
}

fn add_name(out: &mut TantivyDocument, fields: &Fields, name: &str, languages: Languages) {
    let mut words = analysis::words(name);
    words.truncate(NAME_WORDS_MAX);
    let keys: Vec<String> = words.iter().map(|word| word.key.clone()).collect();
    let stems: Vec<String> = words.iter().flat_map(|word| analysis::stems(&word.plain, languages)).collect();
    let parts: Vec<&str> = keys.iter().flat_map(|key| analysis::endings(key)).collect();
    let mut edges: Vec<&str> = keys.iter().flat_map(|key| analysis::edges(key)).collect();
    edges.sort_unstable();
    edges.dedup();
    out.add_text(fields.name, keys.join(" "));
    out.add_text(fields.name_stem, stems.join(" "));
    out.add_text(fields.name_joined, analysis::joined(&keys).join(" "));
    out.add_text(fields.name_part, parts.join(" "));
    out.add_text(fields.name_edge, edges.join(" "));
    out.add_text(fields.name_key, keys.concat());
}

fn add_topics(out: &mut TantivyDocument, fields: &Fields, document: &Document) {
    let above = document.categories.iter().flat_map(|category| &category.above).map(String::as_str);
    let own = document.categories.iter().map(|category| category.name.as_str());
    out.add_text(fields.category_key, labels(above.chain(own.clone())));
    out.add_text(fields.tag_key, labels(document.tags.iter().map(String::as_str)));
    out.add_text(fields.topic, distinct(own.chain(document.tags.iter().map(String::as_str)).flat_map(topic_terms)));
    let mut subtree: Vec<&str> = document.categories.iter().flat_map(|category| category.path.iter().map(String::as_str)).collect();
    subtree.extend(document.categories.iter().map(|category| category.id.as_str()));
    subtree.sort_unstable();
    subtree.dedup();
    for id in subtree {
        out.add_text(fields.category, id);
    }
    for category in &document.categories {
        out.add_text(fields.category_label, format!("{}{SEPARATOR}{}", category.id, category.name));
    }
    for tag in &document.tags {
        let tag = tag.trim().to_lowercase();
        out.add_text(fields.tag, &tag);
        out.add_text(fields.tag_label, &tag);
    }
}

/// Whole names, each as one word.
fn labels<'a>(names: impl Iterator<Item = &'a str>) -> String {
    distinct(names.flat_map(|name| synonyms::spellings(&analysis::words(name))))
}

fn distinct(terms: impl Iterator<Item = String>) -> String {
    let mut terms: Vec<String> = terms.filter(|term| !term.is_empty()).collect();
    terms.sort_unstable();
    terms.dedup();
    terms.join(" ")
}

/// The words of a category or tag and their stems in both languages.
fn topic_terms(name: &str) -> Vec<String> {
    let words = analysis::words(name);
    let mut terms: Vec<String> = words.iter().flat_map(|word| analysis::stems(&word.plain, Languages::Both)).collect();
    terms.extend(words.into_iter().map(|word| word.key));
    terms
}

fn add_contact(out: &mut TantivyDocument, fields: &Fields, document: &Document) {
    let digits = contact::digits(document.phone.as_deref().unwrap_or_default());
    let ends = (0..digits.len()).map(|at| digits[at..].to_owned()).take_while(|end| end.len() >= contact::DIGITS_MIN);
    let host = document.website.as_deref().and_then(contact::host);
    out.add_text(fields.contact, ends.chain(host).collect::<Vec<_>>().join(" "));
}

fn add_place(out: &mut TantivyDocument, fields: &Fields, document: &Document) {
    let mut terms = Vec::new();
    for line in [&document.address, &document.district] {
        let mut keys: Vec<String> = analysis::keys(line).iter().map(|key| analysis::street(key)).collect();
        keys.truncate(ADDRESS_WORDS_MAX);
        terms.extend(keys.windows(2).map(<[String]>::concat));
        terms.extend(keys);
    }
    out.add_text(fields.place, terms.join(" "));
}
