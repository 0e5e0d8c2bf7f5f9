//! Events of orders.

use kernel::{BusinessId, CartId, Email, Money, OrderId, PaymentId, UserId, VariantId};
use serde::{Deserialize, Serialize};

/// Different variants in one cart or order. Inventory moves a counter and writes a ledger entry for each
/// of them in one commit, and a commit has at most 100 writes.
pub const ORDER_LINES_MAX: usize = 48;

/// What every event about an order carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef {
    pub order_id: OrderId,
    /// What people call the order: `S-7K3F-92QD`.
    pub number: String,
    /// Absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    pub email: Email,
    pub total: Money,
}

/// What is to be held for a line. Whoever wants to know more of it asks the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub variant_id: VariantId,
    pub sku: String,
    pub quantity: u32,
}

/// One try to pay: what the customer has chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTry {
    /// The operation key towards the gateway: `PaymentId::of_try`, so that payments find a payment by either id.
    pub payment_id: PaymentId,
    /// What the gateway calls the means of payment; never a card number of a live gateway.
    pub payment_method: String,
    /// Where the bank's page sends the customer back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
}

/// An order was accepted and waits for stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    #[serde(flatten)]
    pub order: OrderRef,
    pub cart_id: CartId,
    pub lines: Vec<OrderLine>,
    /// To be taken as soon as the stock is held. Absent: the customer has not chosen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentTry>,
}

/// The stock is held, and the customer has chosen how to pay after placing, or has chosen anew: authorize it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAwaitingPayment {
    #[serde(flatten)]
    pub order: OrderRef,
    #[serde(flatten)]
    pub payment: PaymentTry,
}

/// Stock is held and paid for: the sale is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderConfirmed {
    #[serde(flatten)]
    pub order: OrderRef,
    pub payment_id: PaymentId,
    /// Who has a part of it to pack, besides the house.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sellers: Vec<BusinessId>,
}

/// A guest has lost the link to their order and asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLinkRequested {
    #[serde(flatten)]
    pub order: OrderRef,
}

/// Why an order ended without a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    OutOfStock,
    /// Unpaid at its deadline.
    Expired,
    ByCustomer,
    BySeller,
    ByAdmin,
}

/// The order ended without a sale, or the sale was undone: stock is released, money is voided or refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelled {
    #[serde(flatten)]
    pub order: OrderRef,
    pub reason: CancelReason,
    /// The try to pay that may hold money, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Whether the customer had been told that the order was confirmed.
    pub was_confirmed: bool,
    /// Whose goods had not left by then: they need not pack them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sellers: Vec<BusinessId>,
}

/// A seller does not deliver their part of a paid order, and the rest of it goes on: the stock of the part is released, and
/// its share of the money goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPartCancelled {
    #[serde(flatten)]
    pub order: OrderRef,
    pub seller_id: BusinessId,
    pub lines: Vec<OrderLine>,
    pub reason: CancelReason,
    pub payment_id: PaymentId,
    /// The goods of the part with its share of the shipping.
    pub amount: Money,
}

/// How to follow a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedParcel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// A web address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The goods of a seller left: what was held of them for the order is no longer on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderShipped {
    #[serde(flatten)]
    pub order: OrderRef,
    pub seller_id: BusinessId,
    pub lines: Vec<OrderLine>,
    pub parcels: Vec<ShippedParcel>,
    /// Whose goods have not left yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_come: Vec<BusinessId>,
}

/// Another step of the order as a whole that a follower may want to see: processing, delivered, refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatusChanged {
    #[serde(flatten)]
    pub order: OrderRef,
    pub status: String,
}

/// The person was erased, and the order stays without them. Whoever keeps more of the person on account of the order
/// forgets it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAnonymized {
    pub order_id: OrderId,
}
