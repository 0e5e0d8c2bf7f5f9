//! Inventory: how many pieces of every variant there are, which are promised to orders, and which can be
//! sold. An order holds all of its lines or none, until it is shipped or cancelled; nothing is sold twice and
//! nothing gets lost.

mod consumer;
#[cfg(test)]
mod formats;
mod http;
mod import;
mod reads;
mod reservation;
mod stock;
mod storage;
mod views;

use shell::{Service, UnitOfWork};

pub use import::{StockCount, set_stock};
pub use reads::Reads;
pub use stock::{MovementKind, QUANTITY_MAX};
pub use storage::TABLE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Stock at or below it is low, unless the variant has a threshold of its own.
    pub default_threshold: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self { default_threshold: 5 }
    }
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub config: Config,
}

pub fn service(work: &UnitOfWork, config: Config) -> Service {
    let app = App { work: work.clone(), config };
    Service::new(work).consumer(consumer::consumer(app.clone())).routes(http::routes(app))
}
