//! What the index knows of a word: the terms that it may stand for, with how many documents have them.
//! Lookups are kept for as long as the view of the index lives.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use ports::search::SearchError;
use quick_cache::sync::Cache;
use tantivy::schema::Field;
use tantivy::termdict::TermDictionary;
use tantivy::{Searcher, Term};
use tantivy_fst::Automaton;

use crate::analysis::{self, EDGE_CHARS_MAX, Languages, Word};
use crate::failed;
use crate::schema::{Fields, SEPARATOR, column};
use crate::synonyms::{self, Meaning, Synonyms};

const LOOKUPS_KEPT: usize = 4_000;
/// Categories of one segment that can be suggested.
const CATEGORIES_MAX: u64 = 2_000;
/// Names of kinds that a word may be the beginning of.
const KINDS_BEGUN_MAX: usize = 8;
/// Terms of one field that a prefix or a misspelt word may stand for.
const PREFIXED_MAX: usize = 48;
const CORRECTED_MAX: usize = 6;
/// Terms that are looked at for it in one segment.
const SCANNED_MAX: usize = 20_000;
/// The shortest words that are corrected by one letter, and by two.
const CORRECT_ONE_CHARS: usize = 4;
const CORRECT_TWO_CHARS: usize = 8;
const COMPOUND_PART_CHARS: usize = 3;
/// Shorter beginnings are no beginnings of streets and towns.
const PLACE_PREFIX_CHARS: usize = 3;

static BUILDERS: LazyLock<[LevenshteinAutomatonBuilder; 2]> =
    LazyLock::new(|| [LevenshteinAutomatonBuilder::new(1, true), LevenshteinAutomatonBuilder::new(2, true)]);

/// A term that a word may stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub field: Field,
    pub term: String,
    pub documents: u64,
    /// How.
    pub way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Exact,
    Same,
    /// It only has to do with what was asked for.
    Hinted,
    Narrower,
    Prefix,
    /// Letters that had to be changed; whether the first is one of them.
    Corrected {
        letters: u8,
        first: bool,
    },
}

#[derive(Hash, PartialEq, Eq, Clone)]
enum Lookup {
    Exact(String),
    Meaning(String),
    Begun(String),
    Prefix(String),
    Corrected(String, u8, bool),
    Joined(String),
}

/// The index at one moment.
pub struct Snapshot {
    pub searcher: Searcher,
    pub fields: Fields,
    pub id: (u64, u64),
    lookups: Cache<Lookup, Arc<Vec<Found>>>,
    pub synonyms: Arc<Synonyms>,
    categories: OnceLock<Vec<Category>>,
}

/// A category of some document.
pub struct Category {
    pub id: String,
    pub name: String,
    pub keys: Vec<String>,
    /// As `category_key` has it.
    pub labels: Vec<String>,
}

impl Snapshot {
    /// `epoch` tells one index from the one that took its place.
    pub fn new(searcher: Searcher, fields: Fields, epoch: u64, synonyms: Arc<Synonyms>) -> Self {
        let id = (epoch, searcher.generation().generation_id());
        Self { searcher, fields, id, lookups: Cache::new(LOOKUPS_KEPT), synonyms, categories: OnceLock::new() }
    }

    /// Whether the field holds whole names of categories or tags.
    pub fn is_label(&self, field: Field) -> bool {
        field == self.fields.category_key || field == self.fields.tag_key
    }

    pub fn documents(&self) -> u64 {
        self.searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum()
    }

    /// The categories that documents have, read once.
    pub fn categories(&self) -> Result<&[Category], SearchError> {
        if let Some(categories) = self.categories.get() {
            return Ok(categories);
        }
        let mut found: HashMap<String, Category> = HashMap::new();
        for segment in self.searcher.segment_readers() {
            let Some(column) = segment.fast_fields().str(column::CATEGORY).map_err(failed)? else { continue };
            for value in 0..CATEGORIES_MAX.min(column.num_terms() as u64) {
                let mut text = String::new();
                if !column.ord_to_str(value, &mut text).map_err(failed)? {
                    break;
                }
                if let Some((id, name)) = text.split_once(SEPARATOR)
                    && !found.contains_key(id)
                {
                    let (id, name, words) = (id.to_owned(), name.to_owned(), analysis::words(name));
                    let labels = synonyms::spellings(&words);
                    found.insert(id.clone(), Category { id, name, keys: words.into_iter().map(|word| word.key).collect(), labels });
                }
            }
        }
        Ok(self.categories.get_or_init(|| found.into_values().collect()))
    }

