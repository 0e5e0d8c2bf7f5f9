//! Orders: placing what is in a cart, and following it until it is delivered, cancelled or refunded.
//!
//! Start with `order.rs`: it holds the lifecycle and every rule.

mod checkout;
mod consumer;
mod deadline;
mod finding;
#[cfg(test)]
mod formats;
mod guest_tokens;
mod http;
mod order;
mod pages;
mod person;
mod personal_data;
mod reads;
mod settling;
mod shop;
mod storage;
mod unpaid;
mod views;

use std::sync::Arc;

use kernel::Duration;
use ports::GatewayError;
use ports::reads::{CartReads, CatalogReads, IdentityReads, InventoryReads};
use shell::{Schedule, Service, UnitOfWork};

pub use guest_tokens::GuestTokens;
pub use order::{Pricing, ShippingPrice, StatusName, diagram, lifecycle, part_diagram};
pub use reads::Reads;
pub use shop::{Feature, Shop};
pub use storage::TABLE;
pub use unpaid::UnpaidLimits;

/// How often unpaid orders are looked for whose time has run out.
const EXPIRE_EVERY: Duration = Duration::from_secs(10);

/// Whether this could be a means of payment at all. All that orders may ask of the gateway.
pub type MethodCheck = Arc<dyn Fn(&str) -> Result<(), GatewayError> + Send + Sync>;

/// What orders read of others.
#[derive(Clone)]
pub struct Deps {
    pub carts: Arc<dyn CartReads>,
    pub catalog: Arc<dyn CatalogReads>,
    pub accounts: Arc<dyn IdentityReads>,
    /// What is for sale when an order is placed. Whether it still is, inventory decides.
    pub stock: Arc<dyn InventoryReads>,
    pub check_method: MethodCheck,
    pub tokens: GuestTokens,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub pricing: Pricing,
    pub unpaid: UnpaidLimits,
    /// Where the bank's page may send customers back to, besides the shop itself: origins such as `https://shop.example`.
    pub return_origins: Vec<String>,
    pub shop: Shop,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub deps: Deps,
    pub config: Arc<Config>,
}

pub fn service(work: &UnitOfWork, deps: Deps, config: Config) -> Service {
    let app = App { work: work.clone(), deps, config: Arc::new(config) };
    let expire = Schedule::new(deadline::EXPIRE, EXPIRE_EVERY, app.clone(), async |app| deadline::expire(&app).await);
    Service::new(work)
        .consumer(consumer::consumer(app.clone()))
        .schedule(expire)
        .root_routes(pages::routes(app.clone()))
        .routes(shop::routes(app.clone()))
        .routes(finding::routes(app.clone()))
        .routes(http::routes(app))
}
