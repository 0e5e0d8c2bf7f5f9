//! Leases: of several processes on one store, one does a piece of work at a time.

use kernel::{Problem, Timestamp};
use ports::store::{Commit, CommitError, Expect, Record, Write};
use serde::{Deserialize, Serialize};

use crate::unit_of_work::UnitOfWork;

/// Who does the work, and until when unless the lease is renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub holder: String,
    pub until: Timestamp,
}

impl Lease {
    /// A process that starts again under its name gets its own lease back at once.
    pub fn is_free_for(lease: Option<&Self>, holder: &str, now: Timestamp) -> bool {
        lease.is_none_or(|lease| lease.holder == holder || lease.until <= now)
    }
}

/// Writes an item, if it is as expected, and returns its new version. Whoever loses the race to it has lost, and does
/// not try again at once as the commit loop would.
pub(crate) async fn put_once<T: Record>(work: &UnitOfWork, record: &T, expect: Expect) -> Result<Option<u64>, Problem> {
    let commit = Commit { writes: vec![Write::Put { item: record.to_item()?, expect }], ..Commit::default() };
    match work.table().commit(commit).await {
        Ok(()) => Ok(Some(expect.version_after())),
        Err(CommitError::Conflict(_)) => Ok(None),
        Err(CommitError::Repeated(record)) => Err(Problem::internal(format_args!("a lease met the idempotency record {}", record.id))),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
