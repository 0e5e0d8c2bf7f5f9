//! What the rules make of a day, and of the time from now on.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use kernel::Timestamp;

use crate::OpeningHours;
use crate::place::Place;
use crate::rules::{Joint, Rule, Span, State, Time, moved};

const DAY_MINUTES: usize = 1_440;
const DAY: i16 = 1_440;
/// How far ahead a change is looked for: a year, and the days by which a feast may move.
const AHEAD_DAYS: i16 = 400;
/// Intervals of one week; more would be an expression of single minutes.
const INTERVALS_MAX: usize = 200;

/// The state at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    pub state: State,
    pub comment: String,
    /// Absent where the state lasts for more than a year.
    pub next_change: Option<Timestamp>,
}

/// A time by the clock on the wall in which the place is open, or perhaps so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The day on which it begins.
    pub date: Date,
    /// Minutes since midnight.
    pub from: i16,
    /// Not after `from` if it ends on the next day; 1,440 for its midnight.
    pub to: i16,
    pub state: State,
    pub comment: String,
}

/// Which rule has the last word in each minute: 0 for none, else twice its number, and one more where it only guesses.
struct Painting([u16; DAY_MINUTES]);

impl OpeningHours {
    pub fn state(&self, place: &Place, at: Timestamp) -> State {
        let wall = place.wall(at);
        self.meaning(self.paint(wall.date(), place).0[minute_of(wall)]).0
    }

    pub fn now(&self, place: &Place, at: Timestamp) -> Now {
        self.now_within(place, at, AHEAD_DAYS)
    }

    /// Looks for a change only until the end of that many days after that of `at`.
    pub fn now_within(&self, place: &Place, at: Timestamp, days: i16) -> Now {
        let wall = place.wall(at);
        let minute = minute_of(wall);
        let mut painting = self.paint(wall.date(), place);
        let (state, comment) = self.meaning(painting.0[minute]);
        let (comment, mut begin, mut next_change) = (comment.to_owned(), minute, None);
        let days = if self.is_the_same_every_day() { days.min(1) } else { days };
        for day in 0..=days {
            let date = moved(wall.date(), day);
            if day > 0 {
                painting = self.paint(date, place);
            }
            if let Some(change) = (begin..DAY_MINUTES).find(|minute| self.meaning(painting.0[*minute]).0 != state) {
                next_change = first_after(date, change, &place.zone, at);
                break;
            }
            begin = 0;
        }
        Now { state, comment, next_change }
    }

    /// The intervals of `days` days from that of `at`, in order. One of more than 24 hours becomes one for each day.
    pub fn intervals(&self, place: &Place, at: Timestamp, days: i16) -> Vec<Interval> {
        let mut all: Vec<Interval> = Vec::new();
        for (day, date) in (0..).zip(place.days(at, days + 1)) {
            for (index, next) in self.of_day(date, place).into_iter().enumerate() {
                let joined = match all.last_mut() {
                    Some(last) if index == 0 && next.from == 0 && last.runs_into(&next) => {
                        last.to = next.to;
                        true
                    }
                    Some(_) | None => false,
                };
                if !joined && day < days && all.len() < INTERVALS_MAX {
                    all.push(next);
                }
            }
        }
        all
    }

    fn of_day(&self, date: Date, place: &Place) -> Vec<Interval> {
        let painting = self.paint(date, place);
        let mut intervals: Vec<Interval> = Vec::new();
        let mut minute = 0;
        for run in painting.0.chunk_by(|one, next| self.meaning(*one) == self.meaning(*next)) {
            let (state, comment) = self.meaning(run[0]);
            let from = minute;
            // A day has 1,440 of them.
            minute += i16::try_from(run.len()).unwrap_or(DAY);
            if state != State::Closed {
                intervals.push(Interval { date, from, to: minute, state, comment: comment.to_owned() });
            }
        }
        intervals
    }

    fn paint(&self, date: Date, place: &Place) -> Painting {
        let mut painting = Painting([0; DAY_MINUTES]);
        let yesterday = moved(date, -1);
        let mut after_days = false;
        for (rule, color) in self.rules.iter().zip((2..).step_by(2)) {
            let today = rule.days.contain(date, place);
            let replaces = rule.joint == Joint::Replacing && rule.state != State::Closed && !(after_days && rule.days.is_empty());
            after_days = !rule.days.is_empty();
            if today && replaces {
                painting.0.fill(0);
            }
            if rule.wraps() && rule.days.contain(yesterday, place) {
                self.paint_rule(&mut painting, rule, color, yesterday, -DAY, place);
            }
            if today {
                self.paint_rule(&mut painting, rule, color, date, 0, place);
            }
        }
        painting
    }

