//! Where the hours hold: the clock on the wall, the holidays, the sun.

use chrono::NaiveDate;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use kernel::{GeoPosition, Timestamp};
use opening_hours::ContextHolidays;
use opening_hours::localization::Country;
use sunrise::{Coordinates, DawnType, SolarDay, SolarEvent};

use crate::calendar::{SunEvent, easter, moved};

/// Without a position the sun rises at six.
const SUN_MINUTES: [(SunEvent, i16); 4] =
    [(SunEvent::Dawn, 330), (SunEvent::Sunrise, 360), (SunEvent::Sunset, 1_080), (SunEvent::Dusk, 1_110)];

#[derive(Debug, Clone)]
pub struct Place {
    pub(crate) zone: TimeZone,
    pub(crate) holidays: Holidays,
    position: Option<Coordinates>,
}

impl Place {
    /// The IANA name of a zone, and where the place is as far as that is known. A region is `DE`, `DE-BY` or `DE-Bayern`;
    /// one that is not known has no holidays. `None` for a zone that there is not.
    pub fn new(zone: &str, region: &str, position: Option<GeoPosition>) -> Option<Self> {
        Some(Self {
            zone: TimeZone::get(zone).ok()?,
            holidays: Holidays::of(region),
            position: position.and_then(|position| Coordinates::new(position.lat, position.lon)),
        })
    }

    /// The clock on the wall. What lies beyond the calendar is moved to its end.
    pub(crate) fn wall(&self, at: Timestamp) -> DateTime {
        let end = if at.as_millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        self.zone.to_datetime(jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(end))
    }

    /// The instant at which its clock shows so many minutes after midnight; `None` beyond the calendar and for
    /// minutes that no day has.
    pub fn at(&self, date: Date, minute: i16) -> Option<Timestamp> {
        let time = Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
        let at = self.zone.to_timestamp(date.to_datetime(time)).ok()?;
        Some(Timestamp::from_millis(at.as_millisecond()))
    }

    /// The day of `at` and those after it, so many of them.
    pub fn days(&self, at: Timestamp, count: i16) -> impl Iterator<Item = Date> + use<> {
        let today = self.wall(at).date();
        (0..count).map(move |day| moved(today, day))
    }

    /// Minutes since midnight by the clock on the wall; `None` on a day without the event, beyond the polar circles.
    pub(crate) fn sun(&self, event: SunEvent, date: Date) -> Option<i16> {
        let Some(position) = self.position else {
            return SUN_MINUTES.iter().find(|(known, _)| *known == event).map(|(_, minutes)| *minutes);
        };
        let event = match event {
            SunEvent::Dawn => SolarEvent::Dawn(DawnType::Civil),
            SunEvent::Sunrise => SolarEvent::Sunrise,
            SunEvent::Sunset => SolarEvent::Sunset,
            SunEvent::Dusk => SolarEvent::Dusk(DawnType::Civil),
        };
        // Far from Greenwich the event of the solar day may fall on the day before or after.
        [0, -1, 1].into_iter().find_map(|days| {
            let instant = SolarDay::new(position, naive(moved(date, days))?).event_time(event)?;
            let wall = self.zone.to_datetime(jiff::Timestamp::from_second(instant.timestamp()).ok()?);
            (wall.date() == date).then(|| i16::from(wall.hour()) * 60 + i16::from(wall.minute()))
        })
    }
}

/// Whether there is an IANA time zone of this name.
pub fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// Whether the holidays of the region are known: a country, `AT`, or a federal state of Germany, `DE-BY`.
pub fn is_region(region: &str) -> bool {
    let holidays = Holidays::of(region);
    holidays.national.is_some() && (holidays.state.is_some() || !region.contains('-'))
}

/// Public holidays of the country and, in Germany, of its federal state; school holidays where a whole country has the same.
#[derive(Debug, Clone)]
pub struct Holidays {
    national: Option<ContextHolidays>,
    state: Option<&'static str>,
}

impl Holidays {
    fn of(region: &str) -> Self {
        let (country, state) = region.split_once('-').unwrap_or((region, ""));
        let country = country.parse::<Country>().ok();
        let state = if country == Some(Country::DE) { german_state(state) } else { None };
        Self { national: country.map(Country::holidays), state }
    }

