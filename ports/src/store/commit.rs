//! The one way to change a table: writes, events and the idempotency record, all or nothing.

use std::collections::HashSet;

use contracts::Envelope;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Body, Carrier, IndexEntry, Key, NewItem, PK_BYTES_MAX, SK_BYTES_MAX, StoreError, TableSchema, WRITES_MAX};

/// The id of an idempotency record, which becomes a part of a partition key.
const RECORD_ID_BYTES_MAX: usize = 1024;

/// What must be true of the item for the commit to happen. An expired item counts as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Version(u64),
    /// For items that follow from another item of the same commit, which carries the guard. Such an
    /// item has version 0.
    Anything,
}

impl Expect {
    /// Whether an item with `version` (`None`: no item) is as expected.
    pub fn holds(self, version: Option<u64>) -> bool {
        match self {
            Self::Absent => version.is_none(),
            Self::Version(wanted) => version == Some(wanted),
            Self::Anything => true,
        }
    }

    /// The version that a `Put` leaves.
    pub fn version_after(self) -> u64 {
        match self {
            Self::Absent => 1,
            Self::Version(version) => version + 1,
            Self::Anything => 0,
        }
    }
}

/// A condition on a counter before it is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    AtLeast(&'static str, i64),
    AtMost(&'static str, i64),
}

/// One write. No two writes of a commit may name the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Put {
        item: NewItem,
        expect: Expect,
    },
    Delete {
        key: Key,
        expect: Expect,
    },
    /// Changes nothing, but refuses the commit.
    Check {
        key: Key,
        expect: Expect,
    },
    /// Moves top-level integers of an existing item, if all bounds hold: a hot counter does not turn
    /// into version conflicts. Raises the version by one; index entries stay as they are.
    Add {
        key: Key,
        deltas: Vec<(&'static str, i64)>,
        bounds: Vec<Bound>,
    },
}

impl Write {
    /// Whether it leaves a trace on which its own repetition fails.
    pub fn is_guarded(&self) -> bool {
        match self {
            Self::Put { expect, .. } => match expect {
                Expect::Absent | Expect::Version(_) => true,
                Expect::Anything => false,
            },
            Self::Delete { .. } | Self::Check { .. } | Self::Add { .. } => false,
        }
    }

    pub fn key(&self) -> &Key {
        match self {
            Self::Put { item, .. } => &item.key,
            Self::Delete { key, .. } | Self::Check { key, .. } | Self::Add { key, .. } => key,
        }
    }
}

/// The answer to a request, stored so that its repetition gets the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// JSON; empty for none.
    pub body: String,
}

/// Marks that a request or an event has had its effect: an idempotency record, or the inbox record of a consumed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    pub id: String,
    /// What the request said, hashed; another request under the same id is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<StoredResponse>,
    pub expires_at: Timestamp,
}

impl IdempotencyRecord {
    /// Its key in the service's table.
    pub fn key(id: &str) -> Key {
        Key::new(format!("idempotency#{id}"), "idempotency")
    }

    pub fn to_item(&self) -> Result<NewItem, StoreError> {
        Ok(NewItem {
            key: Self::key(&self.id),
            body: Body::of(self)?,
            indexes: Vec::<IndexEntry>::new(),
            expires_at: Some(self.expires_at),
        })
    }
}

/// What a command, an event or a timer leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    pub writes: Vec<Write>,
    pub events: Vec<Envelope>,
    pub idempotency: Option<IdempotencyRecord>,
}

impl Commit {
    /// Asserts what DynamoDB would refuse, but for sizes: `prepare` knows those.
    pub(super) fn check(&self, schema: &TableSchema) -> Result<(), StoreError> {
        let invalid = |reason: String| Err(StoreError::Invalid(reason));
        let own_record = matches!(self.carrier(), Carrier::Outbox) || self.idempotency.is_some();
        let writes = self.writes.len() + usize::from(own_record);
        if writes > WRITES_MAX {
            return invalid(format!("{writes} writes in one commit"));
        }
        let mut keys = HashSet::with_capacity(self.writes.len());
        if let Some(record) = &self.idempotency
            && (record.id.is_empty() || record.id.len() > RECORD_ID_BYTES_MAX)
        {
            return invalid(format!("the idempotency record {:.80}", record.id));
        }
        for write in &self.writes {
            let key = write.key();
            if !keys.insert(key) {
                return invalid(format!("two writes to {} / {}", key.pk, key.sk));
            }
            if key.pk.is_empty() || key.sk.is_empty() || key.pk.len() > PK_BYTES_MAX || key.sk.len() > SK_BYTES_MAX {
                return invalid(format!("the key {:.80} / {:.80}", key.pk, key.sk));
            }
            match write {
                Write::Put { item, .. } => check_entries(item, schema)?,
                Write::Check { expect: Expect::Anything, .. } => return invalid(format!("a check of {:.80} that expects nothing", key.pk)),
                Write::Check { .. } | Write::Delete { .. } | Write::Add { .. } => {}
            }
        }
        Ok(())
    }
}

fn check_entries(item: &NewItem, schema: &TableSchema) -> Result<(), StoreError> {
    for (place, entry) in item.indexes.iter().enumerate() {
        let twice = item.indexes[..place].iter().any(|other| other.index == entry.index);
        let keys_ok = !entry.pk.is_empty() && !entry.sk.is_empty() && entry.pk.len() <= PK_BYTES_MAX && entry.sk.len() <= SK_BYTES_MAX;
        if twice || !keys_ok || entry.index == 0 || entry.index > schema.indexes {
            return Err(StoreError::Invalid(format!("the entry in index {} of table {}", entry.index, schema.name)));
        }
    }
    Ok(())
}

/// Why one write was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The item is not as `Expect` says, or `Add` found none.
    Expectation,
    /// A bound of `Add` does not hold.
    Bound,
}

/// The place of the refused write in `Commit::writes`, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedWrite {
    pub index: usize,
    pub refusal: Refusal,
}

/// Why a commit did not happen. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The state has moved since it was read: load again and ask the rule again.
    #[error("the state has changed: {0:?}")]
    Conflict(Vec<FailedWrite>),
    /// The request or event has had its effect before; here is its record.
    #[error("done before: {}", .0.id)]
    Repeated(Box<IdempotencyRecord>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Moves counters in the body of an item: the new body, or why not.
pub fn add_to(key: &Key, body: &str, deltas: &[(&'static str, i64)], bounds: &[Bound]) -> Result<Result<Body, Refusal>, StoreError> {
    let read = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(body);
    let mut body = read.map_err(|error| StoreError::Failed(format!("{} / {} cannot be read: {error}", key.pk, key.sk)))?;
    let counter = |body: &serde_json::Map<String, serde_json::Value>, name: &str| {
        body.get(name).and_then(serde_json::Value::as_i64).ok_or_else(|| StoreError::Invalid(format!("{name} is no integer of {}", key.pk)))
    };
    for bound in bounds {
        let holds = match bound {
            Bound::AtLeast(name, least) => counter(&body, name)? >= *least,
            Bound::AtMost(name, most) => counter(&body, name)? <= *most,
        };
        if !holds {
            return Ok(Err(Refusal::Bound));
        }
    }
    for (name, delta) in deltas {
        let sum = counter(&body, name)?.checked_add(*delta).ok_or_else(|| StoreError::Invalid(format!("{name} overflows")))?;
        body.insert((*name).into(), sum.into());
    }
    Ok(Ok(Body::of(&body)?))
}
