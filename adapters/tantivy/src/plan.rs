//! The query as the index runs it.
//!
//! Each word becomes a disjunction of the terms that it may stand for; a hit has all the words that are
//! required. A term counts by how it was found, between 0 and about 1, and a word by how rare it is, so
//! that the sum over the words, divided by their weights, does not depend on how many there are.

use ports::search::{Area, ExplainedWord, Explanation, SearchError, SearchQuery, Sort};
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::analysis::Word;
use crate::dictionary::{Found, Snapshot, Way};
use crate::geo;
use crate::synonyms::PHRASE_WORDS_MAX;
use crate::understand::Understood;

/// Terms that one word may stand for.
const ALTERNATIVES_MAX: usize = 64;
/// A word that so many documents have in their address tells little.
const COMMON_PLACE_SHARE: f64 = 0.2;
/// Added for a name that is the query, and for neighbours that are neighbours in the name.
const WHOLE_NAME_BONUS: f32 = 1.0;
const NEIGHBOURS_BONUS: f32 = 0.2;
/// The last effort: so many of three words suffice.
const SUFFICIENT_SHARE: f64 = 0.6;
const PREFIX_CHARS_MIN: usize = 5;
const SIDE_BY_SIDE_MAX: usize = 8;
/// Hits whose position is read instead of narrowing them down by cells.
const LOCATED_MAX: u64 = 5_000;
const COMPOUND_CHARS_MIN: usize = 7;
/// The last of `Effort`.
pub const EFFORT_MAX: u8 = 3;

type Clause = (Occur, Box<dyn Query>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// No words.
    All,
    /// Something of a kind: what is nearest is best.
    Category,
    /// Something by its name.
    Name,
}

#[derive(Debug, Clone)]
struct Alternative {
    found: Found,
    quality: f32,
}

#[derive(Debug, Default)]
struct Expansion {
    alternatives: Vec<Alternative>,
    /// Both of these instead.
    parts: Option<[Vec<Alternative>; 2]>,
    weight: f32,
    required: bool,
    topical: bool,
}

pub struct Planned {
    pub query: Box<dyn Query>,
    /// What a perfect match scores.
    pub weight: f32,
    pub intent: Intent,
    pub explanation: Explanation,
    /// Terms to mark in the hits.
    pub marks: Vec<String>,
    /// More documents than this do not match the words, wherever they are; none without words.
    pub documents_max: Option<u64>,
}

pub fn plan(snapshot: &Snapshot, query: &SearchQuery, understood: &Understood, effort: u8) -> Result<Planned, SearchError> {
    let words: Vec<Word> = understood.words.iter().map(|asked| asked.word.clone()).collect();
    let mut expansions = Vec::with_capacity(words.len());
    for (place, asked) in understood.words.iter().enumerate() {
        let last = place + 1 == words.len() && !understood.complete;
        let mut expansion = expand(snapshot, &words, place, last, effort)?;
        expansion.required &= !asked.little;
        if asked.little {
            expansion.weight *= 0.3;
        }
        expansions.push(expansion);
    }
    let intent = intent_of(&expansions, understood);
    let flat = intent == Intent::Category && query.position.is_some();
    let text = text_query(snapshot, &words, &expansions, effort, flat)?;
    let explanation = explanation_of(snapshot, understood, &expansions, intent, effort);
    let weight = expansions.iter().filter(|word| !word.is_empty()).map(|word| word.weight).sum::<f32>().max(f32::MIN_POSITIVE);
    let marks = expansions.iter().flat_map(Expansion::all).map(|alternative| alternative.found.term.clone()).collect();
    let documents_max = hits_max(&expansions, effort);
    let mut clauses = filters(snapshot, query, documents_max);
    let query: Box<dyn Query> = match (text, clauses.is_empty()) {
        (None, true) => Box::new(AllQuery),
        (None, false) => Box::new(BooleanQuery::new(clauses)),
        (Some(text), true) => text,
        (Some(text), false) => {
            clauses.insert(0, (Occur::Must, text));
            Box::new(BooleanQuery::new(clauses))
        }
    };
    Ok(Planned { query, weight, intent, explanation, marks, documents_max })
}

impl Expansion {
    fn is_empty(&self) -> bool {
        self.alternatives.is_empty() && self.parts.is_none()
    }

    fn all(&self) -> impl Iterator<Item = &Alternative> {
        self.alternatives.iter().chain(self.parts.iter().flatten().flatten())
    }
}

