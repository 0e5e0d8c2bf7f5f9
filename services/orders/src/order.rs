//! An order: from the cart to the door.
//!
//! ```text
//!    ┌─────────────────────────────────┐
//!    │                                 ▼
//! pending ──► awaiting_payment ──► confirmed ──► processing ──► shipped ──► delivered
//!    │               │                 ├─────────────┤             └────┬───────┘
//!    └───────────────┴──► cancelled ◄──┘             └──► refunded ◄────┘
//! ```
//!
//! What each seller sells in it is a part of the order (`order/part.rs`), which its seller packs and ships: until it is paid,
//! the order leads, and from then on it stands where its slowest part stands. To the customer it is one order.
//!
//! The order is its own process manager: inventory and payments answer its events, and each answer is
//! one rule below. What is chosen to pay with goes to payments by way of inventory, with the news that the stock is
//! held: such an order is confirmed without having been in `awaiting_payment`, and payments say that its stock is held. A
//! rule takes the order and the time, and returns the order's next state and its events. Whatever arrives, how often and
//! in which order:
//!
//! - the status never moves backwards, and cancelled and refunded are final;
//! - an order is confirmed only once its stock is reserved and its money is taken;
//! - a payment that fails ends nothing: the stock stays held, and the customer may try again until the deadline;
//! - if stock or money arrives after the cancellation, the order emits `order.cancelled` again, so that whoever holds it
//!   releases it.

mod access;
mod amount;
mod draft;
mod erasure;
mod error;
mod fulfilment;
mod history;
mod lifecycle;
mod part;
mod payment;
#[cfg(test)]
mod properties;
mod quote;
mod refunds;
mod stored;
#[cfg(test)]
mod tests;
mod unpaid;

