//! What means the same in the words of the trade: from OpenStreetMap's vocabulary (`kinds.txt`), by hand
//! (`synonyms.txt`), and of the operator. Applied to queries, so that a change counts at once, for
//! documents that are indexed already too.

use std::collections::BTreeMap;
use std::sync::Arc;

use ports::search::SearchError;
use tantivy_fst::{Automaton, IntoStreamer as _, Map, Streamer as _};

use crate::analysis::{self, Languages, Word};
use crate::failed;

/// Words of the longest phrase in the table.
pub const PHRASE_WORDS_MAX: usize = 4;
/// Bytes of an operator's file.
const OVERLAY_BYTES_MAX: usize = 1_000_000;

const EMBEDDED: [&str; 2] = [include_str!("kinds.txt"), include_str!("synonyms.txt")];

/// All phrases that are known, as they are folded, in the order of their letters.
pub struct Synonyms {
    phrases: Map<Vec<u8>>,
    entries: Vec<Entry>,
    groups: Vec<Group>,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<String, Entry>,
    groups: Vec<Group>,
}

/// A phrase in one of its spellings.
#[derive(Debug, Clone, Default)]
struct Entry {
    /// As it was written.
    phrase: Arc<str>,
    /// The groups of which it is a name, and those to which it only has to do.
    names: Vec<usize>,
    hints: Vec<usize>,
    /// Groups before the file that has moved it last.
    moved: usize,
}

/// What one line says.
#[derive(Debug, Clone, Default)]
struct Group {
    same: Vec<String>,
    narrower: Vec<String>,
    /// Towns and the like, which stand in addresses.
    place: bool,
}

/// What can be looked for in the place of a phrase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Labels: whole names of categories and tags.
    pub same: Vec<String>,
    pub narrower: Vec<String>,
    /// Words of addresses.
    pub places: Vec<String>,
    /// The phrase has to do with it, but is no name of it.
    pub hinted: bool,
}

impl Synonyms {
    pub fn embedded() -> Result<Self, SearchError> {
        Self::with("")
    }

    /// With an operator's file, in the form of `synonyms.txt`, over what is embedded.
    pub fn with(overlay: &str) -> Result<Self, SearchError> {
        if overlay.len() > OVERLAY_BYTES_MAX {
            return Err(failed(format!("the file has more than {OVERLAY_BYTES_MAX} bytes")));
        }
        let mut table = Table::default();
        for text in EMBEDDED.into_iter().chain([overlay]) {
            table.read(text).map_err(failed)?;
        }
        let phrases = Map::from_iter(table.entries.keys().zip(0_u64..).map(|(spelling, place)| (spelling.as_bytes(), place)));
        Ok(Self { phrases: phrases.map_err(failed)?, entries: table.entries.into_values().collect(), groups: table.groups })
    }

    fn entry(&self, spelling: &str) -> Option<&Entry> {
        self.phrases.get(spelling).and_then(|place| self.entries.get(usize::try_from(place).ok()?))
    }

    /// What the phrase means, if the table knows it: as it is written, or by the stems of its words.
    pub fn meaning(&self, words: &[Word]) -> Option<Meaning> {
        spellings(words).iter().find_map(|spelling| self.meaning_of(spelling))
    }

    pub fn meaning_of(&self, spelling: &str) -> Option<Meaning> {
        let entry = self.entry(spelling)?;
        let hinted = entry.names.is_empty();
        let mut meaning = Meaning { hinted, ..Meaning::default() };
        for group in if hinted { &entry.hints } else { &entry.names }.iter().filter_map(|number| self.groups.get(*number)) {
            let same = if group.place { &mut meaning.places } else { &mut meaning.same };
            same.extend(group.same.iter().cloned());
            meaning.narrower.extend(group.narrower.iter().cloned());
        }
        for terms in [&mut meaning.same, &mut meaning.narrower, &mut meaning.places] {
            terms.sort_unstable();
            terms.dedup();
        }
        meaning.narrower.retain(|term| !meaning.same.contains(term));
        Some(meaning)
    }

