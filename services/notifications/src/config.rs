//! What the shop says about itself in its mails.

use std::sync::Arc;

use kernel::{Duration, Email};
use ports::Mailer;
use serde::{Deserialize, Serialize};

use crate::Locale;

/// Where mails go.
#[derive(Clone)]
pub enum Delivery {
    /// Nowhere: the log is the mailbox. For development and tests.
    Capture,
    Send(Arc<dyn Mailer>),
}

impl Delivery {
    pub(crate) fn captures(&self) -> bool {
        matches!(self, Self::Capture)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// Where customers open the shop; links in mails start with it. Without a slash at the end.
    pub public_url: String,
    /// Receives new orders and low stock.
    pub admin_email: Email,
    /// The sender: `Souk <shop@example.com>` or a bare address.
    pub from: String,
    /// Where customers write to.
    pub support_email: Email,
    /// One line for the foot of every mail: who the shop is and where. May be empty.
    pub imprint: String,
    pub locale: Locale,
    /// Whether captured mails are shown to anybody on the pages below `/mailbox`.
    pub mailbox: bool,
    /// How long the log keeps a mail.
    pub keep_days: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "Souk".into(),
            public_url: "http://127.0.0.1:8080".into(),
            admin_email: example("admin"),
            from: "Souk <shop@example.com>".into(),
            support_email: example("help"),
            imprint: String::new(),
            locale: Locale::En,
            mailbox: true,
            keep_days: 90,
        }
    }
}

impl Config {
    pub(crate) fn keep(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_days) * 24 * 60 * 60)
    }
}

/// # Panics
/// Never: the callers' names are fit for an address.
#[allow(clippy::expect_used)]
pub(crate) fn example(name: &str) -> Email {
    format!("{name}@example.com").parse().expect("an address of the example domain")
}
