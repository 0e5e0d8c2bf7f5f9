//! What means the same in the words of the trade. Applied to queries, so that a change of the table
//! counts at once, for documents that are indexed already too.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::analysis::{self, Languages};

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("synonyms.txt")));

/// Words of the longest phrase in the table.
pub const PHRASE_WORDS_MAX: usize = 4;

struct Table {
    /// From every way of writing a phrase to the groups that hold it.
    groups_of: HashMap<String, Vec<usize>>,
    groups: Vec<Group>,
}

struct Group {
    same: Vec<Vec<String>>,
    narrower: Vec<String>,
}

/// What can be looked for in the place of a phrase, as terms of the field `topic`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    pub same: Vec<String>,
    pub narrower: Vec<String>,
}

impl Table {
    fn read(text: &str) -> Self {
        let mut table = Self { groups_of: HashMap::new(), groups: Vec::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (same, narrower) = line.split_once('>').unwrap_or((line, ""));
            let number = table.groups.len();
            let mut group = Group { same: Vec::new(), narrower: Vec::new() };
            for phrase in same.split(',').map(str::trim).filter(|phrase| !phrase.is_empty()) {
                let terms = spellings(phrase);
                for term in &terms {
                    let groups = table.groups_of.entry(term.clone()).or_default();
                    if groups.last() != Some(&number) {
                        groups.push(number);
                    }
                }
                group.same.push(terms);
            }
            group.narrower = narrower.split(',').map(str::trim).filter(|phrase| !phrase.is_empty()).flat_map(spellings).collect();
            table.groups.push(group);
        }
        table
    }
}

/// The words of a phrase as one, and the stems of a single word.
fn spellings(phrase: &str) -> Vec<String> {
    let words = analysis::words(phrase);
    let mut spellings = vec![words.iter().map(|word| word.key.as_str()).collect()];
    if let [word] = words.as_slice() {
        for stem in analysis::stems(&word.plain, Languages::Both) {
            if !spellings.contains(&stem) {
                spellings.push(stem);
            }
        }
    }
    spellings
}

/// What the phrase means, if the table knows it: as it is written, or by a stem where it is one word.
pub fn meaning(words: &[analysis::Word]) -> Option<Meaning> {
    let written: String = words.iter().map(|word| word.key.as_str()).collect();
    let mut forms = vec![written];
    if let [word] = words {
        forms.extend(analysis::stems(&word.plain, Languages::Both));
    }
    let groups = forms.iter().find_map(|form| TABLE.groups_of.get(form))?;
    let mut meaning = Meaning::default();
    for group in groups.iter().filter_map(|number| TABLE.groups.get(*number)) {
        meaning.same.extend(group.same.iter().flatten().cloned());
        meaning.narrower.extend(group.narrower.iter().cloned());
    }
    meaning.same.sort_unstable();
    meaning.same.dedup();
    meaning.narrower.retain(|term| !meaning.same.contains(term));
    meaning.narrower.sort_unstable();
    meaning.narrower.dedup();
    Some(meaning)
}

/// Every way of writing a phrase of the table.
pub fn terms() -> impl Iterator<Item = &'static str> {
    TABLE.groups_of.keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_mean_the_same() {
        for (one, other) in [
            ("italienisch", "italian"),
            ("Italiener", "italian"),
            ("gyms", "fitness"),
            ("fitness studio", "gym"),
            ("Eisdiele", "icecream"),
            ("steakhaus", "steakhouse"),
            ("Apotheken", "pharmacy"),
            ("friseure", "hairdresser"),
        ] {
            let meaning = meaning(&analysis::words(one)).unwrap_or_else(|| panic!("{one} is unknown"));
            assert!(meaning.same.iter().any(|term| term == other), "{one}: {meaning:?}");
        }
        let asian = meaning(&analysis::words("asiatisch")).unwrap();
        assert!(asian.narrower.contains(&"sushi".to_owned()) && !asian.same.contains(&"sushi".to_owned()));
        assert_eq!(meaning(&analysis::words("xylophon")), None);
    }

    #[test]
    fn no_phrase_is_longer_than_the_window() {
        for line in include_str!("synonyms.txt").lines().filter(|line| !line.starts_with('#')) {
            for phrase in line.split([',', '>']) {
                assert!(analysis::words(phrase).len() <= PHRASE_WORDS_MAX, "{phrase}");
            }
        }
    }
}
