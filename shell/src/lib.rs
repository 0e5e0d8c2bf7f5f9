//! Runs services: everything that can fail, wait or vary is here, so that the services' rules need
//! not. A command, an event and a timer all end in one atomic commit, made by the `UnitOfWork`.

mod api;
mod auth;
mod changes;
mod checkpoint;
mod consumer;
mod deliver;
mod delivery;
mod dispatcher;
#[cfg(test)]
mod formats;
mod host;
pub mod http;
mod lease;
mod metering;
mod needs;
mod operations;
mod passwords;
pub mod queues;
mod root_routes;
mod runtime;
mod scheduler;
mod service;
mod sitemap;
mod stamp;
mod table;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
mod unit_of_work;
mod watch;

pub use api::{Api, ApiConfig, Ready};
pub use auth::{AUDIENCE, AccessClaims, Authenticated, Authenticator, Signer, SigningKey, TokenVerifier};
pub use changes::{Changes, DecisionContext, JobOutcome, Outcome};
pub use consumer::{Consumer, RetryPolicy, Schedule};
pub use deliver::{deliver, find_consumer, find_schedule, tick};
pub use delivery::Delivery;
pub use host::{Host, HostConfig, Running};
pub use http::{Access, Failure, HandlerResult, LimitsConfig, Operation, Reply, RequestContext};
pub use needs::{Need, Resource, ServiceRole};
pub use operations::{DeadLetterView, OPERATIONS, operations};
pub use passwords::Passwords;
pub use root_routes::RootRoutes;
pub use runtime::Runtime;
pub use service::Service;
pub use sitemap::{Sitemap, SitemapEntry};
pub use table::{Table, filter_pages, merge_pages_desc};
pub use telemetry::Telemetry;
pub use trace::within_trace;
pub use unit_of_work::{Attempt, INBOX_KEPT, Load, Rule, UnitOfWork};
pub use watch::Watch;
