//! The rules of an expression, and which days they are about.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use crate::place::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OpenState)]
pub enum State {
    Open,
    Closed,
    /// The hours say so themselves: `"by appointment"`, or an end that is left open: `18:00+`.
    Unknown,
}

/// How a rule joins those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// `;`: replaces them on its days. One that closes only takes its hours away, and one without days after one that
    /// has some adds to it: `Mo-Fr 11:00-14:00; 17:00-22:00`.
    Replacing,
    /// `,`: adds to them.
    Adding,
    /// `||`: holds where they leave it closed.
    Fallback,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub joint: Joint,
    pub days: Days,
    /// Empty for the whole day.
    pub spans: Vec<Span>,
    pub state: State,
    pub comment: String,
}

/// Every kind of selector that is not empty must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days {
    pub years: Vec<Years>,
    pub dates: Vec<Dates>,
    pub weeks: Vec<Weeks>,
    pub weekdays: Vec<Weekdays>,
    pub holidays: Vec<Holiday>,
    /// `PH Sa`, a holiday on a Saturday, while `PH,Sa` are holidays and Saturdays.
    pub both: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Years {
    pub from: i16,
    /// None for `2026+`.
    pub to: Option<i16>,
    pub step: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weeks {
    pub from: i8,
    pub to: i8,
    pub step: i8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weekdays {
    pub from: Weekday,
    pub to: Weekday,
    /// Which of the month, from its end if negative. Empty for every one.
    pub nth: Vec<i8>,
    pub offset_days: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    pub school: bool,
    pub offset_days: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    pub from: DayOfYear,
    pub to: Option<DayOfYear>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfYear {
    pub year: Option<i16>,
    pub day: Anchor,
    pub offset_days: i16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Month(i8),
    Day(i8, i8),
    Weekday(i8, Weekday, i8),
    Easter,
}

/// Hours of a day. An end that is not after the beginning is on the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub from: Time,
    /// None for `18:00+`.
    pub to: Option<Time>,
    /// After its end it may still be open: `12:00-14:00+`.
    pub open_end: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Since midnight, up to 48 hours.
    Minute(i16),
    Sun(SunEvent, i16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SunEvent {
    Dawn,
    Sunrise,
    Sunset,
    Dusk,
}

impl Days {
    /// Whether every day is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn contain(&self, date: Date, place: &Place) -> bool {
        fn any<T>(all: &[T], holds: impl Fn(&T) -> bool) -> bool {
            all.is_empty() || all.iter().any(holds)
        }
        any(&self.years, |years| years.contain(date.year()))
            && any(&self.dates, |dates| dates.contain(date))
            && any(&self.weeks, |weeks| weeks.contain(date.iso_week_date().week()))
            && self.weekday_or_holiday(date, place)
    }

    fn weekday_or_holiday(&self, date: Date, place: &Place) -> bool {
        let weekday = || self.weekdays.iter().any(|weekdays| weekdays.contain(date));
        let holiday = || self.holidays.iter().any(|holiday| holiday.is(date, place));
        match (self.weekdays.is_empty(), self.holidays.is_empty()) {
            (true, true) => true,
            (false, true) => weekday(),
            (true, false) => holiday(),
            (false, false) if self.both => weekday() && holiday(),
            (false, false) => weekday() || holiday(),
        }
    }
}

impl Years {
    fn contain(&self, year: i16) -> bool {
        self.from <= year && self.to.is_none_or(|to| year <= to) && (year - self.from) % self.step == 0
    }
}

impl Weeks {
    fn contain(&self, week: i8) -> bool {
        (self.from..=self.to).contains(&week) && (week - self.from) % self.step == 0
    }
}

impl Weekdays {
    fn contain(&self, date: Date) -> bool {
        let date = moved(date, -self.offset_days);
        let since = |weekday: Weekday| weekday.since(self.from);
        since(date.weekday()) <= since(self.to) && (self.nth.is_empty() || self.nth.iter().any(|nth| is_nth(date, *nth)))
    }
}

fn is_nth(date: Date, nth: i8) -> bool {
    let days = if nth > 0 { date.day() - 1 } else { date.days_in_month() - date.day() };
    days / 7 + 1 == nth.abs()
}

impl Holiday {
    fn is(&self, date: Date, place: &Place) -> bool {
        let date = moved(date, -self.offset_days);
        if self.school { place.holidays.school(date) } else { place.holidays.public(date) }
    }
}

impl Dates {
    fn contain(&self, date: Date) -> bool {
        let to = self.to.as_ref().unwrap_or(&self.from);
        let begins = |year: i16| {
            let (from, last) = self.from.in_year(self.from.year.unwrap_or(year))?;
            if self.to.is_none() {
                return Some((from..=last).contains(&date));
            }
            let until = |year| to.in_year(to.year.unwrap_or(year)).map(|(_, last)| last);
            let last = until(from.year()).filter(|last| to.year.is_some() || *last >= from).or_else(|| until(from.year() + 1))?;
            Some((from..=last).contains(&date))
        };
        // One that began in the year before may still last, and an offset may lead into the next.
        (date.year() - 1..=date.year() + 1).any(|year| begins(year).unwrap_or(false))
    }
}

impl DayOfYear {
    /// The first and the last of its days. For a day that the year lacks, February 29, it is a range from the day after to
    /// the day before: empty by itself, and as an end of a range the next within.
    fn in_year(&self, year: i16) -> Option<(Date, Date)> {
        let (first, last) = match self.day {
            Anchor::Month(month) => {
                let first = Date::new(year, month, 1).ok()?;
                (first, first.last_of_month())
            }
            Anchor::Day(month, day) => match Date::new(year, month, day) {
                Ok(date) => (date, date),
                Err(_) => {
                    let last = Date::new(year, month, 1).ok()?.last_of_month();
                    (moved(last, 1), last)
                }
            },
            Anchor::Weekday(month, weekday, nth) => {
                let date = Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()?;
                (date, date)
            }
            Anchor::Easter => {
                let date = easter(year)?;
                (date, date)
            }
        };
        Some((moved(first, self.offset_days), moved(last, self.offset_days)))
    }
}

pub fn moved(date: Date, days: i16) -> Date {
    if days == 0 { date } else { date.saturating_add(days.days()) }
}

/// Easter Sunday of the Gregorian calendar, by the method of Meeus, Jones and Butcher.
pub fn easter(year: i16) -> Option<Date> {
    let year32 = i32::from(year);
    let (a, b, c) = (year32 % 19, year32 / 100, year32 % 100);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
