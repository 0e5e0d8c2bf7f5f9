//! What a rule returns.

use crate::Event;

/// The state after a rule, and the events that tell what happened.
///
/// A repeated command is a no-op, not an error: `Decision::unchanged` writes and tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision<T> {
    pub state: T,
    pub events: Vec<Event>,
    /// Whether the state differs from what the rule was given.
    pub changed: bool,
}

impl<T> Decision<T> {
    pub fn changed(state: T) -> Self {
        Self { state, events: Vec::new(), changed: true }
    }

    pub fn unchanged(state: T) -> Self {
        Self { state, events: Vec::new(), changed: false }
    }

    /// The same about what the state is a part of.
    pub fn map<U>(self, whole: impl FnOnce(T) -> U) -> Decision<U> {
        Decision { state: whole(self.state), events: self.events, changed: self.changed }
    }

    pub fn emit(mut self, event: impl Into<Event>) -> Self {
        self.events.push(event.into());
        self
    }
}
