//! What people may ask of all services at once: a copy of what is kept of them (GDPR, articles 15 and 20). It keeps
//! nothing itself and stands above the services that do, so that none of them has to read the others.
//!
//! Erasure begins at identity, and each service follows the event `user.erased`.

mod http;

use std::sync::Arc;

use ports::PersonalData;
use ports::reads::IdentityReads;
use shell::{Runtime, Service};

pub const NAME: &str = "privacy";

/// A service that keeps personal data.
#[derive(Clone)]
pub struct Part {
    /// Under this name its data stands in a copy.
    pub service: &'static str,
    pub data: Arc<dyn PersonalData>,
}

#[derive(Clone)]
pub struct Deps {
    pub accounts: Arc<dyn IdentityReads>,
    pub parts: Vec<Part>,
}

#[derive(Clone)]
pub(crate) struct App {
    pub runtime: Arc<Runtime>,
    pub deps: Arc<Deps>,
}

pub fn service(runtime: &Arc<Runtime>, deps: Deps) -> Service {
    let app = App { runtime: runtime.clone(), deps: Arc::new(deps) };
    Service::without_table(NAME).routes(http::routes(app))
}
