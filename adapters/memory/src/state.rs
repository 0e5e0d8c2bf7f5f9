//! What the stores hold, and how a commit changes it. Under one lock, so no commit sees half of another.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Envelope;
use kernel::Timestamp;
use ports::Position;
use ports::store::units::{WriteMeter, index_entry_bytes, item_bytes};
use ports::store::{
    Body, CommitError, Expect, FailedWrite, ITEM_BYTES_MAX, IndexEntry, Item, Key, NewItem, Prepared, RECORD_VERSION, Refusal, StoreError,
    Write, add_to,
};

#[derive(Clone, Default, PartialEq)]
pub struct State {
    tables: BTreeMap<&'static str, Table>,
    pub log: BTreeMap<Position, Envelope>,
    pub head: Position,
}

#[derive(Clone, Default, PartialEq)]
pub struct Table {
    pub rows: BTreeMap<Key, Row>,
    pub entries: BTreeSet<Entry>,
}

#[derive(Clone, PartialEq)]
pub struct Row {
    pub item: Item,
    indexes: Vec<IndexEntry>,
}

/// The place of an item in an index. The key of the item makes it unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub index: u8,
    pub pk: String,
    pub sk: String,
    pub key: Key,
}

/// A write whose condition holds, ready to be done.
enum Change {
    /// With its version and size.
    Put(NewItem, u64, usize),
    Delete(Key),
    /// With the size of the moved item.
    Move(Key, Body, usize),
    Check(Key),
}

impl State {
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Decides on everything first; only then changes anything. Returns the write units.
    pub fn commit(&mut self, name: &'static str, commit: Prepared, now: Timestamp) -> Result<f64, CommitError> {
        let table = self.tables.entry(name).or_default();
        if let Some(found) = commit.idempotency().and_then(|cause| table.item(&cause.key, now)) {
            return Err(CommitError::Repeated(Box::new(found.body.read()?)));
        }
        let mut meter = commit.meter();
        let cause = commit.idempotency().map(|cause| Change::Put(cause.clone(), RECORD_VERSION, commit.record_bytes));
        let mut changes = Vec::with_capacity(commit.writes.len());
        let mut failed = Vec::new();
        for (index, (write, bytes)) in commit.writes.into_iter().zip(commit.put_bytes).enumerate() {
            match table.decide(write, bytes, now)? {
                Ok(change) => changes.push(change),
                Err(refusal) => failed.push(FailedWrite { index, refusal }),
            }
        }
        if !failed.is_empty() {
            return Err(CommitError::Conflict(failed));
        }
        changes.extend(cause);
        for change in changes {
            table.charge(&change, &mut meter);
            table.apply(change);
        }
        for (envelope, _) in commit.events {
            self.head += 1;
            self.log.insert(self.head, envelope);
        }
        Ok(meter.units())
    }
}

impl Table {
    /// The item under the key, if it has not expired.
    pub fn item(&self, key: &Key, now: Timestamp) -> Option<&Item> {
        self.rows.get(key).map(|row| &row.item).filter(|item| !is_expired(item, now))
    }

    fn decide(&self, write: Write, bytes: usize, now: Timestamp) -> Result<Result<Change, Refusal>, StoreError> {
        let found = self.item(write.key(), now);
        let holds = |expect: Expect| expect.holds(found.map(|item| item.version));
        let change = match write {
            Write::Put { item, expect } if holds(expect) => Change::Put(item, expect.version_after(), bytes),
            Write::Delete { key, expect } if holds(expect) => Change::Delete(key),
            Write::Check { key, expect } if holds(expect) => Change::Check(key),
            Write::Put { .. } | Write::Delete { .. } | Write::Check { .. } => return Ok(Err(Refusal::Expectation)),
            Write::Add { key, deltas, bounds } => match self.rows.get(&key).filter(|row| !is_expired(&row.item, now)) {
                None => return Ok(Err(Refusal::Expectation)),
                Some(row) => match add_to(&row.item, &deltas, &bounds)? {
                    Ok(body) => {
                        let bytes = item_bytes(&key, row.item.version + 1, &body, &row.indexes, row.item.expires_at);
                        if bytes > ITEM_BYTES_MAX {
                            return Err(StoreError::Invalid(format!("an item that grows to {bytes} bytes")));
                        }
                        Change::Move(key, body, bytes)
                    }
                    Err(refusal) => return Ok(Err(refusal)),
                },
            },
        };
        Ok(Ok(change))
    }

    fn charge(&self, change: &Change, meter: &mut WriteMeter) {
        let (key, new_bytes) = match change {
            Change::Put(new, _, bytes) => (&new.key, Some(*bytes)),
            Change::Move(key, _, bytes) => (key, Some(*bytes)),
            Change::Delete(key) | Change::Check(key) => (key, None),
        };
        let old = self.rows.get(key);
        let old_bytes = old.map(|row| row.item.size_bytes);
        match change {
            Change::Check(_) => meter.check(old_bytes),
            Change::Put(..) | Change::Move(..) | Change::Delete(_) => meter.write(old_bytes, new_bytes),
        }
        let old_entries = old.map_or(&[][..], |row| &row.indexes);
        let new_entries = match change {
            Change::Put(new, ..) => &*new.indexes,
            Change::Move(..) | Change::Check(_) => old_entries,
            Change::Delete(_) => &[][..],
        };
        let (gone, come) = (missing(old_entries, new_entries), missing(new_entries, old_entries));
        gone.chain(come).for_each(|entry| meter.entry(index_entry_bytes(key, &entry.pk, &entry.sk)));
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Put(new, version, size_bytes) => {
                self.remove(&new.key);
                self.entries.extend(entries(&new.key, &new.indexes));
                let item = Item { key: new.key.clone(), version, body: new.body, expires_at: new.expires_at, size_bytes };
                self.rows.insert(new.key, Row { item, indexes: new.indexes });
            }
            Change::Delete(key) => self.remove(&key),
            Change::Move(key, body, size_bytes) => {
                if let Some(row) = self.rows.get_mut(&key) {
                    row.item.version += 1;
                    row.item.body = body;
                    row.item.size_bytes = size_bytes;
                }
            }
            Change::Check(_) => {}
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(row) = self.rows.remove(key) {
            for entry in entries(key, &row.indexes) {
                self.entries.remove(&entry);
            }
        }
    }
}

pub fn is_expired(item: &Item, now: Timestamp) -> bool {
    item.expires_at.is_some_and(|at| at <= now)
}

fn entries(key: &Key, indexes: &[IndexEntry]) -> impl Iterator<Item = Entry> {
    indexes.iter().map(|entry| Entry { index: entry.index, pk: entry.pk.clone(), sk: entry.sk.clone(), key: key.clone() })
}

/// The entries that are not among the others.
fn missing<'a>(entries: &'a [IndexEntry], others: &'a [IndexEntry]) -> impl Iterator<Item = &'a IndexEntry> {
    entries.iter().filter(|entry| !others.contains(entry))
}
