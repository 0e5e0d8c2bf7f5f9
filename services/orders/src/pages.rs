//! The page behind the links in an order's mails: how the order stands, in plain words.

use axum::extract::State;
use contracts::{CancelReason, DeclineCode};
use kernel::{BusinessId, Code, Money, OrderId, PostalAddress, Timestamp};
use maud::{Markup, PreEscaped, html};
use shell::http::{PageAnswer, Path, Query, link, page, time};
use shell::{Failure, RequestContext, RootRoutes};

use crate::http::Token;
use crate::order::{HappeningCode, OrderError, Parcel, StatusName};
use crate::views::{OrderView, PartView, StepView, TimelineView};
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
    let party = match order.party_of(&request.actor, with_token) {
        Err(OrderError::NotFound) => return Ok(no_way_in(query.token.is_some())),
        party => party?,
    };
    let view = OrderView::for_party(&order, party);
    let history = TimelineView::of(&order, party);
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
        @if let [only] = &order.parts[..] {
            @for sent in &only.parcels { (parcel(sent)) }
        } @else {
            (parts(order))
        }
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
        ol class="steps" { (steps(&history.steps, &order.parts)) }
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

/// What comes from several sellers comes in as many deliveries.
fn parts(order: &OrderView) -> Markup {
    html! {
        h2 { "Deliveries" }
        p { "Your order comes from " (order.parts.len()) " sellers, each of whom sends their part." }
        @for (place, part) in order.parts.iter().enumerate() {
            p {
                strong { "Delivery " (place + 1) ": " (part_standing(part.status)) } br;
                @for line in order.lines.iter().filter(|line| line.seller_id == part.seller_id) {
                    (line.quantity) " × " (line.title) br;
                }
            }
            @for sent in &part.parcels { (parcel(sent)) }
        }
    }
}

fn part_standing(status: StatusName) -> &'static str {
    match status {
        StatusName::Pending | StatusName::AwaitingPayment => "waiting for your payment",
        StatusName::Confirmed => "confirmed",
        StatusName::Processing => "being prepared",
        StatusName::Shipped => "on its way",
        StatusName::Delivered => "delivered",
        StatusName::Cancelled => "cancelled",
        StatusName::Refunded => "refunded",
    }
}

fn parcel(parcel: &Parcel) -> Markup {
    html! {
        p {
            "Your parcel is with " (parcel.carrier.as_deref().unwrap_or("the carrier"))
            @if let Some(number) = &parcel.number { ", tracking number " (number) }
            "."
            @if let Some(url) = &parcel.url { " " (link_to(url, "Track your parcel")) }
        }
    }
}

fn postal(address: &PostalAddress) -> Markup {
    let town = format!("{} {}", address.postal_code, address.address_locality);
    let lines =
        [&address.name, &address.street_address, &address.extended_address, &town, &address.address_region, &address.address_country];
    html!(p { @for line in lines.into_iter().filter(|line| !line.is_empty()) { (line) br; } })
}

fn steps(steps: &[StepView], parts: &[PartView]) -> Markup {
    html! {
        @for step in steps {
            li {
                (instant(step.at))
                (told(step, parts))
                @if let Some(note) = &step.note { " " (sentence(note)) }
            }
        }
    }
}

/// What happened, in a sentence.
fn told(step: &StepView, parts: &[PartView]) -> String {
    let amount = step.parameters.amount.map(|amount| amount.to_string()).unwrap_or_default();
    let which = delivery(step.parameters.seller_id, parts);
    match step.code {
        HappeningCode::Placed => "You placed the order.".into(),
        HappeningCode::StockReserved => "We reserved the items for you.".into(),
        HappeningCode::StockRefused => {
            let short = step.parameters.short.iter().map(|line| format!(" {}: {} wanted, {} left.", line.sku, line.wanted, line.available));
            format!("{}{}", cancelled(step.cancel_reason), short.collect::<String>())
        }
        HappeningCode::PaymentChosen => "You chose a means of payment.".into(),
        HappeningCode::ConfirmationRequired => "Your bank asked you to confirm the payment.".into(),
        HappeningCode::PaymentDeclined => match step.parameters.decline {
            Some(DeclineCode::CardDeclined) => "The bank declined the payment.".into(),
            Some(DeclineCode::InsufficientFunds) => "The card had not enough funds.".into(),
            Some(DeclineCode::AuthenticationFailed) => "The payment was not confirmed with your bank.".into(),
            Some(DeclineCode::PaymentFailed) | None => "The payment could not be completed.".into(),
        },
        HappeningCode::Paid if step.status == StatusName::Confirmed => format!("We confirmed your order. {amount} paid."),
        HappeningCode::Paid => format!("{amount} paid."),
        HappeningCode::PartProcessing => format!("We started preparing {which}."),
        HappeningCode::PartShipped => format!("{} was shipped.", sentence(&which).trim_end_matches('.')),
        HappeningCode::ParcelsCorrected => format!("The tracking of {which} was corrected."),
        HappeningCode::PartDelivered => format!("{} was delivered.", sentence(&which).trim_end_matches('.')),
        HappeningCode::PartCancelled => {
            format!("{} was cancelled, and its money goes back to you.", sentence(&which).trim_end_matches('.'))
        }
        HappeningCode::Cancelled => cancelled(step.cancel_reason).into(),
        HappeningCode::Refunded => format!("{amount} refunded."),
        HappeningCode::RefundRefused => format!("A refund of {amount} is being looked into."),
        HappeningCode::Attached => "The order was added to your account.".into(),
    }
}

/// The order where it is one delivery, or which one of them.
fn delivery(seller: Option<BusinessId>, parts: &[PartView]) -> String {
    match parts.iter().position(|part| Some(part.seller_id) == seller) {
        Some(place) if parts.len() > 1 => format!("delivery {}", place + 1),
        Some(_) | None => "your order".into(),
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
        StatusName::Cancelled => cancelled(reason),
        StatusName::Refunded => "Your order has been refunded in full.",
    }
}

fn cancelled(reason: Option<CancelReason>) -> &'static str {
    match reason {
        None => "The order was cancelled.",
        Some(CancelReason::OutOfStock) => "The order was cancelled because not everything was in stock.",
        Some(CancelReason::Expired) => "The order was cancelled because it was not paid in time.",
        Some(CancelReason::ByCustomer) => "The order was cancelled at your request.",
        Some(CancelReason::BySeller) => "The seller cancelled the order.",
        Some(CancelReason::ByAdmin) => "The shop cancelled the order.",
    }
}
