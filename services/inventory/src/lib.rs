//! Inventory: how many pieces of every variant there are, which are promised to orders, and which can be
//! sold. An order holds all of its lines or none; nothing is sold twice and nothing gets lost.

mod consumer;
mod http;
mod import;
mod reads;
mod reservation;
mod stock;
mod storage;

use contracts::Decision;
use kernel::{Duration, Problem};
use ports::store::Stored;
use shell::{Changes, Consumer, Desk, Schedule, Service};

pub use import::{StockCount, set_stock};
pub use reads::Reads;
pub use stock::{MovementKind, QUANTITY_MAX};
pub use storage::TABLE;

use stock::{Described, StockItem};

/// How often holds that have run out are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);
/// Holds of one shard that one tick gives back; the next tick goes on.
const EXPIRE_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InventoryConfig {
    /// How long an unpaid order holds its stock.
    pub hold: Duration,
    /// Stock at or below it is low, unless told otherwise for the variant.
    pub default_threshold: i64,
}

impl Default for InventoryConfig {
    fn default() -> Self {
        Self { hold: Duration::from_secs(30 * 60), default_threshold: 5 }
    }
}

#[derive(Clone)]
pub(crate) struct App {
    pub desk: Desk,
    pub config: InventoryConfig,
}

pub fn service(desk: &Desk, config: InventoryConfig) -> Service {
    let service = Service::new(desk);
    let app = App { desk: desk.clone(), config };
    let (consuming, ticking) = (app.clone(), app.clone());
    service
        .routes(http::routes(app))
        .consumer(Consumer::new(consumer::NAME, consumer::TYPES, move |delivery| {
            let app = consuming.clone();
            async move { consumer::on(&app, &delivery).await }
        }))
        .schedule(Schedule::new("inventory.expire-holds", EXPIRE_EVERY, move || {
            let app = ticking.clone();
            async move { expire_holds(&app).await }
        }))
}

/// Gives back what was held for orders that nobody paid. A hold that cannot be given back does not keep
/// the others from it.
async fn expire_holds(app: &App) -> Result<(), Problem> {
    let mut failed = None;
    for shard in 0..storage::HELD_SHARDS {
        for order in storage::overdue(app.desk.table(), shard, app.desk.now(), EXPIRE_MAX).await? {
            if let Err(problem) = consumer::expire(app, order).await {
                failed = Some(Problem { detail: format!("the hold of {order}: {}", problem.detail), ..problem });
            }
        }
    }
    failed.map_or(Ok(()), Err)
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