    fn kept(&self, lookup: Lookup, find: impl FnOnce() -> Result<Vec<Found>, SearchError>) -> Result<Arc<Vec<Found>>, SearchError> {
        if let Some(found) = self.lookups.get(&lookup) {
            return Ok(found);
        }
        let found = Arc::new(find()?);
        self.lookups.insert(lookup, found.clone());
        Ok(found)
    }

    pub fn count(&self, field: Field, term: &str) -> Result<u64, SearchError> {
        self.searcher.doc_freq(&Term::from_field_text(field, term)).map_err(failed)
    }

    fn add(&self, out: &mut Vec<Found>, field: Field, term: &str, way: Way) -> Result<(), SearchError> {
        if !term.is_empty() && !out.iter().any(|known| known.field == field && known.term == term) {
            let documents = self.count(field, term)?;
            if documents > 0 {
                out.push(Found { field, term: term.to_owned(), documents, way });
            }
        }
        Ok(())
    }

    /// The word itself and its stems.
    pub fn exact(&self, word: &Word) -> Result<Arc<Vec<Found>>, SearchError> {
        self.kept(Lookup::Exact(word.plain.clone()), || {
            let (mut out, fields) = (Vec::new(), &self.fields);
            let stems = analysis::stems(&word.plain, Languages::Both);
            for field in [fields.name, fields.name_joined, fields.category_key, fields.tag_key, fields.topic, fields.name_part] {
                self.add(&mut out, field, &word.key, Way::Exact)?;
            }
            self.add(&mut out, fields.place, &analysis::street(&word.key), Way::Exact)?;
            for stem in &stems {
                for field in [fields.name_stem, fields.category_key, fields.tag_key, fields.topic, fields.text] {
                    self.add(&mut out, field, stem, Way::Exact)?;
                }
            }
            Ok(out)
        })
    }

    /// Neighbours in the query that are written as one word in a document.
    pub fn joined(&self, words: &[Word]) -> Result<Arc<Vec<Found>>, SearchError> {
        let one: String = words.iter().map(|word| word.key.as_str()).collect();
        self.kept(Lookup::Joined(one.clone()), || {
            let (mut out, fields) = (Vec::new(), &self.fields);
            self.add(&mut out, fields.name, &one, Way::Exact)?;
            self.add(&mut out, fields.name_joined, &one, Way::Exact)?;
            self.add(&mut out, fields.place, &analysis::street(&one), Way::Exact)?;
            Ok(out)
        })
    }

    /// What a phrase means: the categories and tags that are called so in any words, or places.
    pub fn meaning(&self, words: &[Word]) -> Result<Arc<Vec<Found>>, SearchError> {
        let phrase = words.iter().map(|word| word.plain.as_str()).collect::<Vec<_>>().join(" ");
        self.kept(Lookup::Meaning(phrase), || {
            let mut out = Vec::new();
            for label in synonyms::spellings(words) {
                self.add_label(&mut out, &label, Way::Exact)?;
            }
            self.add_meaning(&mut out, self.synonyms.meaning(words), Way::Same)?;
            Ok(out)
        })
    }

    fn add_label(&self, out: &mut Vec<Found>, label: &str, way: Way) -> Result<(), SearchError> {
        self.add(out, self.fields.category_key, label, way)?;
        self.add(out, self.fields.tag_key, label, way)
    }

