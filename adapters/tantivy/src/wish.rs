//! When a place has to be open, from the words of a query: `Sonntag`, `um 22 Uhr`, `open at 8 pm`.

use jiff::Span;
use jiff::civil::Date;

use crate::analysis::Word;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// So many days from today.
    From(i64),
    /// The next one, today included; Monday is 0.
    Weekday(i8),
    Weekend,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// At any time of the day, or at so many minutes after midnight.
    Day(Day, Option<i16>),
    /// At all hours.
    Always,
}

/// As they are compared.
const DAYS: &[(&str, Day)] = &[
    ("montag", Day::Weekday(0)),
    ("monday", Day::Weekday(0)),
    ("dienstag", Day::Weekday(1)),
    ("tusday", Day::Weekday(1)),
    ("mittwoch", Day::Weekday(2)),
    ("wednesday", Day::Weekday(2)),
    ("donnerstag", Day::Weekday(3)),
    ("thursday", Day::Weekday(3)),
    ("freitag", Day::Weekday(4)),
    ("friday", Day::Weekday(4)),
    ("samstag", Day::Weekday(5)),
    ("sonnabend", Day::Weekday(5)),
    ("saturday", Day::Weekday(5)),
    ("sonntag", Day::Weekday(6)),
    ("sunday", Day::Weekday(6)),
    ("wochenende", Day::Weekend),
    ("weekend", Day::Weekend),
    ("heute", Day::From(0)),
    ("today", Day::From(0)),
    ("tonight", Day::From(0)),
    ("morgen", Day::From(1)),
    ("tomorrow", Day::From(1)),
    ("ubermorgen", Day::From(2)),
];
/// Parts of a day, each by a time within it.
const PARTS: &[(&str, i16)] = &[
    ("fruhmorgens", 7 * 60),
    ("morgens", 8 * 60),
    ("fruh", 8 * 60),
    ("morning", 8 * 60),
    ("vormittag", 10 * 60),
    ("mittag", 12 * 60 + 30),
    ("noon", 12 * 60),
    ("nachmittag", 15 * 60),
    ("afternoon", 15 * 60),
    ("abend", 20 * 60),
    ("evening", 20 * 60),
    ("tonight", 20 * 60),
    ("spatabend", 22 * 60),
    ("nacht", 23 * 60 + 30),
    ("night", 23 * 60 + 30),
    ("mitternacht", 23 * 60 + 59),
    ("midnight", 23 * 60 + 59),
];
const ALWAYS: &[&[&str]] = &[
    &["rund", "um", "die", "uhr"],
    &["around", "the", "clock"],
    &["24", "7"],
    &["24", "stunden"],
    &["24", "hours"],
    &["24", "hour"],
    &["24", "std"],
    &["24h"],
];
/// Words before a day or a time that go with it.
const BEFORE: &[&str] = &[
    "am", "an", "on", "um", "at", "bis", "until", "till", "ab", "from", "nach", "after", "vor", "before", "gegen", "in", "the", "this",
    "der", "den", "spat", "late",
];
/// So far from a time are those that say before or after it.
const MARGIN_MINUTES: i16 = 15;
/// What is open then, today and tomorrow, is taken for open at all hours.
const ALWAYS_MINUTES: [i16; 2] = [3 * 60 + 30, 15 * 60];

/// Takes the words out that say when; none if there are none.
pub fn take(text: &str, words: &mut Vec<Word>) -> Option<(Wish, String)> {
    let is = |word: &Word, name: &str| word.key == name;
    for phrase in ALWAYS {
        if let Some(at) = words.windows(phrase.len()).position(|window| window.iter().zip(*phrase).all(|(word, name)| is(word, name))) {
            words.drain(at..at + phrase.len());
            return Some((Wish::Always, phrase.join(" ")));
        }
    }
    let (mut day, mut minutes, mut taken) = (None, None, Vec::new());
    let mut place = 0;
    while place < words.len() {
        // A compound such as `Sonntagabend` says both.
        let word = &words[place];
        let name = word.key.strip_suffix('s').unwrap_or(&word.key);
        let in_day = DAYS.iter().find(|(start, _)| name.starts_with(start));
        let in_day = in_day.filter(|_| word.key != "morgens");
        let rest = in_day.as_ref().map_or("", |(start, _)| &name[start.len()..]);
        let part = match rest {
            "" => PARTS.iter().find(|(part, _)| [name, &word.key].contains(part)).map(|(_, time)| *time),
            "morgen" => Some(8 * 60),
            rest => PARTS.iter().find(|(part, _)| *part == rest).map(|(_, time)| *time),
        };
        let said = in_day.as_ref().filter(|_| rest.is_empty() || part.is_some()).map(|(_, day)| *day);
        let (length, time) = match part {
            Some(time) => (1, Some(time)),
            None if said.is_some() => (1, None),
            None => match clock(text, &words[place..]) {
                Some((length, time)) => (length, Some(time)),
                None => {
                    place += 1;
                    continue;
                }
            },
        };
        let mut from = place;
        while from > 0 && BEFORE.iter().any(|name| is(&words[from - 1], name)) {
            from -= 1;
        }
        let says = |names: &[&str]| words[from..place].iter().any(|word| names.iter().any(|name| is(word, name)));
        let time = time.map(|time| match time {
            time if says(&["bis", "until", "till", "vor", "before"]) => time.saturating_sub(MARGIN_MINUTES),
            time if says(&["nach", "after"]) => time + MARGIN_MINUTES,
            time => time,
        });
        (day, minutes) = (day.or(said), minutes.or(time));
        taken.extend(words.drain(from..place + length).map(|word| word.plain));
        place = from;
    }
    if taken.is_empty() {
        return None;
    }
    Some((Wish::Day(day.unwrap_or(Day::From(0)), minutes), taken.join(" ")))
}

