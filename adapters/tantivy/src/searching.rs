//! A question and its answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::Timestamp;
use ports::search::{
    Document, Facet, FacetCount, FacetName, HITS_MAX, Hit, SearchError, SearchQuery, SearchResults, Sort, SuggestQuery, Suggestion,
};
use tantivy::collector::DocSetCollector;
use tantivy::query::TermQuery;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, TantivyDocument, Term};

use crate::collect::{Collected, Plan, Ranking, labelled};
use crate::cursor::Next;
use crate::dictionary::Snapshot;
use crate::expansion::EFFORT_MAX;
use crate::highlight::Marker;
use crate::hours::{HoursBook, pack};
use crate::live::Store;
use crate::plan::{self, Intent, Planned};
use crate::schema::{column, name_key};
use crate::understand::{self, Understood};
use crate::{analysis, failed, suggest as completing};

/// With fewer hits than this, spelling is corrected too.
const FEW_HITS: u64 = 3;
/// Added to the effort of a step in which the wished time of opening is left out.
const UNTIMED: u8 = 8;
const FACET_VALUES_MAX: usize = 50;
/// Views of the index that are kept for those who page, and how long.
const VIEWS_MAX: usize = 8;
const VIEW_KEPT_MS: i64 = 120_000;
/// Suggestions are chosen among so many names that fit.
const COMPLETED_MAX: usize = 60;

/// The views that given cursors belong to, so that a listing does not shift while somebody pages.
#[derive(Default)]
pub struct Views(VecDeque<(Timestamp, Arc<Snapshot>)>);

impl Views {
    fn keep(&mut self, snapshot: &Arc<Snapshot>, now: Timestamp) {
        self.0.retain(|(at, kept)| now.as_millis() - at.as_millis() < VIEW_KEPT_MS && kept.id != snapshot.id);
        self.0.push_back((now, snapshot.clone()));
        if self.0.len() > VIEWS_MAX {
            self.0.pop_front();
        }
    }

    fn find(&self, id: (u64, u64)) -> Option<Arc<Snapshot>> {
        self.0.iter().find(|(_, kept)| kept.id == id).map(|(_, kept)| kept.clone())
    }
}

pub fn search(store: &Store, views: &Mutex<Views>, hours: &Arc<HoursBook>, mut query: SearchQuery) -> Result<SearchResults, SearchError> {
    check(&query)?;
    let next = Next::read(&query)?;
    let asked_at = query.now;
    let live = store.live().snapshot();
    let snapshot = match &next {
        Some(next) => {
            query.now = next.now();
            views.lock().unwrap_or_else(PoisonError::into_inner).find(next.snapshot).unwrap_or(live)
        }
        None => live,
    };
    let is_name = |whole: &str| snapshot.count(snapshot.fields.name_key, whole).is_ok_and(|documents| documents > 0);
    let understood = understand::understand(&query.text, query.position.is_some(), is_name);
    let (planned, collected, step) = run(&snapshot, &query, &understood, next.as_ref(), hours)?;
    let more = collected.best.len() > query.limit;
    let marker = Marker::new(planned.marks);
    let shown = &collected.best[..collected.best.len().min(query.limit)];
    let mut hits = Vec::with_capacity(shown.len());
    for ranked in shown {
        hits.push(hit(document(&snapshot, ranked.address)?, ranked.place.key, &query, &marker, hours));
    }
    let next = match shown.last() {
        Some(last) if more => {
            views.lock().unwrap_or_else(PoisonError::into_inner).keep(&snapshot, asked_at);
            Some(Next::new(&query, last.place, snapshot.id, step).write()?)
        }
        Some(_) | None => None,
    };
    let did_you_mean = meant(&query.text, &planned.corrections, &hits);
    Ok(SearchResults {
        hits,
        did_you_mean,
        total: collected.total,
        facets: facets(&query.facets, collected.counts),
        next,
        explanation: query.explain.then_some(planned.explanation),
    })
}

