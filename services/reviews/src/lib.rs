//! Reviews: what customers say about businesses and products, moderated, and the average that follows from
//! them. Start with `review.rs`: it holds the lifecycle and every rule.

mod aggregate;
mod consumer;
#[cfg(test)]
mod formats;
mod http;
mod personal_data;
mod reads;
mod reminder;
mod report;
mod review;
mod storage;
mod subject;
mod submission;
mod views;

use std::sync::Arc;

use kernel::Duration;
use ports::reads::{DirectoryReads, IdentityReads, OrderReads, ProductReads};
use serde::{Deserialize, Serialize};
use shell::{Schedule, Service, UnitOfWork};

pub use reads::Reads;
pub use review::diagram;
pub use storage::TABLE;

const REMIND_EVERY: Duration = Duration::from_secs(3600);

/// Which reviews a moderator sees before everyone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moderation {
    All,
    /// Those of people who are not known to be customers.
    Unverified,
    None,
}

/// What happens to a review by someone who is not known to be a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unverified {
    /// It is taken and shown as unverified.
    Accept,
    Refuse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    pub moderation: Moderation,
    pub unverified: Unverified,
    /// After the delivery of an order; `None`: nobody is reminded.
    pub remind_after: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self { moderation: Moderation::Unverified, unverified: Unverified::Accept, remind_after: Some(Duration::from_secs(7 * 24 * 3600)) }
    }
}

/// What reviews read of others.
#[derive(Clone)]
pub struct Deps {
    pub accounts: Arc<dyn IdentityReads>,
    pub directory: Arc<dyn DirectoryReads>,
    pub products: Arc<dyn ProductReads>,
    pub orders: Arc<dyn OrderReads>,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub deps: Deps,
    pub config: Config,
}

pub fn service(work: &UnitOfWork, deps: Deps, config: Config) -> Service {
    let app = App { work: work.clone(), deps, config };
    let remind = Schedule::new("reviews.remind", REMIND_EVERY, app.clone(), async |app| reminder::remind(&app).await);
    Service::new(work).consumer(consumer::consumer(app.clone())).schedule(remind).routes(http::routes(app))
}
