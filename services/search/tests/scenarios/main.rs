//! The service over the memory stores and the real index in memory or on disk.

#![allow(clippy::unwrap_used)]

mod feeding;
mod finding;
mod rebuilding;
mod shop;
