//! The suite of all stores.

use std::sync::Arc;

use memory::MemoryStores;
use ports::store::TableSchema;
use ports::{EventLog, ManualClock, Store};

struct Home {
    clock: Arc<ManualClock>,
    stores: MemoryStores,
}

impl suite::Home for Home {
    fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        self.stores.table(schema)
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

impl suite::LogHome for Home {
    fn log(&self) -> Arc<dyn EventLog> {
        self.stores.log()
    }

    fn append_text(&self, kind: &str, text: &str) {
        self.stores.append_text(kind, text);
    }
}

async fn home() -> Home {
    let clock = Arc::new(ManualClock::new(suite::start_of_time()));
    Home { stores: MemoryStores::new(clock.clone()), clock }
}

suite::store_tests!(home);
suite::units_tests!(home);
suite::log_tests!(home);
