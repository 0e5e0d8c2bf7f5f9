//! Search, for the homes that have an index and keep a log.

use std::sync::Arc;

use kernel::Problem;
use ports::{EventLog, Search};
use search::{SearchConfig, SearchDeps};
use shell::{Service, queues};

use crate::config::{Config, ConfigError};
use crate::services::{Platform, catalog_settings, work};

/// The service over that index.
pub fn search(config: &Config, platform: &dyn Platform, index: Arc<dyn Search>, log: Arc<dyn EventLog>) -> Result<Service, ConfigError> {
    Ok(search::service(&work(platform, search::TABLE), deps(config, platform, index, log), settings(config)))
}

/// Builds the index anew in this process; no other may be serving.
pub async fn rebuild_search(
    config: &Config,
    platform: &dyn Platform,
    index: Arc<dyn Search>,
    log: Arc<dyn EventLog>,
) -> Result<u64, Problem> {
    search::rebuild_now(&work(platform, search::TABLE), deps(config, platform, index, log), settings(config)).await
}

fn settings(config: &Config) -> SearchConfig {
    SearchConfig { currency: config.shop.currency }
}

fn deps(config: &Config, platform: &dyn Platform, index: Arc<dyn Search>, log: Arc<dyn EventLog>) -> SearchDeps {
    SearchDeps {
        index,
        directory: Arc::new(directory::Reads::new(&work(platform, directory::TABLE), &config.shop.time_zone)),
        products: Arc::new(catalog::Reads::new(&work(platform, catalog::TABLE), catalog_settings(config))),
        reviews: Arc::new(reviews::Reads::new(&work(platform, reviews::TABLE))),
        log,
        shell: work(platform, queues::TABLE),
    }
}
