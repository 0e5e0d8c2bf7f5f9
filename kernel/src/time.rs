//! Instants in UTC, in milliseconds; written as RFC 3339 with exactly three decimals, so that the
//! order of the texts is the order of the instants.

use std::fmt;
use std::str::FromStr;

use utoipa::openapi::{KnownFormat, SchemaFormat};

use crate::written::{serde_as_text, text_schema};

/// A span of time; the standard library's, so that limits and time-outs need no conversion.
pub use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, from the year 0000 to 9999-12-30.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const MIN: Self = Self(-62_167_219_200_000);
    pub const MAX: Self = Self(253_402_128_000_000);

    /// Clamps to the years that RFC 3339 can write.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    pub fn as_millis(self) -> i64 {
        self.0
    }

    pub fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{instant:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        Ok(Self::from_millis(text.parse::<jiff::Timestamp>()?.as_millisecond()))
    }
}

serde_as_text!(Timestamp, "an instant such as 2026-11-30T08:15:00.000Z");
text_schema!(Timestamp, |schema| schema.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_sort_like_instants_and_come_back() {
        let instants = [Timestamp::MIN, Timestamp::from_millis(0), Timestamp::from_millis(1_763_692_800_001), Timestamp::MAX];
        for pair in instants.windows(2) {
            assert!(pair[0].to_string() < pair[1].to_string());
        }
        for instant in instants {
            assert_eq!(instant.to_string().parse::<Timestamp>().unwrap(), instant);
        }
        assert_eq!(Timestamp::from_millis(5).to_string(), "1970-01-01T00:00:00.005Z");
    }
}
