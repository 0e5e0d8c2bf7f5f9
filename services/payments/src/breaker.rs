//! A circuit breaker: after so many failures in a row nobody is let through for a while, then one
//! caller is, as a probe, and its outcome decides. Pure: time is handed in.

use std::time::Duration;

use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open.
    pub open: Duration,
    /// After this a probe counts as lost, and another is let through.
    pub probe: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { failures: 5, open: Duration::from_secs(10), probe: Duration::from_secs(10) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
#[schema(as = BreakerState)]
pub enum State {
    /// Calls go through. So many in a row have failed.
    Closed { failures: u32 },
    /// No call goes through.
    Open { until: Timestamp },
    /// One call probes whether there is an answer again, and may take until then.
    HalfOpen { until: Timestamp },
}

/// Leave to call. Its outcome counts only for the state it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Permit {
    generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
}

#[derive(Debug, Clone)]
pub struct Breaker {
    limits: Limits,
    state: State,
    /// Raised by every change of state, and by every probe.
    generation: u64,
}

impl Breaker {
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Closed { failures: 0 }, generation: 0 }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Leave to call now, or the instant from which it is worth asking again.
    pub fn admit(&mut self, now: Timestamp) -> Result<Permit, Timestamp> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { until } | State::HalfOpen { until } if now < until => return Err(until),
            State::Open { .. } | State::HalfOpen { .. } => self.enter(State::HalfOpen { until: now.plus(self.limits.probe) }),
        }
        Ok(Permit { generation: self.generation })
    }

    /// Tells the outcome of a call. The outcome of one that was let through in a former state says
    /// nothing about the present one.
    pub fn report(&mut self, permit: Permit, outcome: Outcome, now: Timestamp) {
        if permit.generation != self.generation {
            return;
        }
        match (self.state, outcome) {
            (State::Closed { .. }, Outcome::Success) => self.state = State::Closed { failures: 0 },
            (State::Closed { failures }, Outcome::Failure) if failures + 1 < self.limits.failures => {
                self.state = State::Closed { failures: failures + 1 };
            }
            (State::HalfOpen { .. }, Outcome::Success) => self.enter(State::Closed { failures: 0 }),
            (State::Closed { .. } | State::HalfOpen { .. }, Outcome::Failure) => {
                self.enter(State::Open { until: now.plus(self.limits.open) });
            }
            // Nobody holds a permit of an open breaker.
            (State::Open { .. }, Outcome::Success | Outcome::Failure) => {}
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { failures: 3, open: Duration::from_millis(10), probe: Duration::from_millis(5) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn call(breaker: &mut Breaker, outcome: Outcome, now: Timestamp) -> bool {
        let permit = breaker.admit(now);
        if let Ok(permit) = permit {
            breaker.report(permit, outcome, now);
        }
        permit.is_ok()
    }

    #[test]
    fn the_states_in_turn() {
        use Outcome::{Failure, Success};
        let mut breaker = Breaker::new(LIMITS);
        for (now, outcome, admitted, state) in [
            (0, Failure, true, State::Closed { failures: 1 }),
            (0, Failure, true, State::Closed { failures: 2 }),
            (0, Success, true, State::Closed { failures: 0 }),
            (1, Failure, true, State::Closed { failures: 1 }),
            (1, Failure, true, State::Closed { failures: 2 }),
            (1, Failure, true, State::Open { until: at(11) }),
            (2, Success, false, State::Open { until: at(11) }),
            (10, Success, false, State::Open { until: at(11) }),
            (11, Failure, true, State::Open { until: at(21) }),
            (20, Success, false, State::Open { until: at(21) }),
            (21, Success, true, State::Closed { failures: 0 }),
            (21, Failure, true, State::Closed { failures: 1 }),
        ] {
            assert_eq!(call(&mut breaker, outcome, at(now)), admitted, "at {now}");
            assert_eq!(breaker.state(), state, "at {now}");
        }
    }

    #[test]
    fn one_probe_at_a_time_and_a_lost_one_is_replaced() {
        let mut breaker = Breaker::new(Limits { failures: 1, ..LIMITS });
        assert!(call(&mut breaker, Outcome::Failure, at(0)));
        let lost = breaker.admit(at(10)).unwrap();
        assert_eq!(breaker.admit(at(11)), Err(at(15)));
        let second = breaker.admit(at(15)).unwrap();
        breaker.report(lost, Outcome::Failure, at(16));
        assert_eq!(breaker.state(), State::HalfOpen { until: at(20) }, "the lost probe no longer counts");
        breaker.report(second, Outcome::Success, at(17));
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }

    #[test]
    fn answers_to_calls_from_before_do_not_count() {
        let mut breaker = Breaker::new(Limits { failures: 1, ..LIMITS });
        let (slow, slower) = (breaker.admit(at(0)).unwrap(), breaker.admit(at(0)).unwrap());
        assert!(call(&mut breaker, Outcome::Failure, at(1)));
        breaker.report(slow, Outcome::Success, at(2));
        assert_eq!(breaker.state(), State::Open { until: at(11) });
        assert!(call(&mut breaker, Outcome::Success, at(11)));
        breaker.report(slower, Outcome::Failure, at(12));
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }

    proptest! {
        /// Whatever happens, an open breaker lets nobody through before its time, half open it lets
        /// through one per probe time, and it opens only after the failures it was told to wait for.
        #[test]
        fn it_keeps_its_promises(steps in prop::collection::vec((0_i64..8, 0_u8..4), 1..200)) {
            let mut breaker = Breaker::new(LIMITS);
            let mut now = 0;
            let mut permits = Vec::new();
            let mut failures = 0;
            for (wait, action) in steps {
                now += wait;
                let before = breaker.state();
                match action {
                    0 | 1 => match (before, breaker.admit(at(now))) {
                        (State::Closed { .. }, admitted) => { prop_assert!(admitted.is_ok()); permits.extend(admitted); }
                        (State::Open { until } | State::HalfOpen { until }, admitted) => {
                            prop_assert_eq!(admitted.is_ok(), at(now) >= until);
                            permits.extend(admitted);
                        }
                    },
                    other => if let Some(permit) = permits.pop() {
                        let outcome = if other == 2 { Outcome::Success } else { Outcome::Failure };
                        breaker.report(permit, outcome, at(now));
                        failures = if outcome == Outcome::Failure { failures + 1 } else { failures };
                    },
                }
                if let State::Closed { failures } = breaker.state() { prop_assert!(failures < LIMITS.failures); }
                if matches!((before, breaker.state()), (State::Closed { .. }, State::Open { .. })) { prop_assert!(failures >= LIMITS.failures); }
            }
        }
    }
}
