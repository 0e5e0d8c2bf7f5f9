//! The words and signs of an expression. People write more than the specification has: other languages, blanks, dashes.

use jiff::civil::Weekday;

use crate::Misread;
use crate::rules::{State, SunEvent};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    Number(i32),
    Comment(String),
    Weekday(Weekday),
    Daily,
    Month(i8),
    PublicHoliday,
    SchoolHoliday,
    State(State),
    Sun(SunEvent),
    Easter,
    Week,
    Day,
    Am,
    Pm,
    OpenEnd,
    /// `Uhr`, and what else may be left out.
    Filler,
    Minus,
    Comma,
    Semicolon,
    Or,
    Colon,
    Dot,
    Plus,
    Slash,
    Open,
    Close,
    Bracket,
    BracketEnd,
}

/// A word, and the bytes of the text that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub word: Word,
    pub from: usize,
    pub to: usize,
}

/// Several words that mean one. The longest come first.
static PHRASES: [(&str, Word); 7] = [
    ("public holidays", Word::PublicHoliday),
    ("public holiday", Word::PublicHoliday),
    ("school holidays", Word::SchoolHoliday),
    ("school holiday", Word::SchoolHoliday),
    ("every day", Word::Daily),
    ("jeden tag", Word::Daily),
    ("open end", Word::OpenEnd),
];

/// What people write without the quotation marks of a comment.
const APPOINTMENTS: [&str; 6] = [
    "nach telefonischer vereinbarung",
    "nach terminvereinbarung",
    "nach vereinbarung",
    "by appointment only",
    "by appointment",
    "on appointment",
];

pub fn read(text: &str) -> Result<Vec<Token>, Misread> {
    let mut tokens = Vec::new();
    let mut from = 0;
    while let Some(letter) = text[from..].chars().next() {
        let rest = &text[from..];
        let mut to = from + letter.len_utf8();
        if letter.is_whitespace() {
            from = to;
            continue;
        }
        let word = if letter.is_ascii_digit() {
            let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
            to = from + digits;
            let number = rest[..digits].parse().map_err(|_| Misread::new(text, from, to, "is a number that nothing here can be"))?;
            if number == 24 && starts_with(rest, "24 hours") {
                to = from + "24 hours".len();
                Word::Daily
            } else {
                Word::Number(number)
            }
        } else if let Some(end) = closing(letter) {
            let inside = &rest[letter.len_utf8()..];
            let Some(length) = inside.find(end) else {
                return Err(Misread::new(text, from, text.len(), "is a comment whose closing quotation mark is missing"));
            };
            let mark = inside[length..].chars().next().map_or(0, char::len_utf8);
            to += length + mark;
            Word::Comment(inside[..length].trim().to_owned())
        } else if letter.is_alphabetic() {
            let (word, length) = letters(rest).ok_or_else(|| {
                let length = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
                Misread::new(
                    text,
                    from,
                    from + length,
                    "is no word that is known here: days are Mo to Su, months Jan to Dec, holidays PH; put a remark into quotation marks",
                )
            })?;
            to = from + length;
            word
        } else if rest.starts_with("||") {
            to = from + 2;
            Word::Or
        } else {
            sign(letter).ok_or_else(|| Misread::new(text, from, to, "is a sign that opening hours do not have"))?
        };
        tokens.push(Token { word, from, to });
        from = to;
    }
    Ok(tokens)
}

/// The marks that may close a comment which `letter` opens.
fn closing(letter: char) -> Option<&'static [char]> {
    match letter {
        '"' => Some(&['"']),
        '„' | '“' | '”' => Some(&['“', '”', '"']),
        '\'' => Some(&['\'']),
        _ => None,
    }
}

fn sign(letter: char) -> Option<Word> {
    Some(match letter {
        '-' | '–' | '—' | '−' | '~' | '‐' | '‑' => Word::Minus,
        ',' | '&' | '，' => Word::Comma,
        ';' => Word::Semicolon,
        ':' | '：' => Word::Colon,
        '.' => Word::Dot,
        '+' => Word::Plus,
        '/' => Word::Slash,
        '(' => Word::Open,
        ')' => Word::Close,
        '[' => Word::Bracket,
        ']' => Word::BracketEnd,
        _ => return None,
    })
}