    fn paint_rule(&self, painting: &mut Painting, rule: &Rule, color: u16, date: Date, shift: i16, place: &Place) {
        let mut fill = |from: i16, to: i16, color: u16| {
            let place_of = |minute: i16| usize::try_from(minute.saturating_add(shift).clamp(0, DAY)).unwrap_or(0);
            let (from, to) = (place_of(from), place_of(to));
            if from >= to {
                return;
            }
            for cell in &mut painting.0[from..to] {
                if rule.joint != Joint::Fallback || self.meaning(*cell).0 == State::Closed {
                    *cell = color;
                }
            }
        };
        if rule.spans.is_empty() {
            fill(0, DAY, color);
        }
        // The guess after an open end lasts until the next hours that are stated, which have the last word.
        for guess in [true, false] {
            for span in &rule.spans {
                let Some((from, to)) = span.on(date, place) else { continue };
                if !guess {
                    fill(from, to, color);
                } else if span.open_end {
                    let next =
                        rule.spans.iter().filter_map(|span| span.on(date, place)).map(|(from, _)| from).filter(|from| *from > to).min();
                    fill(to, next.unwrap_or(i16::MAX).min(guessed_end(to)), color + 1);
                }
            }
        }
    }

    fn meaning(&self, color: u16) -> (State, &str) {
        let rule = usize::from(color / 2).checked_sub(1).and_then(|index| self.rules.get(index));
        match rule {
            None => (State::Closed, ""),
            Some(rule) if color % 2 == 1 && rule.state == State::Open => (State::Unknown, &rule.comment),
            Some(rule) => (rule.state, &rule.comment),
        }
    }

    fn is_the_same_every_day(&self) -> bool {
        let fixed = |time: &Time| matches!(time, Time::Minute(_));
        self.rules
            .iter()
            .all(|rule| rule.days.is_empty() && rule.spans.iter().all(|span| fixed(&span.from) && span.to.as_ref().is_none_or(fixed)))
    }
}

impl Interval {
    fn runs_into(&self, next: &Self) -> bool {
        let lasts = self.to - self.from + next.to;
        moved(self.date, 1) == next.date
            && self.to == DAY
            && lasts <= DAY
            && self.from > 0
            && self.state == next.state
            && self.comment == next.comment
    }
}

impl Rule {
    /// Whether it may reach into the day after.
    fn wraps(&self) -> bool {
        self.spans.iter().any(|span| match (span.from, span.to) {
            (Time::Minute(from), Some(Time::Minute(to))) => span.open_end || to <= from || to > DAY,
            (Time::Minute(_) | Time::Sun(..), _) => true,
        })
    }
}

impl Span {
    /// Minutes since the midnight with which the day begins.
    fn on(&self, date: Date, place: &Place) -> Option<(i16, i16)> {
        let minute = |time: Time, date: Date| match time {
            Time::Minute(minute) => Some(minute),
            Time::Sun(event, offset) => Some(place.sun(event, date)?.saturating_add(offset)),
        };
        let from = minute(self.from, date)?;
        let Some(end) = self.to else { return Some((from, from)) };
        let to = minute(end, date)?;
        if to > from {
            return Some((from, to));
        }
        Some((from, minute(end, moved(date, 1))?.saturating_add(DAY)))
    }
}

/// Until when a place may be open that names no end: the later it begins, the longer.
fn guessed_end(begin: i16) -> i16 {
    match begin {
        1_320.. => begin.saturating_add(480),
        1_020.. => begin.saturating_add(600),
        _ => DAY,
    }
}

fn minute_of(wall: DateTime) -> usize {
    usize::from(wall.hour().unsigned_abs()) * 60 + usize::from(wall.minute().unsigned_abs())
}