    /// Spellings that the automaton accepts.
    pub fn matching<A: Automaton>(&self, automaton: A) -> Vec<String> {
        let mut stream = self.phrases.search(automaton).into_stream();
        let mut spellings = Vec::new();
        while let Some((spelling, _)) = stream.next() {
            spellings.extend(std::str::from_utf8(spelling).map(str::to_owned));
        }
        spellings
    }

    /// Names of kinds that begin so, as they are written, with the labels that mean the same; at most `limit`.
    pub fn beginning(&self, prefix: &str, limit: usize) -> Vec<(&str, Vec<&str>)> {
        let mut stream = self.phrases.range().ge(prefix).into_stream();
        let mut found = Vec::new();
        while let Some((spelling, place)) = stream.next() {
            if !spelling.starts_with(prefix.as_bytes()) {
                break;
            }
            let Some(entry) = usize::try_from(place).ok().and_then(|place| self.entries.get(place)) else { continue };
            let groups = entry.names.iter().filter_map(|number| self.groups.get(*number)).filter(|group| !group.place);
            let labels: Vec<&str> = groups.flat_map(|group| group.same.iter().map(String::as_str)).collect();
            if !labels.is_empty() {
                found.push((&*entry.phrase, labels));
            }
            if found.len() >= limit {
                break;
            }
        }
        found
    }
}

impl Table {
    /// Each line is a group. If an earlier file knows the first name of a line, the line says more of that
    /// kind, and its other names mean that kind from now on, whatever they meant before.
    fn read(&mut self, text: &str) -> Result<(), String> {
        let earlier = self.groups.len();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            self.line(line, earlier).map_err(|reason| format!("line {}: {reason}", number + 1))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, earlier: usize) -> Result<(), String> {
        let (line, place) = line.strip_prefix('@').map_or((line, false), |rest| (rest, true));
        let (line, hints) = line.split_once(';').unwrap_or((line, ""));
        let (names, narrower) = line.split_once('>').unwrap_or((line, ""));
        let [names, narrower, hints] = [names, narrower, hints].map(phrases);
        let [names, narrower, hints] = [names?, narrower?, hints?];
        let Some((first, others)) = names.split_first() else { return Err("begins with no name".into()) };
        let known: Vec<usize> = match first.1.iter().find_map(|spelling| self.entries.get(spelling)) {
            Some(entry) => entry.names.iter().copied().filter(|group| *group < earlier).collect(),
            None => Vec::new(),
        };
        let (groups, new) = if known.is_empty() { (vec![self.groups.len()], true) } else { (known, false) };
        if new {
            self.groups.push(Group { place, ..Group::default() });
            self.name(first, &groups, earlier, false);
        }
        for name in others {
            self.name(name, &groups, earlier, !new);
        }
        for hint in &hints {
            for spelling in &hint.1 {
                self.entry(spelling, hint.0).hints.extend(groups.iter().copied());
            }
        }
        for group in groups {
            self.groups[group].narrower.extend(narrower.iter().flat_map(|phrase| phrase.1.iter().cloned()));
        }
        Ok(())
    }

    fn entry(&mut self, spelling: &str, phrase: &str) -> &mut Entry {
        let entry = self.entries.entry(spelling.to_owned()).or_default();
        if entry.phrase.is_empty() {
            entry.phrase = phrase.into();
        }
        entry
    }

    fn name(&mut self, (phrase, spellings): &(&str, Vec<String>), groups: &[usize], earlier: usize, moved: bool) {
        for spelling in spellings {
            let entry = self.entry(spelling, phrase);
            // What two lines of a file have means both.
            if moved && entry.moved != earlier {
                entry.names.retain(|group| *group >= earlier || groups.contains(group));
                entry.moved = earlier;
            }
            entry.names.extend(groups.iter().filter(|group| !entry.names.contains(group)).copied().collect::<Vec<_>>());
            for group in groups {
                let same = &mut self.groups[*group].same;
                if !same.contains(spelling) {
                    same.push(spelling.clone());
                }
            }
        }
    }
}

