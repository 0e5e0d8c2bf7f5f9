//! An expression in the words of the specification.

use std::fmt::{self, Display, Formatter};

use jiff::civil::Weekday;

use crate::OpeningHours;
use crate::rules::{Anchor, Dates, DayOfYear, Days, Holiday, Joint, Rule, Span, State, SunEvent, Time, Weekdays, Weeks, Years};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What another program of OpenStreetMap understands: blanks, words and times as the specification has them.
impl Display for OpeningHours {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.rules.iter().enumerate() {
            if index > 0 {
                f.write_str(match rule.joint {
                    Joint::Replacing => "; ",
                    Joint::Adding => ", ",
                    Joint::Fallback => " || ",
                })?;
            }
            rule.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Closed => "off",
            State::Unknown if self.comment.is_empty() => "unknown",
            State::Open if !self.comment.is_empty() => "open",
            State::Open | State::Unknown => "",
        };
        let always = self.days.is_empty() && self.spans.is_empty() && self.state == State::Open && self.comment.is_empty();
        let comment = if self.comment.is_empty() { String::new() } else { format!("\"{}\"", self.comment.replace('"', "'")) };
        let parts = [if always { "24/7".to_owned() } else { self.days.to_string() }, list(&self.spans), state.to_owned(), comment];
        f.write_str(&joined(&parts))
    }
}

impl Display for Days {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let weeks = if self.weeks.is_empty() { String::new() } else { format!("week {}", list(&self.weeks)) };
        let holidays_and_days = if self.both || self.weekdays.is_empty() || self.holidays.is_empty() { " " } else { "," };
        let days = [list(&self.holidays), list(&self.weekdays)];
        let days: Vec<&str> = days.iter().map(String::as_str).filter(|days| !days.is_empty()).collect();
        f.write_str(&joined(&[list(&self.years), list(&self.dates), weeks, days.join(holidays_and_days)]))
    }
}

fn list<T: Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn joined(parts: &[String]) -> String {
    parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `2024-2030/2`
fn range<T: Display + PartialEq>(f: &mut Formatter<'_>, from: &T, to: &T, step: i16) -> fmt::Result {
    write!(f, "{from:02}")?;
    if from != to {
        write!(f, "-{to:02}")?;
    }
    if step == 1 { Ok(()) } else { write!(f, "/{step}") }
}

impl Display for Years {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) => range(f, &self.from, &to, self.step),
            None => write!(f, "{}+", self.from),
        }
    }
}

impl Display for Weeks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        range(f, &self.from, &self.to, i16::from(self.step))
    }
}

impl Display for Weekdays {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(short(self.from))?;
        if self.from != self.to {
            write!(f, "-{}", short(self.to))?;
        }
        if !self.nth.is_empty() {
            write!(f, "[{}]", list(&self.nth))?;
        }
        offset(f, self.offset_days)
    }
}

impl Display for Holiday {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.school { "SH" } else { "PH" })?;
        offset(f, self.offset_days)
    }
}

impl Display for Dates {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.from.fmt(f)?;
        self.to.as_ref().map_or(Ok(()), |to| write!(f, "-{to}"))
    }
}

impl Display for DayOfYear {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(year) = self.year {
            write!(f, "{year} ")?;
        }
        match self.day {
            Anchor::Month(number) => f.write_str(month(number)),
            Anchor::Day(number, day) => write!(f, "{} {day:02}", month(number)),
            Anchor::Weekday(number, weekday, nth) => write!(f, "{} {}[{nth}]", month(number), short(weekday)),
            Anchor::Easter => f.write_str("easter"),
        }?;
        offset(f, self.offset_days)
    }
}

fn offset(f: &mut Formatter<'_>, days: i16) -> fmt::Result {
    match days {
        0 => Ok(()),
        1 | -1 => write!(f, " {days:+} day"),
        _ => write!(f, " {days:+} days"),
    }
}

fn month(number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or_default()
}

/// `Mo`, as the syntax has it.
pub fn short(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Mo",
        Weekday::Tuesday => "Tu",
        Weekday::Wednesday => "We",
        Weekday::Thursday => "Th",
        Weekday::Friday => "Fr",
        Weekday::Saturday => "Sa",
        Weekday::Sunday => "Su",
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.from.fmt(f)?;
        if let Some(to) = self.to {
            write!(f, "-{to}")?;
        }
        f.write_str(if self.open_end { "+" } else { "" })
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minute(minute) => write!(f, "{:02}:{:02}", minute / 60, minute % 60),
            Self::Sun(event, 0) => event.fmt(f),
            Self::Sun(event, offset) => {
                let sign = if *offset < 0 { '-' } else { '+' };
                write!(f, "({event}{sign}{})", Self::Minute(offset.abs()))
            }
        }
    }
}

impl Display for SunEvent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dawn => "dawn",
            Self::Sunrise => "sunrise",
            Self::Sunset => "sunset",
            Self::Dusk => "dusk",
        })
    }
}
