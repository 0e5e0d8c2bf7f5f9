//! Phone numbers and websites, as they are stored and as they are typed.

/// Digits at the end of a number by which it is found.
pub const DIGITS_MIN: usize = 6;
const DIGITS_MAX: usize = 15;
const HOST_BYTES_MAX: usize = 100;

/// The digits of a number, without the zero of `+49 (0)89` and the zeros before it.
pub fn digits(number: &str) -> String {
    let digits: String = number.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').chars().take(DIGITS_MAX).collect()
}

/// The digits of a text that is a number and nothing else.
pub fn number(text: &str) -> Option<String> {
    let written = text.trim().chars().all(|char| char.is_ascii_digit() || "+-/() .".contains(char));
    let digits = digits(text);
    (written && digits.len() >= DIGITS_MIN).then_some(digits)
}

/// `milchhaeusl.info` of an address of the web, or of a text that is one.
pub fn host(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next()?.trim_start_matches("www.");
    let (name, ending) = host.rsplit_once('.')?;
    let fits = !name.is_empty() && ending.len() >= 2 && ending.chars().all(char::is_alphabetic) && host.len() <= HOST_BYTES_MAX;
    (fits && !host.contains(char::is_whitespace)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_by_their_digits() {
        for (text, expect) in [
            ("089 / 1234-567", Some("891234567")),
            ("+49 (0)89 1234567", Some("49891234567")),
            ("0049 89 1234567", Some("49891234567")),
            ("80331", None),
            ("24/7", None),
            ("Studio 54321", None),
        ] {
            assert_eq!(number(text).as_deref(), expect, "{text}");
        }
        assert!(digits("+49 (0)89 1234567").ends_with(&number("089 1234567").unwrap()));
    }

    #[test]
    fn websites_are_known_by_their_host() {
        for (text, expect) in [
            ("https://www.Milchhaeusl.info/karte?x=1", Some("milchhaeusl.info")),
            ("milchhaeusl.info", Some("milchhaeusl.info")),
            ("St. Anna", None),
            ("Dr.Huber 12.5", None),
            ("", None),
        ] {
            assert_eq!(host(text).as_deref(), expect, "{text}");
        }
    }
}
