//! Completions of what is being typed: categories first, then names.

use ports::search::{SearchError, SuggestQuery, Suggestion};
use tantivy::Term;
use tantivy::query::{BooleanQuery, Occur, Query};

use crate::analysis::{self, EDGE_CHARS_MAX, Word};
use crate::dictionary::{Category, Found, Snapshot, Way};
use crate::plan::{any, constant};

/// Categories among the suggestions.
const CATEGORIES_MAX: usize = 3;
/// Names of kinds of places that are looked at for it, and how much of one has to be typed.
const KINDS_MAX: usize = 40;
const KIND_CHARS_MIN: usize = 2;
/// Words of a prefix.
const WORDS_MAX: usize = 8;

/// Names that have all the words, the last one as a beginning; `corrected` allows misspelt words.
pub fn names(snapshot: &Snapshot, query: &SuggestQuery, corrected: bool) -> Result<Option<Box<dyn Query>>, SearchError> {
    let mut words = analysis::words(&query.prefix);
    words.truncate(WORDS_MAX);
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    let last = words.len().saturating_sub(1);
    for (place, word) in words.iter().enumerate() {
        let begun = place == last && !query.prefix.ends_with(char::is_whitespace);
        let terms = terms(snapshot, word, begun, corrected)?;
        if terms.is_empty() {
            return Ok(None);
        }
        clauses.push((Occur::Must, of_any(terms)));
    }
    if clauses.is_empty() {
        return Ok(None);
    }
    let whole: String = words.iter().map(|word| word.key.as_str()).collect();
    clauses.push((Occur::Should, constant(Term::from_field_text(snapshot.fields.name_key, &whole), 1.0)));
    // Who begins to type a name begins with its first word.
    if let Some(first) = words.first() {
        clauses.push((Occur::Should, constant(Term::from_field_text(snapshot.fields.name, &first.key), 0.3)));
    }
    if !query.kinds.is_empty() {
        let kinds = query.kinds.iter().map(|kind| Term::from_field_text(snapshot.fields.kind, kind.as_str()));
        clauses.push((Occur::Must, any(kinds.collect(), 0.0)));
    }
    Ok(Some(Box::new(BooleanQuery::new(clauses))))
}

fn terms(snapshot: &Snapshot, word: &Word, begun: bool, corrected: bool) -> Result<Vec<Found>, SearchError> {
    let fields = &snapshot.fields;
    let mut found: Vec<Found> =
        snapshot.exact(word)?.iter().filter(|found| [fields.name, fields.name_joined].contains(&found.field)).cloned().collect();
    if begun {
        if word.key.chars().count() <= EDGE_CHARS_MAX {
            found = snapshot.prefix(&word.key)?.iter().filter(|found| found.field == fields.name_edge).cloned().collect();
        } else {
            let fields = [fields.name, fields.name_joined];
            found.extend(snapshot.prefix(&word.key)?.iter().filter(|found| fields.contains(&found.field)).cloned());
        }
    }
    // A kind of place that has none of that name is not misspelt.
    if corrected && found.is_empty() && snapshot.synonyms.meaning(std::slice::from_ref(word)).is_none() {
        found.extend(snapshot.corrected(&word.key, 0, begun)?.iter().filter(|found| found.field == fields.name).cloned());
    }
    Ok(found)
}

fn of_any(found: Vec<Found>) -> Box<dyn Query> {
    let corrected = found.iter().all(|found| matches!(found.way, Way::Corrected { .. }));
    let terms = found.into_iter().map(|found| Term::from_field_text(found.field, &found.term)).collect();
    any(terms, if corrected { 0.5 } else { 1.0 })
}

/// Categories of documents whose name has a word that begins like what was typed, and those that are called
/// by a name that begins so, in any language that is known.
pub fn categories(snapshot: &Snapshot, query: &SuggestQuery) -> Result<Vec<Suggestion>, SearchError> {
    let typed = analysis::keys(&query.prefix);
    let Some((last, before)) = typed.split_last() else { return Ok(Vec::new()) };
    let fits = |category: &&Category| {
        before.iter().all(|word| category.keys.contains(word)) && category.keys.iter().any(|word| word.starts_with(last.as_str()))
    };
    let categories = snapshot.categories()?;
    let suggestion = |category: &Category, text: String| Suggestion { text, kind: None, id: category.id.clone(), slug: None };
    let mut found: Vec<Suggestion> = categories.iter().filter(fits).map(|category| suggestion(category, category.name.clone())).collect();
    let named = found.len();
    let whole = typed.concat();
    if whole.chars().count() >= KIND_CHARS_MIN {
        for (phrase, labels) in snapshot.synonyms.beginning(&whole, KINDS_MAX) {
            let called = |category: &&Category| category.labels.iter().any(|label| labels.contains(&label.as_str()));
            found.extend(categories.iter().filter(called).map(|category| suggestion(category, capitalized(phrase))));
        }
    }
    // What is called so itself comes before what others call so.
    let (named, called) = found.split_at_mut(named);
    for suggestions in [named, called] {
        suggestions.sort_by(|one, other| one.text.len().cmp(&other.text.len()).then(one.text.cmp(&other.text)).then(one.id.cmp(&other.id)));
    }
    let mut seen = Vec::new();
    found.retain(|suggestion| {
        let new = !seen.contains(&suggestion.id);
        seen.push(suggestion.id.clone());
        new
    });
    found.truncate(CATEGORIES_MAX.min(query.limit));
    Ok(found)
}

fn capitalized(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
