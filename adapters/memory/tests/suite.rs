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

    fn log(&self) -> Option<Arc<dyn EventLog>> {
        Some(self.stores.log())
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

async fn home() -> Home {
    let clock = Arc::new(ManualClock::new(suite::start_of_time()));
    Home { stores: MemoryStores::new(clock.clone()), clock }
}

suite::store_tests!(home);
suite::units_tests!(home);
suite::log_tests!(home);