/// A change in a gap of the clock happens at its end; one in a fold the first time, unless that is over.
fn first_after(date: Date, minute: usize, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    let ambiguous = zone.to_ambiguous_timestamp(date.at(hour, minute, 0, 0));
    let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let first = ambiguous.compatible().ok()?;
    let first = if gap { zone.preceding(first).next()?.timestamp() } else { first };
    let first = Timestamp::from_millis(first.as_millisecond());
    if first > after {
        return Some(first);
    }
    Some(Timestamp::from_millis(ambiguous.later().ok()?.as_millisecond())).filter(|second| *second > after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::GeoPosition;

    fn munich() -> Place {
        Place::new("Europe/Berlin", "DE-BY", GeoPosition::new(48.1374, 11.5755)).unwrap()
    }

    #[track_caller]
    fn check(text: &str, at: &str, expect: (State, Option<&str>)) {
        let now = text.parse::<OpeningHours>().unwrap().now(&munich(), at.parse().unwrap());
        let next = now.next_change.map(|change| change.to_string());
        assert_eq!((now.state, next.as_deref()), expect, "{text} at {at}");
    }

    #[test]
    fn the_state_and_the_next_change() {
        use State::{Closed, Open, Unknown};
        check("Mo-Fr 09:00-18:00", "2026-11-23T08:00:00Z", (Open, Some("2026-11-23T17:00:00.000Z")));
        check("Mo-Fr 09:00-18:00", "2026-11-21T08:00:00Z", (Closed, Some("2026-11-23T08:00:00.000Z")));
        check("Fr-Sa 18:00-03:00", "2026-11-22T01:00:00Z", (Open, Some("2026-11-22T02:00:00.000Z")));
        check("24/7", "2026-11-21T08:00:00Z", (Open, None));
        check("off", "2026-11-21T08:00:00Z", (Closed, None));
        check("Mo-Su 10:00-20:00; PH off", "2026-12-25T12:00:00Z", (Closed, Some("2026-12-27T09:00:00.000Z")));
        check("Sa unknown \"by appointment\"", "2026-11-21T08:00:00Z", (Unknown, Some("2026-11-21T23:00:00.000Z")));
        check("\"nach Vereinbarung\"", "2026-11-21T08:00:00Z", (Unknown, None));
        check("Mo, We, Fr 09:00-12:00", "2026-11-24T08:30:00Z", (Closed, Some("2026-11-25T08:00:00.000Z")));
        check("12:00-14:00+", "2026-11-24T12:30:00Z", (Open, Some("2026-11-24T13:00:00.000Z")));
        check("07:00+", "2026-11-24T12:30:00Z", (Unknown, Some("2026-11-24T23:00:00.000Z")));
        check("Dec 24", "2026-12-25T12:00:00Z", (Closed, Some("2027-12-23T23:00:00.000Z")));
        check("sunrise-sunset", "2026-12-21T06:30:00Z", (Closed, Some("2026-12-21T07:01:00.000Z")));
    }

    #[test]
    fn clocks_that_are_put_forward_and_back() {
        use State::Open;
        // 2026-03-29 has no 02:30, 2026-10-25 has it twice.
        check("Mo-Su 00:00-02:30", "2026-03-29T00:30:00Z", (Open, Some("2026-03-29T01:00:00.000Z")));
        check("Mo-Su 00:00-02:30", "2026-10-25T00:00:00Z", (Open, Some("2026-10-25T00:30:00.000Z")));
        check("Mo-Su 00:00-02:30", "2026-10-25T01:10:00Z", (Open, Some("2026-10-25T01:30:00.000Z")));
    }

    #[test]
    fn intervals_of_a_week() {
        let intervals = |text: &str| text.parse::<OpeningHours>().unwrap().intervals(&munich(), "2026-11-21T08:00:00Z".parse().unwrap(), 7);
        let found: Vec<_> = intervals("Sa 18:00-02:00; Mo 09:00-12:00,13:00-17:00")
            .iter()
            .map(|interval| (interval.date.to_string(), interval.from, interval.to))
            .collect();
        let (saturday, monday) = ("2026-11-21".to_owned(), "2026-11-23".to_owned());
        assert_eq!(found, [(saturday, 1_080, 120), (monday.clone(), 540, 720), (monday, 780, 1_020)]);
        let always = intervals("24/7");
        assert_eq!(always.len(), 7);
        assert!(always.iter().all(|interval| (interval.from, interval.to) == (0, 1_440)));
        let long: Vec<_> = intervals("Mo 10:00-48:00").iter().map(|interval| (interval.from, interval.to)).collect();
        assert_eq!(long, [(600, 1_440), (0, 1_440)]);
        assert_eq!(intervals("Fr 22:00-04:00").len(), 2, "the night that has begun, and the next");
    }
}
