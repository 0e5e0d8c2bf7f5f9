//! `opening_hours.js`, the reference implementation, and this crate at 200 instants of a year. What it answered is in
//! `reference/answers.tsv`, which `reference/write.mjs` writes.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use hours::{OpeningHours, Place, State};
use kernel::{GeoPosition, Timestamp};

const ANSWERS: &str = include_str!("reference/answers.tsv");
const EXPRESSIONS_MIN: usize = 2_000;
const INSTANTS_MIN: usize = 200;

const MISSING_SIGN: &str = "the sign between two rules is missing; the reference makes one rule of them, with all days and all hours";
const MINUTE: &str = "the formulas for the sun differ by a minute";
const EASTER: &str = "the reference leaves out the last day of a range that ends with Easter";

/// Where the two differ, and why that is right.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("hamburg", "dawn-(dusk+01:00)", MINUTE),
    ("new-york", "sunset-02:00", MINUTE),
    ("munich", "Mo-Fr 06:00-24:00 Sa-Su 09:00-22:00", MISSING_SIGN),
    ("munich", "Mo-Fr 11:00-14:30, 17:00-22:30. Sa-Su 12:00-22:00", MISSING_SIGN),
    ("munich", "easter -2 days-easter +1 day 10:00-22:00", EASTER),
    ("munich", "Mo closed; Tu-Sa 11:00-23:00; easter-Oct Su[1] Su 11:00-20:00; Oct Su[2]-easter Su 11:00-18:00", EASTER),
    (
        "munich",
        "Tu-Fr 11:30-14:30,18:00-23:00; Sa,Su,PH 00:00+",
        "an open end is unknown at midnight, too; the reference takes this one for the whole day",
    ),
    (
        "munich",
        "Tu-Fr,Su.PH 11:30-14:30,18:00-22:00; Sa 17:30-22:00; Mo off",
        "the dot stands for a comma; the reference leaves it out and reads: only holidays on these days",
    ),
    (
        "munich",
        "Tu-Th 12:00-14:00, Mo-Sa 18:00+; Su,PH,SH off || \"größere Reservierungen auch außerhalb der Öffnungszeiten möglich!\"",
        "the school holidays of Bavaria are not known here",
    ),
    ("munich", "sunset+", "how long it may be open is guessed from the hour of the sunset; the reference takes six for it"),
    ("vienna", "PH 10:00-20:00", "the table of Austria counts Easter Sunday"),
];

struct Reference {
    places: BTreeMap<&'static str, Place>,
    instants: Vec<Timestamp>,
    /// The place, the expression, and the states as letters.
    answers: Vec<(&'static str, &'static str, &'static str)>,
}

fn reference() -> Reference {
    let mut read = Reference { places: BTreeMap::new(), instants: Vec::new(), answers: Vec::new() };
    for line in ANSWERS.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["# place", name, zone, country, region, lat, lon] => {
                let position = GeoPosition::new(lat.parse().unwrap(), lon.parse().unwrap()).unwrap();
                read.places.insert(name, Place::new(zone, &format!("{country}-{region}"), Some(position)).unwrap());
            }
            ["# minutes since 1970", minutes] => {
                let instant = |minute: &str| Timestamp::from_millis(minute.parse::<i64>().unwrap() * 60_000);
                read.instants = minutes.split(' ').map(instant).collect();
            }
            [place, text, states] => read.answers.push((place, text, states)),
            _ => assert!(line.starts_with("# "), "{line}"),
        }
    }
    read
}

/// Three to a letter, `a` to `z` and `_`.
fn states(letters: &str) -> impl Iterator<Item = State> {
    letters.bytes().flat_map(|letter| {
        let number = if letter == b'_' { 26 } else { letter - b'a' };
        [number / 9, number / 3 % 3, number % 3].map(|digit| [State::Closed, State::Open, State::Unknown][usize::from(digit)])
    })
}

#[test]
fn every_state_is_that_of_the_reference() {
    let reference = reference();
    let (mut refused, mut compared, mut differences) = (0, 0, 0);
    let mut unexplained = Vec::new();
    let mut differing = BTreeSet::new();
    for (name, text, letters) in &reference.answers {
        if *letters == "-" {
            refused += 1;
            continue;
        }
        let place = &reference.places[name];
        let hours = match text.parse::<OpeningHours>() {
            Ok(hours) => hours,
            Err(misread) => {
                differing.insert((*name, *text));
                unexplained.push(((*name, *text), format!("refused, {misread}")));
                continue;
            }
        };
        compared += 1;
        let mut found = Vec::new();
        for (at, expect) in reference.instants.iter().zip(states(letters)) {
            let state = hours.state(place, *at);
            if state != expect {
                found.push(format!("{at} {state:?}, there {expect:?}"));
            }
        }
        if !found.is_empty() {
            differences += found.len();
            differing.insert((*name, *text));
            unexplained.push(((*name, *text), format!("{} differ: {}", found.len(), found[..found.len().min(3)].join("; "))));
        }
    }
    unexplained.retain(|(asked, _)| !EXPLAINED.iter().any(|(place, text, _)| (*place, *text) == *asked));
    println!(
        "{} expressions, {refused} of them refused by the reference, at {} instants: {differences} of {} states differ, in {} expressions, which are explained",
        reference.answers.len(),
        reference.instants.len(),
        compared * reference.instants.len(),
        differing.len(),
    );
    assert!(reference.answers.len() >= EXPRESSIONS_MIN && reference.instants.len() >= INSTANTS_MIN);
    assert!(unexplained.is_empty(), "{} without an explanation: {unexplained:#?}", unexplained.len());
    let stale: Vec<_> = EXPLAINED.iter().filter(|(place, text, _)| !differing.contains(&(*place, *text))).collect();
    assert!(stale.is_empty(), "no longer different: {stale:?}");
}

#[test]
fn the_state_lasts_until_the_next_change() {
    let reference = reference();
    let mut changes = 0;
    for (place, text, _) in reference.answers.iter().step_by(7) {
        let Ok(hours) = text.parse::<OpeningHours>() else { continue };
        let place = &reference.places[place];
        for at in reference.instants.iter().step_by(11) {
            let now = hours.now(place, *at);
            let Some(change) = now.next_change else { continue };
            changes += 1;
            let state = |at: i64| hours.state(place, Timestamp::from_millis(at));
            assert_ne!(state(change.as_millis()), now.state, "{text} at {at}");
            assert_eq!(state(change.as_millis() - 60_000), now.state, "{text} at {at}");
            let hour = at.as_millis() + 3_600_000;
            assert!(hour >= change.as_millis() || state(hour) == now.state, "{text} at {at}");
        }
    }
    assert!(changes > 4_000, "{changes}");
}

#[test]
fn what_is_written_anew_means_the_same() {
    for (_, text, _) in reference().answers {
        let Ok(hours) = text.parse::<OpeningHours>() else { continue };
        let written = hours.to_string();
        let again: OpeningHours = written.parse().unwrap_or_else(|misread| panic!("{text} became {written}: {misread}"));
        assert_eq!(again.to_string(), written, "{text}");
        assert_eq!(again, hours, "{text} became {written}");
    }
}