fn check(query: &SearchQuery) -> Result<(), SearchError> {
    let field = |field, reason: &str| Err(SearchError::Field { field, reason: reason.into() });
    if query.limit == 0 || query.limit > HITS_MAX {
        return field("limit", "must be 1 to 100");
    }
    if plan::lacks_position(query) {
        return field("position", "is needed for a radius and for sorting by distance");
    }
    Ok(())
}

/// The first effort that finds enough. If nothing is open when the words wish it, that is left out; the
/// step says so, for the pages that follow.
fn run(
    snapshot: &Snapshot,
    query: &SearchQuery,
    understood: &Understood,
    next: Option<&Next>,
    hours: &Arc<HoursBook>,
) -> Result<(Planned, Collected, u8), SearchError> {
    let step = next.map_or(0, |next| next.effort);
    let wishes = understood.open_now || understood.wish.is_some();
    let (mut effort, mut timed) = (step % UNTIMED, step < UNTIMED && wishes);
    let narrowed = query.area.is_some() || query.open_now || query.price.is_some() || query.rating_min.is_some();
    loop {
        let planned = plan::plan(snapshot, query, understood, effort)?;
        let ranking = Ranking(Arc::new(Plan {
            now: query.now,
            position: query.position,
            centre: planned.centre,
            area: query.area,
            price: query.price,
            rating_min: query.rating_min,
            open_now: query.open_now || timed && understood.open_now,
            wish: understood.wish.filter(|_| timed),
            sort: query.sort,
            facets: query.facets.clone(),
            limit: query.limit + 1,
            after: next.map(Next::place),
            intent: planned.intent,
            near: understood.near || planned.centre.is_some(),
            weight: planned.weight,
            hours: hours.clone(),
        }));
        let collected = snapshot.searcher.search(&planned.query, &ranking).map_err(failed)?;
        // Where filters leave few of words that are well known elsewhere, it is not their spelling.
        let filters_leave_few = (narrowed || timed) && planned.documents_max.is_some_and(|most| most >= FEW_HITS);
        let a_few_are_few = effort == 0 && !filters_leave_few && planned.intent == Intent::Name;
        let enough = if a_few_are_few { collected.total >= FEW_HITS } else { collected.total > 0 };
        let done = next.is_some() || enough || planned.intent == Intent::All && !timed;
        if done || effort >= EFFORT_MAX && !timed {
            return Ok((planned, collected, if wishes && !timed { effort + UNTIMED } else { effort }));
        }
        if timed && effort >= EFFORT_MAX {
            (effort, timed) = (0, false);
        } else {
            effort = if filters_leave_few { EFFORT_MAX } else { effort + 1 };
        }
    }
}

/// The query with the words that were taken for others, as the hits write these.
fn meant(text: &str, corrections: &[(String, String)], hits: &[Hit]) -> Option<String> {
    let written = |term: &str| {
        let texts = hits.iter().flat_map(|hit| {
            let document = &hit.document;
            let categories = document.categories.iter().flat_map(|category| category.above.iter().chain([&category.name]));
            [&document.name, &document.address, &document.district].into_iter().chain(categories).chain(&document.tags)
        });
        let mut words = texts.flat_map(|text| analysis::words(text).into_iter().map(move |word| (text, word)));
        let is = |word: &analysis::Word| {
            word.key == term || analysis::stems(&word.plain, analysis::Languages::Both).iter().any(|stem| stem == term)
        };
        words.find(|(_, word)| is(word)).map(|(text, word)| text[word.start..word.end].to_owned())
    };
    let mut meant = text.trim().to_owned();
    for (typed, term) in corrections {
        let (Some(right), Some(word)) = (written(term), analysis::words(&meant).into_iter().find(|word| word.plain == *typed)) else {
            continue;
        };
        meant.replace_range(word.start..word.end, &right);
    }
    (meant != text.trim()).then_some(meant)
}

fn document(snapshot: &Snapshot, address: DocAddress) -> Result<Document, SearchError> {
    let stored: TantivyDocument = snapshot.searcher.doc(address).map_err(failed)?;
    let source = stored.get_first(snapshot.fields.source).and_then(|value| value.as_str().map(str::to_owned));
    let source = source.ok_or_else(|| failed("a document without its source"))?;
    serde_json::from_str(&source).map_err(failed)
}

