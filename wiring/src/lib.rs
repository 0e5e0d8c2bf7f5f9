//! The only crate that names all services: it builds them from what a home brings.

mod builder;
mod config;
mod manifest;
mod operate;
mod platform;
mod services;
mod start_page;

pub use config::{Config, ConfigError, Environment, Flags, Gateway, Transport};
pub use manifest::{Manifest, manifest};
pub use operate::Operator;
pub use platform::{ACCOUNTS, Platform, PoolIssuer, TimeZoneSource, authenticator, work};
pub use services::{service, services, tables};