fn expand(snapshot: &Snapshot, words: &[Word], place: usize, last: bool, effort: u8) -> Result<Expansion, SearchError> {
    let word = &words[place];
    let fields = &snapshot.fields;
    let mut found: Vec<Found> = snapshot.exact(word)?.to_vec();
    for length in 1..=PHRASE_WORDS_MAX {
        for start in (place + 1).saturating_sub(length)..=place {
            let Some(phrase) = words.get(start..start + length) else { continue };
            found.extend(snapshot.meaning(phrase)?.iter().cloned());
            if length > 1 {
                found.extend(snapshot.joined(phrase)?.iter().cloned());
            }
        }
    }
    let mut known = found.iter().any(|found| found.field != fields.text);
    let letters = word.key.chars().count();
    if last || letters >= PREFIX_CHARS_MIN {
        let begun = snapshot.prefix(&word.key)?;
        known |= last && !begun.is_empty();
        found.extend(begun.iter().cloned());
    }
    let mut parts = None;
    if !known
        && letters >= COMPOUND_CHARS_MIN
        && let Some([head, tail]) = snapshot.compound(word)?
    {
        parts = Some([rated(snapshot, base(snapshot, &head)?), rated(snapshot, base(snapshot, &tail)?)]);
        known = true;
    }
    if !known || effort > 0 {
        found.extend(snapshot.corrected(&word.key, u8::from(effort >= 2), last)?.iter().cloned());
    }
    let named = found.iter().filter(|found| found.way == Way::Exact && found.field != fields.place && found.field != fields.text);
    let documents = named.map(|found| found.documents).max().unwrap_or(0);
    let placed = found.iter().filter(|found| found.field == fields.place).map(|found| found.documents).max().unwrap_or(0);
    let topical =
        |found: &Found| found.field == fields.topic && matches!(found.way, Way::Exact | Way::Same | Way::Narrower | Way::Corrected { .. });
    let topical = parts
        .as_ref()
        .map_or_else(|| found.iter().any(topical), |parts| parts.iter().all(|part| part.iter().any(|one| topical(&one.found))));
    let alternatives = rated(snapshot, found);
    #[allow(clippy::cast_precision_loss)]
    let all = snapshot.documents().max(1) as f64;
    #[allow(clippy::cast_precision_loss)]
    let common_place = placed as f64 >= COMMON_PLACE_SHARE * all && documents < placed;
    let mut expansion = Expansion { alternatives, parts, weight: rarity(documents.max(1), all), required: true, topical };
    // A word that nothing in the index resembles is no reason to find nothing.
    expansion.required = !common_place && !expansion.is_empty();
    if common_place {
        expansion.weight *= 0.3;
    }
    Ok(expansion)
}

/// What a part of a compound may stand for.
fn base(snapshot: &Snapshot, word: &Word) -> Result<Vec<Found>, SearchError> {
    let mut found = snapshot.exact(word)?.to_vec();
    found.extend(snapshot.meaning(std::slice::from_ref(word))?.iter().cloned());
    Ok(found)
}

/// Between 0.3 for a word that all have and 1.3 for one that a single document has.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn rarity(documents: u64, all: f64) -> f32 {
    let documents = documents as f64;
    let rare = (1.0 + (all - documents + 0.5).max(0.0) / (documents + 0.5)).ln() / (1.0 + all).ln().max(1.0);
    (0.3 + rare.clamp(0.0, 1.0)) as f32
}

/// The best rated, each term once.
fn rated(snapshot: &Snapshot, found: Vec<Found>) -> Vec<Alternative> {
    let mut rated: Vec<Alternative> = found.into_iter().map(|found| Alternative { quality: quality(snapshot, &found), found }).collect();
    rated.sort_by(|one, other| other.quality.total_cmp(&one.quality).then(other.found.documents.cmp(&one.found.documents)));
    let mut kept: Vec<Alternative> = Vec::with_capacity(rated.len().min(ALTERNATIVES_MAX));
    for alternative in rated {
        let known = kept.iter().any(|before| before.found.field == alternative.found.field && before.found.term == alternative.found.term);
        if !known && kept.len() < ALTERNATIVES_MAX {
            kept.push(alternative);
        }
    }
    kept
}

