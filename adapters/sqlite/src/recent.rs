//! The items that were written or read lately, cached in memory.
//!
//! A reader of SQLite drops its pages after every commit of the writer and fetches them again, which
//! makes a point read beside a busy writer far dearer than one alone. All writes of this process
//! pass through one thread, so it can keep these copies right. Another process may write to the file as
//! well (an import beside a running shop): the writer notices that with its next transaction, or within
//! `NOTICE_EVERY`, and forgets everything. That a key has no item is remembered as well: most products have
//! no review, and their pages ask for it each time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard, TryLockError};
use std::time::Duration;

use kernel::Timestamp;
use ports::store::{Body, Item, Key};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

/// How long another process's change of an item may stay unseen.
pub const NOTICE_EVERY: Duration = Duration::from_millis(100);

/// Keys and bodies cached, of all tables: what is read often has the room, whosever it is.
const CACHED_BYTES: u64 = 48 * 1024 * 1024;
/// What an entry takes besides its texts, about.
const ENTRY_BYTES: u64 = 160;
const ITEMS_EXPECTED: usize = 16_384;

/// An item without its key.
#[derive(Clone)]
pub struct CachedItem {
    pub version: u64,
    pub expires_at: Option<Timestamp>,
    pub size_bytes: usize,
    pub body: Body,
}

impl CachedItem {
    pub fn of(item: &Item) -> Self {
        Self { version: item.version, expires_at: item.expires_at, size_bytes: item.size_bytes, body: item.body.clone() }
    }

    pub fn item(self, key: Key) -> Item {
        Item { key, version: self.version, expires_at: self.expires_at, body: self.body, size_bytes: self.size_bytes }
    }
}

/// A key of a table.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TableKey {
    table: usize,
    key: Key,
}

/// The same, borrowed, for looking one up: it has the same hash.
#[derive(Hash)]
struct TableKeyRef<'k> {
    table: usize,
    key: &'k Key,
}

impl Equivalent<TableKey> for TableKeyRef<'_> {
    fn equivalent(&self, owned: &TableKey) -> bool {
        self.table == owned.table && self.key == &owned.key
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<TableKey, Option<CachedItem>> for Bytes {
    fn weight(&self, owned: &TableKey, copy: &Option<CachedItem>) -> u64 {
        let body = copy.as_ref().map_or(0, |copy| copy.body.as_str().len());
        (owned.key.pk.len() + owned.key.sk.len() + body) as u64 + ENTRY_BYTES
    }
}

/// A key that a commit has written.
pub struct Written {
    pub table: usize,
    pub key: Key,
    /// None: look at the file.
    pub item: Option<CachedItem>,
}

pub struct Recent {
    /// None for a key that has no item.
    cached: Cache<TableKey, Option<CachedItem>, Bytes>,
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
    pub fn new() -> Self {
        Self { cached: Cache::with_weighter(ITEMS_EXPECTED, CACHED_BYTES, Bytes), publishing: RwLock::new(()), epoch: AtomicU64::new(0) }
    }

    /// The item or that there is none, if that is known.
    pub fn get(&self, table: usize, key: &Key) -> Option<Option<CachedItem>> {
        self.cached.get(&TableKeyRef { table, key })
    }

    /// To be asked before a read whose result shall be remembered.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Keeps what was read since `epoch`, unless something was published in between.
    pub fn remember(&self, table: usize, key: &Key, item: Option<&Item>, epoch: u64) {
        let _guard = match self.publishing.try_read() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if self.epoch() == epoch {
            self.cached.insert(TableKey { table, key: key.clone() }, item.map(CachedItem::of));
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
        self.cached.clear();
    }
}

impl Publication<'_> {
    pub fn change(&self, change: Written) {
        let Written { table, key, item } = change;
        match item {
            Some(item) => self.recent.cached.insert(TableKey { table, key }, Some(item)),
            None => {
                self.recent.cached.remove(&TableKeyRef { table, key: &key });
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

    fn key() -> Key {
        Key::new("a", "b")
    }

    fn item(version: u64) -> Item {
        Item { key: key(), version, expires_at: None, body: Body::from_stored("{}"), size_bytes: 20 }
    }

    /// The version that is known, of an item that is known to be there.
    fn known(recent: &Recent) -> Option<Option<u64>> {
        recent.get(0, &key()).map(|copy| copy.map(|copy| copy.version))
    }

    fn change(recent: &Recent, item: Option<CachedItem>) {
        recent.publish().change(Written { table: 0, key: key(), item });
    }

    #[test]
    fn a_read_that_a_commit_overtook_is_not_remembered() {
        let recent = Recent::new();
        let before = recent.epoch();
        let publication = recent.publish();
        let during = recent.epoch();
        recent.remember(0, &key(), Some(&item(1)), during);
        assert_eq!(known(&recent), None, "the transaction is becoming visible");
        publication.change(Written { table: 0, key: key(), item: Some(CachedItem::of(&item(2))) });
        drop(publication);
        recent.remember(0, &key(), Some(&item(1)), before);
        recent.remember(0, &key(), None, during);
        assert_eq!(known(&recent), Some(Some(2)));
        recent.remember(0, &key(), Some(&item(2)), recent.epoch());
        assert_eq!(known(&recent), Some(Some(2)));
        change(&recent, None);
        assert_eq!(known(&recent), None);
        recent.remember(0, &key(), Some(&item(3)), recent.epoch());
        recent.forget();
        assert_eq!(known(&recent), None);
    }

    #[test]
    fn that_there_is_no_item_is_known_until_there_is_one() {
        let recent = Recent::new();
        recent.remember(0, &key(), None, recent.epoch());
        assert_eq!((known(&recent), recent.get(1, &key()).is_none()), (Some(None), true));
        change(&recent, Some(CachedItem::of(&item(1))));
        assert_eq!(known(&recent), Some(Some(1)));
    }
}
