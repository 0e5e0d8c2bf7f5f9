//! Texts that would take long to read or to evaluate, if anything did.

use std::time::{Duration, Instant};

use hours::{OpeningHours, Place};
use kernel::GeoPosition;

/// In an unoptimized build on a busy machine; it takes some milliseconds otherwise.
const LONGEST: Duration = Duration::from_secs(2);
const CHARS: usize = 1_000;

fn filled(part: &str, separator: &str) -> String {
    vec![part; CHARS / (part.len() + separator.len())].join(separator)
}

#[test]
fn nothing_takes_long() {
    let minutes: Vec<String> =
        (0..24).flat_map(|hour| [0, 3].map(|minute| format!("{hour:02}:{minute:02}-{hour:02}:{:02}", minute + 1))).collect();
    let cases = [
        filled("Mo-Su 00:00-24:00", "; "),
        "Feb 29 10:00-11:00".to_owned(),
        "off".to_owned(),
        "9998 Mo 10:00-11:00".to_owned(),
        filled("2000-9998/7 Mo 10:00-10:01", "; "),
        "week 53 Mo[5] 23:59-24:00".to_owned(),
        filled("easter -100 days-easter +200 days off", "; "),
        format!("Mo-Su {}", minutes.join(",")),
        filled("Mo 10:00-11:00 \"x\"", "; "),
        filled("Mo 10:00-11:00", " || "),
        filled("PH,SH off", "; "),
        filled("(sunrise+00:01)-(sunset-00:01)", "; "),
        filled("sunrise-sunset off", "; "),
        filled("week 1-53/2 Mo-Su 00:00-12:00", "; "),
        filled("Mo[1] +366 days 10:00-11:00", "; "),
        filled("Mo-Su 00:00-23:59", ", "),
        "Mo 00:00-48:00".to_owned(),
        filled("unknown", "; "),
        filled("Jan 01-Dec 31 off", "; "),
        "2020-2100/2 off; 2021-2101/2 Mo 10:00-10:01".to_owned(),
        filled("1", ","),
        "[".repeat(CHARS),
        "\"".repeat(CHARS),
    ];
    let place = Place::new("Europe/Oslo", "NO", GeoPosition::new(69.6, 18.9)).unwrap();
    let at = "2026-11-30T12:00:00Z".parse().unwrap();
    for text in cases {
        let begun = Instant::now();
        if let Ok(hours) = text.parse::<OpeningHours>() {
            hours.now(&place, at);
            hours.intervals(&place, at, 7);
        }
        let taken = begun.elapsed();
        println!("{taken:?} {}", &text[..text.len().min(60)]);
        assert!(taken < LONGEST, "{taken:?}: {text}");
    }
}
