//! Carts: what guests and customers want to buy, at the prices that they were shown. Prices and stock
//! are the catalog's and the inventory's; a cart only remembers what the customer agreed to.

mod cart;
mod consumer;
#[cfg(test)]
mod formats;
mod http;
mod personal_data;
mod reads;
mod storage;
mod views;

use std::sync::Arc;

use kernel::Currency;
use ports::reads::{CatalogReads, InventoryReads};
use shell::{Service, UnitOfWork};

pub use cart::{LINES_MAX, QUANTITY_MAX};
pub use reads::Reads;
pub use storage::TABLE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Of new carts; only what is sold in it can be added.
    pub currency: Currency,
}

impl Default for Config {
    fn default() -> Self {
        Self { currency: Currency::EUR }
    }
}

/// What carts read of others.
#[derive(Clone)]
pub struct Deps {
    pub catalog: Arc<dyn CatalogReads>,
    pub inventory: Arc<dyn InventoryReads>,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub deps: Deps,
    pub config: Config,
}

pub fn service(work: &UnitOfWork, deps: Deps, config: Config) -> Service {
    let app = App { work: work.clone(), deps, config };
    Service::new(work).consumer(consumer::consumer(app.clone())).routes(http::routes(app))
}
