//! What clients see of orders.

use contracts::{CancelReason, Decline, DeclineCode};
use kernel::{BusinessId, CartId, Email, Money, OrderId, PaymentId, PostalAddress, RefundId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::order::{
    Happening, HappeningCode, Line, Note, Order, Parcel, Part, Party, Payment, Quote, RefusedRefund, StatusChange, StatusName, TaxShare,
    taxes,
};

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
    pub lines: Vec<Line>,
    /// One for each seller, in the order of their first lines. Each is packed and sent by itself.
    pub parts: Vec<PartView>,
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
    pub placed_at: Timestamp,
    /// Until when it must be paid; absent once it is paid or has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What one seller sells in an order. The sums of all parts are those of the order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderPart)]
pub struct PartView {
    pub seller_id: BusinessId,
    pub status: StatusName,
    /// Sum of its lines, their tax included.
    pub subtotal: Money,
    /// Its share of the order's.
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    pub total: Money,
    /// Present once the goods have left, as far as they can be followed.
    pub parcels: Vec<Parcel>,
}

/// An order as a business sees it that sells a part of it: that part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessOrder)]
pub struct SellerOrderView {
    pub id: OrderId,
    pub number: String,
    pub seller_id: BusinessId,
    /// How the part stands; `confirmed` is to be packed.
    pub status: StatusName,
    /// Why the order as a whole was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    pub email: Email,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<PostalAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub note: Option<Note>,
    pub lines: Vec<Line>,
    /// Sum of the lines, their tax included.
    pub subtotal: Money,
    /// The part's share of the order's.
    pub shipping: Money,
    /// Included in the total.
    pub tax: Money,
    /// The tax of the lines by rate, the lowest first.
    pub taxes: Vec<TaxShare>,
    pub total: Money,
    /// Present once the goods have left, as far as they can be followed.
    pub parcels: Vec<Parcel>,
    pub placed_at: Timestamp,
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
    /// Refunds that the gateway refused and that a person has to look at. For staff only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_refunds: Vec<RefusedRefundView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedRefund)]
pub struct RefusedRefundView {
    pub refund_id: RefundId,
    pub amount: Money,
    /// What the gateway said.
    pub message: String,
    pub at: Timestamp,
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
    pub code: HappeningCode,
    #[serde(skip_serializing_if = "StepParameters::is_empty")]
    pub parameters: StepParameters,
    /// What the actor said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who did it: `system`, `guest` or `user:` and an id. For staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a code is about.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OrderStepParameters)]
pub struct StepParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<BusinessId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline: Option<DeclineCode>,
    /// What was not to be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub short: Vec<ShortView>,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OrderStepShort)]
pub struct ShortView {
    pub sku: String,
    pub wanted: u32,
    pub available: u32,
}

impl OrderView {
    /// As it is shown to whoever placed it just now.
    pub fn placed(order: &Order, guest_token: Option<String>) -> Self {
        Self { guest_token, ..Self::whole(order) }
    }

    /// As its customer sees it.
    pub fn whole(order: &Order) -> Self {
        Self::for_party(order, Party::Customer)
    }

    pub fn for_party(order: &Order, party: Party) -> Self {
        Self {
            id: order.id,
            number: order.number(),
            cart_id: order.id.cart(),
            customer_id: order.customer_id,
            email: order.email.clone(),
            guest_token: None,
            status: order.status.name(),
            cancel_reason: order.status.cancel_reason(),
            taxes: taxes(&order.lines),
            lines: order.lines.clone(),
            parts: order.parts.iter().map(|part| PartView::of(order, part)).collect(),
            subtotal: order.subtotal(),
            shipping: order.shipping(),
            tax: order.tax(),
            total: order.total(),
            shipping_address: order.shipping_address.clone(),
            billing_address: order.billing_address.clone(),
            note: order.note.clone(),
            payment: PaymentView::of(&order.payment, party),
            placed_at: order.placed_at,
            expires_at: order.deadline(),
        }
    }
}

impl PartView {
    fn of(order: &Order, part: &Part) -> Self {
        let totals = order.totals_of(part);
        Self {
            seller_id: part.seller_id,
            status: order.status_of(part),
            subtotal: totals.subtotal,
            shipping: totals.shipping,
            tax: totals.tax,
            total: totals.total,
            parcels: part.parcels.clone(),
        }
    }
}

impl SellerOrderView {
    pub fn of(order: &Order, part: &Part) -> Self {
        let totals = order.totals_of(part);
        Self {
            id: order.id,
            number: order.number(),
            seller_id: part.seller_id,
            status: order.status_of(part),
            cancel_reason: order.status.cancel_reason(),
            email: order.email.clone(),
            shipping_address: order.shipping_address.clone(),
            note: order.note.clone(),
            lines: order.lines_of(part.seller_id).cloned().collect(),
            subtotal: totals.subtotal,
            shipping: totals.shipping,
            tax: totals.tax,
            taxes: taxes(order.lines_of(part.seller_id)),
            total: totals.total,
            parcels: part.parcels.clone(),
            placed_at: order.placed_at,
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
    fn of(payment: &Payment, party: Party) -> Self {
        let refused = payment.refused_refunds.iter().filter(|_| party == Party::Staff);
        Self {
            payment_id: payment.payment_id,
            tries: payment.tries,
            action_url: payment.action_url.clone(),
            declined: payment.declined.clone(),
            captured: payment.captured,
            refunded: payment.refunded,
            refused_refunds: refused.map(RefusedRefundView::of).collect(),
        }
    }
}

impl RefusedRefundView {
    fn of(refused: &RefusedRefund) -> Self {
        Self { refund_id: refused.refund_id, amount: refused.amount, message: refused.message.clone(), at: refused.at }
    }
}

impl ListedView {
    pub fn of(order: &Order) -> Self {
        let line_view =
            |line: &Line| ListedLineView { title: line.title.clone(), quantity: line.quantity, image_url: line.image_url.clone() };
        Self {
            id: order.id,
            number: order.number(),
            email: order.email.clone(),
            status: order.status.name(),
            cancel_reason: order.status.cancel_reason(),
            lines: order.lines.iter().map(line_view).collect(),
            total: order.total(),
            placed_at: order.placed_at,
        }
    }
}

impl TimelineView {
    pub fn of(order: &Order, party: Party) -> Self {
        let step_view = |change: &StatusChange| StepView {
            at: change.at,
            status: change.to.name(),
            cancel_reason: change.to.cancel_reason(),
            code: change.what.code(),
            parameters: StepParameters::of(&change.what),
            note: change.note.clone(),
            by: (party == Party::Staff).then(|| change.by.clone()),
        };
        Self { steps: order.history.iter().map(step_view).collect() }
    }
}

impl StepParameters {
    fn of(what: &Happening) -> Self {
        let short = match what {
            Happening::StockRefused { short } => short.as_slice(),
            _ => &[],
        };
        let decline = match what {
            Happening::PaymentDeclined { decline } => Some(*decline),
            _ => None,
        };
        let short = short.iter().map(|line| ShortView { sku: line.sku.clone(), wanted: line.wanted, available: line.available });
        Self { amount: what.amount(), seller_id: what.seller(), decline, short: short.collect() }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
