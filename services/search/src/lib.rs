//! Search over businesses, services and products: one index, fed by events. The index is a port, and
//! the stores of the other services stay the truth: it can be built anew from them at any time.

mod check;
mod concern;
mod consumer;
mod documents;
mod feed;
#[cfg(test)]
mod formats;
mod http;
mod parameters;
mod rebuild;
mod rebuilding;
mod storage;
mod views;

use std::sync::Arc;

use kernel::{Currency, Duration};
use ports::reads::{DirectoryReads, ProductReads, ReviewReads};
use ports::{EventLog, Search};
use shell::{Schedule, Service, UnitOfWork};

use crate::check::Checked;
use crate::feed::Feed;

pub use rebuild::{Rebuild, Status};
pub use rebuilding::{rebuild_now, request_rebuild, requested_rebuild};
pub use storage::TABLE;

/// How often the index is looked after: a rebuild that is asked for begins within this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the service is made of.
#[derive(Clone)]
pub struct Deps {
    pub index: Arc<dyn Search>,
    pub directory: Arc<dyn DirectoryReads>,
    pub products: Arc<dyn ProductReads>,
    pub reviews: Arc<dyn ReviewReads>,
    pub log: Arc<dyn EventLog>,
    /// On the shell's own table, which knows how far the events have been delivered.
    pub shell: UnitOfWork,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Of the prices in a query.
    pub currency: Currency,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub deps: Deps,
    pub config: Config,
    pub feed: Arc<Feed>,
    pub checked: Arc<Checked>,
}

impl App {
    fn new(work: &UnitOfWork, deps: Deps, config: Config) -> Self {
        Self { work: work.clone(), deps, config, feed: Arc::default(), checked: Arc::default() }
    }
}

pub fn service(work: &UnitOfWork, deps: Deps, config: Config) -> Service {
    let app = App::new(work, deps, config);
    let look = Schedule::new("search.look", LOOK_EVERY, app.clone(), async |app| check::look(&app).await);
    Service::new(work).consumer(consumer::consumer(app.clone())).schedule(look).routes(http::routes(app))
}
