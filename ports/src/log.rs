//! The event log of the homes that keep one (embedded, cluster): the outbox itself, read in order.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Envelope;

use crate::store::StoreError;

/// The place of an event in the log, from 1. A later commit has a higher position, and whoever sees
/// a position sees all lower ones.
pub type Position = u64;

/// An event that this program cannot read: written by another version, or damaged. It must not keep others back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be read: {reason}")]
pub struct Unreadable {
    /// What the log holds of it.
    pub text: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    pub position: Position,
    pub envelope: Result<Arc<Envelope>, Unreadable>,
}

impl LoggedEvent {
    /// For adapters: an event of which the log holds a text.
    pub fn parse(position: Position, text: &str) -> Self {
        let unreadable = |error: serde_json::Error| Unreadable { text: text.into(), reason: error.to_string() };
        Self { position, envelope: Envelope::from_json(text).map(Arc::new).map_err(unreadable) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    pub events: Vec<LoggedEvent>,
    /// Everything up to here has been looked at, wanted or not: read on after it.
    pub through: Position,
}

#[async_trait]
pub trait EventLog: Send + Sync {
    /// The events after a position whose type is one of `types`, in order, at most `limit` (1 to 1000).
    /// The log knows the type of an event that cannot be read.
    async fn read(&self, after: Position, types: &[&str], limit: usize) -> Result<LogPage, StoreError>;

    /// The event at a position, if the log still holds it.
    async fn at(&self, position: Position) -> Result<Option<LoggedEvent>, StoreError>;

    /// The position of the newest event; 0 for an empty log.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Fails while events can be read or written only in vain: what keeps the log does not answer, or has no room.
    async fn check(&self) -> Result<(), StoreError> {
        self.head().await.map(|_| ())
    }

    /// Forgets events from the oldest on: at most `limit` (1 to 1000), none after `keep_after`, until it
    /// meets one that is not older than `before`. The newest event stays, for it tells the head.
    /// Returns how many.
    async fn prune(&self, before: kernel::Timestamp, keep_after: Position, limit: usize) -> Result<usize, StoreError>;

    /// Changes whenever events are appended by this process. Other processes' are found by looking.
    fn appended(&self) -> tokio::sync::watch::Receiver<Position>;
}

/// For adapters: refuses what `read` and `prune` do not take.
pub fn check_log_limit(limit: usize) -> Result<(), StoreError> {
    if (1..=1000).contains(&limit) { Ok(()) } else { Err(StoreError::Invalid(format!("{limit} events at a time"))) }
}