    fn add_meaning(&self, out: &mut Vec<Found>, meaning: Option<Meaning>, way: Way) -> Result<(), SearchError> {
        let Some(meaning) = meaning else { return Ok(()) };
        let way = if meaning.hinted && way == Way::Same { Way::Hinted } else { way };
        for label in &meaning.same {
            self.add_label(out, label, way)?;
        }
        // What has no category of its own, such as a jumper, is called so by its name.
        for label in meaning.same.iter().filter(|_| way == Way::Same) {
            self.add(out, self.fields.name, label, way)?;
        }
        for place in &meaning.places {
            self.add(out, self.fields.place, place, way)?;
        }
        for label in meaning.narrower.iter().filter(|_| way == Way::Same) {
            self.add_label(out, label, Way::Narrower)?;
        }
        Ok(())
    }

    /// Kinds of places whose names begin so.
    pub fn begun(&self, key: &str) -> Result<Arc<Vec<Found>>, SearchError> {
        self.kept(Lookup::Begun(key.to_owned()), || {
            let mut out = Vec::new();
            for (_, labels) in self.synonyms.beginning(key, KINDS_BEGUN_MAX) {
                for label in labels {
                    self.add_label(&mut out, label, Way::Prefix)?;
                }
            }
            Ok(out)
        })
    }

    /// Terms that begin with it.
    pub fn prefix(&self, key: &str) -> Result<Arc<Vec<Found>>, SearchError> {
        self.kept(Lookup::Prefix(key.to_owned()), || {
            let (mut out, fields) = (Vec::new(), &self.fields);
            self.scan_prefix(&mut out, fields.topic, key)?;
            if key.chars().count() <= EDGE_CHARS_MAX {
                self.add(&mut out, fields.name_edge, key, Way::Prefix)?;
            } else {
                self.scan_prefix(&mut out, fields.name, key)?;
                // What begins with a whole word of a name is found by that word, and of a frequent one
                // there are many.
                let stems = analysis::stems(key, Languages::Both).into_iter().map(|stem| (fields.name_stem, stem));
                let mut whole = false;
                for (field, term) in stems.chain([(fields.name, key.to_owned())]) {
                    whole |= self.count(field, &term)? > 0;
                }
                if !whole {
                    self.scan_prefix(&mut out, fields.name_joined, key)?;
                }
            }
            if key.chars().count() >= PLACE_PREFIX_CHARS {
                self.scan_prefix(&mut out, fields.place, &analysis::street(key))?;
            }
            Ok(out)
        })
    }

    fn scan_prefix(&self, out: &mut Vec<Found>, field: Field, prefix: &str) -> Result<(), SearchError> {
        let mut end = prefix.as_bytes().to_vec();
        // 0xff is in no UTF-8 text, so that this lies after all that begin with the prefix.
        end.push(0xff);
        let letters = Letters { digits: has_digits(prefix) };
        let found = self.scan(field, |terms| terms.search(letters).ge(prefix).lt(&end).into_stream())?;
        out.extend(best(found, PREFIXED_MAX, field, |_| Some(Way::Prefix)));
        Ok(())
    }

