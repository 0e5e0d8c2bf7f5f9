//! Words that somebody looks for in the texts of something.

use crate::slugify;

/// All of its words are wanted, in any order, each somewhere in the texts. Case and accents do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedWords(Vec<String>);

impl WantedWords {
    pub fn of(text: &str) -> Self {
        let words = text.split_whitespace().map(plain);
        Self(words.flat_map(|word| word.split('-').map(str::to_owned).collect::<Vec<_>>()).filter(|word| !word.is_empty()).collect())
    }

    pub fn are_in<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let texts: Vec<String> = texts.into_iter().map(plain).collect();
        self.0.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
    }
}

/// Of a text that has no letters nor digits, as it is.
fn plain(text: &str) -> String {
    let plain = slugify(text);
    if plain.is_empty() { text.to_lowercase() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_texts() {
        let texts = ["Bäckerei Grünthal", "ann.lee@example.com", "S-7K3F-92QD"];
        for (wanted, expect) in [
            ("", true),
            ("bäck", true),
            ("BAECKEREI", true),
            ("thal back", false),
            ("grun", false),
            ("thal baeck", true),
            ("ann.lee@exa", true),
            ("lee grün", true),
            ("s-7k3f", true),
            ("7K3F-92QD", true),
            ("bob", false),
            ("lee bob", false),
            ("☕", false),
        ] {
            assert_eq!(WantedWords::of(wanted).are_in(texts), expect, "{wanted}");
        }
        assert!(WantedWords::of("☕").are_in(["☕"]));
    }
}
