//! Events of payments.

use kernel::{Money, OrderId, PaymentId, RefundId};
use serde::{Deserialize, Serialize};

/// What a payment has come to at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GatewayState {
    /// The customer must confirm at this address first.
    RequiresAction {
        action_url: String,
    },
    /// The money is reserved.
    Authorized,
    Captured,
    /// What was reserved is free again.
    Voided,
    Declined {
        /// The field's word: `card_declined`, `insufficient_funds`, ...
        code: String,
        message: String,
    },
}

/// Which payment, of which order, over how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRef {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub amount: Money,
}

/// The customer must confirm at their bank (3-D Secure) before the money is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRequiresAction {
    #[serde(flatten)]
    pub payment: PaymentRef,
    /// Where the customer confirms.
    pub action_url: String,
}

/// No money was taken and none will be by this payment. The order waits for another try until its deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFailed {
    #[serde(flatten)]
    pub payment: PaymentRef,
    #[serde(flatten)]
    pub decline: Decline,
}

/// Why a try to pay came to nothing. The customer may try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PaymentDecline)]
pub struct Decline {
    pub code: DeclineCode,
    /// A sentence for the customer.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclineCode {
    CardDeclined,
    InsufficientFunds,
    /// The customer did not confirm it at their bank.
    AuthenticationFailed,
    /// The gateway could not be reached or refused for a reason of its own.
    PaymentFailed,
}

/// The money has been taken, by the one try of the order that counts. A try that was given up is paid back without
/// this being told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentCaptured {
    #[serde(flatten)]
    pub payment: PaymentRef,
    /// Whether payments know that the stock of the order is held.
    pub stock_held: bool,
}

/// Money went back; `refunded` is the sum of all refunds of the payment so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    #[serde(flatten)]
    pub payment: PaymentRef,
    pub refund_id: RefundId,
    /// The refused refund in whose place it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RefundId>,
    pub refund: Money,
    pub refunded: Money,
}

/// The gateway refused a refund; a person has to look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFailed {
    #[serde(flatten)]
    pub payment: PaymentRef,
    pub refund_id: RefundId,
    /// The refused refund in whose place it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RefundId>,
    pub refund: Money,
    pub message: String,
}
