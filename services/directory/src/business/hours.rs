//! Opening hours: OpenStreetMap's syntax, read with the clock on the wall of the place.

use std::sync::{Arc, LazyLock};

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use jiff::civil;
use jiff::tz::TimeZone;
use kernel::Timestamp;
use opening_hours::localization::Country;
use opening_hours::{Context, OpeningHours, RuleKind};
use quick_cache::sync::Cache;

/// Parsed expressions in the cache; places of one town share many.
const CACHED_MAX: usize = 4_096;
/// How far ahead a change is looked for; beyond it the state counts as lasting.
const AHEAD_DAYS: i64 = 400;
const WEEK_DAYS: u64 = 7;
/// Spans of one week; more would be an expression of single minutes.
const SPANS_MAX: usize = 100;

type Parsed = Option<Arc<OpeningHours>>;

/// Parsing takes up to a millisecond, far more than looking at the state.
static PARSED: LazyLock<Cache<(String, String), Parsed>> = LazyLock::new(|| Cache::new(CACHED_MAX));

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenState {
    Open,
    Closed,
    /// The hours say so themselves: `"by appointment"`.
    Unknown,
}

/// The state at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    pub state: OpenState,
    pub comment: String,
    /// Absent where the state lasts for more than a year.
    pub next_change: Option<Timestamp>,
}

/// A span of opening within the coming week, by the clock on the wall. A closing time that is not
/// after the opening time is on the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The day of the opening, `2026-11-21`.
    pub date: String,
    /// English, as schema.org has it: `Monday`.
    pub day: &'static str,
    /// `09:00`.
    pub opens: String,
    pub closes: String,
}

/// Why an expression is not understood.
pub fn check(text: &str) -> Result<(), String> {
    match text.parse::<OpeningHours>() {
        Ok(_) => Ok(()),
        // The parser draws a picture of several lines; its last line says what is wrong.
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().rev().map(|line| line.trim_start_matches([' ', '=', '|'])).find(|line| !line.is_empty());
            Err(format!("is not understood: {}", reason.unwrap_or("not the syntax of opening_hours")))
        }
    }
}

pub fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// `None` for hours that are not understood. Public holidays count where the country is known.
pub fn now(text: &str, country: Option<&str>, zone: &str, at: Timestamp) -> Option<Now> {
    let hours = parsed(text, country)?;
    let zone = TimeZone::get(zone).ok()?;
    let local = local(at, &zone)?;
    let (kind, comment) = hours.state(local);
    let next_change = hours.next_change(local).and_then(|change| instant(change, &zone, at));
    Some(Now { state: state(kind), comment: comment.to_string(), next_change })
}

/// When it is open in the seven days from the one of `at`; `None` for hours that are not understood.
pub fn week(text: &str, country: Option<&str>, zone: &str, at: Timestamp) -> Option<Vec<Span>> {
    let hours = parsed(text, country)?;
    let zone = TimeZone::get(zone).ok()?;
    let today = local(at, &zone)?.date();
    let from = today.and_time(NaiveTime::MIN);
    let until = today.checked_add_days(chrono::Days::new(WEEK_DAYS))?.and_time(NaiveTime::MIN);
    let mut spans = Vec::new();
    for range in hours.iter_range(from, until).filter(|range| range.kind == RuleKind::Open).take(SPANS_MAX) {
        let (mut start, end) = (range.range.start, range.range.end);
        // A span of more than a day becomes one span for each day.
        while end - start > TimeDelta::days(1) {
            let midnight = start.date().succ_opt()?.and_time(NaiveTime::MIN);
            spans.push(span(start, midnight));
            start = midnight;
        }
        spans.push(span(start, end));
    }
    Some(spans)
}

fn span(start: NaiveDateTime, end: NaiveDateTime) -> Span {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    // Midnight as an end is written as the last minute, since 00:00 would read as the beginning.
    let closes = if end.time() == NaiveTime::MIN { "23:59".to_owned() } else { end.format("%H:%M").to_string() };
    Span {
        date: start.format("%Y-%m-%d").to_string(),
        day: DAYS[start.weekday().num_days_from_monday() as usize],
        opens: start.format("%H:%M").to_string(),
        closes,
    }
}

fn state(kind: RuleKind) -> OpenState {
    match kind {
        RuleKind::Open => OpenState::Open,
        RuleKind::Closed => OpenState::Closed,
        RuleKind::Unknown => OpenState::Unknown,
    }
}

