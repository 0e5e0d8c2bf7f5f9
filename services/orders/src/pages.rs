//! The page behind the links in an order's mails: how it stands, in plain words.

use axum::extract::State;
use contracts::CancelReason;
use kernel::{Code, OrderId, PostalAddress};
use serde::Deserialize;
use shell::http::{PageAnswer, Path, Query, escape, link, page, time};
use shell::{Failure, RequestContext, RootRoutes};

use crate::order::{OrderError, StatusName};
use crate::views::{LineView, OrderView, StepView, TimelineView, TrackingView};
use crate::{App, http, storage};

pub fn routes(app: App) -> RootRoutes {
    RootRoutes::new().get("/orders/{order_id}", show).with_state(app)
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
}

async fn show(
    State(app): State<App>,
    request: RequestContext,
    id: Result<Path<OrderId>, Failure>,
    Query(query): Query<Token>,
) -> PageAnswer {
    let Ok(Path(id)) = id else { return Ok(no_way_in(query.token.is_some())) };
    let order = match storage::shown(app.work.table(), id).await {
        Err(problem) if problem.code == Code::NotFound => return Ok(no_way_in(query.token.is_some())),
        order => order?,
    };
    let part = match order.part_of(&request.actor, query.token.as_deref()) {
        Err(OrderError::NotFound) => return Ok(no_way_in(query.token.is_some())),
        part => part?,
    };
    let view = http::view(&order, part, &request.actor);
    let history = TimelineView::of(&order, part);
    Ok(page(200, &format!("Order {}", view.number), &body(&view, &history)))
}

/// The same whether or not there is such an order.
fn no_way_in(with_token: bool) -> axum::response::Response {
    if with_token {
        let body = "<p>The link is incomplete, or it belongs to another order. Open it once more from the mail, and look that all of it is there.</p>";
        return page(404, "This link opens no order", body);
    }
    let body = "<p>An order of an account is shown to those who are signed in to it. If you ordered without an account, follow the link in \
                the mail about your order: it has all that is needed.</p>";
    page(404, "Sign in to see this order", body)
}

fn body(order: &OrderView, history: &TimelineView) -> String {
    let mut parts = vec![
        format!("<p class=\"quiet\">Placed on {}</p>", time(order.placed_at)),
        format!("<p role=\"status\"><strong>{}</strong></p>", escape(standing(order.status, order.cancel_reason))),
    ];
    parts.extend(
        order
            .payment
            .action_url
            .as_deref()
            .map(|url| format!("<p>Your bank wants to hear it from you: {}</p>", link(url, "confirm the payment"))),
    );
    parts.extend(order.expires_at.map(|until| format!("<p>We hold the goods for you until {}.</p>", time(until))));
    parts.extend(order.tracking.as_ref().map(parcel));
    parts.push(lines(order));
    parts.extend(order.shipping_address.as_ref().map(|address| format!("<h2>Delivery to</h2>\n{}", postal(address))));
    parts.extend(order.note.as_deref().map(|note| format!("<h2>Your note</h2>\n<p>{}</p>", escape(note))));
    parts.push(format!("<h2>What has happened</h2>\n<ol class=\"steps\">\n{}</ol>", steps(&history.steps)));
    parts.join("\n")
}

fn lines(order: &OrderView) -> String {
    let row = |line: &LineView| {
        format!(
            "<tr><td>{}<br><span class=\"quiet\">{} × {}</span></td><td class=\"amount\">{}</td></tr>\n",
            escape(&line.title),
            line.quantity,
            line.unit_price,
            line.total
        )
    };
    let rows: String = order.lines.iter().map(row).collect();
    let sum = |class: &str, name: &str, amount: kernel::Money| {
        format!("<tr class=\"{class}\"><th scope=\"row\">{name}</th><td class=\"amount\">{amount}</td></tr>\n")
    };
    let refunded = if order.payment.refunded.amount > 0 { sum("", "Paid back", order.payment.refunded) } else { String::new() };
    format!(
        "<h2>What you ordered</h2>\n<table>\n<thead><tr><th scope=\"col\">Article</th><th scope=\"col\" class=\"amount\">Price</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n<tfoot>\n{}{}{}{}{refunded}</tfoot>\n</table>",
        sum("", "Subtotal", order.subtotal),
        sum("", "Shipping", order.shipping),
        sum("sum", "Total", order.total),
        sum("quiet", "Tax included", order.tax),
    )
}

