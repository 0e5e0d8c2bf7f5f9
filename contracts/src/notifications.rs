//! Events of notifications.

use kernel::MailId;
use serde::{Deserialize, Serialize};

/// A mail is written and waits for the mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailQueued {
    pub mail_id: MailId,
    /// Counts the sendings that a person asked for; the first is 1.
    pub attempt: u32,
}
