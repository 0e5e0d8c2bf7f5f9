//! What the words of a query want: things to find, and phrases that say how.

use crate::analysis::{self, Word};

/// Words of a query; what comes after is ignored.
pub const WORDS_MAX: usize = 12;

/// Folded phrases that are taken out of the text, longest first.
const NEAR: &[&str] = &[
    "in meiner nahe",
    "in der nahe",
    "ganz in der nahe",
    "in meiner umgebung",
    "in der umgebung",
    "um mich herum",
    "near to me",
    "close to me",
    "near me",
    "around me",
    "close by",
    "near by",
    "nearby",
    "nearest",
    "nachste",
    "nachster",
    "nachstes",
    "nachsten",
    "hier",
];
const OPEN: &[&str] = &[
    "die jetzt offen haben",
    "jetzt geoffnet",
    "jetzt offen",
    "gerade geoffnet",
    "gerade offen",
    "geoffnet jetzt",
    "offen jetzt",
    "open right now",
    "open now",
    "now open",
    "currently open",
];
/// Words that carry little: a hit need not have them where others are in the query.
const LITTLE: &[&str] = &[
    "a", "am", "an", "and", "at", "auf", "bei", "beim", "by", "das", "dem", "den", "der", "die", "ein", "eine", "einen", "for", "fur",
    "gut", "gute", "guter", "gutes", "good", "best", "beste", "bester", "bestes", "im", "in", "mit", "near", "nahe", "of", "on", "or",
    "oder", "the", "to", "und", "vom", "von", "with", "zu", "zum", "zur", "place", "places", "essen", "food", "kuche", "cuisine", "gehen",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    pub words: Vec<Asked>,
    /// What was taken out.
    pub phrases: Vec<String>,
    /// Distance matters more than usual.
    pub near: bool,
    pub open_now: bool,
    /// A space at the end says that the last word is complete.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub word: Word,
    pub little: bool,
}

/// Phrases are only understood where something remains to be found, or where a position is given: a
/// place may be called `Nearby`.
pub fn understand(text: &str, positioned: bool) -> Understood {
    let mut words = analysis::words(text);
    words.truncate(WORDS_MAX);
    let complete = text.ends_with(char::is_whitespace);
    let mut understood = Understood { words: Vec::new(), phrases: Vec::new(), near: false, open_now: false, complete };
    let all = words.clone();
    if take(&mut words, NEAR, &mut understood.phrases) {
        understood.near = true;
    }
    if take(&mut words, OPEN, &mut understood.phrases) {
        understood.open_now = true;
    }
    if words.is_empty() && !all.is_empty() && !(understood.near && positioned || understood.open_now) {
        words = all;
        understood.phrases.clear();
        understood.near = false;
    }
    let little = |word: &Word| LITTLE.contains(&analysis::fold(&word.key).as_str());
    let only_little = words.iter().all(little);
    understood.words = words.into_iter().map(|word| Asked { little: !only_little && little(&word), word }).collect();
    understood
}

fn take(words: &mut Vec<Word>, phrases: &[&str], taken: &mut Vec<String>) -> bool {
    for phrase in phrases {
        let parts: Vec<String> = phrase.split(' ').map(analysis::collapse).collect();
        if let Some(at) = words.windows(parts.len()).position(|window| window.iter().map(|word| &word.key).eq(&parts)) {
            words.drain(at..at + parts.len());
            taken.push((*phrase).to_owned());
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(understood: &Understood) -> Vec<&str> {
        understood.words.iter().map(|asked| asked.word.key.as_str()).collect()
    }

    #[test]
    fn phrases_are_taken_out() {
        for (text, words, near, open_now) in [
            ("pizza near me", vec!["pizza"], true, false),
            ("Sushi in der Nähe jetzt geöffnet", vec!["sushi"], true, true),
            ("open now burger", vec!["burger"], false, true),
            ("nearby", vec!["nearby"], false, false),
            ("open now", vec![], false, true),
            ("Hans im Glück", vec!["hans", "im", "gluck"], false, false),
        ] {
            let understood = understand(text, false);
            assert_eq!((keys(&understood), understood.near, understood.open_now), (words, near, open_now), "{text}");
        }
        assert!(understand("near me", true).words.is_empty());
    }

    #[test]
    fn little_words_are_not_required_unless_they_are_all_there_is() {
        let understood = understand("Hans im Glück", false);
        assert_eq!(understood.words.iter().map(|asked| asked.little).collect::<Vec<_>>(), [false, true, false]);
        assert!(understand("the", false).words.iter().all(|asked| !asked.little));
    }
}
