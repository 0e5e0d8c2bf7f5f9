//! Days that are found by counting, and what the sun does on each.

use jiff::ToSpan as _;
use jiff::civil::Date;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SunEvent {
    Dawn,
    Sunrise,
    Sunset,
    Dusk,
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
