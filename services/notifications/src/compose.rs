//! The one way from a mail of the log to what a person reads. Secrets of links exist only here and in the mail that goes out.

use kernel::{MailId, Problem};
use ports::reads::OrderSummary;

use crate::App;
use crate::links::{Link, encode};
use crate::lookup;
use crate::mail::MailRecord;
use crate::mails::{Message, OrderName, sample_sale};
use crate::render::Rendered;

/// Whether links work. Staff read the log, but must not be able to use a customer's links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    Shown,
    Hidden,
}

const HIDDEN: &str = "hidden";

pub async fn rendered(app: &App, record: &MailRecord, secrets: Secrets) -> Result<Rendered, Problem> {
    let sale = sale(app, std::slice::from_ref(record), secrets).await?;
    render(app, &record.mail.message, record.origin.order.as_ref(), sale.as_ref(), secrets)
}

/// The order that the mails are about, if one of them shows it or has a link with its token.
pub async fn sale(app: &App, records: &[MailRecord], secrets: Secrets) -> Result<Option<OrderSummary>, Problem> {
    let needs = |record: &MailRecord| {
        let (message, order) = (&record.mail.message, record.origin.order.as_ref()?);
        let has_token = order.guest && secrets == Secrets::Shown && message.link() == Some(Link::Order);
        (message.shows_sale() || has_token).then_some(order.id)
    };
    match records.iter().find_map(needs) {
        Some(order) => lookup::order(app, order).await.map(Some),
        None => Ok(None),
    }
}

pub fn subject(app: &App, record: &MailRecord) -> Result<String, Problem> {
    app.shared.renderer.subject(&record.mail.message, record.origin.order.as_ref())
}

/// The mail as it is handed to the mail server. A person who asks for it again gets a new
/// Message-ID, as their program would hide it otherwise.
pub fn outgoing(app: &App, record: &MailRecord, sale: Option<&OrderSummary>) -> Result<ports::Mail, Problem> {
    let MailRecord { id, origin, mail } = record;
    let Rendered { subject, text, html } = render(app, &mail.message, origin.order.as_ref(), sale, Secrets::Shown)?;
    let id = message_id(*id, mail.sending);
    Ok(ports::Mail { id, from: app.shared.config.from.clone(), to: mail.to.clone(), subject, text, html })
}

/// A mail with made-up data.
pub fn sample(app: &App, message: &Message) -> Result<Rendered, Problem> {
    let sale = sample_sale();
    render(app, message, Some(&(&sale).into()), Some(&sale), Secrets::Hidden)
}

fn message_id(id: MailId, sending: u32) -> String {
    if sending > 1 { format!("{id}-{sending}") } else { id.to_string() }
}

fn render(
    app: &App,
    message: &Message,
    order: Option<&OrderName>,
    sale: Option<&OrderSummary>,
    secrets: Secrets,
) -> Result<Rendered, Problem> {
    let url = message.link().and_then(|link| {
        let path = link.path(order.map(|order| order.id))?;
        let query = token(app, &link, order, sale, secrets).map(|token| format!("?token={}", encode(&token)));
        Some(format!("{}{path}{}", app.shared.config.public_url.trim_end_matches('/'), query.unwrap_or_default()))
    });
    app.shared.renderer.mail(message, order, sale, url.as_deref())
}

fn token(app: &App, link: &Link, order: Option<&OrderName>, sale: Option<&OrderSummary>, secrets: Secrets) -> Option<String> {
    match (link, secrets) {
        (Link::Account { .. }, Secrets::Hidden) => Some(HIDDEN.to_owned()),
        (Link::Account { user_id, purpose, serial }, Secrets::Shown) => {
            Some(app.shared.dependencies.links.link_token(*user_id, *purpose, *serial))
        }
        (Link::Order, Secrets::Hidden) => order?.guest.then(|| HIDDEN.to_owned()),
        // An order that a user has taken over since then needs no token.
        (Link::Order, Secrets::Shown) if order?.guest => {
            let sale = sale?;
            sale.customer_id.is_none().then(|| app.shared.dependencies.order_tokens.guest_token(sale.id))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids() {
        assert_eq!(message_id(1.into(), 1), MailId(1).to_string());
        assert_eq!(message_id(1.into(), 2), format!("{}-2", MailId(1)));
    }
}
