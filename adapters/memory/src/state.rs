//! What the stores hold, and how a commit changes it. Under one lock, so no commit sees half of another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::Envelope;
use kernel::Timestamp;
use ports::store::{Change, CommitError, ExistingItem, ExistingItems, INDEXES_MAX, IndexEntry, Item, Key, NewItem, Plan, Prepared, plan};
use ports::{Position, Unreadable};

#[derive(Default)]
pub struct State {
    tables: BTreeMap<&'static str, Table>,
    pub log: BTreeMap<Position, LogEntry>,
    pub head: Position,
}

pub struct LogEntry {
    pub time: Timestamp,
    pub kind: String,
    pub envelope: Result<Arc<Envelope>, Unreadable>,
}

impl LogEntry {
    fn of(envelope: Envelope) -> Self {
        Self { time: envelope.time, kind: envelope.event.kind().into(), envelope: Ok(Arc::new(envelope)) }
    }
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

impl State {
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Decides on everything first; only then changes anything. Returns the write units.
    pub fn commit(&mut self, name: &'static str, commit: &Prepared, now: Timestamp) -> Result<f64, CommitError> {
        let table = self.tables.entry(name).or_default();
        let Plan { changes, units } = plan(commit, now, table)?;
        for change in changes {
            table.apply(change);
        }
        for (envelope, _) in &commit.events {
            self.append(LogEntry::of(envelope.clone()));
        }
        Ok(units)
    }

    pub fn append(&mut self, entry: LogEntry) {
        self.head += 1;
        self.log.insert(self.head, entry);
    }
}

impl ExistingItems for Table {
    type Error = CommitError;

    fn inspect<T>(&mut self, key: &Key, _: bool, look: impl FnOnce(Option<ExistingItem<'_>>) -> T) -> Result<T, CommitError> {
        Ok(look(self.rows.get(key).map(Row::existing)))
    }
}

impl Row {
    fn existing(&self) -> ExistingItem<'_> {
        let Item { version, expires_at, size_bytes, ref body, .. } = self.item;
        let mut entries = [None; INDEXES_MAX as usize];
        for (index, place) in (1..).zip(&mut entries) {
            let entry = self.indexes.iter().find(|entry| entry.index == index);
            *place = entry.map(|entry| (&*entry.pk, &*entry.sk));
        }
        ExistingItem { version, expires_at, size_bytes, entries, body: Some(body.as_str()) }
    }
}

impl Table {
    fn apply(&mut self, change: Change<'_>) {
        match change {
            Change::Insert { item, version, size_bytes } | Change::Replace { item, version, size_bytes, .. } => {
                self.remove(&item.key);
                self.entries.extend(entries(&item.key, &item.indexes));
                let NewItem { key, body, indexes, expires_at } = item.clone();
                self.rows.insert(key.clone(), Row { item: Item { key, version, body, expires_at, size_bytes }, indexes });
            }
            Change::Delete { key } => self.remove(key),
            Change::SetBody { key, version, size_bytes, body, .. } => {
                if let Some(row) = self.rows.get_mut(key) {
                    (row.item.version, row.item.size_bytes, row.item.body) = (version, size_bytes, body);
                }
            }
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
