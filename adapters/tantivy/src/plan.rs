//! The query as the index runs it.
//!
//! Each word becomes a disjunction of the terms that it may stand for; a hit has all the words that are
//! required. A term counts by how it was found, between 0 and about 1, and a word by how rare it is, so
//! that the sum over the words, divided by their weights, does not depend on how many there are.

use std::ops::Range;

use kernel::GeoPosition;
use ports::search::{Area, ExplainedWord, Explanation, SearchError, SearchQuery, Sort};
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::analysis::Word;
use crate::dictionary::{Found, Snapshot, Way};
use crate::expansion::{Alternative, EFFORT_MAX, Expansion, LOOSE, segments};
use crate::places::{self, Located};
use crate::synonyms::PHRASE_WORDS_MAX;
use crate::understand::{Asked, Understood};
use crate::{contact, geo};

/// Added for a name that is the query, and for neighbours that are neighbours in the name.
const WHOLE_NAME_BONUS: f32 = 1.0;
const NEIGHBOURS_BONUS: f32 = 0.2;
/// The last effort: so many of three words suffice.
const SUFFICIENT_SHARE: f64 = 0.6;
const SIDE_BY_SIDE_MAX: usize = 8;
/// Hits whose position is read instead of narrowing them down by cells.
const LOCATED_MAX: u64 = 5_000;
/// What a hit has in addition whose address has the place that the query names.
const ADDRESSED_BONUS: f32 = 3.0;

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
    /// Of the place that the words name.
    pub centre: Option<GeoPosition>,
    /// Words as they were typed, and the term that they were taken for.
    pub corrections: Vec<(String, String)>,
}

/// A place that the query names, and which of its words do.
struct Place {
    words: Range<usize>,
    located: Located,
    inside: bool,
}

pub fn plan(snapshot: &Snapshot, query: &SearchQuery, understood: &Understood, effort: u8) -> Result<Planned, SearchError> {
    if let Some(planned) = contacted(snapshot, query)? {
        return Ok(planned);
    }
    let place = place_of(snapshot, query, &understood.words, effort)?;
    let says_where = |at: &usize| place.as_ref().is_some_and(|place| place.words.contains(at));
    let asked: Vec<Asked> = (0..).zip(&understood.words).filter(|(at, _)| !says_where(at)).map(|(_, asked)| asked.clone()).collect();
    let last = !understood.complete && place.is_none();
    let mut expansions = segments(snapshot, &asked, last, effort)?;
    let words: Vec<Word> = asked.into_iter().map(|asked| asked.word).collect();
    let is_kind = |word: &Expansion| word.kind && word.certain;
    if effort >= LOOSE && expansions.iter().any(|word| is_kind(word) && word.required) {
        // Words that go with a kind of place may be missing, the kind itself may not.
        expansions.iter_mut().for_each(|word| word.required &= is_kind(word));
    }
    let intent = intent_of(&expansions);
    let centre = place.as_ref().and_then(|place| place.centre(query.position));
    let flat = intent == Intent::Category && (query.position.is_some() || centre.is_some());
    let text = text_query(snapshot, &words, &expansions, effort, flat)?;
    let explanation = explanation_of(snapshot, understood, &expansions, intent, effort);
    let weight = expansions.iter().filter(|word| !word.is_empty()).map(|word| word.weight).sum::<f32>().max(f32::MIN_POSITIVE);
    let text = match (&place, text) {
        (Some(place), Some(wanted)) => Some(place.preferred(snapshot, &understood.words, wanted, weight)?),
        (_, text) => text,
    };
    let marks = expansions.iter().flat_map(Expansion::all).map(|alternative| alternative.found.term.clone()).collect();
    let documents_max = hits_max(&expansions, effort);
    let corrections = expansions.iter().filter_map(Expansion::correction).collect();
    let query = filtered(snapshot, query, text, documents_max);
    Ok(Planned { query, weight, intent, explanation, marks, documents_max, centre, corrections })
}

