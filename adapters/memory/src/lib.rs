//! Everything in memory: for tests and simulations, and the plainest reading of what a store means.

mod blobs;
mod log;
mod state;
mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::store::{Item, TableSchema};
use ports::{Clock, EventLog, LoggedEvent, Position, Store};
use tokio::sync::watch;

pub use blobs::MemoryBlobs;
use state::{LogEntry, State};

/// Tables that share one event log. Clones are the same stores.
#[derive(Clone)]
pub struct MemoryStores {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    appended: watch::Sender<Position>,
}

impl MemoryStores {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let shared = Shared { clock, state: Mutex::new(State::default()), appended: watch::Sender::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// The table of a service; asked for twice, the same table.
    pub fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        Arc::new(table::MemoryTable { schema, shared: self.shared.clone() })
    }

    /// Every item of a table, also those that have expired: for tests of what is kept.
    pub fn items(&self, schema: TableSchema) -> Vec<Item> {
        let state = self.shared.lock();
        state.table(schema.name).map(|table| table.rows.values().map(|row| row.item.clone()).collect()).unwrap_or_default()
    }

    /// Appends a text to the log as an event of a type, whether it can be read or not: for tests of what other versions
    /// of the program leave behind.
    pub fn append_text(&self, kind: &str, text: &str) {
        let mut state = self.shared.lock();
        let position = state.head + 1;
        let envelope = LoggedEvent::parse(position, text).envelope;
        state.append(LogEntry { time: self.shared.clock.now(), kind: kind.into(), envelope });
        self.shared.appended.send_replace(position);
    }

    /// Gives an event of the log another text.
    pub fn replace_text(&self, position: Position, text: &str) {
        if let Some(entry) = self.shared.lock().log.get_mut(&position) {
            entry.envelope = LoggedEvent::parse(position, text).envelope;
        }
    }

    pub fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(log::MemoryLog { shared: self.shared.clone() })
    }
}

impl Shared {
    /// A panic under the lock cannot leave half a commit: everything is decided before anything is
    /// written. So a poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
