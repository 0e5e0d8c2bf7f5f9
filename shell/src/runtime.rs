//! What all desks of a process share: time, chance, the watchers of items, the counters.

use std::sync::Arc;

use ports::store::{Store, TableSchema};
use ports::{Clock, Entropy};

use crate::table::Table;
use crate::telemetry::Telemetry;
use crate::unit_of_work::UnitOfWork;
use crate::watch::Watchers;

pub struct Runtime {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub telemetry: Arc<Telemetry>,
    pub(crate) watchers: Watchers,
}

impl Runtime {
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Arc<Self> {
        Arc::new(Self { clock, entropy, telemetry: Arc::new(Telemetry::new()), watchers: Watchers::default() })
    }

    /// The desk of the service that owns the table.
    pub fn work(self: &Arc<Self>, schema: TableSchema, store: Arc<dyn Store>) -> UnitOfWork {
        UnitOfWork::new(self.clone(), schema, Table::new(schema.name, store, self.telemetry.clone()))
    }

    pub(crate) fn seed(&self) -> [u8; 16] {
        let mut seed = [0; 16];
        self.entropy.fill(&mut seed);
        seed
    }
}
