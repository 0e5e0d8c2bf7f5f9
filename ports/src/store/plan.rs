//! What a commit does to the existing items: its conditions, its changes and what they take. A pure function, so that
//! every store without conditional transactions of its own decides alike: it looks up items, and executes the plan.

use kernel::Timestamp;

use super::units::{WriteMeter, body_bytes, entry_bytes, frame_bytes, index_entry_bytes};
use super::{
    Body, CommitError, Expect, FailedWrite, ITEM_BYTES_MAX, IndexEntry, Key, NewItem, Prepared, RECORD_VERSION, Refusal, StoreError, Write,
    add_to,
};

/// A table has at most so many indexes.
pub const INDEXES_MAX: u8 = 5;

/// An item as it is before the commit, expired or not.
#[derive(Debug, Clone, Copy)]
pub struct ExistingItem<'a> {
    pub version: u64,
    pub expires_at: Option<Timestamp>,
    pub size_bytes: usize,
    /// Partition and sort key of its entries: those in index 1 come first.
    pub entries: [Option<(&'a str, &'a str)>; INDEXES_MAX as usize],
    /// Only where the plan has asked for it.
    pub body: Option<&'a str>,
}

/// The items that a commit finds. They must not change until the plan is executed.
pub trait ExistingItems {
    type Error: From<CommitError>;

    /// Shows the item under a key, or that there is none. `with_body` tells whether its body is needed.
    fn inspect<T>(&mut self, key: &Key, with_body: bool, look: impl FnOnce(Option<ExistingItem<'_>>) -> T) -> Result<T, Self::Error>;
}

/// Which parts of an item a put changes besides its version, size and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed(u8);

impl Changed {
    pub const NOTHING: Self = Self(0);
    const EXPIRY: u8 = 1;

    pub fn expiry(self) -> bool {
        self.0 & Self::EXPIRY != 0
    }

    /// Whether the entry in index `index` (1 to 4) comes, goes or moves.
    pub fn entry(self, index: u8) -> bool {
        self.0 & (1 << index) != 0
    }
}

/// One write to execute. All conditions hold.
#[derive(Debug, Clone)]
pub enum Change<'c> {
    /// There is no item under the key.
    Insert {
        item: &'c NewItem,
        version: u64,
        size_bytes: usize,
    },
    /// There is one, perhaps expired, which the new one replaces.
    Replace {
        item: &'c NewItem,
        version: u64,
        size_bytes: usize,
        changed: Changed,
    },
    /// Counters were moved: expiry and entries stay.
    SetBody {
        key: &'c Key,
        version: u64,
        size_bytes: usize,
        expires_at: Option<Timestamp>,
        body: Body,
    },
    Delete {
        key: &'c Key,
    },
}

/// What to execute, all or nothing, and the write units that it takes.
#[derive(Debug, Clone)]
pub struct Plan<'c> {
    pub changes: Vec<Change<'c>>,
    pub units: f64,
}

/// Decides on a commit as of `now`.
pub fn plan<'c, E: ExistingItems>(commit: &'c Prepared, now: Timestamp, existing: &mut E) -> Result<Plan<'c>, E::Error> {
    let mut planner = Planner { now, meter: commit.meter(), changes: Vec::with_capacity(commit.writes.len() + 1) };
    if let Some(record) = commit.idempotency() {
        existing.inspect(&record.key, true, |found| planner.record(record, commit.record_bytes, found))??;
    }
    let mut failed = Vec::new();
    for (index, (write, put_bytes)) in commit.writes.iter().zip(&commit.put_bytes).enumerate() {
        let with_body = matches!(write, Write::Add { .. });
        let decided = existing.inspect(write.key(), with_body, |found| planner.write(write, *put_bytes, found))?;
        if let Err(refusal) = decided.map_err(CommitError::from)? {
            failed.push(FailedWrite { index, refusal });
        }
    }
    if failed.is_empty() {
        Ok(Plan { changes: planner.changes, units: planner.meter.units() })
    } else {
        Err(CommitError::Conflict(failed).into())
    }
}

struct Planner<'c> {
    now: Timestamp,
    meter: WriteMeter,
    changes: Vec<Change<'c>>,
}

