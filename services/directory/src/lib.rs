//! The directory: businesses and who acts for them, the tree of categories, the leads that reach them,
//! and the import of listings.

mod browse;
mod business;
mod category;
mod category_http;
mod claim;
mod claim_http;
mod consumer;
mod editing;
mod hours;
mod http;
mod import;
mod json_ld;
mod lead;
mod lead_http;
mod mapping;
mod moderation;
mod osm;
mod places;
mod profile;
mod reads;
mod sitemap;
mod storage;
mod text;
mod views;
mod zone;

use std::sync::Arc;

use kernel::Money;
use ports::reads::{IdentityReads, ReviewReads};
use shell::{Service, Signer, UnitOfWork};

pub use business::diagram;
pub use hours::is_time_zone;
pub use import::{Import, Outcome, Report, import};
pub use lead::diagram as lead_diagram;
pub use mapping::{DEFAULT_MAPPING, Mapping, MappingError};
pub use places::{FileKind, Place, RefusedRow, parse};
pub use reads::Reads;
pub use storage::TABLE;
pub use zone::TimeZoneMap;

/// What the shop's configuration says about businesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where people open the shop, without a slash at the end.
    pub public_url: String,
    /// The IANA time zone of businesses that name none.
    pub time_zone: String,
    /// What a lead costs a business, unless its terms say otherwise; zero makes leads free.
    pub lead_price: Money,
}

/// What the directory needs of others.
#[derive(Clone)]
pub struct Dependencies {
    /// Absent where nothing is reviewed.
    pub reviews: Option<Arc<dyn ReviewReads>>,
    /// Who there is, before somebody is given a role in a business.
    pub accounts: Arc<dyn IdentityReads>,
    /// Makes the hashes by which people are told apart who ask a business.
    pub signer: Arc<Signer>,
    /// Tell the time zone of a business that says only where it is.
    pub time_zones: TimeZoneMap,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub settings: Arc<Settings>,
    pub deps: Dependencies,
}

pub fn service(work: &UnitOfWork, dependencies: Dependencies, settings: Settings) -> Service {
    let app = App { work: work.clone(), settings: Arc::new(settings), deps: dependencies };
    Service::new(work)
        .consumer(consumer::consumer(work.clone()))
        .routes(browse::routes(app.clone()))
        .routes(http::routes(app.clone()))
        .routes(moderation::routes(app.clone()))
        .routes(category_http::routes(app.clone()))
        .routes(claim_http::routes(app.clone()))
        .routes(lead_http::routes(app.clone()))
        .root_routes(sitemap::routes(app))
}
