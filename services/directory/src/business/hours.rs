//! Opening hours as clients see and send them.

use hours::{Interval, OpeningHours, Place, State};
use kernel::{GeoPosition, Line, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::profile::{Address, Hours, Profile, ShortLine};

const WEEK_DAYS: i16 = 7;
const WEEK_ENTRIES_MAX: usize = 50;
const MIDNIGHT: i16 = 1_440;

pub type Comment = Line<0, 120>;

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HoursView {
    /// As the business wrote them.
    pub text: String,
    /// False for a text that is not understood: there is a problem then, and no state.
    pub understood: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<HoursProblem>,
    /// The same in the words of OpenStreetMap's specification.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Mo-Fr 09:00-18:00; PH off")]
    pub normalized: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When the state will be another one. Absent where it lasts for more than a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_change: Option<Timestamp>,
    /// Today and the six days after it by the clock on the wall, with holidays and seasons as they fall.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub week: Vec<DayView>,
}

/// What an owner can be shown at the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HoursProblem {
    /// Characters before the part that is not understood.
    pub offset: usize,
    /// The part; empty at the end of the text.
    pub part: String,
    /// A sentence that names it.
    #[schema(example = "`17` at character 7 has no end: write 10:00-18:00, or 10:00+ for an open end")]
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayView {
    #[schema(format = Date, example = "2026-11-21")]
    pub date: String,
    pub day: Weekday,
    /// Empty for a day on which it is closed.
    pub spans: Vec<SpanView>,
}

/// A time in which it is open, or unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpanView {
    #[schema(example = "09:00")]
    pub opens: String,
    /// On the next day if it is not after `opens`; `24:00` at midnight.
    #[schema(example = "18:00")]
    pub closes: String,
    /// `open` or `unknown`.
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Hours to try before they are saved: either a text or a week, for a place that is described as in its profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "opening_hours": "Mo-Fr 09:00-18:00; Sa 09:00-13:00" }))]
pub struct HoursInput {
    /// OpenStreetMap's syntax.
    #[schema(inline)]
    pub opening_hours: Option<Hours>,
    pub week: Option<WeekInput>,
    /// Country and region say which holidays there are.
    pub address: Option<Address>,
    /// For the time zone and the sun.
    pub position: Option<GeoPosition>,
    #[schema(inline)]
    pub time_zone: Option<ShortLine>,
}

