//! Texts as the index knows them. Documents and queries take the same way, so what folds together
//! here is found.
//!
//! A word is lower-cased and stripped of accents. `ae`, `oe` and `ue` lose their `e`, so that
//! `Bäcker`, `Baecker` and `Backer` are one word; that a few foreign words lose a letter as well does
//! no harm, for they lose it on both sides.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut: nobody types them.
const WORD_CHARS_MAX: usize = 40;
/// The shortest word in which a compound is looked for, and its shortest part.
pub const COMPOUND_CHARS_MIN: usize = 8;
const PART_CHARS_MIN: usize = 4;
/// Beginnings of words that have a term of their own; longer ones are looked up in the dictionary.
pub const EDGE_CHARS_MAX: usize = 4;

/// One word of a text with its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Lower case, without accents, with the `e` of `ae`.
    pub plain: String,
    /// What is compared.
    pub key: String,
    /// Bytes of the original text.
    pub start: usize,
    pub end: usize,
}

pub fn words(text: &str) -> Vec<Word> {
    spans(text).filter_map(|(start, end)| word(text, start, end)).collect()
}

/// Where the words of a text are, in bytes.
pub fn spans(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut chars = text.char_indices();
    std::iter::from_fn(move || {
        let (start, _) = chars.by_ref().find(|(_, char)| char.is_alphanumeric())?;
        let end = chars.by_ref().find(|(_, char)| !char.is_alphanumeric() && !is_combining_mark(*char));
        Some((start, end.map_or(text.len(), |(at, _)| at)))
    })
}

/// The word between two bytes; none if nothing of it remains.
pub fn word(text: &str, start: usize, end: usize) -> Option<Word> {
    let plain = fold(&text[start..end]);
    (!plain.is_empty()).then(|| Word { key: collapse(&plain), plain, start, end })
}

pub fn keys(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.key).collect()
}

/// Lower case without accents.
pub fn fold(word: &str) -> String {
    if word.is_ascii() {
        // What the rest would make of it, at once.
        return word.chars().take(WORD_CHARS_MAX).filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    }
    let mut folded = String::with_capacity(word.len());
    for char in word.nfkd().filter(|char| !is_combining_mark(*char)).flat_map(char::to_lowercase).take(WORD_CHARS_MAX) {
        match char {
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'þ' => folded.push_str("th"),
            other if other.is_alphanumeric() => folded.push(other),
            _ => {}
        }
    }
    folded
}

/// `ae`, `oe`, `ue` without their `e`.
pub fn collapse(plain: &str) -> String {
    let mut collapsed = String::with_capacity(plain.len());
    let mut before = ' ';
    for char in plain.chars() {
        if char == 'e' && matches!(before, 'a' | 'o' | 'u') {
            before = ' ';
        } else {
            collapsed.push(char);
            before = char;
        }
    }
    collapsed
}

/// In which languages a text may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Languages {
    German,
    English,
    Both,
}

impl Languages {
    pub fn of(language: Option<&str>) -> Self {
        match language.map(|tag| tag.get(..2).unwrap_or(tag).to_ascii_lowercase()).as_deref() {
            Some("de") => Self::German,
            Some("en") => Self::English,
            Some(_) | None => Self::Both,
        }
    }
}

/// The stems of a word, each once: of the languages it may be in, or the word itself where stemming
/// would leave too little.
pub fn stems(plain: &str, languages: Languages) -> Vec<String> {
    let mut stems = Vec::with_capacity(2);
    let mut add = |algorithm| {
        let stem = collapse(&fold(&Stemmer::new(algorithm).stem(plain)));
        let stem = if stem.chars().count() < 2 { collapse(plain) } else { stem };
        if !stems.contains(&stem) {
            stems.push(stem);
        }
    };
    if languages != Languages::English {
        add(Algorithm::German);
    }
    if languages != Languages::German {
        add(Algorithm::English);
    }
    stems
}

/// Neighbours written as one word: pairs, triples, and the whole if it is longer. `Fit Star` is found
/// as `fitstar`.
pub fn joined(keys: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = keys.windows(2).map(<[String]>::concat).collect();
    joined.extend(keys.windows(3).map(<[String]>::concat));
    if (4..=8).contains(&keys.len()) {
        joined.push(keys.concat());
    }
    joined.retain(|word| word.len() <= 2 * WORD_CHARS_MAX);
    joined.sort_unstable();
    joined.dedup();
    joined
}

/// The ends of a long word: German puts what a compound is last. `Hirschgarten` is found as `garten`.
pub fn endings(key: &str) -> impl Iterator<Item = &str> {
    let chars = key.chars().count();
    let starts =
        key.char_indices().enumerate().skip(3).filter(move |(place, _)| chars >= COMPOUND_CHARS_MIN && chars - place >= PART_CHARS_MIN);
    starts.map(|(_, (at, _))| &key[at..])
}

/// The beginnings of a word, up to `EDGE_CHARS_MAX` letters.
pub fn edges(key: &str) -> impl Iterator<Item = &str> {
    key.char_indices().map(|(at, char)| at + char.len_utf8()).take(EDGE_CHARS_MAX).map(|end| &key[..end])
}

/// How streets are written: `Leopoldstraße`, `Leopoldstr.` and `Leopold Str` are one.
pub fn street(key: &str) -> String {
    match key.strip_suffix("strasse") {
        Some(name) => format!("{name}str"),
        None => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_fold_together() {
        for (one, other) in [
            ("Bäckerei", "baeckerei"),
            ("Müller", "MULLER"),
            ("Café", "cafe"),
            ("Straße", "strasse"),
            ("Schöner", "schoener"),
            ("Łódź", "lodz"),
            ("Ａsia", "asia"),
            ("Cafe\u{301}", "Café"),
        ] {
            assert_eq!(keys(one), keys(other), "{one} {other}");
        }
        assert_eq!(keys("L'Osteria & Co. (24/7)"), ["l", "osteria", "co", "24", "7"]);
        assert_eq!(keys("\u{301} ☃"), Vec::<String>::new());
    }

    #[test]
    fn words_know_their_place() {
        let text = "Zum Löwen, Au";
        let places: Vec<&str> = words(text).iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(places, ["Zum", "Löwen", "Au"]);
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (one, other) in [
            ("restaurants", "restaurant"),
            ("hauser", "haus"),
            ("haeuser", "haus"),
            ("apotheken", "apotheke"),
            ("bakeries", "bakery"),
            ("italienische", "italienisches"),
            ("shoes", "shoe"),
            ("friseure", "friseur"),
        ] {
            let other = stems(other, Languages::Both);
            assert!(stems(one, Languages::Both).iter().any(|stem| other.contains(stem)), "{one} {other:?}");
        }
    }

    #[test]
    fn parts_of_words() {
        assert_eq!(endings("hirschgarten").collect::<Vec<_>>(), ["schgarten", "chgarten", "hgarten", "garten", "arten", "rten"]);
        assert_eq!(endings("garten").count(), 0);
        assert_eq!(edges("über").collect::<Vec<_>>(), ["ü", "üb", "übe", "über"]);
        assert_eq!(joined(&["hans".into(), "im".into(), "gluck".into()]), ["hansim", "hansimgluck", "imgluck"]);
        assert_eq!(street("leopoldstrasse"), "leopoldstr");
    }
}
