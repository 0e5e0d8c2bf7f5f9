//! Waiting for an item to change, for `Prefer: wait`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::Duration;
use ports::store::Key;
use tokio::sync::watch;

type Watched = (&'static str, Key);

/// Another process may change the item without this one hearing of it, so a wait ends this often for a look.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(crate) struct Watchers {
    /// Spares commits the lock while nobody waits.
    count: AtomicUsize,
    watched: Mutex<HashMap<Watched, watch::Sender<()>>>,
}

impl Watchers {
    pub fn notify(&self, table: &'static str, keys: impl Iterator<Item = Key>) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if let Some(sender) = watched.get(&(table, key)) {
                sender.send_replace(());
            }
        }
    }

    fn subscribe(&self, watched: &Watched) -> watch::Receiver<()> {
        self.count.fetch_add(1, Ordering::AcqRel);
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(watched.clone()).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    fn leave(&self, watched: &Watched) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(watched).is_some_and(|sender| sender.receiver_count() <= 1) {
            all.remove(watched);
        }
    }
}

/// A wait for one item. Made before the item is read, so that no change falls in between.
pub struct Watch {
    watchers: Arc<Watchers>,
    watched: Watched,
    receiver: watch::Receiver<()>,
}

impl Watch {
    pub(crate) fn new(watchers: Arc<Watchers>, table: &'static str, key: Key) -> Self {
        let watched = (table, key);
        let receiver = watchers.subscribe(&watched);
        Self { watchers, watched, receiver }
    }

    /// What has changed so far is seen by the read that follows.
    pub fn catch_up(&mut self) {
        self.receiver.mark_unchanged();
    }

    /// True when it is time to read the item again; false once `limit` has passed.
    pub async fn changed(&mut self, limit: Duration) -> bool {
        if limit.is_zero() {
            return false;
        }
        match tokio::time::timeout(limit.min(LOOK_EVERY), self.receiver.changed()).await {
            Ok(_) => true,
            Err(_) => limit > LOOK_EVERY,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchers.leave(&self.watched);
    }
}
