//! Whether something is open, computed when it is asked. Texts are parsed once, and what was computed
//! holds until the next change.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use kernel::Timestamp;
use opening_hours::localization::Country;
use opening_hours::{Context, OpeningHours, RuleKind};
use quick_cache::sync::Cache;

use crate::schema::SEPARATOR;
use crate::wish::Wish;

/// Parsed texts that are kept.
const KEPT_MAX: usize = 20_000;
/// How far the next change is looked for; until then the answer holds.
const LOOK_AHEAD_MS: i64 = 24 * 3600 * 1000;

pub struct HoursBook {
    entries: Cache<String, Arc<Entry>>,
}

struct Entry {
    /// None for what cannot be read: never open.
    hours: Option<(OpeningHours, TimeZone)>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    from: i64,
    until: i64,
    open: bool,
}

impl Default for HoursBook {
    fn default() -> Self {
        Self { entries: Cache::new(KEPT_MAX) }
    }
}

impl HoursBook {
    /// `packed` is time zone, country and expression as the column holds them.
    pub fn is_open(&self, packed: &str, now: Timestamp) -> bool {
        self.entry(packed).is_open(now.as_millis())
    }

    pub fn fulfils(&self, packed: &str, wish: Wish, now: Timestamp) -> bool {
        self.entry(packed).fulfils(wish, now.as_millis())
    }

    fn entry(&self, packed: &str) -> Arc<Entry> {
        self.entries.get(packed).unwrap_or_else(|| {
            let entry = Arc::new(Entry::read(packed));
            self.entries.insert(packed.to_owned(), entry.clone());
            entry
        })
    }
}

impl Entry {
    fn read(packed: &str) -> Self {
        let mut parts = packed.splitn(3, SEPARATOR);
        let (zone, country, expression) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let hours = expression.parse::<OpeningHours>().ok().zip(TimeZone::get(zone).ok()).map(|(hours, zone)| {
            let holidays = Country::from_str(country).ok().map(Country::holidays);
            let context = match holidays {
                Some(holidays) => Context::default().with_holidays(holidays),
                None => Context::default(),
            };
            (hours.with_context(context), zone)
        });
        Self { hours, known: Mutex::new(None) }
    }

    fn fulfils(&self, wish: Wish, now: i64) -> bool {
        let Some((hours, zone)) = &self.hours else { return false };
        let Some(now) = local(zone, now) else { return false };
        let spans = wish.spans(now);
        let mut open = spans.iter().map(|(from, until)| match from == until {
            true => hours.is_open(*from),
            false => hours.iter_range(*from, *until).any(|range| range.kind == RuleKind::Open),
        });
        if wish == Wish::Always { open.all(|open| open) } else { open.any(|open| open) }
    }

    fn is_open(&self, now: i64) -> bool {
        let Some((hours, zone)) = &self.hours else { return false };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.filter(|known| (known.from..known.until).contains(&now)) {
            return known.open;
        }
        let Some(local) = local(zone, now) else { return false };
        let open = hours.is_open(local);
        let horizon = local + chrono::TimeDelta::milliseconds(LOOK_AHEAD_MS);
        let first = hours.iter_range(local, horizon).next();
        let change = first.map(|range| range.range.end).filter(|end| *end > local && *end < horizon);
        // Across a change of the clocks the local span is an hour off, so that is computed again.
        let span = change.map_or(LOOK_AHEAD_MS / 24, |end| (end - local).num_milliseconds().min(LOOK_AHEAD_MS / 24));
        *known = Some(Known { from: now, until: now + span.max(1), open });
        open
    }
}

fn local(zone: &TimeZone, now: i64) -> Option<chrono::NaiveDateTime> {
    let civil = zone.to_datetime(jiff::Timestamp::from_millisecond(now).ok()?);
    let date = chrono::NaiveDate::from_ymd_opt(civil.year().into(), u32::try_from(civil.month()).ok()?, u32::try_from(civil.day()).ok()?)?;
    date.and_hms_milli_opt(
        u32::try_from(civil.hour()).ok()?,
        u32::try_from(civil.minute()).ok()?,
        u32::try_from(civil.second()).ok()?,
        u32::try_from(civil.millisecond()).ok()?,
    )
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
            let packed = format!("Europe/Berlin{SEPARATOR}DE{SEPARATOR}{expression}");
            assert_eq!(book.fulfils(&packed, wish, friday), expect, "{expression} {wish:?}");
        }
    }

    #[test]
    fn open_in_its_own_zone() {
        let book = HoursBook::default();
        let packed = |zone: &str, expression: &str| format!("{zone}{SEPARATOR}DE{SEPARATOR}{expression}");
        for (at, zone, expression, expect) in [
            ("2026-11-20T11:00:00Z", "Europe/Berlin", "Mo-Fr 12:00-14:00", true),
            ("2026-11-20T10:59:59Z", "Europe/Berlin", "Mo-Fr 12:00-14:00", false),
            ("2026-11-20T13:00:00Z", "Europe/Berlin", "Mo-Fr 12:00-14:00", false),
            ("2026-11-20T11:00:00Z", "America/New_York", "Mo-Fr 12:00-14:00", false),
            ("2026-11-21T01:00:00Z", "Europe/Berlin", "Fr 18:00-03:00", true),
            ("2026-12-25T11:00:00Z", "Europe/Berlin", "Mo-Su 12:00-14:00; PH off", false),
            ("2026-07-01T10:00:00Z", "Europe/Berlin", "24/7", true),
            ("2026-07-01T10:00:00Z", "Europe/Berlin", "by appointment perhaps", false),
            ("2026-07-01T10:00:00Z", "Mars/Olympus", "24/7", false),
        ] {
            assert_eq!(book.is_open(&packed(zone, expression), at.parse().unwrap()), expect, "{at} {zone} {expression}");
        }
    }
}
