//! What all units of work of a process share: time, chance, the watchers of items, the counters.

use std::sync::Arc;

use ports::{Clock, Entropy};

use crate::telemetry::Telemetry;
use crate::watch::Watchers;

pub struct Runtime {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub telemetry: Arc<Telemetry>,
    pub(crate) watchers: Arc<Watchers>,
}

impl Runtime {
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Arc<Self> {
        Arc::new(Self { clock, entropy, telemetry: Arc::new(Telemetry::new()), watchers: Arc::default() })
    }
}
