//! The suite of all stores.

use std::sync::Arc;

use ports::store::TableSchema;
use ports::{Clock, EventLog, ManualClock, Store};
use sqlite::Sqlite;

struct Home {
    clock: Arc<ManualClock>,
    sqlite: Sqlite,
    folder: tempfile::TempDir,
}

impl suite::Home for Home {
    fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        self.sqlite.table(&schema)
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

impl suite::LogHome for Home {
    fn log(&self) -> Arc<dyn EventLog> {
        self.sqlite.log()
    }

    /// As another process would.
    fn append_text(&self, kind: &str, text: &str) {
        let other = rusqlite::Connection::open(self.folder.path().join("souk.db")).expect("the file is there");
        let time = self.clock.now().as_millis();
        other.execute("INSERT INTO log (time, type, envelope) VALUES (?1, ?2, ?3)", (time, kind, text)).expect("a row");
    }
}

async fn home() -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::new(suite::start_of_time()));
    let sqlite = Sqlite::open(folder.path().join("souk.db"), &suite::SCHEMAS, clock.clone()).expect("a new file");
    Home { clock, sqlite, folder }
}

suite::store_tests!(home);
suite::units_tests!(home);
suite::log_tests!(home);
