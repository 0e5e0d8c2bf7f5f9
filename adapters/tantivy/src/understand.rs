//! What the words of a query want: things to find, and phrases that say how.

use crate::analysis::{self, Word};
use crate::wish::{self, Wish};

/// Words of a query; what comes after is ignored.
pub const WORDS_MAX: usize = 12;

/// Folded phrases that are taken out of the text, longest first.
const NEAR: &[&str] = &[
    "ganz in meiner nahe",
    "in meiner nahe",
    "ganz in der nahe",
    "hier in der nahe",
    "in der nahe",
    "in meiner umgebung",
    "in der umgebung",
    "hier in der gegend",
    "in der gegend",
    "um mich herum",
    "um die ecke",
    "near to me",
    "close to me",
    "nearest to me",
    "near me",
    "around me",
    "around here",
    "around the corner",
    "close by",
    "near by",
    "nearby",
    "nearest",
    "closest",
    "nachstgelegene",
    "nachstgelegenen",
    "nachste",
    "nachster",
    "nachstes",
    "nachsten",
    "hier",
];
const OPEN: &[&str] = &[
    "die jetzt offen haben",
    "die jetzt offen hat",
    "die gerade offen haben",
    "hat jetzt offen",
    "hat jetzt auf",
    "hat noch offen",
    "hat noch auf",
    "hat gerade auf",
    "jetzt geoffnet",
    "jetzt offen",
    "gerade geoffnet",
    "gerade offen",
    "noch geoffnet",
    "noch offen",
    "geoffnet jetzt",
    "offen jetzt",
    "open right now",
    "still open",
    "open now",
    "now open",
    "currently open",
];
/// Beside other words, these alone say that it has to be open.
const OPEN_WORDS: &[&str] = &["open", "opened", "offen", "geoffnet", "offnet", "geoffnete", "offene", "opening", "offnungszeiten", "hours"];
/// Words that carry little, as they are compared: a hit need not have them where others are in the query.
const LITTLE: &[&str] = &[
    "a",
    "am",
    "an",
    "and",
    "at",
    "auf",
    "bei",
    "beim",
    "by",
    "das",
    "dem",
    "den",
    "der",
    "des",
    "die",
    "ein",
    "eine",
    "einen",
    "einem",
    "einer",
    "for",
    "fur",
    "gut",
    "gute",
    "guter",
    "gutes",
    "guten",
    "good",
    "best",
    "beste",
    "bester",
    "bestes",
    "besten",
    "im",
    "in",
    "ins",
    "mit",
    "near",
    "nahe",
    "of",
    "on",
    "or",
    "oder",
    "the",
    "to",
    "und",
    "vom",
    "von",
    "with",
    "zu",
    "zum",
    "zur",
    "place",
    "places",
    "essen",
    "food",
    "kuche",
    "cuisine",
    "gehen",
    "wo",
    "wer",
    "was",
    "wie",
    "welche",
    "welcher",
    "welches",
    "wann",
    "wohin",
    "woher",
    "ist",
    "sind",
    "gibt",
    "es",
    "hat",
    "haben",
    "habt",
    "kann",
    "kann",
    "man",
    "ich",
    "wir",
    "mir",
    "mich",
    "mein",
    "meine",
    "meinen",
    "meiner",
    "du",
    "finde",
    "finden",
    "suche",
    "suchen",
    "gesucht",
    "brauche",
    "brauchen",
    "mochte",
    "will",
    "wurde",
    "bekomme",
    "kriege",
    "kaufen",
    "zeige",
    "zeig",
    "bitte",
    "irgendein",
    "irgendeine",
    "irgendwo",
    "da",
    "dort",
    "denn",
    "so",
    "mal",
    "noch",
    "auch",
    "nach",
    "aus",
    "ohne",
    "um",
    "where",
    "who",
    "what",
    "which",
    "how",
    "when",
    "is",
    "are",
    "there",
    "do",
    "dos",
    "can",
    "could",
    "i",
    "we",
    "me",
    "my",
    "you",
    "your",
    "find",
    "get",
    "buy",
    "show",
    "need",
    "want",
    "looking",
    "look",
    "search",
    "any",
    "some",
    "somewhere",
    "that",
    "has",
    "have",
    "please",
    "around",
    "from",
    "would",
    "like",
    "some",
    "it",
    "close",
    "next",
    "neben",
    "gegenuber",
    "gunstig",
    "gunstige",
    "gunstiger",
    "cheap",
    "nice",
    "schone",
    "schoner",
    "schones",
    "top",
    "gern",
    "gerne",
    "tipp",
    "empfehlung",
    "recommended",
    "empfohlen",
    "stelle",
    "ort",
    "local",
];
/// Of these, words after which a place may stand.
const LOCATING: &[&str] = &[
    "am",
    "an",
    "at",
    "around",
    "auf",
    "bei",
    "beim",
    "by",
    "close",
    "gegenuber",
    "im",
    "in",
    "nahe",
    "near",
    "neben",
    "next",
    "of",
    "on",
    "to",
    "um",
    "vom",
    "von",
    "zum",
    "zur",
];
/// Words between such a word and the place.
const ARTICLES: &[&str] = &["dem", "den", "der", "des", "die", "das", "the", "to", "von", "vom", "zum", "zur"];

