//! Mail over SMTP, on pooled connections.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use ports::{Mail, MailError, Mailer};

/// Idle connections that are kept for the next mails.
const POOL_MAX: u32 = 8;
/// Most servers close idle connections after five minutes.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// The address of the mail server cannot be used. It may hold a password, so it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an address of a mail server such as smtps://user:password@mail.example.com: {0}")]
pub struct ConfigError(String);

#[derive(Debug, Clone)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl SmtpMailer {
    /// `smtps://user:password@host` (TLS from the start), `smtp://host:25?tls=required` (STARTTLS, or
    /// nothing is sent), `?tls=opportunistic`, or `smtp://host:25` (no TLS). `limit` bounds each
    /// exchange with the server. Must be called inside a Tokio runtime: the pool has a task of its own.
    pub fn new(url: &str, limit: Duration) -> Result<Self, ConfigError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|error| ConfigError(error.to_string()))?;
        let pool = PoolConfig::new().max_size(POOL_MAX).idle_timeout(IDLE_MAX);
        Ok(Self { transport: builder.timeout(Some(limit)).pool_config(pool).build() })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = compose(mail)?;
        self.transport.send(message).await.map(|_| ()).map_err(|error| classify(&error))
    }
}

/// The message as it travels. What cannot be one will not become one by trying again.
fn compose(mail: &Mail) -> Result<Message, MailError> {
    let from: Mailbox = mail.from.parse().map_err(|error| MailError::Permanent(format!("the sender is no address: {error}")))?;
    let to: Mailbox = mail.to.as_str().parse().map_err(|error| MailError::Permanent(format!("the recipient is no address: {error}")))?;
    mail.check_id()?;
    let message_id = format!("<{}@{}>", mail.id, from.email.domain());
    // Holiday replies to a shop's mails help nobody (RFC 3834).
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
    Message::builder()
        .from(from)
        .to(to)
        .subject(mail.subject_line())
        .message_id(Some(message_id))
        .date_now()
        .raw_header(automatic)
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| MailError::Permanent(error.to_string()))
}

fn classify(error: &SmtpError) -> MailError {
    let code = error.status().map(u16::from);
    // 530 to 538 refuse us, not this mail: once the credentials are put right it can be sent.
    let about_us = code.is_some_and(|code| (530..=538).contains(&code));
    if error.is_permanent() && !about_us { MailError::Permanent(error.to_string()) } else { MailError::Transient(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "msg_1".into(),
            from: "Souk <shop@example.com>".into(),
            to: "ann@example.org".parse().unwrap(),
            subject: "Your order".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        }
    }

    #[test]
    fn what_is_no_mail_is_refused_for_good() {
        for bad in [
            Mail { from: "nobody".into(), ..mail() },
            Mail { from: "Souk <shop@example.com>\r\nBcc: eve@example.net".into(), ..mail() },
            Mail { id: String::new(), ..mail() },
            Mail { id: "a>\r\nBcc: eve@example.net".into(), ..mail() },
            Mail { id: "a".repeat(201), ..mail() },
        ] {
            assert!(matches!(compose(&bad), Err(MailError::Permanent(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_subject_is_one_line_of_one_header() {
        for subject in [
            "Hi\r\nBcc: eve@example.net",
            "Hi\nBcc: eve@example.net",
            "Hi\rBcc: eve@example.net",
            "Größe\r\n\r\nBcc: eve@example.net",
            "Hi\0Bcc:\u{85}x",
        ] {
            let message = compose(&Mail { subject: subject.into(), ..mail() }).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            let (headers, _) = text.split_once("\r\n\r\n").unwrap();
            assert!(!headers.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{headers}");
            assert!(headers.lines().any(|line| line == "Message-ID: <msg_1@example.com>"), "{headers}");
        }
        assert_eq!(Mail { subject: "\tYour\r\n\r\norder\n".into(), ..mail() }.subject_line(), "Your order");
    }

    #[tokio::test]
    async fn addresses_of_servers() {
        let limit = Duration::from_secs(1);
        for good in ["smtp://127.0.0.1:2525", "smtps://user:p%40ss@mail.example.com", "smtp://mail.example.com:587?tls=required"] {
            assert!(SmtpMailer::new(good, limit).is_ok(), "{good}");
        }
        for bad in ["", "mail.example.com", "http://user:secret@mail.example.com", "smtp://user:secret@mail.example.com?tls=maybe"] {
            let error = SmtpMailer::new(bad, limit).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
