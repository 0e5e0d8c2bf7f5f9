//! What the stores hold, and how a commit changes it. Under one lock, so no commit sees half of another.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Envelope;
use kernel::Timestamp;
use ports::Position;
use ports::store::{
    Body, Cause, Commit, CommitError, Expect, FailedWrite, IndexEntry, Item, Key, NewItem, Refusal, StoreError, Write, add_to,
};

#[derive(Default)]
pub struct State {
    tables: BTreeMap<&'static str, Table>,
    pub log: BTreeMap<Position, Envelope>,
    pub head: Position,
}

#[derive(Default)]
pub struct Table {
    pub rows: BTreeMap<Key, Row>,
    pub entries: BTreeSet<Entry>,
}

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
    Put(NewItem, u64),
    Delete(Key),
    Move(Key, Body),
    Nothing,
}

impl State {
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Decides on everything first; only then changes anything.
    pub fn commit(&mut self, name: &'static str, commit: Commit, now: Timestamp) -> Result<(), CommitError> {
        let table = self.tables.entry(name).or_default();
        let cause = commit.cause.as_ref().map(Cause::to_item).transpose()?;
        if let Some(found) = cause.as_ref().and_then(|cause| table.item(&cause.key, now)) {
            return Err(CommitError::Repeated(Box::new(found.body.read()?)));
        }
        let mut changes = Vec::with_capacity(commit.writes.len());
        let mut failed = Vec::new();
        for (index, write) in commit.writes.into_iter().enumerate() {
            match table.decide(write, now)? {
                Ok(change) => changes.push(change),
                Err(refusal) => failed.push(FailedWrite { index, refusal }),
            }
        }
        if !failed.is_empty() {
            return Err(CommitError::Conflict(failed));
        }
        changes.extend(cause.map(|cause| Change::Put(cause, 1)));
        for change in changes {
            table.apply(change);
        }
        for envelope in commit.events {
            self.head += 1;
            self.log.insert(self.head, envelope);
        }
        Ok(())
    }
}

impl Table {
    /// The item under the key, if it has not expired.
    pub fn item(&self, key: &Key, now: Timestamp) -> Option<&Item> {
        self.rows.get(key).map(|row| &row.item).filter(|item| !is_expired(item, now))
    }

    fn decide(&self, write: Write, now: Timestamp) -> Result<Result<Change, Refusal>, StoreError> {
        let found = self.item(write.key(), now);
        let holds = |expect: Expect| expect.holds(found.map(|item| item.version));
        let change = match write {
            Write::Put { item, expect } if holds(expect) => Change::Put(item, expect.version_after()),
            Write::Delete { key, expect } if holds(expect) => Change::Delete(key),
            Write::Check { expect, .. } if holds(expect) => Change::Nothing,
            Write::Put { .. } | Write::Delete { .. } | Write::Check { .. } => return Ok(Err(Refusal::Expectation)),
            Write::Add { key, deltas, bounds } => match found {
                None => return Ok(Err(Refusal::Expectation)),
                Some(item) => match add_to(item, &deltas, &bounds)? {
                    Ok(body) => Change::Move(key, body),
                    Err(refusal) => return Ok(Err(refusal)),
                },
            },
        };
        Ok(Ok(change))
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Put(new, version) => {
                self.remove(&new.key);
                self.entries.extend(entries(&new.key, &new.indexes));
                let item = Item { key: new.key.clone(), version, body: new.body, expires_at: new.expires_at };
                self.rows.insert(new.key, Row { item, indexes: new.indexes });
            }
            Change::Delete(key) => self.remove(&key),
            Change::Move(key, body) => {
                if let Some(row) = self.rows.get_mut(&key) {
                    row.item.version += 1;
                    row.item.body = body;
                }
            }
            Change::Nothing => {}
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