    fn scan<'a, A: Automaton + 'a>(
        &'a self,
        field: Field,
        open: impl for<'b> Fn(&'b TermDictionary) -> std::io::Result<tantivy::termdict::TermStreamer<'b, A>>,
    ) -> Result<HashMap<String, u64>, SearchError>
    where
        A::State: Clone,
    {
        let mut found: HashMap<String, u64> = HashMap::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field).map_err(failed)?;
            let mut stream = open(index.terms()).map_err(failed)?;
            let mut scanned = 0;
            while scanned < SCANNED_MAX && stream.advance() {
                scanned += 1;
                if let Ok(term) = std::str::from_utf8(stream.key()) {
                    let documents = u64::from(stream.value().doc_freq);
                    match found.get_mut(term) {
                        Some(sum) => *sum += documents,
                        None => {
                            found.insert(term.to_owned(), documents);
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// Terms that the word may be a misspelling of; with `prefix`, of the beginning of a term.
    pub fn corrected(&self, key: &str, more: u8, prefix: bool) -> Result<Arc<Vec<Found>>, SearchError> {
        let Some(letters) = letters_of(key, more) else { return Ok(Arc::default()) };
        self.kept(Lookup::Corrected(key.to_owned(), letters, prefix), || {
            let (mut out, fields) = (Vec::new(), &self.fields);
            let spelling = Spelling::new(key, letters, prefix);
            for field in [fields.name, fields.topic, fields.place, fields.name_joined] {
                let found = self.scan(field, |terms| terms.search(spelling.clone()).into_stream())?;
                out.extend(best(found, CORRECTED_MAX, field, |term| spelling.way(key, term)));
            }
            // A word of the table need not be in any document for what it means to be.
            let mut likely: Vec<(Way, String)> =
                self.synonyms.matching(spelling.clone()).into_iter().filter_map(|term| Some((spelling.way(key, &term)?, term))).collect();
            likely.sort_by(|(one, term), (other, than)| (one.cost(), term.len(), term).cmp(&(other.cost(), than.len(), than)));
            for (way, term) in likely.into_iter().take(CORRECTED_MAX) {
                let meaning = self.synonyms.meaning_of(&term).filter(|meaning| !meaning.hinted);
                self.add_meaning(&mut out, meaning, way)?;
            }
            out.sort_by_key(|found| found.way.cost());
            let mut seen: Vec<(Field, String)> = Vec::new();
            out.retain(|found| {
                let known = seen.iter().any(|(field, term)| *field == found.field && *term == found.term);
                if !known {
                    seen.push((found.field, found.term.clone()));
                }
                !known
            });
            Ok(out)
        })
    }

    /// The two words of a compound that the index does not know as a whole: `Pizzarestaurant`.
    pub fn compound(&self, word: &Word) -> Result<Option<[Word; 2]>, SearchError> {
        let mut best: Option<(u64, [Word; 2])> = None;
        for (at, _) in word.plain.char_indices().skip(COMPOUND_PART_CHARS) {
            let (head, tail) = word.plain.split_at(at);
            if tail.chars().count() < COMPOUND_PART_CHARS {
                break;
            }
            let heads = [Some(head), head.strip_suffix('s'), head.strip_suffix('n')];
            for head in heads.into_iter().flatten() {
                if head.chars().count() < COMPOUND_PART_CHARS {
                    continue;
                }
                let parts = [head, tail].map(part);
                let weight = self.standing(&parts[0])?.min(self.standing(&parts[1])?);
                if weight > 0 && best.as_ref().is_none_or(|(before, _)| weight > *before) {
                    best = Some((weight, parts));
                }
            }
        }
        Ok(best.map(|(_, parts)| parts))
    }

    /// Documents that have the word in their name or topics, or what it means.
    fn standing(&self, word: &Word) -> Result<u64, SearchError> {
        let (exact, meant) = (self.exact(word)?, self.meaning(std::slice::from_ref(word))?);
        let fields = [self.fields.name, self.fields.name_stem, self.fields.topic];
        let counts = |found: &&Found| fields.contains(&found.field) || self.is_label(found.field);
        Ok(exact.iter().chain(meant.iter()).filter(counts).map(|found| found.documents).max().unwrap_or(0))
    }
}

pub fn part(plain: &str) -> Word {
    Word { plain: plain.to_owned(), key: analysis::collapse(plain), start: 0, end: 0 }
}

fn letters_of(key: &str, more: u8) -> Option<u8> {
    let chars = key.chars().count();
    let letters = u8::from(chars >= CORRECT_ONE_CHARS) + u8::from(chars >= CORRECT_TWO_CHARS);
    let digits = key.chars().all(|char| char.is_ascii_digit());
    (letters > 0 && !digits).then(|| (letters + more).min(2))
}

/// The likeliest of what was found, most frequent first.
fn best<'a>(
    found: HashMap<String, u64>,
    limit: usize,
    field: Field,
    way: impl Fn(&str) -> Option<Way> + 'a,
) -> impl Iterator<Item = Found> + 'a {
    let mut all: Vec<Found> =
        found.into_iter().filter_map(|(term, documents)| way(&term).map(|way| Found { field, term, documents, way })).collect();
    all.sort_by(|one, other| (one.way.cost(), other.documents, &one.term).cmp(&(other.way.cost(), one.documents, &other.term)));
    all.truncate(limit);
    all.into_iter()
}

impl Way {
    fn cost(self) -> u8 {
        match self {
            Self::Exact | Self::Same | Self::Hinted | Self::Narrower | Self::Prefix => 0,
            Self::Corrected { letters, first } => letters * 2 + u8::from(first),
        }
    }
}

fn has_digits(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Terms without digits, unless they are asked for: nobody begins or misspells a word and means a house
/// number after it, and of these there are many.
#[derive(Clone, Copy)]
struct Letters {
    digits: bool,
}

impl Automaton for Letters {
    type State = bool;

    fn start(&self) -> bool {
        true
    }

    fn is_match(&self, state: &bool) -> bool {
        *state
    }

    fn can_match(&self, state: &bool) -> bool {
        *state
    }

    fn accept(&self, state: &bool, byte: u8) -> bool {
        *state && (self.digits || !byte.is_ascii_digit())
    }
}

/// A misspelt word as an automaton over terms. Where two letters may be wrong, the first is not one of
/// them: that would be nearly every short word, and half of the dictionary to look at.
#[derive(Clone)]
struct Spelling {
    dfa: Arc<DFA>,
    /// For one wrong letter, wherever, beside the one for two.
    one: Option<Arc<DFA>>,
    first: u8,
    letters: Letters,
    prefix: bool,
}

impl Spelling {
    fn new(key: &str, letters: u8, prefix: bool) -> Self {
        let build =
            |builder: &LevenshteinAutomatonBuilder| Arc::new(if prefix { builder.build_prefix_dfa(key) } else { builder.build_dfa(key) });
        let [one, two] = &*BUILDERS;
        let (dfa, one) = if letters < 2 { (build(one), None) } else { (build(two), Some(build(one))) };
        let first = key.bytes().next().unwrap_or(0);
        Self { dfa, one, first, letters: Letters { digits: has_digits(key) }, prefix }
    }

    fn way(&self, key: &str, term: &str) -> Option<Way> {
        let same = key.chars().next() == term.chars().next();
        match self.dfa.eval(term) {
            Distance::Exact(letters) if letters < 2 || same => {
                // A term that goes on after what was typed is a little less likely than one that ends there.
                let goes_on = self.prefix && term.chars().count() > key.chars().count() + 1;
                Some(Way::Corrected { letters: letters + u8::from(goes_on && letters == 0), first: !same })
            }
            Distance::Exact(_) | Distance::AtLeast(_) => None,
        }
    }
}

impl Automaton for Spelling {
    /// Of both automata.
    type State = (u32, u32);

    fn start(&self) -> (u32, u32) {
        (self.dfa.initial_state(), self.one.as_ref().map_or(SINK_STATE, |one| one.initial_state()))
    }

    fn is_match(&self, (state, one): &(u32, u32)) -> bool {
        let exact = |dfa: &DFA, state| matches!(dfa.distance(state), Distance::Exact(_));
        exact(&self.dfa, *state) || self.one.as_ref().is_some_and(|dfa| exact(dfa, *one))
    }

    fn can_match(&self, (state, one): &(u32, u32)) -> bool {
        *state != SINK_STATE || *one != SINK_STATE
    }

    fn accept(&self, (state, one): &(u32, u32), byte: u8) -> (u32, u32) {
        if byte.is_ascii_digit() && !self.letters.digits {
            return (SINK_STATE, SINK_STATE);
        }
        match &self.one {
            None => (self.dfa.transition(*state, byte), SINK_STATE),
            Some(dfa) => {
                // Nothing leads back to the initial state.
                let begins_otherwise = *state == self.dfa.initial_state() && byte != self.first;
                let state = if begins_otherwise { SINK_STATE } else { self.dfa.transition(*state, byte) };
                (state, dfa.transition(*one, byte))
            }
        }
    }
}