use contracts::{
    CancelReason, Decision, OrderAwaitingPayment, OrderCancelled, OrderConfirmed, OrderPlaced, OrderRef, OrderStatusChanged,
    PaymentCaptured, PaymentFailed, PaymentRequiresAction, StockRefused,
};
use kernel::{Actor, BusinessId, Currency, Email, Money, OrderId, PostalAddress, ProductId, TaxRate, Timestamp, UserId, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use access::Party;
pub use draft::Draft;
pub use error::OrderError;
pub use history::{Happening, HappeningCode, StatusChange};
pub use lifecycle::{Status, StatusName, diagram, lifecycle};
pub use part::{Advance, Parcel, Part, part_diagram};
#[cfg(test)]
pub use part::{ParcelText, PartStatus};
pub use payment::{Payment, RefusedRefund, ReturnUrl};
pub use quote::{DraftLine, Pricing, Quote, ShippingPrice, TaxShare, taxes};
pub use unpaid::allow_another;

/// What a rule returns.
pub type Decided = Result<Decision<Order>, OrderError>;

/// Words to or about an order.
pub type Note = kernel::Paragraph<1, 500>;
/// What the gateway calls a means of payment.
pub type Method = kernel::Line<1, 200>;

/// An order's number as people write it.
pub type OrderNumber = kernel::Line<1, 40>;

const HISTORY_MAX: usize = 50;
/// Means of payment that a customer may try before the order is paid or runs out.
const TRIES_MAX: u8 = 20;

/// What follows from the rest is a question below. Amounts are `Money`, and of one currency; `stored.rs` makes use of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "M: amount::StoredAmount")]
pub struct Order<M = Money> {
    /// Follows from the cart's: one cart makes one order.
    pub id: OrderId,
    /// Which request placed it, if it came under an Idempotency-Key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_fingerprint: Option<String>,
    /// Absent for a guest, until an account with the order's address is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    pub email: Email,
    pub lines: Vec<Line<M>>,
    /// One for each seller, in the order of their first lines.
    pub parts: Vec<Part<M>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<PostalAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<PostalAddress>,
    /// The customer's words to the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    pub status: Status,
    pub payment: Payment<M>,
    pub history: Vec<StatusChange<M>>,
    pub placed_at: Timestamp,
    /// Unpaid at this instant, the order is cancelled.
    pub expires_at: Timestamp,
}

/// What was bought, as it was sold: later changes of the catalog do not reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OrderLine)]
pub struct Line<M = Money> {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub seller_id: BusinessId,
    pub sku: String,
    pub title: String,
    pub quantity: u32,
    #[schema(value_type = Money)]
    pub unit_price: M,
    /// In basis points: 1900 is 19 %.
    pub tax_rate: TaxRate,
    /// Included in the line's total.
    #[schema(value_type = Money)]
    pub tax: M,
    #[schema(value_type = Money)]
    pub total: M,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

/// Placing, and the answers of inventory.
impl Order {
    pub fn place(draft: Draft, pricing: &Pricing, by: &Actor, now: Timestamp) -> Decided {
        let mut order = draft.into_order(pricing, by, now)?;
        if order.payment.method.is_some() {
            order.payment.start_try(order.id);
        }
        let lines = order.lines.iter().map(Line::reference).collect();
        let placed = OrderPlaced { order: order.reference(), cart_id: order.id.cart(), lines, payment: order.payment.latest_try() };
        Ok(Decision::changed(order).emit(placed))
    }

    /// The stock is held: now it can be paid. If the customer said with what when placing, payments go on with that
    /// by themselves, and the order hears from them.
    pub fn stock_reserved(mut self, now: Timestamp) -> Decided {
        match self.status {
            Status::Pending if self.payment.payment_id.is_some() => Ok(Decision::unchanged(self)),
            Status::Pending => {
                self.step(Status::AwaitingPayment, Happening::StockReserved, now);
                if self.payment.method.is_none() {
                    return Ok(Decision::changed(self));
                }
                self.payment.start_try(self.id);
                Ok(self.asking_for_payment())
            }
            Status::AwaitingPayment | Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Refunded => {
                Ok(Decision::unchanged(self))
            }
            Status::Cancelled(reason) => Ok(self.cancelled_again(reason)),
        }
    }

    /// The stock is not to be had. Inventory answers once, so a confirmed order never hears this; if it did, the
    /// sale could not be kept.
    pub fn stock_refused(mut self, refused: &StockRefused, now: Timestamp) -> Decided {
        match self.status {
            Status::Pending | Status::AwaitingPayment | Status::Confirmed | Status::Processing => {
                if self.status == Status::Pending {
                    // Nobody was asked for money: that waits for the stock.
                    (self.payment.payment_id, self.payment.tries) = (None, 0);
                }
                let what = Happening::StockRefused { short: refused.short.clone() };
                Ok(self.cancelled(CancelReason::OutOfStock, what, &Actor::System, None, now))
            }
            Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => Ok(Decision::unchanged(self)),
        }
    }
}

/// Paying, and the answers of payments.
impl Order {
    /// The customer chooses a means of payment. The first one is kept until the stock is held; once it was declined, or while
    /// the bank waits for the customer, another one may take its place.
    pub fn pay(mut self, method: &Method, back: Option<&ReturnUrl>, by: &Actor, now: Timestamp) -> Decided {
        let same = self.payment.method.as_ref() == Some(method);
        let tried = self.payment.payment_id.is_some() && self.payment.declined.is_none();
        match self.status {
            Status::Pending if same => Ok(Decision::unchanged(self)),
            Status::Pending if tried => Err(OrderError::PaymentRunning),
            Status::Pending => {
                self.payment.choose(method, back);
                Ok(Decision::changed(self))
            }
            Status::AwaitingPayment | Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered if same && tried => {
                Ok(Decision::unchanged(self))
            }
            Status::AwaitingPayment if !self.payment.rests() => Err(OrderError::PaymentRunning),
            Status::AwaitingPayment if now >= self.expires_at => Err(OrderError::TooLate),
            Status::AwaitingPayment if self.payment.tries >= TRIES_MAX => Err(OrderError::TooManyTries),
            Status::AwaitingPayment => {
                self.payment.choose(method, back);
                self.payment.start_try(self.id);
                self.step_by(by, self.status, Happening::PaymentChosen, None, now);
                Ok(self.asking_for_payment())
            }
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => {
                Err(self.illegal("be paid"))
            }
        }
    }

    /// The customer has to confirm the payment at their bank. The order waits on.
    pub fn payment_requires_action(mut self, action: &PaymentRequiresAction, now: Timestamp) -> Decided {
        if !self.is_latest_try(&action.payment)? {
            return Ok(Decision::unchanged(self));
        }
        match self.status {
            Status::Pending | Status::AwaitingPayment if !self.payment.rests() => {
                self.payment.action_url = Some(action.action_url.clone());
                self.step(Status::AwaitingPayment, Happening::ConfirmationRequired, now);
                Ok(Decision::changed(self))
            }
            Status::Pending
            | Status::AwaitingPayment
            | Status::Confirmed
            | Status::Processing
            | Status::Shipped
            | Status::Delivered
            | Status::Cancelled(_)
            | Status::Refunded => Ok(Decision::unchanged(self)),
        }
    }

    /// The money has been taken: the sale is made, provided that the stock is held. Payments tell it of the one try that
    /// counts, even if the customer has just chosen again. If the order has ended meanwhile, the money goes back.
    pub fn payment_captured(mut self, captured: &PaymentCaptured, now: Timestamp) -> Decided {
        self.is_latest_try(&captured.payment)?;
        let (payment_id, amount) = (captured.payment.payment_id, captured.payment.amount);
        let paid = Happening::Paid { amount };
        match self.status {
            Status::Pending | Status::AwaitingPayment if !captured.stock_held => Err(OrderError::StockNotHeld),
            Status::Pending | Status::AwaitingPayment => {
                self.take_payment(payment_id, amount);
                self.step(Status::Confirmed, paid, now);
                let sellers = self.parts.iter().map(|part| part.seller_id).filter(|seller| *seller != BusinessId::HOUSE).collect();
                let event = OrderConfirmed { order: self.reference(), payment_id, sellers };
                Ok(Decision::changed(self).emit(event))
            }
            Status::Cancelled(reason) if self.payment.captured.is_none() => {
                self.take_payment(payment_id, amount);
                self.step(self.status, paid, now);
                let event = self.cancellation(reason, Vec::new());
                Ok(Decision::changed(self).emit(event))
            }
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => {
                Ok(Decision::unchanged(self))
            }
        }
    }

    /// No money by this try: the customer may try again until the deadline. Once it was taken by another, the news changes
    /// nothing.
    pub fn payment_failed(mut self, failed: &PaymentFailed, now: Timestamp) -> Decided {
        if !self.is_latest_try(&failed.payment)? {
            return Ok(Decision::unchanged(self));
        }
        match self.status {
            Status::Pending | Status::AwaitingPayment if self.payment.declined.is_none() => {
                self.payment.action_url = None;
                self.payment.declined = Some(failed.decline.clone());
                self.step(Status::AwaitingPayment, Happening::PaymentDeclined { decline: failed.decline.code }, now);
                Ok(Decision::changed(self))
            }
            Status::Pending
            | Status::AwaitingPayment
            | Status::Confirmed
            | Status::Processing
            | Status::Shipped
            | Status::Delivered
            | Status::Cancelled(_)
            | Status::Refunded => Ok(Decision::unchanged(self)),
        }
    }
}

/// Ending, and belonging to somebody.
impl Order {
    /// The order as a whole. Customers cancel until a seller begins to work on it, the shop until something leaves.
    pub fn cancel(self, party: Party, by: &Actor, note: Option<Note>, now: Timestamp) -> Decided {
        let is_too_late = match party {
            Party::Customer => self.parts.iter().any(Part::has_begun),
            Party::Seller => return Err(OrderError::NotAllowed),
            Party::Staff => self.parts.iter().any(Part::has_left),
        };
        match self.status {
            Status::Pending | Status::AwaitingPayment | Status::Confirmed | Status::Processing if !is_too_late => {
                Ok(self.cancelled(party.cancel_reason(), Happening::Cancelled, by, note, now))
            }
            Status::Cancelled(_) => Ok(Decision::unchanged(self)),
            Status::Pending
            | Status::AwaitingPayment
            | Status::Confirmed
            | Status::Processing
            | Status::Shipped
            | Status::Delivered
            | Status::Refunded => Err(self.illegal("be cancelled")),
        }
    }

    /// Nobody paid in time. Called when the deadline may have passed.
    pub fn expire(self, now: Timestamp) -> Decided {
        match self.status {
            Status::Pending | Status::AwaitingPayment if now >= self.expires_at => {
                Ok(self.cancelled(CancelReason::Expired, Happening::Cancelled, &Actor::System, None, now))
            }
            Status::Pending
            | Status::AwaitingPayment
            | Status::Confirmed
            | Status::Processing
            | Status::Shipped
            | Status::Delivered
            | Status::Cancelled(_)
            | Status::Refunded => Ok(Decision::unchanged(self)),
        }
    }

    /// A guest proved that the order's address is theirs: the order is in their account from now on.
    pub fn attach(mut self, user: UserId, email: &Email, now: Timestamp) -> Decided {
        if self.customer_id.is_some() || self.email != *email {
            return Ok(Decision::unchanged(self));
        }
        self.customer_id = Some(user);
        self.step(self.status, Happening::Attached, now);
        Ok(Decision::changed(self))
    }
}

/// Questions.
impl Order {
    /// What people call it: `S-7K3F-92QD`. These are the last eight characters of the id, which are chance: short enough
    /// for the telephone. A name for people, not a key.
    pub fn number(&self) -> String {
        let text = self.id.to_string();
        let (rest, last) = text.split_at(text.len() - 4);
        format!("S-{}-{last}", &rest[rest.len() - 4..])
    }

    /// Whether somebody means this order, in capitals or not.
    pub fn is_numbered(&self, number: &OrderNumber) -> bool {
        self.number().eq_ignore_ascii_case(number)
    }

    /// Sum of the lines, their tax included.
    pub fn subtotal(&self) -> Money {
        self.sum(|line| line.total)
    }

    /// Included in the total.
    pub fn tax(&self) -> Money {
        self.sum(|line| line.tax)
    }

    /// Of all parts together.
    pub fn shipping(&self) -> Money {
        Money::new(self.parts.iter().map(|part| part.shipping.amount).sum(), self.currency())
    }

    pub fn total(&self) -> Money {
        Money::new(self.subtotal().amount + self.shipping().amount, self.currency())
    }

    pub fn currency(&self) -> Currency {
        self.payment.refunded.currency
    }

    fn sum(&self, of: impl Fn(&Line) -> Money) -> Money {
        quote::sum(&self.lines, self.currency(), of)
    }

    /// Whether nothing happens until somebody acts: what a customer who placed or paid waits for.
    pub fn is_settled(&self) -> bool {
        match self.status {
            Status::Pending => false,
            Status::AwaitingPayment => self.payment.rests(),
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => true,
        }
    }

    /// When the order runs out, if it still can.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.status {
            Status::Pending | Status::AwaitingPayment => Some(self.expires_at),
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => None,
        }
    }
}