fn parsed(text: &str, country: Option<&str>) -> Parsed {
    let key = (text.to_owned(), country.unwrap_or_default().to_owned());
    let parse = || {
        let hours = text.parse::<OpeningHours>().ok();
        let holidays = country.and_then(|country| country.parse::<Country>().ok()).map(Country::holidays).unwrap_or_default();
        let context = Context::default().with_holidays(holidays).approx_bound_interval_size(TimeDelta::days(AHEAD_DAYS));
        Ok::<_, std::convert::Infallible>(hours.map(|hours| Arc::new(hours.with_context(context))))
    };
    match PARSED.get_or_insert_with(&key, parse) {
        Ok(hours) => hours,
        Err(never) => match never {},
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> Option<NaiveDateTime> {
    let wall = zone.to_datetime(jiff::Timestamp::from_millisecond(at.as_millis()).ok()?);
    let number = |part: i8| u32::try_from(part).ok();
    NaiveDate::from_ymd_opt(i32::from(wall.year()), number(wall.month())?, number(wall.day())?)?.and_hms_opt(
        number(wall.hour())?,
        number(wall.minute())?,
        number(wall.second())?,
    )
}

/// A change in a gap of the clock happens at its end; one in a fold the first time, unless that is over.
fn instant(wall: NaiveDateTime, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let number = |part: u32| i8::try_from(part).ok();
    let civil = civil::DateTime::new(
        i16::try_from(wall.year()).ok()?,
        number(wall.month())?,
        number(wall.day())?,
        number(wall.hour())?,
        number(wall.minute())?,
        number(wall.second())?,
        0,
    );
    let ambiguous = zone.to_ambiguous_timestamp(civil.ok()?);
    let first = Timestamp::from_millis(ambiguous.compatible().ok()?.as_millisecond());
    if first > after {
        return Some(first);
    }
    Some(Timestamp::from_millis(ambiguous.later().ok()?.as_millisecond())).filter(|second| *second > after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUNICH: &str = "Europe/Berlin";

    #[track_caller]
    fn check_now(text: &str, at: &str, expect: (OpenState, Option<&str>)) {
        let now = now(text, Some("DE"), MUNICH, at.parse().unwrap()).unwrap();
        let next = now.next_change.map(|change| change.to_string());
        assert_eq!((now.state, next.as_deref()), expect, "{text} at {at}");
    }

    #[test]
    fn open_now_and_the_next_change() {
        use OpenState::{Closed, Open, Unknown};
        check_now("Mo-Fr 09:00-18:00", "2026-11-23T08:00:00Z", (Open, Some("2026-11-23T17:00:00.000Z")));
        check_now("Mo-Fr 09:00-18:00", "2026-11-21T08:00:00Z", (Closed, Some("2026-11-23T08:00:00.000Z")));
        check_now("Fr-Sa 18:00-03:00", "2026-11-22T01:00:00Z", (Open, Some("2026-11-22T02:00:00.000Z")));
        check_now("24/7", "2026-11-21T08:00:00Z", (Open, None));
        check_now("off", "2026-11-21T08:00:00Z", (Closed, None));
        check_now("Mo-Su 10:00-20:00; PH off", "2026-12-25T12:00:00Z", (Closed, Some("2026-12-27T09:00:00.000Z")));
        check_now("Sa unknown \"by appointment\"", "2026-11-21T08:00:00Z", (Unknown, Some("2026-11-21T23:00:00.000Z")));
    }

    #[test]
    fn clocks_that_are_put_forward_and_back() {
        use OpenState::Open;
        // 2026-03-29 has no 02:30, 2026-10-25 has it twice.
        check_now("Mo-Su 00:00-02:30", "2026-03-29T00:30:00Z", (Open, Some("2026-03-29T01:30:00.000Z")));
        check_now("Mo-Su 00:00-02:30", "2026-10-25T00:00:00Z", (Open, Some("2026-10-25T00:30:00.000Z")));
        check_now("Mo-Su 00:00-02:30", "2026-10-25T01:10:00Z", (Open, Some("2026-10-25T01:30:00.000Z")));
    }

    #[test]
    fn a_week_for_machines() {
        let week = |text| week(text, Some("DE"), MUNICH, "2026-11-21T08:00:00Z".parse().unwrap()).unwrap();
        let spans = week("Sa 18:00-02:00; Mo 09:00-12:00,13:00-17:00");
        let found: Vec<_> = spans.iter().map(|span| (span.date.as_str(), span.day, span.opens.as_str(), span.closes.as_str())).collect();
        assert_eq!(
            found,
            [
                ("2026-11-21", "Saturday", "18:00", "02:00"),
                ("2026-11-23", "Monday", "09:00", "12:00"),
                ("2026-11-23", "Monday", "13:00", "17:00"),
            ]
        );
        let always = week("24/7");
        assert_eq!(always.len(), 7);
        assert!(always.iter().all(|span| (span.opens.as_str(), span.closes.as_str()) == ("00:00", "23:59")));
    }

    #[test]
    fn what_is_not_understood_says_why() {
        assert_eq!(check("Mo-Fr 09:00-18:00; PH off"), Ok(()));
        assert!(check("whenever we like").unwrap_err().starts_with("is not understood"));
        assert_eq!(now("whenever we like", None, MUNICH, Timestamp::from_millis(0)), None);
        assert!(is_time_zone(MUNICH) && !is_time_zone("Europe/Munich"));
    }
}
