//! The one way from a record to what a person reads. Secrets of links exist only here and in the
//! mail that goes out.

use kernel::{MailId, OrderId, Problem, UserId};
use ports::Mail;
use ports::reads::LinkPurpose;

use crate::App;
use crate::mail::MailRecord;
use crate::message::{Content, Message};
use crate::render::Rendered;

/// Whether links work. Staff read the log, but must not be able to use a customer's links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    Shown,
    Hidden,
}

const HIDDEN: &str = "hidden";

pub async fn rendered(app: &App, mail: &MailRecord, secrets: Secrets) -> Result<Rendered, Problem> {
    let link = link(app, &mail.content, secrets).await?;
    app.shared.renderer.mail(&mail.content, &link)
}

/// The mail as it is handed to the mail server. A person who asks for it again gets a new
/// Message-ID, as their program would hide it otherwise.
pub async fn outgoing(app: &App, mail: &MailRecord) -> Result<Mail, Problem> {
    let Rendered { subject, text, html } = rendered(app, mail, Secrets::Shown).await?;
    Ok(Mail { id: message_id(mail.id, mail.sending), from: app.shared.config.from.clone(), to: mail.to.clone(), subject, text, html })
}

fn message_id(id: MailId, sending: u32) -> String {
    if sending > 1 { format!("{id}-{sending}") } else { id.to_string() }
}

async fn link(app: &App, content: &Content, secrets: Secrets) -> Result<String, Problem> {
    let path = match &content.message {
        Message::Welcome { .. } => "/".to_owned(),
        Message::Verification { user_id, serial, .. } => {
            format!("/verify-email?token={}", token(app, *user_id, LinkPurpose::VerifyEmail, *serial, secrets))
        }
        Message::PasswordReset { user_id, serial, .. } => {
            format!("/reset-password?token={}", token(app, *user_id, LinkPurpose::ResetPassword, *serial, secrets))
        }
        Message::OrderConfirmation | Message::Receipt { .. } => {
            let order = content.shown_order()?;
            order_path(app, order.id, order.guest, secrets).await?
        }
        Message::Shipped { order, .. } | Message::Cancellation { order, .. } | Message::PaymentRefunded { order, .. } => {
            order_path(app, order.id, order.guest, secrets).await?
        }
        Message::OrderToAdmin { .. } => format!("/admin/orders/{}", content.shown_order()?.id),
        Message::LowStockToAdmin { variant_id, .. } => format!("/admin/stock/{variant_id}"),
        Message::BusinessPublished { slug, .. } => format!("/businesses/{}", encode(slug)),
        Message::BusinessRejected { business_id, .. } | Message::BusinessSuspended { business_id, .. } => {
            format!("/businesses/{business_id}/profile")
        }
        Message::ClaimDecided { business_id, .. } => format!("/businesses/{business_id}"),
        Message::NewReview { review_id, .. } => format!("/reviews/{review_id}"),
        Message::ReviewReminder { order, .. } => format!("/orders/{}", order.id),
        Message::NewLead { business_id, lead_id, .. } => format!("/businesses/{business_id}/leads/{lead_id}"),
    };
    Ok(format!("{}{path}", app.shared.config.public_url.trim_end_matches('/')))
}

fn token(app: &App, user: UserId, purpose: LinkPurpose, serial: u32, secrets: Secrets) -> String {
    match secrets {
        Secrets::Shown => encode(&app.shared.dependencies.links.link_token(user, purpose, serial)),
        Secrets::Hidden => HIDDEN.to_owned(),
    }
}

async fn order_path(app: &App, id: OrderId, guest: bool, secrets: Secrets) -> Result<String, Problem> {
    let path = format!("/orders/{id}");
    match (guest, secrets) {
        (false, _) => Ok(path),
        (true, Secrets::Hidden) => Ok(format!("{path}?token={HIDDEN}")),
        (true, Secrets::Shown) => {
            let order = app.shared.dependencies.orders.order(id).await?;
            // An order that a user has taken over since then needs no token.
            let token = order.and_then(|order| order.guest_token);
            Ok(token.map_or(path.clone(), |token| format!("{path}?token={}", encode(&token))))
        }
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(encode("a b&c=é\"/"), "a%20b%26c%3D%C3%A9%22%2F");
    }

    #[test]
    fn message_ids() {
        assert_eq!(message_id(1.into(), 1), MailId(1).to_string());
        assert_eq!(message_id(1.into(), 2), format!("{}-2", MailId(1)));
    }
}
