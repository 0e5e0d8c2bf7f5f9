//! Notifications as the other services and people meet them.

mod mails;
mod pages;
mod support;
