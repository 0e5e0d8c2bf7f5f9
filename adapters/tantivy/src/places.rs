//! Where a place is that a query names: a street, a district, a town, a station. Nothing but the data
//! itself is asked: the addresses and names of documents, and where they are.

use kernel::GeoPosition;
use ports::search::SearchError;
use tantivy::collector::DocSetCollector;
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, Term};

use crate::analysis::{self, Word};
use crate::dictionary::{Snapshot, Way};
use crate::schema::column;
use crate::{failed, geo, synonyms};

/// Words of the name of a place.
pub const WORDS_MAX: usize = 3;
/// A word in the addresses of so many documents says nothing about where they are.
const EVERYWHERE_SHARE: f64 = 0.5;
/// Documents that are looked at to find a place.
const LOOKED_AT_MAX: usize = 5_000;
/// The places of a name that reaches further are several, and the nearest is meant.
const REACH_METERS_MAX: f64 = 3_000.0;
/// Labels of what people name to say where something is.
const LANDMARKS: &[&str] = &["train station", "subway station", "tram station", "light rail station", "bus station", "tourist attraction"];

/// Where a place is that is known by its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    pub middle: GeoPosition,
    /// Metres from the middle within which half of it lies.
    pub reach: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Located {
    At(Spot),
    /// It is where nearly everything is.
    Everywhere,
}

/// `inside` asks for a district rather than for a station of that name.
pub fn locate(snapshot: &Snapshot, words: &[Word], inside: bool, from: Option<GeoPosition>) -> Result<Option<Located>, SearchError> {
    let fields = &snapshot.fields;
    let addresses = address_terms(snapshot, words)?;
    let most = addresses.iter().map(|(_, documents)| *documents).max().unwrap_or(0);
    #[allow(clippy::cast_precision_loss)]
    if most as f64 >= EVERYWHERE_SHARE * snapshot.documents().max(1) as f64 {
        return Ok(Some(Located::Everywhere));
    }
    let addressed: Vec<Term> = addresses.into_iter().map(|(term, _)| Term::from_field_text(fields.place, &term)).collect();
    let whole: String = words.iter().map(|word| word.key.as_str()).collect();
    let named = named(snapshot, words, &whole)?;
    let kinds = kinds(snapshot, words)?;
    if !inside && !kinds.is_empty() {
        // `at the station`: the one of that name, or the nearest.
        for query in [both(&named, &kinds), union(&kinds)] {
            let positions = positions(snapshot, &*query)?;
            let found = if from.is_some() { nearest(&positions, from) } else { spot(&positions, from) };
            if let Some(spot) = found {
                return Ok(Some(Located::At(spot)));
            }
        }
    }
    let landmarks = LANDMARKS.iter().flat_map(|kind| synonyms::spellings(&analysis::words(kind)));
    let landmarks: Vec<Term> = landmarks.map(|label| Term::from_field_text(fields.category_key, &label)).collect();
    let landmarks = both(&named, &landmarks);
    let exact = union(&[Term::from_field_text(fields.name_key, &whole)]);
    let (addressed, named) = (union(&addressed), union(&named));
    let order = if inside { [addressed, landmarks, exact, named] } else { [landmarks, exact, addressed, named] };
    for query in order {
        if let Some(spot) = spot(&positions(snapshot, &*query)?, from) {
            return Ok(Some(Located::At(spot)));
        }
    }
    Ok(None)
}

/// Documents of the kind of place that the words name.
fn kinds(snapshot: &Snapshot, words: &[Word]) -> Result<Vec<Term>, SearchError> {
    let meaning = snapshot.meaning(words)?;
    let labels = meaning.iter().filter(|found| found.field == snapshot.fields.category_key && matches!(found.way, Way::Exact | Way::Same));
    Ok(labels.map(|found| Term::from_field_text(found.field, &found.term)).collect())
}

/// How addresses write the name, with how many do.
pub fn address_terms(snapshot: &Snapshot, words: &[Word]) -> Result<Vec<(String, u64)>, SearchError> {
    let field = snapshot.fields.place;
    let whole: String = words.iter().map(|word| word.key.as_str()).collect();
    let meant = snapshot.meaning(words)?;
    let meant = meant.iter().filter(|found| found.field == field).map(|found| found.term.clone());
    let mut terms = Vec::new();
    for term in meant.chain([analysis::street(&whole)]) {
        let documents = snapshot.count(field, &term)?;
        if documents > 0 {
            terms.push((term, documents));
        }
    }
    Ok(terms)
}

/// Documents with the words in their names.
fn named(snapshot: &Snapshot, words: &[Word], whole: &str) -> Result<Vec<Term>, SearchError> {
    let fields = &snapshot.fields;
    let mut terms = Vec::new();
    for field in [fields.name, fields.name_joined, fields.name_part] {
        if snapshot.count(field, whole)? > 0 {
            terms.push(Term::from_field_text(field, whole));
        }
    }
    if terms.is_empty() {
        let labels = snapshot.synonyms.meaning(words).map(|meaning| meaning.same).unwrap_or_default();
        for label in labels {
            if snapshot.count(fields.name, &label)? > 0 {
                terms.push(Term::from_field_text(fields.name, &label));
            }
        }
    }
    Ok(terms)
}

fn union(terms: &[Term]) -> Box<dyn Query> {
    let queries = terms.iter().map(|term| -> Box<dyn Query> { Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic)) });
    Box::new(BooleanQuery::union(queries.collect()))
}

fn both(some: &[Term], others: &[Term]) -> Box<dyn Query> {
    Box::new(BooleanQuery::intersection(vec![union(some), union(others)]))
}

fn positions(snapshot: &Snapshot, query: &dyn Query) -> Result<Vec<GeoPosition>, SearchError> {
    let mut positions = Vec::new();
    let mut found: Vec<DocAddress> = snapshot.searcher.search(query, &DocSetCollector).map_err(failed)?.into_iter().collect();
    found.sort_unstable();
    for address in found.into_iter().take(LOOKED_AT_MAX) {
        let segment = snapshot.searcher.segment_reader(address.segment_ord);
        let column = segment.fast_fields().column_opt::<u64>(column::POSITION).map_err(failed)?;
        positions.extend(column.and_then(|column| column.first(address.doc_id)).map(geo::unpack));
    }
    Ok(positions)
}

/// The middle of the positions, or the nearest one if they lie far apart.
fn spot(positions: &[GeoPosition], from: Option<GeoPosition>) -> Option<Spot> {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let lat = median(positions.iter().map(|position| position.lat).collect())?;
    let lon = median(positions.iter().map(|position| position.lon).collect())?;
    let middle = GeoPosition { lat, lon };
    let reach = median(positions.iter().map(|position| middle.distance_m(*position)).collect())?;
    if reach <= REACH_METERS_MAX {
        return Some(Spot { middle, reach });
    }
    nearest(positions, from)
}

fn nearest(positions: &[GeoPosition], from: Option<GeoPosition>) -> Option<Spot> {
    let from = from?;
    let nearest = positions.iter().copied().min_by(|one, other| from.distance_m(*one).total_cmp(&from.distance_m(*other)))?;
    Some(Spot { middle: nearest, reach: 0.0 })
}
