//! Notifications as the other services and people meet them.

// Helpers outside of a test function are not seen as tests by the lint.
#![allow(clippy::unwrap_used)]

mod mails;
mod pages;
mod support;
