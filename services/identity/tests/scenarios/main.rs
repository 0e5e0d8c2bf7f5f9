//! Accounts as people use them: as anybody, customer, business, support, admin.

#![allow(clippy::unwrap_used)]

mod accounts;
mod pages;
mod pool;
mod sessions;
mod shop;
mod signing_in;
mod strangers;
