//! The page behind the links in an order's mails: how the order stands, in plain words.

use axum::extract::State;
use contracts::CancelReason;
use kernel::{Code, Money, OrderId, PostalAddress, Timestamp};
use maud::{Markup, PreEscaped, html};
use shell::http::{PageAnswer, Path, Query, link, page, time};
use shell::{Failure, RequestContext, RootRoutes};

use crate::http::Token;
use crate::order::{OrderError, StatusName, Tracking};
use crate::views::{OrderView, StepView, TimelineView};
use crate::{App, storage};

pub fn routes(app: App) -> RootRoutes {
    RootRoutes::new().get("/orders/{order_id}", show).with_state(app)
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
    let with_token = query.opens(&app, id);
    let part = match order.part_of(&request.actor, with_token) {
        Err(OrderError::NotFound) => return Ok(no_way_in(query.token.is_some())),
        part => part?,
    };
    let view = OrderView::for_actor(&order, &request.actor, with_token);
    let history = TimelineView::of(&order, part);
    Ok(page(200, &format!("Order {}", view.number), &body(&view, &history).into_string()))
}

/// The same whether or not there is such an order.
fn no_way_in(with_token: bool) -> axum::response::Response {
    let (title, advice) = if with_token {
        let advice = "The link is incomplete, or it belongs to another order. Open the link from the email again and make sure it was copied \
                      in full.";
        ("This link does not open an order", advice)
    } else {
        let advice = "Orders that were placed with an account are shown once you have signed in. If you ordered without an account, use \
                      the link in the email about your order.";
        ("Sign in to see this order", advice)
    };
    page(404, title, &html!(p { (advice) }).into_string())
}

fn body(order: &OrderView, history: &TimelineView) -> Markup {
    html! {
        p class="quiet" { "Placed on " (instant(order.placed_at)) }
        p role="status" { strong { (standing(order.status, order.cancel_reason)) } }
        @if let Some(url) = &order.payment.action_url {
            p { "Please " (link_to(url, "confirm the payment with your bank")) "." }
        }
        @if let Some(decline) = &order.payment.declined {
            p { (decline.message) }
        }
        @if let Some(until) = order.expires_at {
            p { "We are holding the items for you until " (instant(until)) "." }
        }
        @if let Some(tracking) = &order.tracking { (parcel(tracking)) }
        h2 { "What you ordered" }
        (lines(order))
        @if let Some(address) = &order.shipping_address {
            h2 { "Delivery address" }
            (postal(address))
        }
        @if let Some(note) = &order.note {
            h2 { "Your note" }
            p { (note) }
        }
        h2 { "History" }
        ol class="steps" { (steps(&history.steps)) }
    }
}

fn instant(at: Timestamp) -> PreEscaped<String> {
    PreEscaped(time(at))
}

fn link_to(address: &str, text: &str) -> PreEscaped<String> {
    PreEscaped(link(address, text))
}

fn lines(order: &OrderView) -> Markup {
    let sum = |class: &str, name: &str, amount: Money| html!(tr class=(class) { th scope="row" { (name) } td class="amount" { (amount) } });
    html! {
        table {
            thead { tr { th scope="col" { "Item" } th scope="col" class="amount" { "Price" } } }
            tbody {
                @for line in &order.lines {
                    tr {
                        td { (line.title) br; span class="quiet" { (line.quantity) " × " (line.unit_price) } }
                        td class="amount" { (line.total) }
                    }
                }
            }
            tfoot {
                (sum("", "Subtotal", order.subtotal))
                (sum("", "Shipping", order.shipping))
                (sum("sum", "Total", order.total))
                (sum("quiet", "Tax included", order.tax))
                @if order.payment.refunded.amount > 0 { (sum("", "Refunded", order.payment.refunded)) }
            }
        }
    }
}

fn parcel(tracking: &Tracking) -> Markup {
    html! {
        p {
            "Your parcel is with " (tracking.carrier.as_deref().unwrap_or("the carrier"))
            @if let Some(number) = &tracking.number { ", tracking number " (number) }
            "."
            @if let Some(url) = &tracking.url { " " (link_to(url, "Track your parcel")) }
        }
    }
}

fn postal(address: &PostalAddress) -> Markup {
    let town = format!("{} {}", address.postal_code, address.address_locality);
    let lines =
        [&address.name, &address.street_address, &address.extended_address, &town, &address.address_region, &address.address_country];
    html!(p { @for line in lines.into_iter().filter(|line| !line.is_empty()) { (line) br; } })
}

/// A step within a status is described by its note alone.
fn steps(steps: &[StepView]) -> Markup {
    let before = std::iter::once(None).chain(steps.iter().map(|step| Some(step.status)));
    html! {
        @for (step, before) in steps.iter().zip(before) {
            li {
                (instant(step.at))
                @if before != Some(step.status) { (happened(step.status, step.cancel_reason)) " " }
                @if let Some(note) = &step.note { (sentence(note)) }
            }
        }
    }
}

fn sentence(note: &str) -> String {
    let mut characters = note.trim().chars();
    let text: String = characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
    if text.ends_with(['.', '!', '?']) || text.is_empty() { text } else { format!("{text}.") }
}

/// How the order stands now.
fn standing(status: StatusName, reason: Option<CancelReason>) -> &'static str {
    match status {
        StatusName::Pending => "We are checking whether everything is in stock.",
        StatusName::AwaitingPayment => "Everything is in stock. We are waiting for your payment.",
        StatusName::Confirmed => "Your order is confirmed. We will start preparing it soon.",
        StatusName::Processing => "We are preparing your order.",
        StatusName::Shipped => "Your order is on its way.",
        StatusName::Delivered => "Your order has been delivered.",
        StatusName::Cancelled => happened(status, reason),
        StatusName::Refunded => "Your order has been refunded in full.",
    }
}

/// What happened when the order came to the status.
fn happened(status: StatusName, reason: Option<CancelReason>) -> &'static str {
    match status {
        StatusName::Pending => "You placed the order.",
        StatusName::AwaitingPayment => "We reserved the items for you.",
        StatusName::Confirmed => "We confirmed your order.",
        StatusName::Processing => "We started preparing your order.",
        StatusName::Shipped => "Your parcel was shipped.",
        StatusName::Delivered => "Your parcel was delivered.",
        StatusName::Refunded => "The order was refunded in full.",
        StatusName::Cancelled => match reason {
            None => "The order was cancelled.",
            Some(CancelReason::OutOfStock) => "The order was cancelled because not everything was in stock.",
            Some(CancelReason::Expired) => "The order was cancelled because it was not paid in time.",
            Some(CancelReason::ByCustomer) => "The order was cancelled at your request.",
            Some(CancelReason::BySeller) => "The seller cancelled the order.",
            Some(CancelReason::ByAdmin) => "The shop cancelled the order.",
        },
    }
}
