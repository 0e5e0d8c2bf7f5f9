//! A rule while it is read.

use crate::rules::{Days, Span, State};

/// What a rule has of its parts so far.
#[derive(Default)]
pub struct Draft {
    pub days: Days,
    pub spans: Vec<Span>,
    pub always: bool,
    pub state: Option<State>,
    pub comment: Option<String>,
}

impl Draft {
    /// Whether hours or a state have been read, which come last.
    pub fn is_full(&self) -> bool {
        self.always || !self.spans.is_empty() || self.state.is_some()
    }

    pub fn is_empty(&self) -> bool {
        !self.is_full() && self.days.is_empty() && self.comment.is_none()
    }
}
