//! What clients see of orders.

use contracts::{CancelReason, Decline};
use kernel::{Actor, BusinessId, CartId, Email, Money, OrderId, PaymentId, PostalAddress, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::order::{Line, Note, Order, Part, Payment, Quote, StatusChange, StatusName, TaxShare, Tracking, taxes};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    pub id: OrderId,
    #[schema(example = "S-7K3F-92QD")]
    pub number: String,
    pub cart_id: CartId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    pub email: Email,
    /// Only in the answer to a guest who places the order. It opens the order from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_token: Option<String>,
    pub status: StatusName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// A seller sees only lines of theirs.
    pub lines: Vec<Line>,
    /// Sum of the lines, their tax included.
    pub subtotal: Money,
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    /// The tax of the lines by rate, the lowest first.
    pub taxes: Vec<TaxShare>,
    pub total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<PostalAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<PostalAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub note: Option<Note>,
    pub payment: PaymentView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
    pub placed_at: Timestamp,
    /// Until when it must be paid; absent once it is paid or has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderPayment)]
pub struct PaymentView {
    /// The try that was paid with, until then the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    pub tries: u8,
    /// Where the customer confirms the payment at their bank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// Why the latest try came to nothing; another one may be made until the order expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declined: Option<Decline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<Money>,
    pub refunded: Money,
}

/// What an order of a cart would come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteView {
    pub lines: Vec<Line>,
    /// Sum of the lines, their tax included.
    pub subtotal: Money,
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    /// The tax of the lines by rate, the lowest first.
    pub taxes: Vec<TaxShare>,
    pub total: Money,
}

/// An order in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderListed)]
pub struct ListedView {
    pub id: OrderId,
    pub number: String,
    pub email: Email,
    pub status: StatusName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    pub lines: Vec<ListedLineView>,
    pub total: Money,
    pub placed_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderListedLine)]
pub struct ListedLineView {
    pub title: String,
    pub quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderTimeline)]
pub struct TimelineView {
    pub steps: Vec<StepView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderStep)]
pub struct StepView {
    pub at: Timestamp,
    pub status: StatusName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who did it: `system`, `guest` or `user:` and an id. For staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl OrderView {
    /// As it is shown to whoever placed it just now.
    pub fn placed(order: &Order, guest_token: Option<String>) -> Self {
        Self { guest_token, ..Self::whole(order) }
    }

    pub fn whole(order: &Order) -> Self {
        Self::of(order, order.lines.iter())
    }

    /// What the actor may see of it.
    pub fn for_actor(order: &Order, actor: &Actor, with_token: bool) -> Self {
        Self::of(order, order.lines_for(actor, with_token))
    }

    fn of<'a>(order: &Order, lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let lines: Vec<Line> = lines.into_iter().cloned().collect();
        Self {
            id: order.id,
            number: order.number(),
            cart_id: order.id.cart(),
            customer_id: order.customer_id,
            email: order.email.clone(),
            guest_token: None,
            status: order.status.name(),
            cancel_reason: order.status.cancel_reason(),
            taxes: taxes(&lines),
            lines,
            subtotal: order.subtotal(),
            shipping: order.shipping,
            tax: order.tax(),
            total: order.total(),
            shipping_address: order.shipping_address.clone(),
            billing_address: order.billing_address.clone(),
            note: order.note.clone(),
            payment: PaymentView::of(&order.payment),
            tracking: order.tracking.clone(),
            placed_at: order.placed_at,
            expires_at: order.deadline(),
        }
    }
}

impl QuoteView {
    pub fn of(quote: Quote) -> Self {
        Self {
            subtotal: quote.subtotal(),
            shipping: quote.shipping,
            tax: quote.tax(),
            taxes: taxes(&quote.lines),
            total: quote.total(),
            lines: quote.lines,
        }
    }
}

impl PaymentView {
    fn of(payment: &Payment) -> Self {
        Self {
            payment_id: payment.payment_id,
            tries: payment.tries,
            action_url: payment.action_url.clone(),
            declined: payment.declined.clone(),
            captured: payment.captured,
            refunded: payment.refunded,
        }
    }
}

impl ListedView {
    /// With the lines of one seller, or all of them.
    pub fn of(order: &Order, seller: Option<BusinessId>) -> Self {
        let line_view =
            |line: &Line| ListedLineView { title: line.title.clone(), quantity: line.quantity, image_url: line.image_url.clone() };
        let lines = order.lines.iter().filter(|line| seller.is_none_or(|seller| line.seller_id == seller));
        Self {
            id: order.id,
            number: order.number(),
            email: order.email.clone(),
            status: order.status.name(),
            cancel_reason: order.status.cancel_reason(),
            lines: lines.map(line_view).collect(),
            total: order.total(),
            placed_at: order.placed_at,
        }
    }
}

impl TimelineView {
    pub fn of(order: &Order, part: Part) -> Self {
        let step_view = |change: &StatusChange| StepView {
            at: change.at,
            status: change.to.name(),
            cancel_reason: change.to.cancel_reason(),
            note: change.note.clone(),
            by: (part == Part::Staff).then(|| change.by.clone()),
        };
        Self { steps: order.history.iter().map(step_view).collect() }
    }
}