/// The text with the filters of the query.
fn filtered(snapshot: &Snapshot, query: &SearchQuery, text: Option<Box<dyn Query>>, documents_max: Option<u64>) -> Box<dyn Query> {
    let mut clauses = filters(snapshot, query, documents_max);
    match (text, clauses.is_empty()) {
        (None, true) => Box::new(AllQuery),
        (None, false) => Box::new(BooleanQuery::new(clauses)),
        (Some(text), true) => text,
        (Some(text), false) => {
            clauses.insert(0, (Occur::Must, text));
            Box::new(BooleanQuery::new(clauses))
        }
    }
}

/// A phone number or a website, if a document has it.
fn contacted(snapshot: &Snapshot, query: &SearchQuery) -> Result<Option<Planned>, SearchError> {
    let Some(wanted) = contact::number(&query.text).or_else(|| contact::host(&query.text)) else { return Ok(None) };
    let documents = snapshot.count(snapshot.fields.contact, &wanted)?;
    if documents == 0 {
        return Ok(None);
    }
    let text = constant(Term::from_field_text(snapshot.fields.contact, &wanted), 1.0);
    let alternatives = vec![format!("contact:{wanted}^1.00")];
    let words = vec![ExplainedWord { word: query.text.trim().to_owned(), required: true, alternatives }];
    let explanation = Explanation { intent: "name".into(), words, ..Explanation::default() };
    let query = filtered(snapshot, query, Some(text), Some(documents));
    let (marks, corrections) = (Vec::new(), Vec::new());
    let documents_max = Some(documents);
    Ok(Some(Planned { query, weight: 1.0, intent: Intent::Name, explanation, marks, documents_max, centre: None, corrections }))
}

/// The words that say where, beside others that say what kind of place: after a word such as `near`, or,
/// where too little has been found otherwise, without one.
fn place_of(snapshot: &Snapshot, query: &SearchQuery, words: &[Asked], effort: u8) -> Result<Option<Place>, SearchError> {
    let whole: String = words.iter().map(|asked| asked.word.key.as_str()).collect();
    if words.len() < 2 || snapshot.count(snapshot.fields.name_key, &whole)? > 0 {
        return Ok(None);
    }
    let plain = |range: Range<usize>| -> Vec<Word> { words[range].iter().map(|asked| asked.word.clone()).collect() };
    for at in 0..words.len() {
        let (start, inside) = match Asked::located_after(words, at) {
            Some(start) => (start, words[at].is_inside()),
            None if effort >= EFFORT_MAX && !words[at].little => (at, false),
            None => continue,
        };
        for end in (start + 1..=(start + places::WORDS_MAX).min(words.len())).rev() {
            let name = plain(start..end);
            let rest = words.iter().enumerate().filter(|(other, asked)| !(at..end).contains(other) && !asked.little);
            let rest: Vec<Word> = rest.map(|(_, asked)| asked.word.clone()).collect();
            // `im Hotel` asks for one.
            let is_kind = (start == at || inside) && are_kinds(snapshot, &name, false)?;
            if is_kind || !are_kinds(snapshot, &rest, start > at)? {
                continue;
            }
            if let Some(located) = places::locate(snapshot, &name, inside, query.position)? {
                return Ok(Some(Place { words: at..end, located, inside }));
            }
        }
    }
    Ok(None)
}

/// Whether the words, which are some, are all known as kinds of places or what these have; `closely` looks
/// at compounds and misspelt words, too.
fn are_kinds(snapshot: &Snapshot, words: &[Word], closely: bool) -> Result<bool, SearchError> {
    let mut at = 0;
    while at < words.len() {
        let mut known = 0;
        for length in (1..=PHRASE_WORDS_MAX.min(words.len() - at)).rev() {
            if snapshot.meaning(&words[at..at + length])?.iter().any(|found| snapshot.is_label(found.field)) {
                known = length;
                break;
            }
        }
        if known == 0 {
            break;
        }
        at += known;
    }
    if at == words.len() || !closely {
        return Ok(at == words.len() && at > 0);
    }
    let asked: Vec<Asked> = words.iter().map(|word| Asked { word: word.clone(), little: false }).collect();
    Ok(segments(snapshot, &asked, false, 0)?.iter().all(|segment| segment.topical))
}