fn hit(document: Document, score: f64, query: &SearchQuery, marker: &Marker, hours: &HoursBook) -> Hit {
    let open_now = document.hours.as_ref().map(|at| hours.is_open(&pack(at, document.position), query.now));
    let distance = query.position.zip(document.position).map(|(from, to)| from.distance_m(to));
    let score = match query.sort {
        Sort::Relevance => score,
        Sort::Distance | Sort::Rating | Sort::Price | Sort::Newest => 0.0,
    };
    Hit {
        distance,
        score,
        open_now,
        name_html: marker.mark(&document.name),
        description_html: marker.snippet(&document.description),
        document,
    }
}

fn facets(wanted: &[FacetName], mut counts: HashMap<FacetName, HashMap<String, u64>>) -> Vec<Facet> {
    let facet = |name: &FacetName| {
        let mut values: Vec<FacetCount> = Vec::new();
        for (value, count) in counts.remove(name).unwrap_or_default() {
            let (value, label) = labelled(*name, &value);
            // While a renamed category is indexed again, it has two labels.
            match values.iter_mut().find(|known| known.value == value) {
                Some(known) => known.count += count,
                None => values.push(FacetCount { value, label, count }),
            }
        }
        match name {
            FacetName::Rating => values.sort_by(|one, other| other.value.cmp(&one.value)),
            FacetName::Kind | FacetName::Category | FacetName::Tag => {
                values.sort_by(|one, other| other.count.cmp(&one.count).then(one.label.cmp(&other.label)));
            }
        }
        values.truncate(FACET_VALUES_MAX);
        Facet { name: *name, values }
    };
    wanted.iter().map(facet).collect()
}

pub fn suggest(store: &Store, hours: &Arc<HoursBook>, query: &SuggestQuery) -> Result<Vec<Suggestion>, SearchError> {
    let snapshot = store.live().snapshot();
    let mut suggestions = if query.kinds.is_empty() { completing::categories(&snapshot, query)? } else { Vec::new() };
    for corrected in [false, true] {
        let Some(names) = completing::names(&snapshot, query, corrected)? else { continue };
        let ranking = Ranking(Arc::new(Plan {
            now: Timestamp::MIN,
            position: query.position,
            centre: None,
            area: None,
            price: None,
            rating_min: None,
            open_now: false,
            wish: None,
            sort: Sort::Relevance,
            facets: Vec::new(),
            limit: COMPLETED_MAX,
            after: None,
            intent: Intent::Name,
            near: false,
            weight: 1.0,
            hours: hours.clone(),
        }));
        let collected = snapshot.searcher.search(&names, &ranking).map_err(failed)?;
        let mut seen: Vec<String> = Vec::new();
        for ranked in collected.best {
            if suggestions.len() >= query.limit {
                return Ok(suggestions);
            }
            let document = document(&snapshot, ranked.address)?;
            let key = name_key(&document.name);
            // The branches of a chain are one suggestion.
            if !seen.contains(&key) {
                seen.push(key);
                suggestions.push(Suggestion { text: document.name, kind: Some(document.kind), id: document.id, slug: Some(document.slug) });
            }
        }
        if !suggestions.is_empty() {
            break;
        }
    }
    Ok(suggestions)
}

pub fn in_category(store: &Store, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, SearchError> {
    let snapshot = store.live().snapshot();
    let query = TermQuery::new(Term::from_field_text(snapshot.fields.category, category), IndexRecordOption::Basic);
    let mut ids = Vec::new();
    for address in snapshot.searcher.search(&query, &DocSetCollector).map_err(failed)? {
        let segment = snapshot.searcher.segment_reader(address.segment_ord);
        let Some(column) = segment.fast_fields().str(column::ID).map_err(failed)? else { continue };
        let mut id = String::new();
        if let Some(value) = column.ords().first(address.doc_id)
            && column.ord_to_str(value, &mut id).map_err(failed)?
        {
            ids.push(id);
        }
    }
    ids.sort_unstable();
    Ok(ids.into_iter().filter(|id| after.is_none_or(|after| id.as_str() > after)).take(limit).collect())
}
