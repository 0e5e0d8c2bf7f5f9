//! The items that were written or read lately, kept in memory.
//!
//! A reader of SQLite drops its pages after every commit of the writer and fetches them again, which
//! makes a point read beside a busy writer far dearer than one alone. All writes of this process
//! pass through one thread, so it can keep these copies right. Another process may write to the file as
//! well (an import beside a running shop): the writer notices that with its next transaction, or within
//! `NOTICE_EVERY`, and forgets everything. Absent items are never remembered, so what another process
//! adds is seen at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard, TryLockError};
use std::time::Duration;

use kernel::Timestamp;
use ports::store::{Body, Item, Key};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// How long another process's change of an item may stay unseen.
pub const NOTICE_EVERY: Duration = Duration::from_millis(100);

/// Keys and bodies kept for one table.
const TABLE_BYTES: u64 = 8 * 1024 * 1024;
/// What an entry takes besides its texts, about.
const ENTRY_BYTES: u64 = 160;

/// An item without its key.
#[derive(Clone)]
pub struct Copy {
    pub version: u64,
    pub expires_at: Option<Timestamp>,
    pub size_bytes: usize,
    pub body: Body,
}

impl Copy {
    pub fn of(item: &Item) -> Self {
        Self { version: item.version, expires_at: item.expires_at, size_bytes: item.size_bytes, body: item.body.clone() }
    }

    pub fn item(self, key: Key) -> Item {
        Item { key, version: self.version, expires_at: self.expires_at, body: self.body, size_bytes: self.size_bytes }
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Copy> for Bytes {
    fn weight(&self, key: &Key, copy: &Copy) -> u64 {
        (key.pk.len() + key.sk.len() + copy.body.as_str().len()) as u64 + ENTRY_BYTES
    }
}

/// What a commit did to an item: its copy, or none for a deleted one.
pub struct Change {
    pub table: usize,
    pub key: Key,
    pub copy: Option<Copy>,
}

pub struct Recent {
    tables: Vec<Cache<Key, Copy, Bytes>>,
    /// Held by the writer from before a transaction becomes visible until the copies say the same.
    publishing: RwLock<()>,
    /// Raised when a publication begins and when it ends: a read that saw another number may have read
    /// what is no longer so, and is not remembered.
    epoch: AtomicU64,
}

/// The right to make a transaction visible.
pub struct Publication<'r> {
    recent: &'r Recent,
    _guard: RwLockWriteGuard<'r, ()>,
}

impl Recent {
    pub fn new(tables: usize) -> Self {
        let cache = |_| Cache::with_weighter(4096, TABLE_BYTES, Bytes);
        Self { tables: (0..tables).map(cache).collect(), publishing: RwLock::new(()), epoch: AtomicU64::new(0) }
    }

    pub fn get(&self, table: usize, key: &Key) -> Option<Copy> {
        self.tables[table].get(key)
    }

    /// To be asked before a read whose result shall be remembered.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Keeps what was read since `epoch`, unless something was published in between.
    pub fn remember(&self, table: usize, item: &Item, epoch: u64) {
        let _guard = match self.publishing.try_read() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if self.epoch() == epoch {
            self.tables[table].insert(item.key.clone(), Copy::of(item));
        }
    }

    pub fn publish(&self) -> Publication<'_> {
        let guard = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        Publication { recent: self, _guard: guard }
    }

    /// Another process has written.
    pub fn forget(&self) {
        let _publication = self.publish();
        for table in &self.tables {
            table.clear();
        }
    }
}

impl Publication<'_> {
    pub fn change(&self, change: Change) {
        let table = &self.recent.tables[change.table];
        match change.copy {
            Some(copy) => table.insert(change.key, copy),
            None => {
                table.remove(&change.key);
            }
        }
    }
}

impl Drop for Publication<'_> {
    fn drop(&mut self) {
        self.recent.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(version: u64) -> Item {
        Item { key: Key::new("a", "b"), version, expires_at: None, body: Body::from_stored("{}"), size_bytes: 20 }
    }

    fn version(recent: &Recent) -> Option<u64> {
        recent.get(0, &Key::new("a", "b")).map(|copy| copy.version)
    }

    #[test]
    fn a_read_that_a_commit_overtook_is_not_remembered() {
        let recent = Recent::new(1);
        let before = recent.epoch();
        let publication = recent.publish();
        let during = recent.epoch();
        recent.remember(0, &item(1), during);
        assert_eq!(version(&recent), None, "the transaction is becoming visible");
        publication.change(Change { table: 0, key: Key::new("a", "b"), copy: Some(Copy::of(&item(2))) });
        drop(publication);
        recent.remember(0, &item(1), before);
        recent.remember(0, &item(1), during);
        assert_eq!(version(&recent), Some(2));
        recent.remember(0, &item(2), recent.epoch());
        assert_eq!(version(&recent), Some(2));
        recent.publish().change(Change { table: 0, key: Key::new("a", "b"), copy: None });
        assert_eq!(version(&recent), None);
        recent.remember(0, &item(3), recent.epoch());
        recent.forget();
        assert_eq!(version(&recent), None);
    }
}