/// The word or phrase at the beginning, and its bytes.
fn letters(rest: &str) -> Option<(Word, usize)> {
    if let Some(phrase) = APPOINTMENTS.iter().find(|phrase| starts_with(rest, phrase)) {
        return Some((Word::Comment(rest[..phrase.len()].to_owned()), phrase.len()));
    }
    if let Some((phrase, word)) = PHRASES.iter().find(|(phrase, _)| starts_with(rest, phrase)) {
        return Some((word.clone(), phrase.len()));
    }
    let length = rest.find(|letter: char| !letter.is_alphabetic()).unwrap_or(rest.len());
    let word = rest[..length].to_lowercase();
    let known = one(&word).or_else(|| one(word.strip_suffix('s').filter(|word| word.chars().count() > 3)?))?;
    Some((known, length))
}

fn starts_with(rest: &str, phrase: &str) -> bool {
    rest.get(..phrase.len()).is_some_and(|start| start.eq_ignore_ascii_case(phrase))
        && !rest[phrase.len()..].starts_with(char::is_alphanumeric)
}

fn one(word: &str) -> Option<Word> {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    Some(match word {
        "mo" | "mon" | "monday" | "montag" => Word::Weekday(Monday),
        "tu" | "tue" | "tues" | "tuesday" | "di" | "dienstag" => Word::Weekday(Tuesday),
        "we" | "wed" | "wednesday" | "mi" | "mittwoch" => Word::Weekday(Wednesday),
        "th" | "thu" | "thur" | "thurs" | "thursday" | "do" | "donnerstag" => Word::Weekday(Thursday),
        "fr" | "fri" | "friday" | "freitag" => Word::Weekday(Friday),
        "sa" | "sat" | "saturday" | "samstag" | "sonnabend" => Word::Weekday(Saturday),
        "su" | "sun" | "sunday" | "so" | "sonntag" => Word::Weekday(Sunday),
        "täglich" | "daily" => Word::Daily,
        "jan" | "january" | "januar" => Word::Month(1),
        "feb" | "february" | "februar" => Word::Month(2),
        "mar" | "march" | "mär" | "märz" | "mrz" => Word::Month(3),
        "apr" | "april" => Word::Month(4),
        "may" | "mai" => Word::Month(5),
        "jun" | "june" | "juni" => Word::Month(6),
        "jul" | "july" | "juli" => Word::Month(7),
        "aug" | "august" => Word::Month(8),
        "sep" | "sept" | "september" => Word::Month(9),
        "oct" | "october" | "okt" | "oktober" => Word::Month(10),
        "nov" | "november" => Word::Month(11),
        "dec" | "december" | "dez" | "dezember" => Word::Month(12),
        "ph" | "feiertag" | "feiertage" | "feiertagen" => Word::PublicHoliday,
        "sh" | "schulferien" | "ferien" => Word::SchoolHoliday,
        "open" | "geöffnet" | "offen" => Word::State(State::Open),
        "off" | "closed" | "geschlossen" | "ruhetag" => Word::State(State::Closed),
        "unknown" | "unbekannt" => Word::State(State::Unknown),
        "dawn" => Word::Sun(SunEvent::Dawn),
        "sunrise" | "sonnenaufgang" => Word::Sun(SunEvent::Sunrise),
        "sunset" | "sonnenuntergang" => Word::Sun(SunEvent::Sunset),
        "dusk" => Word::Sun(SunEvent::Dusk),
        "easter" | "ostern" => Word::Easter,
        "week" | "kw" | "woche" => Word::Week,
        "day" | "days" | "tag" | "tage" => Word::Day,
        "am" => Word::Am,
        "pm" => Word::Pm,
        "uhr" | "h" | "von" | "from" => Word::Filler,
        "to" | "bis" => Word::Minus,
        "and" | "und" => Word::Comma,
        _ => return None,
    })
}
