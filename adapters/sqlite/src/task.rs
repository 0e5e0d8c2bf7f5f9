//! What the writer is given to do, and what it answers.

use std::sync::Arc;

use contracts::Envelope;
use ports::store::{CommitError, Prepared};

pub enum Task {
    Commit(Box<TableCommit>),
    /// Deletes expired items, at most `limit` of each table.
    Sweep {
        limit: usize,
    },
    Prune {
        before: i64,
        keep_after: i64,
        limit: usize,
    },
}

/// A commit with everything serialized, and the table that it is for.
pub struct TableCommit {
    pub table: usize,
    pub commit: Prepared,
    pub events: Vec<NewEvent>,
}

pub struct NewEvent {
    pub time: i64,
    pub kind: &'static str,
    pub envelope: Arc<Envelope>,
    pub text: String,
}

impl TableCommit {
    pub fn of(table: usize, mut commit: Prepared) -> Self {
        let event = |(envelope, text): (Envelope, String)| NewEvent {
            time: envelope.time.as_millis(),
            kind: envelope.event.kind(),
            envelope: Arc::new(envelope),
            text,
        };
        let events = std::mem::take(&mut commit.events).into_iter().map(event).collect();
        Self { table, commit, events }
    }
}

/// What a task that succeeded came to.
#[derive(Debug, Clone, Copy)]
pub enum Answered {
    Committed { units: f64 },
    Deleted { rows: usize },
}

pub type Answer = Result<Answered, CommitError>;
