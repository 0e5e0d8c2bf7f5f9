//! An event on its way to a consumer.

use std::sync::Arc;

use contracts::Envelope;

/// An event handed to a consumer.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub envelope: Arc<Envelope>,
    pub consumer: &'static str,
    /// 1 for the first try.
    pub attempt: u32,
    /// Set when an operator wants the effect again, although it has happened: the name of that replay.
    pub replay: Option<String>,
    /// Which of several commits that the event leads to; 0 for the only one.
    pub(crate) part: u32,
}

impl Delivery {
    /// For a consumer that makes several commits of one event: each has an inbox record, ids and events of its own.
    /// The number of a part must be the same whenever the event comes again.
    #[must_use]
    pub fn part(&self, part: u32) -> Self {
        Self { part, ..self.clone() }
    }

    pub(crate) fn inbox_id(&self) -> String {
        let mut id = format!("{}#{}", self.consumer, self.envelope.id);
        for suffix in self.replay.iter().cloned().chain((self.part > 0).then(|| self.part.to_string())) {
            id.extend(["#", &suffix]);
        }
        id
    }
}
