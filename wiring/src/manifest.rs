//! What the services say of themselves, as JSON: the source of documents, diagrams and cloud stacks.

use contracts::Event;
use ports::store::TableSchema;
use serde::Serialize;
use shell::{Need, Operation, Service};

use crate::platform::ACCOUNTS;

#[derive(Debug, Serialize)]
pub struct Manifest {
    pub version: &'static str,
    /// The service whose table is read for every request with a token, whichever service answers it.
    pub accounts: &'static str,
    pub services: Vec<ServiceManifest>,
}

#[derive(Debug, Serialize)]
pub struct ServiceManifest {
    pub name: &'static str,
    /// Absent for a service that keeps nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSchema>,
    pub routes: Vec<Operation>,
    pub consumers: Vec<ConsumerManifest>,
    pub schedules: Vec<ScheduleManifest>,
    /// Event types that it emits.
    pub emits: Vec<&'static str>,
    /// Services whose data it reads.
    pub reads: Vec<&'static str>,
    /// What it asks of its home besides stores, and who uses it.
    pub needs: Vec<Need>,
}

#[derive(Debug, Serialize)]
pub struct ConsumerManifest {
    pub name: &'static str,
    pub types: Vec<&'static str>,
    pub tries: u32,
}

#[derive(Debug, Serialize)]
pub struct ScheduleManifest {
    pub name: &'static str,
    pub every_secs: u64,
}

pub fn manifest(services: &[Service]) -> Manifest {
    let services = services.iter().map(|service| ServiceManifest {
        name: service.name,
        table: service.table,
        routes: service.operations.clone(),
        consumers: service
            .consumers
            .iter()
            .map(|consumer| ConsumerManifest { name: consumer.name, types: consumer.types().to_vec(), tries: consumer.retry.tries })
            .collect(),
        schedules: service
            .schedules
            .iter()
            .map(|schedule| ScheduleManifest { name: schedule.name, every_secs: schedule.every.as_secs() })
            .collect(),
        emits: Event::TYPES.iter().filter(|(_, source)| *source == service.name).map(|(kind, _)| *kind).collect(),
        reads: service.reads.clone(),
        needs: service.needs.clone(),
    });
    Manifest { version: env!("CARGO_PKG_VERSION"), accounts: ACCOUNTS.name, services: services.collect() }
}