/// How much a term counts: by its field, and by how it was found.
fn quality(snapshot: &Snapshot, found: &Found) -> f32 {
    let fields = &snapshot.fields;
    let field = [
        (fields.name, 1.0),
        (fields.name_joined, 0.95),
        (fields.name_stem, 0.9),
        (fields.topic, 0.75),
        (fields.name_edge, 0.9),
        (fields.name_part, 0.5),
        (fields.place, 0.45),
        (fields.text, 0.25),
    ];
    let of_field = field.iter().find(|(field, _)| *field == found.field).map_or(0.2, |(_, quality)| *quality);
    let of_way = match found.way {
        Way::Exact => 1.0,
        Way::Same if found.field == fields.name => 0.7,
        Way::Same => 0.95,
        Way::Narrower => 0.7,
        Way::Prefix => 0.75,
        Way::Corrected { letters, first } => {
            let letters = match letters {
                0 => 0.8,
                1 => 0.62,
                _ => 0.42,
            };
            if first { letters * 0.75 } else { letters }
        }
    };
    of_field * of_way
}

fn intent_of(expansions: &[Expansion], understood: &Understood) -> Intent {
    let mut strong = expansions.iter().zip(&understood.words).filter(|(expansion, asked)| !asked.little && expansion.required).peekable();
    if expansions.is_empty() {
        Intent::All
    } else if strong.peek().is_some() && strong.all(|(expansion, _)| expansion.topical) {
        Intent::Category
    } else {
        Intent::Name
    }
}

fn text_query(
    snapshot: &Snapshot,
    words: &[Word],
    expansions: &[Expansion],
    effort: u8,
    flat: bool,
) -> Result<Option<Box<dyn Query>>, SearchError> {
    if words.is_empty() {
        return Ok(None);
    }
    let (mut must, mut should) = (Vec::new(), Vec::new());
    for expansion in expansions.iter().filter(|expansion| !expansion.is_empty()) {
        let query = word_query(snapshot, expansion, flat);
        if expansion.required { must.push(query) } else { should.push(query) }
    }
    let mut clauses: Vec<Clause> = Vec::new();
    if must.is_empty() && should.is_empty() {
        return Ok(Some(Box::new(EmptyQuery)));
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let enough = (must.len() as f64 * SUFFICIENT_SHARE).ceil() as usize;
    if must.is_empty() {
        clauses.push((Occur::Must, Box::new(BooleanQuery::union(should))));
    } else if effort >= EFFORT_MAX && must.len() > 1 {
        let some = must.into_iter().map(|query| (Occur::Should, query)).collect();
        clauses.push((Occur::Must, Box::new(BooleanQuery::with_minimum_required_clauses(some, enough))));
        clauses.extend(should.into_iter().map(|query| (Occur::Should, query)));
    } else {
        clauses.extend(must.into_iter().map(|query| (Occur::Must, query)));
        clauses.extend(should.into_iter().map(|query| (Occur::Should, query)));
    }
    if !flat {
        clauses.extend(bonuses(snapshot, words, expansions)?);
    }
    Ok(Some(match clauses.pop() {
        Some((Occur::Must, only)) if clauses.is_empty() => only,
        last => {
            clauses.extend(last);
            Box::new(BooleanQuery::new(clauses))
        }
    }))
}

fn word_query(snapshot: &Snapshot, expansion: &Expansion, flat: bool) -> Box<dyn Query> {
    let mut queries: Vec<Box<dyn Query>> =
        expansion.alternatives.iter().map(|alternative| term_query(snapshot, alternative, expansion.weight, flat)).collect();
    if let Some([head, tail]) = &expansion.parts {
        let half = |part: &[Alternative]| -> Box<dyn Query> {
            let terms = part.iter().map(|alternative| term_query(snapshot, alternative, expansion.weight / 2.0, flat)).collect();
            Box::new(DisjunctionMaxQuery::new(terms))
        };
        queries.push(Box::new(BooleanQuery::intersection(vec![half(head), half(tail)])));
    }
    if queries.len() == 1 { queries.remove(0) } else { Box::new(DisjunctionMaxQuery::new(queries)) }
}

/// In names, BM25 prefers the short one; its rarity is taken out, since the word has it already.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn term_query(snapshot: &Snapshot, alternative: &Alternative, weight: f32, flat: bool) -> Box<dyn Query> {
    let found = &alternative.found;
    let fields = &snapshot.fields;
    let term = Term::from_field_text(found.field, &found.term);
    let weighed = found.field == fields.name || found.field == fields.name_stem || found.field == fields.text;
    if flat {
        let quality = if weighed { alternative.quality.min(0.8) } else { alternative.quality };
        return constant(term, quality * weight);
    }
    if !weighed {
        return constant(term, alternative.quality * weight);
    }
    let (all, documents) = (snapshot.documents() as f64, found.documents as f64);
    let rarity = (1.0 + (all - documents + 0.5).max(0.0) / (documents + 0.5)).ln().max(0.01);
    let boost = f64::from(alternative.quality * weight) / rarity;
    Box::new(BoostQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)), boost as f32))
}

