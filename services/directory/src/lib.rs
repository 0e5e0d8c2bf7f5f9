//! The directory: businesses and who acts for them, the tree of categories, the leads that reach them,
//! and the import of listings.

mod business;
mod category;
mod claim;
mod consumer;
mod delivering;
mod editing;
#[cfg(test)]
mod formats;
mod http;
mod import;
mod lead;
mod personal_data;
mod reads;
mod sitemap;
mod sort_key;
mod storage;

use std::sync::Arc;

use kernel::Money;
use ports::reads::IdentityReads;
use shell::{Service, Signer, UnitOfWork};

pub use business::diagram;
pub use business::zone::TimeZoneMap;
pub use import::mapping::{DEFAULT_MAPPING, Mapping, MappingError};
pub use import::places::{FileKind, Place, RefusedRow, parse, text_of};
pub use import::{Import, Outcome, Report, import};
pub use lead::diagram as lead_diagram;
pub use reads::Reads;
pub use storage::TABLE;

/// What the shop's configuration says about businesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where people open the shop, without a slash at the end.
    pub public_url: String,
    /// The IANA time zone of businesses that name none.
    pub time_zone: String,
    /// Whose holidays count for businesses whose address does not say: a country, `DE`, or a federal state, `DE-BY`.
    pub region: String,
    /// What a lead costs a business, unless its terms say otherwise; zero makes leads free.
    pub lead_price: Money,
}

impl Config {
    fn time_zone_of<'a>(&'a self, profile: &'a business::profile::Profile) -> &'a str {
        profile.time_zone.as_deref().unwrap_or(&self.time_zone)
    }

    /// `None` for a zone that is no longer in the database of time zones.
    fn place_of(&self, profile: &business::profile::Profile) -> Option<hours::Place> {
        hours::Place::new(self.time_zone_of(profile), &profile.region(&self.region), profile.position)
    }
}

/// What the directory needs of others.
#[derive(Clone)]
pub struct Deps {
    /// Who there is, before somebody is given a role in a business.
    pub accounts: Arc<dyn IdentityReads>,
    /// Makes the hashes by which people who ask a business are recognized.
    pub signer: Arc<Signer>,
    /// For the time zone of a business that says only where it is.
    pub time_zones: TimeZoneMap,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub settings: Arc<Config>,
    pub deps: Deps,
}

pub fn service(work: &UnitOfWork, dependencies: Deps, settings: Config) -> Service {
    let app = App { work: work.clone(), settings: Arc::new(settings), deps: dependencies };
    Service::new(work).consumer(consumer::consumer(work.clone())).routes(http::routes(app.clone())).root_routes(sitemap::routes(app))
}
