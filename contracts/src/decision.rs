//! What a rule returns.

use crate::Event;

/// The state after a rule, and the events that tell what happened.
///
/// A repeated command is a no-op, not an error: `Decision::unchanged` writes nothing and emits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision<T> {
    state: T,
    events: Vec<Event>,
    /// Whether the state differs from what the rule was given.
    changed: bool,
}

impl<T> Decision<T> {
    pub fn changed(state: T) -> Self {
        Self { state, events: Vec::new(), changed: true }
    }

    pub fn unchanged(state: T) -> Self {
        Self { state, events: Vec::new(), changed: false }
    }

    pub fn state(&self) -> &T {
        &self.state
    }

    pub fn into_state(self) -> T {
        self.state
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Whether the state differs from what the rule was given.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    pub fn into_parts(self) -> (T, Vec<Event>) {
        (self.state, self.events)
    }

    /// The same decision about a larger state that holds this one.
    pub fn map<U>(self, whole: impl FnOnce(T) -> U) -> Decision<U> {
        Decision { state: whole(self.state), events: self.events, changed: self.changed }
    }

    /// Asks another rule about the state that this one leaves. Events come in their order.
    pub fn then<E>(self, rule: impl FnOnce(T) -> Result<Self, E>) -> Result<Self, E> {
        let next = rule(self.state)?;
        let events = self.events.into_iter().chain(next.events).collect();
        Ok(Self { state: next.state, events, changed: self.changed || next.changed })
    }

    /// With these events in place of its own.
    pub fn with_events(self, events: Vec<Event>) -> Self {
        Self { events, ..self }
    }

    pub fn emit(mut self, event: impl Into<Event>) -> Self {
        self.events.push(event.into());
        self
    }
}
