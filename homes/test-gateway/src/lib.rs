//! The test gateway as homes offer it: with the shop's address, and with its pages.

mod pages;

use std::sync::Arc;

use ports::Clock;
use ports::store::Store;
use shell::RootRoutes;
use test_gateway::{Options, TestGateway};
use wiring::{Config, Environment};

pub use test_gateway::TABLE;

/// The gateway over its own book, `TABLE`. Its pages are beside the shop's.
#[derive(Clone)]
pub struct Bank {
    pub gateway: Arc<TestGateway>,
    clock: Arc<dyn Clock>,
    /// Whether anybody may make it fail.
    faults: bool,
}

impl Bank {
    pub fn new(config: &Config, book: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let options = Options { action_page: format!("{}/test-gateway/actions", config.shop.public_url), ..Options::default() };
        let gateway = Arc::new(TestGateway::new(book, clock.clone(), options));
        Self { gateway, clock, faults: config.environment == Environment::Development }
    }

    pub fn pages(&self) -> RootRoutes {
        pages::routes(self)
    }
}