impl Order {
    fn step(&mut self, to: Status, what: Happening, now: Timestamp) {
        self.step_by(&Actor::System, to, what, None, now);
    }

    fn step_by(&mut self, by: &Actor, to: Status, what: Happening, note: Option<Note>, now: Timestamp) {
        // The placing is kept; of the rest, the oldest goes.
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(1);
        }
        self.history.push(StatusChange { at: now, to, by: by.label(), what, note: note.map(Note::into_string) });
        self.status = to;
        self.forget_delivery();
    }

    fn cancelled(mut self, reason: CancelReason, what: Happening, by: &Actor, note: Option<Note>, now: Timestamp) -> Decision<Self> {
        let sellers = self.cancel_what_is_to_come();
        self.step_by(by, Status::Cancelled(reason), what, note, now);
        self.payment.action_url = None;
        let event = self.cancellation(reason, sellers);
        Decision::changed(self).emit(event)
    }

    /// Something arrived that the cancellation missed: whoever holds it hears of the cancellation again.
    fn cancelled_again(self, reason: CancelReason) -> Decision<Self> {
        let event = self.cancellation(reason, Vec::new());
        Decision::unchanged(self).emit(event)
    }

    fn cancellation(&self, reason: CancelReason, sellers: Vec<BusinessId>) -> OrderCancelled {
        OrderCancelled {
            order: self.reference(),
            reason,
            payment_id: self.payment.payment_id.filter(|_| self.payment.declined.is_none()),
            was_confirmed: self.history.iter().any(|step| matches!(step.to, Status::Confirmed | Status::Processing)),
            sellers,
        }
    }

    /// The stock is held, and a new try begins.
    fn asking_for_payment(self) -> Decision<Self> {
        let asked = self.payment.latest_try().map(|payment| OrderAwaitingPayment { order: self.reference(), payment });
        asked.into_iter().fold(Decision::changed(self), Decision::emit)
    }

    fn status_changed(&self) -> OrderStatusChanged {
        OrderStatusChanged { order: self.reference(), status: self.status.as_str().to_owned() }
    }

    pub fn reference(&self) -> OrderRef {
        OrderRef { order_id: self.id, number: self.number(), customer_id: self.customer_id, email: self.email.clone(), total: self.total() }
    }

    fn illegal(&self, wanted: &'static str) -> OrderError {
        OrderError::Illegal { status: self.status.as_str(), wanted }
    }
}
