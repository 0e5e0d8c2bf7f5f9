//! Payment gateways: card processors and the like.

use async_trait::async_trait;
use contracts::GatewayState;
use kernel::{Money, PaymentId, RefundId, Timestamp};
use serde::{Deserialize, Serialize};

/// A request to reserve money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The operation key: asking again with the same one is the same payment.
    pub payment_id: PaymentId,
    pub amount: Money,
    /// What the gateway calls the means of payment.
    pub method: String,
    /// Shown on the customer's statement: the order's number.
    pub reference: String,
    /// Where the bank's page sends the customer back to once they have answered it.
    pub return_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayPayment {
    pub payment_id: PaymentId,
    pub amount: Money,
    #[serde(flatten)]
    pub state: GatewayState,
    /// Sum of the settled refunds.
    pub refunded: Money,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    Settled,
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayRefund {
    pub refund_id: RefundId,
    pub amount: Money,
    pub state: RefundState,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The request did not take effect: the gateway was not reached or answered with an error.
    #[error("the payment gateway is unavailable: {0}")]
    Unavailable(String),
    /// No answer in time: it may have taken effect. Settle it with `find`.
    #[error("the outcome at the payment gateway is unknown: {0}")]
    Unknown(String),
    /// The request is wrong: an unknown means of payment, a refund beyond what was captured.
    #[error("the payment gateway refuses the request: {0}")]
    Invalid(String),
}

/// All operations are idempotent: repeated with the same ids they return the same outcome.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Which kinds of means of payment it takes: `card`, `sepa_debit`.
    fn methods(&self) -> &'static [&'static str];

    /// Cheap and local: whether this could be one of the gateway's means of payment at all.
    fn check_method(&self, method: &str) -> Result<(), GatewayError>;

    async fn authorize(&self, request: &Authorization) -> Result<GatewayPayment, GatewayError>;

    async fn capture(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError>;

    /// Frees what was reserved. A payment the gateway never saw is marked so that a late authorization fails.
    async fn void(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError>;

    async fn refund(&self, payment: PaymentId, refund: RefundId, amount: Money) -> Result<GatewayRefund, GatewayError>;

    /// What became of a payment; `None` if the gateway has never seen it.
    async fn find(&self, payment: PaymentId) -> Result<Option<GatewayPayment>, GatewayError>;
}
