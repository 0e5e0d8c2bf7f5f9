//! Whether something is open, computed when it is asked. Texts are read once, and what was computed
//! holds until the next change.

use std::sync::{Arc, Mutex, PoisonError};

use ::hours::{OpeningHours, Place, State};
use jiff::civil::Date;
use kernel::{GeoPosition, Timestamp};
use ports::search::Hours;
use quick_cache::sync::Cache;

use crate::wish::Wish;

/// Between the parts of a packed text, none of which has it.
const SEPARATOR: char = '\u{1f}';
/// Texts that are kept.
const KEPT_MAX: usize = 20_000;
/// How long an answer holds at most.
const HELD_MAX_MS: i64 = 3_600_000;

pub struct HoursBook {
    entries: Cache<String, Arc<Entry>>,
}

struct Entry {
    /// None for what cannot be read: never open.
    hours: Option<(OpeningHours, Place)>,
    known: Mutex<Option<Known>>,
    /// What was asked last, on which day of the place, and the answer.
    wished: Mutex<Option<(Wish, Date, bool)>>,
}

#[derive(Clone, Copy)]
struct Known {
    from: Timestamp,
    until: Timestamp,
    open: bool,
}

impl Default for HoursBook {
    fn default() -> Self {
        Self { entries: Cache::new(KEPT_MAX) }
    }
}

/// What the column holds of the hours: equal texts are stored once, so the position is there only where the sun counts.
pub fn pack(hours: &Hours, position: Option<GeoPosition>) -> String {
    let sun = ::hours::may_follow_the_sun(&hours.expression);
    let position = position.filter(|_| sun).map_or_else(String::new, |position| format!("{},{}", position.lat, position.lon));
    format!("{}{SEPARATOR}{}{SEPARATOR}{position}{SEPARATOR}{}", hours.time_zone, hours.region, hours.expression)
}

impl HoursBook {
    /// `packed` is what `pack` has made.
    pub fn is_open(&self, packed: &str, now: Timestamp) -> bool {
        self.entry(packed).is_open(now)
    }

    /// Whether it is open when the wish says, as far as that is known.
    pub fn fulfils(&self, packed: &str, wish: Wish, now: Timestamp) -> bool {
        self.entry(packed).fulfils(wish, now)
    }

    fn entry(&self, packed: &str) -> Arc<Entry> {
        self.entries.get(packed).unwrap_or_else(|| {
            let entry = Arc::new(Entry { hours: read(packed), known: Mutex::new(None), wished: Mutex::new(None) });
            self.entries.insert(packed.to_owned(), entry.clone());
            entry
        })
    }
}

fn read(packed: &str) -> Option<(OpeningHours, Place)> {
    let mut parts = packed.splitn(4, SEPARATOR);
    let (zone, region, position, expression) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let position = position.split_once(',').and_then(|(lat, lon)| GeoPosition::new(lat.parse().ok()?, lon.parse().ok()?));
    Some((expression.parse().ok()?, Place::new(zone, region, position)?))
}

impl Entry {
    fn fulfils(&self, wish: Wish, now: Timestamp) -> bool {
        let Some((hours, place)) = &self.hours else { return false };
        let Some(today) = place.days(now, 1).next() else { return false };
        let mut wished = self.wished.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, open)) = wished.filter(|(known, day, _)| (*known, *day) == (wish, today)) {
            return open;
        }
        let mut moments = wish.moments(today).into_iter();
        let is_open = |(date, minute): (Date, Option<i16>)| match (place.at(date, minute.unwrap_or(0)), minute) {
            (Some(at), Some(_)) => hours.state(place, at) == State::Open,
            (Some(midnight), None) => hours.intervals(place, midnight, 1).iter().any(|interval| interval.state == State::Open),
            (None, _) => false,
        };
        let open = if wish == Wish::Always { moments.all(is_open) } else { moments.any(is_open) };
        *wished = Some((wish, today, open));
        open
    }

    fn is_open(&self, at: Timestamp) -> bool {
        let Some((hours, place)) = &self.hours else { return false };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.filter(|known| (known.from..known.until).contains(&at)) {
            return known.open;
        }
        let now = hours.now_within(place, at, 1);
        let longest = Timestamp::from_millis(at.as_millis().saturating_add(HELD_MAX_MS));
        let open = now.state == State::Open;
        *known = Some(Known { from: at, until: now.next_change.map_or(longest, |change| change.min(longest)), open });
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wish::Day;

    #[test]
    fn open_when_it_is_wished() {
        let book = HoursBook::default();
        let friday: Timestamp = "2026-11-20T11:00:00Z".parse().unwrap();
        for (expression, wish, expect) in [
            ("Mo-Fr 08:00-18:00; Su 09:00-10:00", Wish::Day(Day::Weekday(6), None), true),
            ("Mo-Fr 08:00-18:00; Su 09:00-10:00", Wish::Day(Day::Weekday(5), None), false),
            ("Mo-Fr 08:00-18:00; Su 09:00-10:00", Wish::Day(Day::Weekend, None), true),
            ("Mo-Su 17:00-23:00", Wish::Day(Day::From(0), Some(22 * 60)), true),
            ("Mo-Su 17:00-23:00", Wish::Day(Day::From(0), Some(16 * 60)), false),
            ("24/7", Wish::Always, true),
            ("Mo-Su 06:00-24:00", Wish::Always, false),
        ] {
            let hours = Hours { expression: expression.into(), time_zone: "Europe/Berlin".into(), region: "DE".into() };
            assert_eq!(book.fulfils(&pack(&hours, None), wish, friday), expect, "{expression} {wish:?}");
        }
    }

    #[test]
    fn open_in_its_own_zone() {
        let book = HoursBook::default();
        let packed = |zone: &str, expression: &str| {
            let hours = Hours { expression: expression.into(), time_zone: zone.into(), region: "DE-BY".into() };
            pack(&hours, GeoPosition::new(48.1374, 11.5755))
        };
        for (at, zone, expression, expect) in [
            ("2026-11-20T11:00:00Z", "Europe/Berlin", "Mo-Fr 12:00-14:00", true),
            ("2026-11-20T10:59:59Z", "Europe/Berlin", "Mo-Fr 12:00-14:00", false),
            ("2026-11-20T13:00:00Z", "Europe/Berlin", "Mo-Fr 12:00-14:00", false),
            ("2026-11-20T11:00:00Z", "America/New_York", "Mo-Fr 12:00-14:00", false),
            ("2026-11-21T01:00:00Z", "Europe/Berlin", "Fr 18:00-03:00", true),
            ("2026-12-25T11:00:00Z", "Europe/Berlin", "Mo-Su 12:00-14:00; PH off", false),
            ("2027-01-06T11:00:00Z", "Europe/Berlin", "Mo-Su 12:00-14:00; PH off", false),
            ("2026-07-01T10:00:00Z", "Europe/Berlin", "24/7", true),
            ("2026-07-01T10:00:00Z", "Europe/Berlin", "\"by appointment\"", false),
            ("2026-07-01T10:00:00Z", "Europe/Berlin", "perhaps", false),
            ("2026-12-21T06:30:00Z", "Europe/Berlin", "sunrise-sunset", false),
            ("2026-06-21T04:00:00Z", "Europe/Berlin", "sunrise-sunset", true),
            ("2026-07-01T10:00:00Z", "Mars/Olympus", "24/7", false),
        ] {
            assert_eq!(book.is_open(&packed(zone, expression), at.parse().unwrap()), expect, "{at} {zone} {expression}");
        }
    }
}
