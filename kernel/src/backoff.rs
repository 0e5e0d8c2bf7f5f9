//! How long to wait before something is tried again.

use crate::Duration;

/// Pauses that double from `first` to `max`, each shortened by chance to between half and all of it, so that those who
/// failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub max: Duration,
}

impl Backoff {
    /// The pause after the failed try number `attempt`, from 1. `chance` is evenly distributed.
    pub fn delay(self, attempt: u32, chance: u16) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.max);
        full / 2 + (full / 2) * u32::from(chance) / 65_536
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(1) };
        for (attempt, chance, expect_ms) in
            [(1, 0, 50), (1, u16::MAX, 99), (2, 0, 100), (3, 32_768, 300), (4, 0, 400), (5, 0, 500), (u32::MAX, u16::MAX, 999)]
        {
            assert_eq!(backoff.delay(attempt, chance).as_millis(), expect_ms, "{attempt} {chance}");
        }
    }
}