pub fn constant(term: Term, score: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::Basic)), score))
}

/// Documents with one of the terms. A few are read side by side, many are looked up in one pass over the
/// dictionary.
pub fn any(mut terms: Vec<Term>, score: f32) -> Box<dyn Query> {
    if terms.len() == 1
        && let Some(term) = terms.pop()
    {
        return constant(term, score);
    }
    let query: Box<dyn Query> = if terms.len() <= SIDE_BY_SIDE_MAX {
        let queries = terms.into_iter().map(|term| -> Box<dyn Query> { Box::new(TermQuery::new(term, IndexRecordOption::Basic)) });
        Box::new(BooleanQuery::union(queries.collect()))
    } else {
        Box::new(TermSetQuery::new(terms))
    };
    Box::new(ConstScoreQuery::new(query, score))
}

/// Only of terms that some document has: a clause that never matches would still be asked for every hit.
fn bonuses(snapshot: &Snapshot, words: &[Word], expansions: &[Expansion]) -> Result<Vec<Clause>, SearchError> {
    let whole: String = words.iter().map(|word| word.key.as_str()).collect();
    let weight: f32 = expansions.iter().map(|expansion| expansion.weight).sum();
    let mut terms = vec![(snapshot.fields.name_key, whole, WHOLE_NAME_BONUS * weight)];
    #[allow(clippy::cast_precision_loss)]
    let each = NEIGHBOURS_BONUS * weight / (words.len() as f32 - 1.0).max(1.0);
    for pair in words.windows(2) {
        terms.push((snapshot.fields.name_joined, format!("{}{}", pair[0].key, pair[1].key), each));
    }
    let mut bonuses = Vec::new();
    for (field, term, score) in terms {
        if snapshot.count(field, &term)? > 0 {
            bonuses.push((Occur::Should, constant(Term::from_field_text(field, &term), score)));
        }
    }
    Ok(bonuses)
}

/// More documents than this do not match the words; none without words.
fn hits_max(expansions: &[Expansion], effort: u8) -> Option<u64> {
    let documents = |expansion: &Expansion| expansion.all().map(|one| one.found.documents).sum::<u64>();
    let required = expansions.iter().filter(|expansion| expansion.required && effort < EFFORT_MAX).map(documents).min();
    required.or_else(|| expansions.iter().map(documents).reduce(|one, other| one + other))
}

fn filters(snapshot: &Snapshot, query: &SearchQuery, hits_max: Option<u64>) -> Vec<Clause> {
    let fields = &snapshot.fields;
    let mut clauses: Vec<Clause> = Vec::new();
    let mut one_of = |field: Field, values: Vec<String>| {
        if !values.is_empty() {
            clauses.push((Occur::Must, any(values.iter().map(|value| Term::from_field_text(field, value)).collect(), 0.0)));
        }
    };
    one_of(fields.kind, query.kinds.iter().map(|kind| kind.as_str().to_owned()).collect());
    one_of(fields.category, query.categories.clone());
    for tag in &query.tags {
        one_of(fields.tag, vec![tag.trim().to_lowercase()]);
    }
    if let Some(price) = &query.price {
        one_of(fields.currency, vec![price.currency.code().to_owned()]);
    }
    // The positions of a few hits are read sooner than the cells of the area are looked up.
    let area = query.area.as_ref().filter(|_| hits_max.is_none_or(|hits| hits > LOCATED_MAX));
    let cells = area.and_then(|area| geo::cover(area, query.position));
    one_of(fields.cell, cells.unwrap_or_default());
    clauses
}

/// Whether the area alone would find nothing because it lacks its middle.
pub fn lacks_position(query: &SearchQuery) -> bool {
    query.position.is_none() && (matches!(query.area, Some(Area::Radius(_))) || query.sort == Sort::Distance)
}

fn explanation_of(snapshot: &Snapshot, understood: &Understood, expansions: &[Expansion], intent: Intent, effort: u8) -> Explanation {
    let schema = snapshot.searcher.schema();
    let words = understood.words.iter().zip(expansions).map(|(asked, expansion)| ExplainedWord {
        word: asked.word.plain.clone(),
        required: expansion.required,
        alternatives: expansion
            .all()
            .map(|one| format!("{}:{}^{:.2}", schema.get_field_name(one.found.field), one.found.term, one.quality))
            .collect(),
    });
    let intent = match intent {
        Intent::All => "all",
        Intent::Category => "category",
        Intent::Name => "name",
    };
    Explanation { intent: intent.into(), words: words.collect(), phrases: understood.phrases.clone(), effort }
}