/// Hours that are the same every week.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeekInput {
    /// A day without a span is closed.
    #[schema(max_items = 50)]
    pub spans: Vec<WeekSpan>,
    #[serde(default)]
    pub public_holidays: PublicHolidays,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeekSpan {
    pub day: Weekday,
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub opens: String,
    /// On the next day if it is not after `opens`; `24:00` at midnight.
    #[schema(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "18:00")]
    pub closes: String,
    /// Whether it is open only perhaps, as by appointment.
    #[serde(default)]
    pub unknown: bool,
    #[schema(inline)]
    pub comment: Option<Comment>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublicHolidays {
    /// Like the day of the week on which they fall.
    #[default]
    AsUsual,
    AsSunday,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// The days with their names in OpenStreetMap's syntax.
const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mo"),
    (Weekday::Tuesday, "Tu"),
    (Weekday::Wednesday, "We"),
    (Weekday::Thursday, "Th"),
    (Weekday::Friday, "Fr"),
    (Weekday::Saturday, "Sa"),
    (Weekday::Sunday, "Su"),
];

/// `None` where nobody knows: for hours that are not understood, or that leave it open.
pub fn is_open(text: &str, place: &Place, at: Timestamp) -> Option<bool> {
    match text.parse::<OpeningHours>().ok()?.state(place, at) {
        State::Open => Some(true),
        State::Closed => Some(false),
        State::Unknown => None,
    }
}

/// When it is surely open in the coming week; `None` for hours that are not understood.
pub fn open_week(text: &str, place: &Place, at: Timestamp) -> Option<Vec<Interval>> {
    let mut intervals = text.parse::<OpeningHours>().ok()?.intervals(place, at, WEEK_DAYS);
    intervals.retain(|interval| interval.state == State::Open);
    Some(intervals)
}

/// `09:00`
pub fn clock(minutes: i16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl HoursView {
    pub fn of(text: &str, place: &Place, at: Timestamp) -> Self {
        let text = text.to_owned();
        let hours: OpeningHours = match text.parse() {
            Ok(hours) => hours,
            Err(misread) => {
                let message = misread.to_string();
                let problem = Some(HoursProblem { offset: misread.offset, part: misread.part, message });
                return Self {
                    text,
                    understood: false,
                    problem,
                    normalized: None,
                    state: None,
                    comment: None,
                    next_change: None,
                    week: Vec::new(),
                };
            }
        };
        let now = hours.now(place, at);
        Self {
            text,
            understood: true,
            problem: None,
            normalized: Some(hours.to_string()),
            state: Some(now.state),
            comment: Some(now.comment).filter(|comment| !comment.is_empty()),
            next_change: now.next_change,
            week: week(&hours, place, at),
        }
    }
}

fn week(hours: &OpeningHours, place: &Place, at: Timestamp) -> Vec<DayView> {
    let intervals = hours.intervals(place, at, WEEK_DAYS);
    let day = |date: jiff::civil::Date| DayView {
        date: date.to_string(),
        day: DAYS[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())].0,
        spans: intervals.iter().filter(|interval| interval.date == date).map(SpanView::from).collect(),
    };
    place.days(at, WEEK_DAYS).map(day).collect()
}

impl From<&Interval> for SpanView {
    fn from(interval: &Interval) -> Self {
        Self {
            opens: clock(interval.from),
            closes: clock(interval.to),
            state: interval.state,
            comment: Some(interval.comment.clone()).filter(|comment| !comment.is_empty()),
        }
    }
}

impl HoursInput {
    /// The text, and a profile of nothing but where it is.
    pub fn into_parts(self) -> Result<(String, Profile), Problem> {
        let text = match (self.opening_hours, self.week) {
            (Some(text), None) => text.into_string(),
            (None, Some(week)) => week.text()?,
            _ => return Err(Problem::field("opening_hours", "either a text or a week must be given")),
        };
        let profile = Profile {
            address: self.address,
            position: self.position,
            time_zone: self.time_zone.map(Line::into_string),
            ..Profile::default()
        };
        Ok((text, profile.checked_place()?))
    }
}

impl WeekInput {
    /// The week in OpenStreetMap's syntax.
    fn text(self) -> Result<String, Problem> {
        if self.spans.len() > WEEK_ENTRIES_MAX {
            return Err(Problem::field("week.spans", format!("must be at most {WEEK_ENTRIES_MAX}")));
        }
        let mut past_midnight = false;
        for (index, span) in self.spans.iter().enumerate() {
            let refuse = |part: &str, must: &str| Problem::field(format!("week.spans[{index}].{part}"), must);
            let opens = minutes(&span.opens)
                .filter(|minutes| *minutes < MIDNIGHT)
                .ok_or_else(|| refuse("opens", "must be a time such as 09:00"))?;
            let closes = minutes(&span.closes).ok_or_else(|| refuse("closes", "must be a time such as 18:00"))?;
            past_midnight |= closes <= opens;
        }
        let of_day = |day: Weekday| {
            let mut spans: Vec<&WeekSpan> = self.spans.iter().filter(|span| span.day == day).collect();
            spans.sort_by(|one, other| one.opens.cmp(&other.opens));
            spans
        };
        let mut rules: Vec<String> = Vec::new();
        let all: Vec<(&str, Vec<&WeekSpan>)> = DAYS.iter().map(|(day, name)| (*name, of_day(*day))).collect();
        for days in all.chunk_by(|(_, one), (_, next)| alike(one, next)) {
            let [(first, spans), ..] = days else { continue };
            let days =
                days.last().filter(|(last, _)| last != first).map_or_else(|| (*first).to_owned(), |(last, _)| format!("{first}-{last}"));
            rules.extend(rule(&days, spans));
        }
        if rules.is_empty() {
            rules.push("off".to_owned());
        }
        // A rule after a semicolon would take from its days the hours after midnight that belong to the evening before.
        let mut text = rules.join(if past_midnight { ", " } else { "; " });
        let holidays = match self.public_holidays {
            PublicHolidays::AsUsual => None,
            PublicHolidays::AsSunday => Some(rule("PH", &of_day(Weekday::Sunday)).unwrap_or_else(|| "PH off".to_owned())),
            PublicHolidays::Closed => Some("PH off".to_owned()),
        };
        text.extend(holidays.map(|rule| format!("; {rule}")));
        match text.parse::<OpeningHours>() {
            Ok(hours) => Ok(hours.to_string()),
            Err(misread) => Err(Problem::field("week", misread.to_string())),
        }
    }
}

fn alike(one: &[&WeekSpan], other: &[&WeekSpan]) -> bool {
    let parts = |span: &&WeekSpan| (span.opens.clone(), span.closes.clone(), span.unknown, span.comment.clone());
    one.iter().map(parts).eq(other.iter().map(parts))
}

/// What is open without a word about it comes first. `None` without a span.
fn rule(days: &str, spans: &[&WeekSpan]) -> Option<String> {
    let (plain, others): (Vec<&WeekSpan>, Vec<&WeekSpan>) = spans.iter().partition(|span| !span.unknown && span.comment.is_none());
    let hours = |span: &&WeekSpan| format!("{}-{}", span.opens, span.closes);
    let mut rules = Vec::new();
    if !plain.is_empty() {
        rules.push(format!("{days} {}", plain.iter().map(hours).collect::<Vec<_>>().join(",")));
    }
    for span in others {
        let state = if span.unknown { "unknown" } else { "open" };
        // The syntax has no way to write its own quotation mark.
        let comment = span.comment.as_ref().map_or_else(String::new, |comment| format!(" \"{}\"", comment.as_str().replace('"', "'")));
        rules.push(format!("{days} {} {state}{comment}", hours(&span)));
    }
    (!rules.is_empty()).then(|| rules.join(", "))
}

fn minutes(text: &str) -> Option<i16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| text.parse::<i16>().ok().filter(|_| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= MIDNIGHT).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn munich() -> Place {
        Place::new("Europe/Berlin", "DE-BY", GeoPosition::new(48.1374, 11.5755)).unwrap()
    }

    #[test]
    fn a_week_becomes_a_text() {
        let text = |week: serde_json::Value| serde_json::from_value::<WeekInput>(week).unwrap().text();
        let span = |day: &str, opens: &str, closes: &str| serde_json::json!({ "day": day, "opens": opens, "closes": closes });
        let workdays = ["monday", "tuesday", "wednesday", "thursday"].map(|day| span(day, "09:00", "18:00"));
        let mut spans = workdays.to_vec();
        spans.push(span("friday", "14:00", "18:00"));
        spans.push(span("friday", "09:00", "12:00"));
        let week = |spans: &[serde_json::Value], holidays: &str| serde_json::json!({ "spans": spans, "public_holidays": holidays });
        assert_eq!(text(week(&spans, "closed")).unwrap(), "Mo-Th 09:00-18:00; Fr 09:00-12:00,14:00-18:00; PH off");
        spans.push(span("sunday", "18:00", "02:00"));
        assert_eq!(
            text(week(&spans, "as_sunday")).unwrap(),
            "Mo-Th 09:00-18:00, Fr 09:00-12:00,14:00-18:00, Su 18:00-02:00; PH 18:00-02:00"
        );
        let asked =
            serde_json::json!({ "day": "saturday", "opens": "10:00", "closes": "24:00", "unknown": true, "comment": "by \"appointment\"" });
        assert_eq!(text(week(&[asked], "as_usual")).unwrap(), "Sa 10:00-24:00 \"by 'appointment'\"");
        assert_eq!(text(week(&[], "as_usual")).unwrap(), "off");
        for (opens, closes) in
            [("9:00", "18:00"), ("24:00", "18:00"), ("09:60", "18:00"), ("09:00", "25:00"), ("09:00", ""), ("+9:00", "18:00")]
        {
            assert!(text(week(&[span("monday", opens, closes)], "as_usual")).is_err(), "{opens} {closes}");
        }
    }

    #[test]
    fn a_view_has_a_week_or_a_problem() {
        let at = "2026-11-21T08:00:00Z".parse().unwrap();
        let view = HoursView::of("Sa 18:00-02:00; Mo-We 9-12, 13:00-17:00 \"nach Vereinbarung\"; PH off", &munich(), at);
        assert_eq!((view.state, view.next_change), (Some(State::Closed), Some("2026-11-21T17:00:00Z".parse().unwrap())));
        assert_eq!(view.week.len(), 7);
        assert_eq!((view.week[0].date.as_str(), view.week[0].day), ("2026-11-21", Weekday::Saturday));
        let spans: Vec<_> =
            view.week.iter().flat_map(|day| &day.spans).map(|span| (span.opens.as_str(), span.closes.as_str(), span.state)).collect();
        let unknown = [("09:00", "12:00", State::Unknown), ("13:00", "17:00", State::Unknown)];
        assert_eq!(spans, [&[("18:00", "02:00", State::Open)][..], &unknown, &unknown, &unknown].concat());
        let refused = HoursView::of("Mo-Fr 9-12; Sa 17", &munich(), at);
        let problem = refused.problem.unwrap();
        assert_eq!((refused.understood, refused.state, problem.offset, problem.part.as_str()), (false, None, 15, "17"));
        assert!(problem.message.contains("`17` at character 16 has no end"), "{}", problem.message);
    }
}
