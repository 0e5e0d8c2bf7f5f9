//! Opening hours in OpenStreetMap's syntax, read with the clock on the wall of the place.
//!
//! The specification is `https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification`. What people write
//! beside it is taken as `opening_hours.js`, the reference implementation, takes it: `tests/reference.rs` compares
//! them. Everything is counted in minutes.

mod parse;
mod place;
mod rules;
mod schedule;
mod words;
mod write;

pub use place::{Place, is_region, is_time_zone};
pub use rules::State;
pub use schedule::{Interval, Now};

use rules::Rule;

/// The rules of one place. Reading takes some microseconds, a look at the state fewer, a change that is a year away
/// a hundred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    rules: Vec<Rule>,
}

/// Why a text is not understood, in words for who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Misread {
    /// Characters before the part that is not understood.
    pub offset: usize,
    /// The part itself; empty at the end of the text.
    pub part: String,
    /// What is wrong with it, as the rest of a sentence.
    pub reason: &'static str,
}

impl std::str::FromStr for OpeningHours {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        parse::rules(text).map(|rules| Self { rules })
    }
}

impl Misread {
    fn new(text: &str, from: usize, to: usize, reason: &'static str) -> Self {
        Self { offset: text[..from].chars().count(), part: text[from..to].to_owned(), reason }
    }

    fn sentence(&self) -> String {
        if self.part.is_empty() {
            format!("the end {}", self.reason)
        } else {
            format!("`{}` at character {} {}", self.part, self.offset + 1, self.reason)
        }
    }
}

/// Whether the position of the place may count for the text. It is told from its letters, without reading it.
pub fn may_follow_the_sun(text: &str) -> bool {
    let text = text.to_lowercase();
    ["sun", "sonnen", "dawn", "dusk"].iter().any(|word| text.contains(word))
}
