//! Attempts are counted in windows of time, so that passwords cannot be guessed and nobody's mailbox can be
//! flooded. What strangers try must not lock the owner out: see `gate.rs`.

use contracts::Decision;
use kernel::{Code, Duration, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a client that has signed in to an account is known to it.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// What was tried, under whose name, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    pub subject: String,
    pub count: u32,
    pub last_at: Timestamp,
    pub window_ends_at: Timestamp,
    /// Until when the client is known to the account, since it has signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    pub most: u32,
    pub within: Duration,
    pub beyond: Beyond,
}

/// What becomes of attempts beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// None until the window ends.
    Closed,
    /// After a pause of a second, then of two, of four and so on, until the window ends.
    Pauses,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; wait {retry_after_secs} seconds")]
pub struct TooManyAttempts {
    pub retry_after_secs: u32,
}

impl From<TooManyAttempts> for Problem {
    fn from(error: TooManyAttempts) -> Self {
        Self::new(Code::TooManyAttempts, error.to_string()).retry_after(error.retry_after_secs)
    }
}

impl Attempts {
    /// Whether another attempt may be made.
    pub fn check(current: Option<&Self>, limit: AttemptLimit, now: Timestamp) -> Result<(), TooManyAttempts> {
        let Some(attempts) = current.filter(|attempts| attempts.count >= limit.most) else { return Ok(()) };
        let until = match limit.beyond {
            Beyond::Closed => attempts.window_ends_at,
            Beyond::Pauses => {
                let pause =
                    Duration::from_secs(1_u64.checked_shl(attempts.count - limit.most).unwrap_or(u64::MAX).min(limit.within.as_secs()));
                attempts.last_at.plus(pause).min(attempts.window_ends_at)
            }
        };
        if now >= until {
            return Ok(());
        }
        let retry_after_secs = u32::try_from(until.since(now).as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        Err(TooManyAttempts { retry_after_secs })
    }

    /// Counts an attempt, whether it was allowed or not. A window begins with its first attempt.
    pub fn count(current: Option<Self>, subject: &str, limit: AttemptLimit, now: Timestamp) -> Decision<Self> {
        let known_until = current.as_ref().and_then(|attempts| attempts.known_until);
        Decision::changed(match current {
            Some(attempts) if now < attempts.window_ends_at => Self { count: attempts.count.saturating_add(1), last_at: now, ..attempts },
            Some(_) | None => {
                Self { subject: subject.to_owned(), count: 1, last_at: now, window_ends_at: now.plus(limit.within), known_until }
            }
        })
    }

    /// The client has signed in: its attempts are forgotten, and it is known.
    pub fn known(subject: String, now: Timestamp) -> Self {
        Self { subject, count: 0, last_at: now, window_ends_at: now, known_until: Some(now.plus(KNOWN_FOR)) }
    }

    pub fn is_known(&self, now: Timestamp) -> bool {
        self.known_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: AttemptLimit = AttemptLimit { most: 3, within: Duration::from_secs(900), beyond: Beyond::Closed };
    const PAUSES: AttemptLimit = AttemptLimit { beyond: Beyond::Pauses, ..CLOSED };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    /// Tries at the given seconds; checks which were allowed, or how long to wait.
    fn check(limit: AttemptLimit, tries: &[i64], expect: &[Result<u32, u32>]) {
        let mut current = None;
        let mut seen = Vec::new();
        for secs in tries {
            match Attempts::check(current.as_ref(), limit, at(*secs)) {
                Ok(()) => {
                    let counted = Attempts::count(current, "ann", limit, at(*secs)).into_state();
                    seen.push(Ok(counted.count));
                    current = Some(counted);
                }
                Err(error) => seen.push(Err(error.retry_after_secs)),
            }
        }
        assert_eq!(seen, expect, "{tries:?}");
    }

    #[test]
    fn attempts_are_limited_within_a_window() {
        check(CLOSED, &[0, 1, 2], &[Ok(1), Ok(2), Ok(3)]);
        check(CLOSED, &[0, 1, 2, 3, 899], &[Ok(1), Ok(2), Ok(3), Err(897), Err(1)]);
        check(CLOSED, &[0, 1, 2, 900], &[Ok(1), Ok(2), Ok(3), Ok(1)]);
        check(CLOSED, &[0, 890, 891, 901, 902], &[Ok(1), Ok(2), Ok(3), Ok(1), Ok(2)]);
    }

    #[test]
    fn pauses_grow() {
        check(PAUSES, &[0, 0, 0, 0, 1, 2, 3, 6, 7], &[Ok(1), Ok(2), Ok(3), Err(1), Ok(4), Err(1), Ok(5), Err(1), Ok(6)]);
        check(PAUSES, &[0, 0, 898, 898, 900], &[Ok(1), Ok(2), Ok(3), Err(1), Ok(1)]);
        let many = Attempts { subject: "ann".into(), count: 500, last_at: at(0), window_ends_at: at(900), known_until: None };
        assert_eq!(Attempts::check(Some(&many), PAUSES, at(1)), Err(TooManyAttempts { retry_after_secs: 899 }));
    }

    #[test]
    fn counting_neither_moves_the_window_nor_forgets_the_client() {
        let first = Attempts::count(None, "ann", CLOSED, at(0)).into_state();
        let second = Attempts::count(Some(first.clone()), "ann", CLOSED, at(100)).into_state();
        assert_eq!(second.window_ends_at, first.window_ends_at);
        assert!(Attempts::check(Some(&second), CLOSED, at(101)).is_ok());
        let known = Attempts::count(Some(Attempts::known("ann".into(), at(0))), "ann", CLOSED, at(1)).into_state();
        assert_eq!((known.count, known.is_known(at(1)), known.is_known(at(90 * 24 * 3600))), (1, true, false));
    }
}