/// How many words say a time, and the minutes after midnight: `20:30`, `22 Uhr`, `8 pm`, `8pm`.
fn clock(text: &str, words: &[Word]) -> Option<(usize, i16)> {
    let number = |word: &Word| word.plain.parse::<i16>().ok();
    let first = words.first()?;
    let joined = ["uhr", "pm", "am", "h"].iter().find_map(|unit| Some((first.plain.strip_suffix(unit)?.parse::<i16>().ok()?, *unit)));
    if let Some((hour, unit)) = joined {
        return Some((1, minutes(hour, 0, unit)?));
    }
    let hour = number(first)?;
    let unit = |at: usize| words.get(at).map(|word| word.plain.as_str()).filter(|unit| matches!(*unit, "uhr" | "pm" | "am" | "oclock"));
    let colon = words.get(1).filter(|second| matches!(&text[first.end..second.start], ":" | "."));
    if let Some(minute) = colon.and_then(number) {
        let unit = unit(2);
        return Some((2 + usize::from(unit.is_some()), minutes(hour, minute, unit.unwrap_or("uhr"))?));
    }
    unit(1).and_then(|unit| Some((2, minutes(hour, 0, unit)?)))
}

fn minutes(hour: i16, minute: i16, unit: &str) -> Option<i16> {
    let hour = match (unit, hour) {
        ("pm", 1..=11) => hour + 12,
        ("am", 12) => 0,
        _ => hour,
    };
    (hour <= 24 && minute < 60).then(|| (hour * 60 + minute).min(24 * 60 - 1))
}

impl Wish {
    /// When it has to be open, in the calendar of the place: at so many minutes after midnight, or at any time of the
    /// day. One of the moments is enough, but `Always` takes all.
    pub fn moments(self, today: Date) -> Vec<(Date, Option<i16>)> {
        // Days that the calendar does not have any more are left out.
        let after = |days: i64| today.checked_add(Span::new().days(days)).ok();
        let next = |weekday: i8| after((7 + weekday - today.weekday().to_monday_zero_offset()).rem_euclid(7).into());
        match self {
            Self::Always => {
                [0, 1].into_iter().filter_map(after).flat_map(|date| ALWAYS_MINUTES.map(|minute| (date, Some(minute)))).collect()
            }
            Self::Day(Day::From(days), minute) => after(days).map(|date| (date, minute)).into_iter().collect(),
            Self::Day(Day::Weekday(weekday), minute) => next(weekday).map(|date| (date, minute)).into_iter().collect(),
            Self::Day(Day::Weekend, minute) => [5, 6].into_iter().filter_map(next).map(|date| (date, minute)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis;

    #[test]
    fn words_say_when() {
        for (text, expect, rest) in [
            ("Apotheke Sonntag", Some(Wish::Day(Day::Weekday(6), None)), vec!["apotheke"]),
            ("Bäcker am Sonntagmorgen", Some(Wish::Day(Day::Weekday(6), Some(480))), vec!["backer"]),
            ("morgens frühstücken", Some(Wish::Day(Day::From(0), Some(480))), vec!["fruhstucken"]),
            ("Arzt morgen", Some(Wish::Day(Day::From(1), None)), vec!["arzt"]),
            ("Friseur Samstag nachmittags", Some(Wish::Day(Day::Weekday(5), Some(900))), vec!["friseur"]),
            ("Freitagabend Bar", Some(Wish::Day(Day::Weekday(4), Some(1200))), vec!["bar"]),
            ("supermarkt bis 22 uhr", Some(Wish::Day(Day::From(0), Some(1305))), vec!["supermarkt"]),
            ("supermarkt 20:30", Some(Wish::Day(Day::From(0), Some(1230))), vec!["supermarkt"]),
            ("bakery at 7 am on sunday", Some(Wish::Day(Day::Weekday(6), Some(420))), vec!["bakery"]),
            ("gym after 10pm", Some(Wish::Day(Day::From(0), Some(1335))), vec!["gym"]),
            ("Tankstelle 24 Stunden", Some(Wish::Always), vec!["tankstelle"]),
            ("cafe am wochenende", Some(Wish::Day(Day::Weekend, None)), vec!["cafe"]),
            ("Sonntagsschule 54", None, vec!["sonntagsschule", "54"]),
            ("Studio 54", None, vec!["studio", "54"]),
        ] {
            let mut words = analysis::words(text);
            let wish = take(text, &mut words).map(|(wish, _)| wish);
            assert_eq!(
                (wish, words.into_iter().map(|word| word.key).collect::<Vec<_>>()),
                (expect, rest.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn the_next_such_day() {
        let friday: Date = "2026-11-20".parse().unwrap();
        let days = |wish: Wish| wish.moments(friday).iter().map(|(date, _)| date.to_string()).collect::<Vec<_>>();
        assert_eq!(days(Wish::Day(Day::Weekday(6), Some(600))), ["2026-11-22"]);
        assert_eq!(days(Wish::Day(Day::Weekday(4), None)), ["2026-11-20"]);
        assert_eq!(days(Wish::Day(Day::From(1), None)), ["2026-11-21"]);
    }
}
