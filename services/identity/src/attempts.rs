//! Attempts are counted in windows of time, per account and per client address, so that passwords
//! cannot be guessed and nobody's mailbox can be flooded.

use contracts::Decision;
use kernel::{Code, Duration, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// What was tried, under whose name, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    pub subject: String,
    pub count: u32,
    pub window_ends_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    pub most: u32,
    pub within: Duration,
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
        match current {
            Some(attempts) if attempts.count >= limit.most && now < attempts.window_ends_at => {
                let wait = attempts.window_ends_at.since(now);
                let retry_after_secs = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
                Err(TooManyAttempts { retry_after_secs })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Counts an attempt, whether it was allowed or not. A window begins with its first attempt.
    pub fn count(current: Option<Self>, subject: &str, limit: AttemptLimit, now: Timestamp) -> Decision<Self> {
        Decision::changed(match current {
            Some(attempts) if now < attempts.window_ends_at => Self { count: attempts.count.saturating_add(1), ..attempts },
            Some(_) | None => Self { subject: subject.to_owned(), count: 1, window_ends_at: now.plus(limit.within) },
        })
    }

    /// Counts an attempt before it is made, if it may be made.
    pub fn take(current: Option<Self>, subject: &str, limit: AttemptLimit, now: Timestamp) -> Result<Decision<Self>, TooManyAttempts> {
        Self::check(current.as_ref(), limit, now)?;
        Ok(Self::count(current, subject, limit, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: AttemptLimit = AttemptLimit { most: 3, within: Duration::from_secs(900) };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    /// Tries at the given seconds; checks which were allowed, or how long to wait.
    fn check(tries: &[i64], expect: &[Result<u32, u32>]) {
        let mut current = None;
        let mut seen = Vec::new();
        for secs in tries {
            match Attempts::take(current.clone(), "ann", LIMIT, at(*secs)) {
                Ok(decision) => {
                    seen.push(Ok(decision.state().count));
                    current = Some(decision.into_state());
                }
                Err(error) => seen.push(Err(error.retry_after_secs)),
            }
        }
        assert_eq!(seen, expect, "{tries:?}");
    }

    #[test]
    fn attempts_are_limited_within_a_window() {
        check(&[0, 1, 2], &[Ok(1), Ok(2), Ok(3)]);
        check(&[0, 1, 2, 3, 899], &[Ok(1), Ok(2), Ok(3), Err(897), Err(1)]);
        check(&[0, 1, 2, 900], &[Ok(1), Ok(2), Ok(3), Ok(1)]);
        check(&[0, 890, 891, 901, 902], &[Ok(1), Ok(2), Ok(3), Ok(1), Ok(2)]);
    }

    #[test]
    fn counting_does_not_move_the_window() {
        let first = Attempts::count(None, "ann", LIMIT, at(0)).into_state();
        let second = Attempts::count(Some(first.clone()), "ann", LIMIT, at(100)).into_state();
        assert_eq!(second.window_ends_at, first.window_ends_at);
        assert!(Attempts::check(Some(&second), LIMIT, at(101)).is_ok());
    }
}
