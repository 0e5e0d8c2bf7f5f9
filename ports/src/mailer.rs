//! E-mail on its way out.

use async_trait::async_trait;
use kernel::Email;
use serde::{Deserialize, Serialize};

/// A message ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The left part of the Message-ID: the same mail sent twice has the same one, and mail
    /// programs show it once.
    pub id: String,
    /// `Souk <shop@example.com>` or a bare address.
    pub from: String,
    pub to: Email,
    pub subject: String,
    pub text: String,
    pub html: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Trying again can help: the server is away, busy or greylists.
    #[error("not sent yet: {0}")]
    Transient(String),
    /// The server or the address refuses for good.
    #[error("refused: {0}")]
    Permanent(String),
}

#[async_trait]
pub trait Mailer: Send + Sync {
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