    pub fn public(&self, date: Date) -> bool {
        let national = self.national.as_ref().is_some_and(|holidays| naive(date).is_some_and(|date| holidays.get_public().contains(date)));
        national || self.state.is_some_and(|state| GERMAN_HOLIDAYS.iter().any(|holiday| holiday.is(date, state)))
    }

    pub fn school(&self, date: Date) -> bool {
        self.national.as_ref().is_some_and(|holidays| naive(date).is_some_and(|date| holidays.get_school().contains(date)))
    }
}

fn naive(date: Date) -> Option<NaiveDate> {
    NaiveDate::from_yo_opt(i32::from(date.year()), u32::try_from(date.day_of_year()).ok()?)
}

/// ISO 3166-2 without the country, and the names in both languages where they differ.
const GERMAN_STATES: [(&str, &[&str]); 16] = [
    ("BB", &["Brandenburg"]),
    ("BE", &["Berlin"]),
    ("BW", &["Baden-Württemberg"]),
    ("BY", &["Bayern", "Bavaria"]),
    ("HB", &["Bremen"]),
    ("HE", &["Hessen", "Hesse"]),
    ("HH", &["Hamburg"]),
    ("MV", &["Mecklenburg-Vorpommern"]),
    ("NI", &["Niedersachsen", "Lower Saxony"]),
    ("NW", &["Nordrhein-Westfalen", "North Rhine-Westphalia"]),
    ("RP", &["Rheinland-Pfalz", "Rhineland-Palatinate"]),
    ("SH", &["Schleswig-Holstein"]),
    ("SL", &["Saarland"]),
    ("SN", &["Sachsen", "Saxony"]),
    ("ST", &["Sachsen-Anhalt", "Saxony-Anhalt"]),
    ("TH", &["Thüringen", "Thuringia"]),
];

fn german_state(region: &str) -> Option<&'static str> {
    let region = region.trim();
    let known = |(code, names): &&(&str, &[&str])| {
        code.eq_ignore_ascii_case(region) || names.iter().any(|name| name.to_lowercase() == region.to_lowercase())
    };
    GERMAN_STATES.iter().find(known).map(|(code, _)| *code)
}

enum Feast {
    Fixed(i8, i8),
    AfterEaster(i16),
    /// The Wednesday before November 23.
    Repentance,
}

/// A holiday that not all of Germany has.
struct GermanHoliday {
    feast: Feast,
    since: i16,
    states: &'static [&'static str],
}

const GERMAN_HOLIDAYS: [GermanHoliday; 12] = [
    GermanHoliday { feast: Feast::Fixed(1, 6), since: 0, states: &["BW", "BY", "ST"] },
    GermanHoliday { feast: Feast::Fixed(3, 8), since: 2019, states: &["BE"] },
    GermanHoliday { feast: Feast::Fixed(3, 8), since: 2023, states: &["MV"] },
    GermanHoliday { feast: Feast::AfterEaster(0), since: 0, states: &["BB"] },
    GermanHoliday { feast: Feast::AfterEaster(49), since: 0, states: &["BB"] },
    GermanHoliday { feast: Feast::AfterEaster(60), since: 0, states: &["BW", "BY", "HE", "NW", "RP", "SL"] },
    GermanHoliday { feast: Feast::Fixed(8, 15), since: 0, states: &["BY", "SL"] },
    GermanHoliday { feast: Feast::Fixed(9, 20), since: 2019, states: &["TH"] },
    GermanHoliday { feast: Feast::Fixed(10, 31), since: 0, states: &["BB", "MV", "SN", "ST", "TH"] },
    GermanHoliday { feast: Feast::Fixed(10, 31), since: 2018, states: &["HB", "HH", "NI", "SH"] },
    GermanHoliday { feast: Feast::Fixed(11, 1), since: 0, states: &["BW", "BY", "NW", "RP", "SL"] },
    GermanHoliday { feast: Feast::Repentance, since: 0, states: &["SN"] },
];

impl GermanHoliday {
    fn is(&self, date: Date, state: &str) -> bool {
        let day = match self.feast {
            Feast::Fixed(month, day) => (date.month(), date.day()) == (month, day),
            Feast::AfterEaster(days) => easter(date.year()).is_some_and(|easter| moved(easter, days) == date),
            Feast::Repentance => date.month() == 11 && (16..=22).contains(&date.day()) && date.weekday() == jiff::civil::Weekday::Wednesday,
        };
        day && date.year() >= self.since && self.states.contains(&state)
    }
}