fn parcel(tracking: &TrackingView) -> String {
    let carrier = tracking.carrier.as_deref().unwrap_or("the carrier");
    let number = tracking.number.as_deref().map(|number| format!(", number {}", escape(number))).unwrap_or_default();
    let follow = tracking.url.as_deref().map(|url| format!(": {}", link(url, "follow the parcel"))).unwrap_or_default();
    format!("<p>The parcel is with {}{number}{follow}</p>", escape(carrier))
}

fn postal(address: &PostalAddress) -> String {
    let place = format!("{} {}", address.postal_code, address.address_locality);
    let lines =
        [&address.name, &address.street_address, &address.extended_address, &place, &address.address_region, &address.address_country];
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).map(|line| escape(line)).collect();
    format!("<p>{}</p>", lines.join("<br>"))
}

/// A step within a status is told by its note alone.
fn steps(steps: &[StepView]) -> String {
    let mut before = None;
    let mut told = String::new();
    for step in steps {
        let moved = before != Some(step.status);
        let headline = if moved { happened(step.status, step.cancel_reason) } else { "" };
        let note = step.note.as_deref().map(sentence).unwrap_or_default();
        let gap = if headline.is_empty() || note.is_empty() { "" } else { " " };
        told.push_str(&format!("<li>{}{}{gap}{}</li>\n", time(step.at), escape(headline), escape(&note)));
        before = Some(step.status);
    }
    told
}

fn sentence(note: &str) -> String {
    let mut characters = note.trim().chars();
    let text: String = characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
    if text.ends_with(['.', '!', '?']) || text.is_empty() { text } else { format!("{text}.") }
}

/// How the order stands now.
fn standing(status: StatusName, reason: Option<CancelReason>) -> &'static str {
    match status {
        StatusName::Pending => "We are looking whether everything is in stock.",
        StatusName::AwaitingPayment => "Everything is in stock. The payment is still to come.",
        StatusName::Confirmed => "Your order is confirmed. We begin with it soon.",
        StatusName::Processing => "We are getting your order ready.",
        StatusName::Shipped => "Your order is on its way.",
        StatusName::Delivered => "Your order has been delivered.",
        StatusName::Cancelled => happened(status, reason),
        StatusName::Refunded => "All your money has gone back to you.",
    }
}

/// What happened when the order came to the status.
fn happened(status: StatusName, reason: Option<CancelReason>) -> &'static str {
    match status {
        StatusName::Pending => "You placed the order.",
        StatusName::AwaitingPayment => "We put the goods aside for you.",
        StatusName::Confirmed => "The order was confirmed.",
        StatusName::Processing => "We began to get it ready.",
        StatusName::Shipped => "It left our house.",
        StatusName::Delivered => "It was delivered.",
        StatusName::Refunded => "All the money went back.",
        StatusName::Cancelled => match reason {
            None => "The order was cancelled.",
            Some(CancelReason::OutOfStock) => "The order was cancelled: not everything was in stock.",
            Some(CancelReason::PaymentDeclined) => "The order was cancelled: the payment was declined.",
            Some(CancelReason::InsufficientFunds) => "The order was cancelled: the account did not hold enough money.",
            Some(CancelReason::PaymentFailed) => "The order was cancelled: the payment did not succeed.",
            Some(CancelReason::Expired) => "The order was cancelled: it was not paid in time.",
            Some(CancelReason::ByCustomer) => "The order was cancelled as you wished.",
            Some(CancelReason::BySeller) => "The order was cancelled by the seller.",
            Some(CancelReason::ByAdmin) => "The order was cancelled by the shop.",
        },
    }
}
