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

const ID_BYTES_MAX: usize = 200;

impl Mail {
    /// For adapters: refuses for good an id that does not fit into a header of the message.
    pub fn check_id(&self) -> Result<(), MailError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=ID_BYTES_MAX).contains(&self.id.len()) && self.id.bytes().all(known) {
            Ok(())
        } else {
            Err(MailError::Permanent("the mail's id does not fit into a header".into()))
        }
    }

    /// For adapters: the subject in one line. A break in it could be taken for the start of another header.
    pub fn subject_line(&self) -> String {
        self.subject.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
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
