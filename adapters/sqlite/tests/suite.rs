//! The suite of all stores.

use std::sync::Arc;

use ports::store::TableSchema;
use ports::{EventLog, ManualClock, Store};
use sqlite::Sqlite;

struct Home {
    clock: Arc<ManualClock>,
    sqlite: Sqlite,
    _folder: tempfile::TempDir,
}

impl suite::Home for Home {
    fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        self.sqlite.table(&schema)
    }

    fn log(&self) -> Option<Arc<dyn EventLog>> {
        Some(self.sqlite.log())
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

async fn home() -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::new(suite::start_of_time()));
    let sqlite = Sqlite::open(folder.path().join("souk.db"), &suite::SCHEMAS, clock.clone()).expect("a new file");
    Home { clock, sqlite, _folder: folder }
}

suite::store_tests!(home);
suite::units_tests!(home);
suite::log_tests!(home);
