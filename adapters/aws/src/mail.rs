//! Mail over SES. SES writes the message and gives it a Message-ID of its own, whatever we name; ours is
//! in a header beside it and in a tag, which SES repeats in what it reports about the mail.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use ports::{Mail, MailError, Mailer};

use crate::clients::Clients;
use crate::error::{code_of, describe};

/// Ours, by which two copies of one mail can be told to be one.
pub const ID_HEADER: &str = "X-Souk-Mail-Id";
const ID_TAG: &str = "souk-mail";

pub struct SesMailer {
    clients: Arc<Clients>,
}

impl SesMailer {
    pub fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let content = compose(mail)?;
        let tag = MessageTag::builder().name(ID_TAG).value(&mail.id).build().map_err(unfit)?;
        let to = Destination::builder().to_addresses(mail.to.as_str()).build();
        let send = self.clients.mails().send_email().from_email_address(&mail.from).destination(to).content(content).email_tags(tag);
        send.send().await.map(|_| ()).map_err(|error| classify(&error))
    }
}

/// What cannot be a message will not become one by trying again.
fn compose(mail: &Mail) -> Result<EmailContent, MailError> {
    mail.check_id()?;
    if mail.from.chars().any(char::is_control) {
        return Err(MailError::Permanent("the sender is no address".into()));
    }
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(unfit);
    let header = |name: &str, value: &str| MessageHeader::builder().name(name).value(value).build().map_err(unfit);
    let message = Message::builder()
        .subject(utf8(&mail.subject_line())?)
        .body(Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build())
        .headers(header(ID_HEADER, &mail.id)?)
        // Holiday replies to a shop's mails help nobody (RFC 3834).
        .headers(header("Auto-Submitted", "auto-generated")?)
        .build();
    Ok(EmailContent::builder().simple(message).build())
}

fn unfit(error: impl std::fmt::Display) -> MailError {
    MailError::Permanent(error.to_string())
}

/// Only what is wrong with this very mail is refused for good. What is wrong with us (the sender is not
/// verified, sending is paused, the rights are missing) can be put right, and then the mail goes.
fn classify(error: &SdkError<SendEmailError, HttpResponse>) -> MailError {
    match code_of(error) {
        "BadRequestException" | "MessageRejected" => MailError::Permanent(describe(error)),
        _ => MailError::Transient(describe(error)),
    }
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
            Mail { id: String::new(), ..mail() },
            Mail { id: "a\r\nBcc: eve@example.net".into(), ..mail() },
            Mail { id: "a".repeat(201), ..mail() },
            Mail { from: "Souk <shop@example.com>\r\nBcc: eve@example.net".into(), ..mail() },
        ] {
            assert!(matches!(compose(&bad), Err(MailError::Permanent(_))), "{bad:?}");
        }
    }

    #[test]
    fn subject_and_headers() {
        let content = compose(&Mail { subject: "Größe\r\nBcc: eve@example.net".into(), ..mail() }).unwrap();
        let message = content.simple().unwrap();
        assert_eq!(message.subject().unwrap().data(), "Größe Bcc: eve@example.net");
        let headers: Vec<_> = message.headers().iter().map(|header| (header.name(), header.value())).collect();
        assert_eq!(headers, [(ID_HEADER, "msg_1"), ("Auto-Submitted", "auto-generated")]);
    }
}
