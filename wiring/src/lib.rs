//! The only crate that names all services: it builds them from what a home brings.

mod config;
mod manifest;
mod search;
mod services;
mod start_page;
mod test_gateway_pages;

pub use config::{Config, ConfigError, Environment, Flags, Gateway, Transport};
pub use manifest::{Manifest, manifest};
pub use search::{rebuild_search, search};
pub use services::{Platform, PoolIssuer, TABLES, authenticator, service, services, work};
