//! Inventory: how many pieces of every variant there are, which are promised to orders, and which can be
//! sold. An order holds all of its lines or none, until it is shipped or cancelled; nothing is sold twice and
//! nothing gets lost.

mod consumer;
mod http;
mod import;
mod reads;
mod reservation;
mod stock;
mod storage;

use contracts::Decision;
use kernel::Problem;
use ports::store::Stored;
use shell::{Changes, Service, UnitOfWork};

pub use import::{StockCount, set_stock};
pub use reads::Reads;
pub use stock::{MovementKind, QUANTITY_MAX};
pub use storage::TABLE;

use stock::{Described, StockItem};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InventoryConfig {
    /// Stock at or below it is low, unless told otherwise for the variant.
    pub default_threshold: i64,
}

impl Default for InventoryConfig {
    fn default() -> Self {
        Self { default_threshold: 5 }
    }
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub config: InventoryConfig,
}

pub fn service(work: &UnitOfWork, config: InventoryConfig) -> Service {
    let app = App { work: work.clone(), config };
    Service::new(work).consumer(consumer::consumer(app.clone())).routes(http::routes(app))
}

/// Takes over what the catalog says about a variant, making its stock record if there is none.
pub(crate) fn describe(
    described: Described,
    found: Option<Stored<StockItem>>,
    default_threshold: i64,
    catalog_sequence: u64,
) -> Result<Changes, Problem> {
    match found {
        None => storage::create_stock(StockItem::new(described, default_threshold, catalog_sequence)),
        Some(found) => match found.value.described(&described, catalog_sequence) {
            Some(item) => Changes::update(found.version, Decision::changed(item)),
            None => Ok(Changes::none()),
        },
    }
}

#[cfg(test)]
mod scenarios;
