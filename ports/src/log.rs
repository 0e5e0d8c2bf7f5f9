//! The event log of the homes that keep one (embedded, cluster): the outbox itself, read in order.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Envelope;

use crate::store::StoreError;

/// The place of an event in the log, from 1. A later commit has a higher position, and whoever sees
/// a position sees all lower ones.
pub type Position = u64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    pub position: Position,
    pub envelope: Arc<Envelope>,
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
    async fn read(&self, after: Position, types: &[&str], limit: usize) -> Result<LogPage, StoreError>;

    /// The event at a position, if the log still holds it.
    async fn at(&self, position: Position) -> Result<Option<Envelope>, StoreError>;

    /// The position of the newest event; 0 for an empty log.
    async fn head(&self) -> Result<Position, StoreError>;

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
