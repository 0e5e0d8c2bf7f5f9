//! What a rule is given besides the state, and what it leads to.

use contracts::{Decision, Event};
use kernel::{Actor, Problem, Timestamp};
use ports::store::{Expect, Key, Record, Write};

use crate::http::Reply;
use crate::stamp::stamped;

/// Everything a rule may depend on besides its state: the time, the actor, and a seed for ids and secrets. Stable
/// across retries, except `now`.
#[derive(Debug, Clone)]
pub struct DecisionContext {
    pub now: Timestamp,
    pub actor: Actor,
    pub(crate) begun_at: Timestamp,
    pub(crate) seed: [u8; 16],
}

impl DecisionContext {
    /// A new identifier. The same `n` gives the same one when the rule runs again.
    pub fn id<T: From<u128>>(&self, n: u8) -> T {
        T::from(stamped(self.begun_at, &self.chance(b'i', n)))
    }

    /// 192 bits of chance as 32 characters that need no escaping in a URL.
    pub fn secret(&self, n: u8) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&self.chance(b's', n)[..24])
    }

    pub(crate) fn chance(&self, purpose: u8, n: u8) -> [u8; 32] {
        let mut input = [0; 18];
        input[..16].copy_from_slice(&self.seed);
        input[16] = purpose;
        input[17] = n;
        *blake3::hash(&input).as_bytes()
    }
}

/// Writes and events that shall happen together. Nothing happens until the unit of work commits them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Changes {
    pub(crate) writes: Vec<Write>,
    /// With the version of the subject's item after the commit, if it is known.
    pub(crate) events: Vec<(Event, Option<u64>)>,
}

impl Changes {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.events.is_empty()
    }

    /// A new item, always written. The commit conflicts if there is one already, and the rule is asked again.
    pub fn create<T: Record>(decision: Decision<T>) -> Result<Self, Problem> {
        Self::put_expecting(Expect::Absent, true, decision)
    }

    /// The next version of an item that was read at `version`, if the decision changed it.
    pub fn update<T: Record>(version: u64, decision: Decision<T>) -> Result<Self, Problem> {
        Self::put_expecting(Expect::Version(version), decision.is_changed(), decision)
    }

    /// A new item where there was none, or the next version of the one that was read at `version`.
    pub fn put<T: Record>(version: Option<u64>, decision: Decision<T>) -> Result<Self, Problem> {
        match version {
            Some(version) => Self::update(version, decision),
            None => Self::create(decision),
        }
    }

    fn put_expecting<T: Record>(expect: Expect, write: bool, decision: Decision<T>) -> Result<Self, Problem> {
        let mut changes = Self::none();
        let (state, events) = decision.into_parts();
        if write {
            changes.writes.push(Write::Put { item: state.to_item()?, expect });
        }
        let version = expect.version_after();
        changes.events = events.into_iter().map(|event| (event, Some(version))).collect();
        Ok(changes)
    }

    pub fn delete(self, key: Key, version: u64) -> Self {
        self.write(Write::Delete { key, expect: Expect::Version(version) })
    }

    /// An item that follows from another one of the same commit, which carries the guard.
    pub fn derived<T: Record>(self, record: &T) -> Result<Self, Problem> {
        let item = record.to_item()?;
        Ok(self.write(Write::Put { item, expect: Expect::Anything }))
    }

    pub fn delete_derived(self, key: Key) -> Self {
        self.write(Write::Delete { key, expect: Expect::Anything })
    }

    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    pub fn emit(mut self, event: impl Into<Event>) -> Self {
        self.events.push((event.into(), None));
        self
    }

    pub fn and(mut self, other: Self) -> Self {
        self.writes.extend(other.writes);
        self.events.extend(other.events);
        self
    }

    /// These changes with the answer to the request.
    pub fn reply(self, reply: Reply) -> Outcome {
        self.with(reply)
    }

    /// These changes with what the job returns once they are committed.
    pub fn with<T>(self, value: T) -> Outcome<T> {
        Outcome { changes: self, value }
    }
}

/// Changes, and what the caller gets once they are committed: the answer to a request, the result of a job.
#[must_use]
pub struct Outcome<T = Reply> {
    pub(crate) changes: Changes,
    pub(crate) value: T,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Changes::none().reply(reply)
    }
}

/// What the rule of a job returns: its changes with a result, or its changes alone.
pub trait JobOutcome {
    type Value: Clone;

    fn into_outcome(self) -> Outcome<Self::Value>;
}

impl<T: Clone> JobOutcome for Outcome<T> {
    type Value = T;

    fn into_outcome(self) -> Self {
        self
    }
}

/// The result is whether anything changed.
impl JobOutcome for Changes {
    type Value = bool;

    fn into_outcome(self) -> Outcome<bool> {
        let changed = !self.is_empty();
        self.with(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::OrderId;

    #[test]
    fn ids_repeat_for_the_same_moment_and_sort_by_its_time() {
        let context = |millis, seed| DecisionContext {
            now: Timestamp::from_millis(millis),
            actor: Actor::Guest,
            begun_at: Timestamp::from_millis(millis),
            seed: [seed; 16],
        };
        let early = context(1_000, 9);
        assert_eq!(early.id::<OrderId>(0), early.id::<OrderId>(0));
        assert_ne!(early.id::<OrderId>(0), early.id::<OrderId>(1));
        assert!(early.id::<OrderId>(0) < context(1_001, 1).id::<OrderId>(0));
        assert_eq!(early.secret(0).len(), 32);
        assert_ne!(early.secret(0), context(1_000, 8).secret(0));
    }
}
