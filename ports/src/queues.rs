//! The queues of the consumers as an operator sees them: what waits, what was given up, and what is to
//! become of that. A home with a log keeps them as items, a home in the cloud in its message queues.

use std::fmt;

use async_trait::async_trait;
use contracts::Envelope;
use kernel::{Cursor, Page, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use crate::log::Position;

/// Dead letters that one call of `redrive_some` moves at most.
pub const REDRIVEN_MAX: usize = 1000;

/// Names a dead letter among those of its consumer. The home makes it, and only the home reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadLetterId(pub String);

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct QueueStatus {
    pub consumer: String,
    /// The log's position up to which everything is settled, in a home with a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub position: Option<Position>,
    /// What waits for its first try. In a home with a log: all events after the position, wanted or not.
    pub backlog: u64,
    /// Deliveries that wait for another try.
    pub waiting: u64,
    /// Deliveries given up.
    pub dead: u64,
}

/// What a delivery was to bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Event(Box<Envelope>),
    /// The beginning of something that nobody can read as an event.
    Unreadable(String),
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub content: Content,
    /// Tries so far, where the home can tell them from looks at the dead letter.
    pub attempts: Option<u32>,
    /// When it failed first, or where that is not known when it was queued.
    pub since: Timestamp,
    /// Why the last try failed, where the home keeps it; the log has it everywhere.
    pub error: Option<String>,
}

/// A consumer must be one of the home's.
#[async_trait]
pub trait Queues: Send + Sync {
    async fn status(&self, consumer: &str) -> Result<QueueStatus, Problem>;

    /// The dead letters, oldest first, at most `limit` (1 to 100); a page may be shorter though another
    /// follows. Looking at them takes nothing away.
    async fn dead_letters(&self, consumer: &str, limit: usize, after: Option<Cursor>) -> Result<Page<DeadLetter>, Problem>;

    /// Puts a dead letter back into the queue, with all its tries before it. `NotFound` if there is none.
    async fn redrive(&self, consumer: &str, id: &DeadLetterId) -> Result<(), Problem>;

    /// Puts back at most `limit` (1 to `REDRIVEN_MAX`) of those that are dead now. Returns how many; there
    /// may be more unless it is 0.
    async fn redrive_some(&self, consumer: &str, limit: usize) -> Result<usize, Problem>;

    /// Throws a dead letter away for good. `NotFound` if there is none.
    async fn drop_dead_letter(&self, consumer: &str, id: &DeadLetterId) -> Result<(), Problem>;
}
