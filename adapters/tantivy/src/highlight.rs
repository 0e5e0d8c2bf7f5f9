//! The words of a hit that were asked for, marked.

use std::collections::HashSet;

use crate::analysis::{self, COMPOUND_CHARS_MIN, Languages, Word};

/// Characters of a description around the first word that was found.
const SNIPPET_CHARS: usize = 200;
const BEFORE_CHARS: usize = 60;

/// The terms that the words of a query stand for.
pub struct Marker {
    terms: HashSet<String>,
    /// How they begin. Most words of a text begin otherwise, and need not be looked at closely.
    beginnings: Vec<Beginning>,
    first_letters: u32,
}

/// A word and its stems begin alike: only an irregular few (`dying`) differ in their second letter, and
/// remain without a mark.
type Beginning = (Option<char>, Option<char>);

fn beginning(term: &str) -> Beginning {
    let mut chars = term.chars();
    (chars.next(), chars.next())
}

/// One of 32 bits for a first letter.
fn letter(char: char) -> u32 {
    1 << (u32::from(char) % 32)
}

impl Marker {
    pub fn new(terms: impl IntoIterator<Item = String>) -> Self {
        let terms: HashSet<String> = terms.into_iter().collect();
        let mut beginnings: Vec<Beginning> = terms.iter().map(|term| beginning(term)).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        let first_letters = beginnings.iter().filter_map(|(first, _)| *first).fold(0, |letters, first| letters | letter(first));
        Self { terms, beginnings, first_letters }
    }

    fn begins(&self, key: &str) -> bool {
        self.beginnings.binary_search(&beginning(key)).is_ok()
    }

    fn finds(&self, word: &Word) -> bool {
        let whole = || {
            self.terms.contains(&word.key)
                || self.terms.contains(&analysis::street(&word.key))
                || analysis::stems(&word.plain, Languages::Both).iter().any(|stem| self.terms.contains(stem))
        };
        self.begins(&word.key) && whole() || analysis::endings(&word.key).any(|ending| self.begins(ending) && self.terms.contains(ending))
    }

    /// Whether the word of a text can be one, before it is folded.
    fn may_find(&self, raw: &str) -> bool {
        let first = raw.chars().next().unwrap_or(' ');
        raw.len() >= COMPOUND_CHARS_MIN || !first.is_ascii() || self.first_letters & letter(first.to_ascii_lowercase()) != 0
    }

    /// The words of the text that were asked for.
    fn found<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Word> + 'a {
        let spans = analysis::spans(text).filter(|(start, end)| self.may_find(&text[*start..*end]));
        spans.filter_map(|(start, end)| analysis::word(text, start, end)).filter(|word| self.finds(word))
    }

    /// The whole text as HTML; none if nothing in it was asked for.
    pub fn mark(&self, text: &str) -> Option<String> {
        let found: Vec<Word> = self.found(text).collect();
        (!found.is_empty()).then(|| html(text, &found))
    }

    /// The part of the text around the first word that was asked for.
    pub fn snippet(&self, text: &str) -> Option<String> {
        let mut found = self.found(text).peekable();
        let first = found.peek()?.clone();
        let start = text[..first.start].char_indices().rev().take(BEFORE_CHARS).last().map_or(first.start, |(at, _)| at);
        let start =
            if start == 0 { 0 } else { text[start..first.start].find(char::is_whitespace).map_or(first.start, |space| start + space) };
        let end = text[start..].char_indices().nth(SNIPPET_CHARS).map_or(text.len(), |(at, _)| start + at);
        let end = if end == text.len() {
            end
        } else {
            text[first.end.min(end)..end].rfind(char::is_whitespace).map_or(end, |space| first.end + space)
        };
        let inside: Vec<Word> = found
            .take_while(|word| word.end <= end)
            .map(|word| Word { start: word.start - start, end: word.end - start, ..word })
            .collect();
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
        Some(format!("{before}{}{after}", html(text[start..end].trim_end(), &inside)))
    }
}

fn html(text: &str, found: &[Word]) -> String {
    let mut out = String::with_capacity(text.len() + found.len() * 13);
    let mut done = 0;
    for word in found {
        escape(&mut out, &text[done..word.start]);
        out.push_str("<mark>");
        escape(&mut out, &text[word.start..word.end]);
        out.push_str("</mark>");
        done = word.end;
    }
    escape(&mut out, &text[done..]);
    out
}

fn escape(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_html_and_nothing_else_is() {
        let marker = Marker::new(["lowen".into(), "garten".into()]);
        assert_eq!(
            marker.mark("Löwen & <b>Hirschgarten</b>").unwrap(),
            "<mark>Löwen</mark> &amp; &lt;b&gt;<mark>Hirschgarten</mark>&lt;/b&gt;"
        );
        assert_eq!(marker.mark("nothing"), None);
    }

    #[test]
    fn a_snippet_surrounds_the_first_word() {
        let marker = Marker::new(["lowen".into()]);
        let long = format!("{} der Löwen {}", "vorher ".repeat(40), "nachher ".repeat(60));
        let snippet = marker.snippet(&long).unwrap();
        assert!(snippet.starts_with('…') && snippet.ends_with('…') && snippet.contains("der <mark>Löwen</mark> nachher"), "{snippet}");
        assert!(snippet.chars().count() < SNIPPET_CHARS + 40, "{snippet}");
        assert_eq!(marker.snippet("Zum Löwen").unwrap(), "Zum <mark>Löwen</mark>");
    }
}