impl<'c> Planner<'c> {
    fn living<'a>(&self, found: Option<ExistingItem<'a>>) -> Option<ExistingItem<'a>> {
        found.filter(|item| item.expires_at.is_none_or(|at| at > self.now))
    }

    /// An expired record of the same request is replaced.
    fn record(&mut self, record: &'c NewItem, size_bytes: usize, found: Option<ExistingItem<'_>>) -> Result<(), CommitError> {
        match self.living(found) {
            Some(before) => Err(CommitError::Repeated(Box::new(Body::from_stored(body_of(&before)?).read()?))),
            None => {
                self.put(record, RECORD_VERSION, size_bytes, found);
                Ok(())
            }
        }
    }

    fn write(&mut self, write: &'c Write, put_bytes: usize, found: Option<ExistingItem<'_>>) -> Result<Result<(), Refusal>, StoreError> {
        let living = self.living(found);
        let holds = |expect: &Expect| expect.holds(living.map(|item| item.version));
        match write {
            Write::Put { item, expect } if holds(expect) => self.put(item, expect.version_after(), put_bytes, found),
            Write::Delete { key, expect } if holds(expect) => {
                self.meter.write(found.map(|item| item.size_bytes), None);
                found.iter().flat_map(|item| item.entries.iter().flatten()).for_each(|entry| self.entry(key, *entry));
                self.changes.extend(found.map(|_| Change::Delete { key }));
            }
            Write::Check { expect, .. } if holds(expect) => self.meter.check(found.map(|item| item.size_bytes)),
            Write::Put { .. } | Write::Delete { .. } | Write::Check { .. } => return Ok(Err(Refusal::Expectation)),
            Write::Add { key, deltas, bounds } => {
                let Some(before) = living else { return Ok(Err(Refusal::Expectation)) };
                match add_to(key, body_of(&before)?, deltas, bounds)? {
                    Ok(body) => self.set_body(key, &before, body)?,
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
        }
        Ok(Ok(()))
    }

    fn put(&mut self, item: &'c NewItem, version: u64, size_bytes: usize, found: Option<ExistingItem<'_>>) {
        self.meter.write(found.map(|before| before.size_bytes), Some(size_bytes));
        let Some(before) = found else {
            item.indexes.iter().for_each(|entry| self.entry(&item.key, (&entry.pk, &entry.sk)));
            self.changes.push(Change::Insert { item, version, size_bytes });
            return;
        };
        let mut changed = if before.expires_at == item.expires_at { 0 } else { Changed::EXPIRY };
        for (index, old) in (1..).zip(before.entries) {
            let new = entry_of(item, index).map(|entry| (&*entry.pk, &*entry.sk));
            if old != new {
                changed |= 1 << index;
                old.into_iter().chain(new).for_each(|entry| self.entry(&item.key, entry));
            }
        }
        self.changes.push(Change::Replace { item, version, size_bytes, changed: Changed(changed) });
    }

    fn set_body(&mut self, key: &'c Key, before: &ExistingItem<'_>, body: Body) -> Result<(), StoreError> {
        let (version, expires_at) = (before.version + 1, before.expires_at);
        let entries: usize = before.entries.iter().flatten().map(|(pk, sk)| entry_bytes(pk, sk)).sum();
        let size_bytes = frame_bytes(key, version, expires_at) + entries + body_bytes(body.as_str());
        if size_bytes > ITEM_BYTES_MAX {
            return Err(StoreError::Invalid(format!("an item that grows to {size_bytes} bytes")));
        }
        self.meter.write(Some(before.size_bytes), Some(size_bytes));
        self.changes.push(Change::SetBody { key, version, size_bytes, expires_at, body });
        Ok(())
    }

    fn entry(&mut self, key: &Key, (pk, sk): (&str, &str)) {
        self.meter.entry(index_entry_bytes(key, pk, sk));
    }
}

/// The item's entry in an index.
pub fn entry_of(item: &NewItem, index: u8) -> Option<&IndexEntry> {
    item.indexes.iter().find(|entry| entry.index == index)
}

fn body_of<'a>(item: &ExistingItem<'a>) -> Result<&'a str, StoreError> {
    item.body.ok_or_else(|| StoreError::Failed("the store did not read the body that the plan needs".into()))
}
