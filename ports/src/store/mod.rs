//! One table of items, with the semantics of DynamoDB: get, query, and an all-or-nothing commit.
//! Every service has a table of its own and is handed nothing else.

mod commit;
mod item;
mod plan;
mod prepared;
mod query;
pub mod units;

use async_trait::async_trait;
use serde::Serialize;

pub use commit::{Bound, Carrier, Commit, CommitError, Expect, FailedWrite, IdempotencyRecord, Refusal, StoredResponse, Write, add_to};
pub use item::{Body, IndexEntry, Item, Key, NewItem, Record, Stored};
pub use plan::{Change, Changed, ExistingItem, ExistingItems, INDEXES_MAX, Plan, entry_of, plan};
pub use prepared::{Prepared, RECORD_VERSION};
pub use query::{Bounds, Query, QueryPage, Start, check_keys, decode_start, encode_start};
pub use units::Metered;

/// At most so many writes in a commit, the idempotency record or a record of the events included
/// (DynamoDB: TransactWriteItems).
pub const WRITES_MAX: usize = 100;
/// An item with all its attributes, and with the events of the commit where it carries them (DynamoDB: 400 KB).
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
/// The JSON text of one event (EventBridge: 256 KB with what goes around it).
pub const EVENT_BYTES_MAX: usize = 200 * 1024;
/// What one query reads at most before it ends its page (DynamoDB: 1 MB).
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// What one commit writes at most (DynamoDB: 4 MB).
pub const COMMIT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Keys in one `get_many` (DynamoDB: BatchGetItem).
pub const KEYS_MAX: usize = 100;
/// Partition keys are at most 2048 bytes and sort keys 1024 (DynamoDB).
pub const PK_BYTES_MAX: usize = 2048;
pub const SK_BYTES_MAX: usize = 1024;

/// A table that a service declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TableSchema {
    /// The service's name.
    pub name: &'static str,
    /// How many of the generic indexes it uses: 0 to 4. They are numbered from 1.
    pub indexes: u8,
}

/// Whether a read must see every commit that was acknowledged before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Sees everything acknowledged; twice the read units.
    Strong,
    /// May be a moment behind. Queries on an index always are.
    Eventual,
}

/// Why the store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The caller broke a limit or a rule of the store: a defect, or a forged cursor.
    #[error("invalid use of the store: {0}")]
    Invalid(String),
    #[error("the cursor is not one of this listing")]
    Cursor,
    /// Nothing is known to be wrong with the request: too busy, throttled, out of reach, a disk that is full or broken.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Data that cannot be read.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<StoreError> for kernel::Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => Self::new(kernel::Code::InvalidCursor, "the cursor is not one of this listing"),
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Invalid(_) | StoreError::Failed(_) => Self::internal(error),
        }
    }
}

/// One table. Reads never show an expired item. Every answer says what it took in DynamoDB's units,
/// by the rules of `units`.
#[async_trait]
pub trait Store: Send + Sync {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Item>>, StoreError>;

    /// The items under the keys, in the order of the keys, `None` where there is none. At most `KEYS_MAX` distinct keys.
    async fn get_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<Vec<Option<Item>>>, StoreError>;

    /// One page: at most `limit` items are read, fewer where they exceed `PAGE_BYTES_MAX`. Expired ones among them
    /// are not shown, so a page with a cursor may be short or empty.
    async fn query(&self, query: &Query) -> Result<Metered<QueryPage>, StoreError>;

    /// All writes, the events and the idempotency record, or nothing. Durable when it returns.
    async fn commit(&self, commit: Commit) -> Result<Metered<()>, CommitError>;
}