impl Place {
    /// Who is in a district already is looking around from where they are.
    fn centre(&self, from: Option<GeoPosition>) -> Option<GeoPosition> {
        let Located::At(spot) = self.located else { return None };
        let there = self.inside && from.is_some_and(|from| from.distance_m(spot.middle) <= spot.reach);
        if there { from } else { Some(spot.middle) }
    }

    /// With addresses that name the place before others.
    fn preferred(&self, snapshot: &Snapshot, words: &[Asked], wanted: Box<dyn Query>, weight: f32) -> Result<Box<dyn Query>, SearchError> {
        if self.located == Located::Everywhere {
            return Ok(wanted);
        }
        let start = Asked::located_after(words, self.words.start).unwrap_or(self.words.start);
        let name: Vec<Word> = words[start..self.words.end].iter().map(|asked| asked.word.clone()).collect();
        let terms = places::address_terms(snapshot, &name)?;
        let mut clauses: Vec<Clause> = vec![(Occur::Must, wanted)];
        clauses.extend(
            terms
                .into_iter()
                .map(|(term, _)| (Occur::Should, constant(Term::from_field_text(snapshot.fields.place, &term), ADDRESSED_BONUS * weight))),
        );
        Ok(Box::new(BooleanQuery::new(clauses)))
    }
}

fn intent_of(expansions: &[Expansion]) -> Intent {
    let mut strong = expansions.iter().filter(|word| word.required).peekable();
    if expansions.is_empty() {
        Intent::All
    } else if strong.peek().is_some() && strong.all(|word| word.topical) {
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
        if expansion.required {
            must.push(word_query(snapshot, expansion, flat));
        } else if !flat {
            should.push(word_query(snapshot, expansion, flat));
        }
    }
    let mut clauses: Vec<Clause> = Vec::new();
    if must.is_empty() && should.is_empty() {
        return Ok(Some(Box::new(EmptyQuery)));
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let enough = (must.len() as f64 * SUFFICIENT_SHARE).floor().max(1.0) as usize;
    let kinds = expansions.iter().any(|word| word.kind && word.required);
    let either = kinds && expansions.iter().any(|word| word.little && matches!(word.phrase.as_str(), "or" | "oder"));
    let enough = if kinds { 1 } else { enough };
    if must.is_empty() {
        clauses.push((Occur::Must, Box::new(BooleanQuery::union(should))));
    } else if (effort >= EFFORT_MAX || either) && must.len() > 1 {
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
        return constant(term, flat_quality(snapshot, found) * weight);
    }
    if !weighed {
        return constant(term, alternative.quality * weight);
    }
    let (all, documents) = (snapshot.documents() as f64, found.documents as f64);
    let rarity = (1.0 + (all - documents + 0.5).max(0.0) / (documents + 0.5)).ln().max(0.01);
    let boost = f64::from(alternative.quality * weight) / rarity;
    Box::new(BoostQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)), boost as f32))
}

/// Where the nearest is best, all of a kind are equal. What only has the word in its name comes after
/// those of the kind that are not much further.
fn flat_quality(snapshot: &Snapshot, found: &Found) -> f32 {
    let fields = &snapshot.fields;
    match found.way {
        _ if found.field == fields.place || found.field == fields.text => 0.05,
        Way::Narrower if snapshot.is_label(found.field) => 0.6,
        Way::Corrected { letters: 2.., .. } if snapshot.is_label(found.field) => 0.5,
        _ if snapshot.is_label(found.field) => 1.0,
        _ if found.field == fields.topic => 0.45,
        _ => 0.3,
    }
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
    let words = expansions.iter().map(|expansion| ExplainedWord {
        word: expansion.phrase.clone(),
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