/// The phrases of a list, with their spellings.
fn phrases(list: &str) -> Result<Vec<(&str, Vec<String>)>, String> {
    let mut phrases = Vec::new();
    for phrase in list.split(',').map(str::trim).filter(|phrase| !phrase.is_empty()) {
        let words = analysis::words(phrase);
        if words.is_empty() || words.len() > PHRASE_WORDS_MAX {
            return Err(format!("{phrase:?} has not 1 to {PHRASE_WORDS_MAX} words"));
        }
        phrases.push((phrase, spellings(&words)));
    }
    Ok(phrases)
}

/// The words as one, and their stems as one, in both languages.
pub fn spellings(words: &[Word]) -> Vec<String> {
    let mut spellings = vec![words.iter().map(|word| word.key.as_str()).collect::<String>()];
    for language in [Languages::German, Languages::English] {
        let stemmed: String = words.iter().flat_map(|word| analysis::stems(&word.plain, language)).collect();
        if !spellings.contains(&stemmed) {
            spellings.push(stemmed);
        }
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(synonyms: &Synonyms, phrase: &str) -> Meaning {
        synonyms.meaning(&analysis::words(phrase)).unwrap_or_else(|| panic!("{phrase} is unknown"))
    }

    #[test]
    fn both_languages_mean_the_same() {
        let synonyms = Synonyms::embedded().unwrap();
        for (one, other) in [
            ("italienisch", "italian"),
            ("Italiener", "italian"),
            ("gyms", "fitnessstudio"),
            ("fitness studio", "gym"),
            ("Eisdiele", "icecream"),
            ("steakhaus", "steakhouse"),
            ("Apotheken", "pharmacy"),
            ("friseure", "hairdresser"),
            ("Hautarzt", "dermatologist"),
            ("pediatrician", "kinderarzt"),
            ("rollstuhlgerechtes", "wheelchairaccessible"),
            ("WLAN", "wifi"),
            ("Tischler", "carpenter"),
            ("Tischler", "joiner"),
        ] {
            let meaning = meaning(&synonyms, one);
            assert!(!meaning.hinted && meaning.same.iter().any(|term| term == other), "{one}: {meaning:?}");
        }
        let asian = meaning(&synonyms, "asiatisch");
        assert!(asian.narrower.contains(&"sushi".to_owned()) && !asian.same.contains(&"sushi".to_owned()));
        assert!(meaning(&synonyms, "dispensary").hinted);
        assert!(meaning(&synonyms, "Munich").places.contains(&"munch".to_owned()));
        assert_eq!(synonyms.meaning(&analysis::words("xylophon")), None);
    }

    #[test]
    fn an_operator_says_more_and_otherwise() {
        let synonyms = Synonyms::with("dermatologist, Hautdoktor, Kneipe ; Sommersprossen\nZwetschgenladen, Pflaumenladen").unwrap();
        assert!(meaning(&synonyms, "hautdoktor").same.contains(&"dermatologist".to_owned()));
        assert!(!meaning(&synonyms, "Kneipe").same.contains(&"pub".to_owned()), "it means something else now");
        assert!(meaning(&synonyms, "Sommersprossen").hinted);
        assert!(meaning(&synonyms, "pflaumenladen").same.contains(&"zwetschgenladen".to_owned()));
        let mistake = Synonyms::with("# a comment\none two three four five, six").err().unwrap();
        assert!(mistake.to_string().contains("line 2"), "{mistake}");
    }

    #[test]
    fn every_line_that_is_embedded_is_understood() {
        let mut table = Table::default();
        for text in EMBEDDED {
            assert_eq!(table.read(text), Ok(()));
        }
    }
}
