//! The only crate that names all services: it builds them for a home.

mod config;
mod embedded;
mod manifest;
mod secrets;
mod start_page;
mod test_gateway_pages;
mod upkeep;

pub use config::{Config, ConfigError, Environment, Flags, Gateway, Transport};
pub use embedded::{HOUSE, Home, backup};
pub use manifest::{Manifest, manifest};
