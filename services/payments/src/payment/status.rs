//! The statuses of a payment.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

/// What the payment has come to, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = PaymentStatus)]
pub enum Status {
    /// The gateway was away, or its answer was lost.
    Pending,
    /// The customer must confirm at their bank.
    RequiresAction,
    /// The money is reserved.
    Authorized,
    /// The money has been taken.
    Captured,
    /// Nothing is reserved, as the order wanted.
    Voided,
    /// Nothing is reserved; the order waited for it in vain.
    Failed,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