fn is_one_of(list: &[&str], word: &Word) -> bool {
    list.contains(&word.key.as_str())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    pub words: Vec<Asked>,
    /// What was taken out.
    pub phrases: Vec<String>,
    /// Distance matters more than usual.
    pub near: bool,
    pub open_now: bool,
    /// When it has to be open.
    pub wish: Option<Wish>,
    /// A space at the end says that the last word is complete.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub word: Word,
    pub little: bool,
}

impl Asked {
    /// The place of a word that may begin the name of a place, after those at `at` that say so.
    pub fn located_after(words: &[Self], at: usize) -> Option<usize> {
        let locating = words.get(at).filter(|asked| asked.little && is_one_of(LOCATING, &asked.word));
        locating?;
        let begins = words.iter().enumerate().skip(at + 1).find(|(_, asked)| !is_one_of(ARTICLES, &asked.word));
        begins.map(|(place, _)| place)
    }

    /// Whether the place lies around what it is named by, rather than near to a point.
    pub fn is_inside(&self) -> bool {
        matches!(self.word.key.as_str(), "in" | "im")
    }
}

/// Phrases are only understood where something remains to be found, or where a position is given, and not in
/// what is a name: a place may be called `Nearby` or `Café Sonntag`.
pub fn understand(text: &str, positioned: bool, is_name: impl Fn(&str) -> bool) -> Understood {
    let mut words = analysis::words(text);
    words.truncate(WORDS_MAX);
    let complete = text.ends_with(char::is_whitespace);
    let mut understood = Understood { words: Vec::new(), phrases: Vec::new(), near: false, open_now: false, wish: None, complete };
    let all = words.clone();
    if is_name(&all.iter().map(|word| word.key.as_str()).collect::<String>()) {
        understood.words = all.into_iter().map(|word| Asked { word, little: false }).collect();
        return understood;
    }
    if take(&mut words, NEAR, &mut understood.phrases) {
        understood.near = true;
    }
    if take(&mut words, OPEN, &mut understood.phrases) {
        understood.open_now = true;
    }
    let little = |word: &Word| is_one_of(LITTLE, word);
    let mut timed = words.clone();
    if let Some((wish, phrase)) = wish::take(text, &mut timed)
        && timed.iter().any(|word| !little(word) && !is_one_of(OPEN_WORDS, word))
    {
        understood.wish = Some(wish);
        understood.phrases.push(phrase);
        words = timed;
    }
    let opening = |word: &Word| is_one_of(OPEN_WORDS, word);
    if words.iter().any(opening) && words.iter().any(|word| !opening(word) && !little(word)) {
        understood.phrases.extend(words.iter().filter(|word| opening(word)).map(|word| word.plain.clone()));
        words.retain(|word| !opening(word));
        understood.open_now |= understood.wish.is_none();
    }
    if words.is_empty() && !all.is_empty() && !(understood.near && positioned || understood.open_now) {
        words = all;
        understood.phrases.clear();
        understood.near = false;
    }
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
            let understood = understand(text, false, |_| false);
            assert_eq!((keys(&understood), understood.near, understood.open_now), (words, near, open_now), "{text}");
        }
        assert!(understand("near me", true, |_| false).words.is_empty());
    }

    #[test]
    fn little_words_are_not_required_unless_they_are_all_there_is() {
        let understood = understand("Hans im Glück", false, |_| false);
        assert_eq!(understood.words.iter().map(|asked| asked.little).collect::<Vec<_>>(), [false, true, false]);
        assert!(understand("the", false, |_| false).words.iter().all(|asked| !asked.little));
    }
}
