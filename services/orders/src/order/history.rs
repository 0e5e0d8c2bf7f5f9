//! What happened to an order, as codes: whoever shows them finds the words.

use contracts::{DeclineCode, ShortLine};
use kernel::{BusinessId, Money, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use super::Status;
use super::amount::StoredAmount;

/// One entry of the history. To the status that the order had already: something happened within it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "M: StoredAmount")]
pub struct StatusChange<M = Money> {
    pub at: Timestamp,
    pub to: Status,
    /// The actor's label: `system`, `guest`, `user:usr_…`.
    pub by: String,
    #[serde(flatten)]
    pub what: Happening<M>,
    /// What the actor said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `HappeningCode` is the same without what a happening carries: for clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "code", rename_all = "snake_case", bound = "M: StoredAmount")]
#[strum_discriminants(
    name(HappeningCode),
    doc = "What happened to an order.",
    derive(Hash, Serialize, Deserialize, ToSchema, IntoStaticStr, VariantArray),
    serde(rename_all = "snake_case"),
    strum(serialize_all = "snake_case"),
    schema(as = OrderStepCode)
)]
pub enum Happening<M = Money> {
    Placed,
    StockReserved,
    StockRefused {
        short: Vec<ShortLine>,
    },
    /// The customer chose a means of payment.
    PaymentChosen,
    /// The payment has to be confirmed with the bank.
    ConfirmationRequired,
    PaymentDeclined {
        decline: DeclineCode,
    },
    Paid {
        amount: M,
    },
    /// A seller works on their part.
    PartProcessing {
        seller_id: BusinessId,
    },
    PartShipped {
        seller_id: BusinessId,
    },
    /// A seller corrected what they said of their parcels.
    ParcelsCorrected {
        seller_id: BusinessId,
    },
    PartDelivered {
        seller_id: BusinessId,
    },
    PartCancelled {
        seller_id: BusinessId,
    },
    Cancelled,
    Refunded {
        amount: M,
    },
    RefundRefused {
        amount: M,
    },
    /// The order was added to the customer's account.
    Attached,
}

impl Happening {
    pub fn code(&self) -> HappeningCode {
        self.into()
    }

    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::Paid { amount } | Self::Refunded { amount } | Self::RefundRefused { amount } => Some(*amount),
            Self::Placed
            | Self::StockReserved
            | Self::StockRefused { .. }
            | Self::PaymentChosen
            | Self::ConfirmationRequired
            | Self::PaymentDeclined { .. }
            | Self::PartProcessing { .. }
            | Self::PartShipped { .. }
            | Self::ParcelsCorrected { .. }
            | Self::PartDelivered { .. }
            | Self::PartCancelled { .. }
            | Self::Cancelled
            | Self::Attached => None,
        }
    }

    pub fn seller(&self) -> Option<BusinessId> {
        match self {
            Self::PartProcessing { seller_id }
            | Self::PartShipped { seller_id }
            | Self::ParcelsCorrected { seller_id }
            | Self::PartDelivered { seller_id }
            | Self::PartCancelled { seller_id } => Some(*seller_id),
            Self::Placed
            | Self::StockReserved
            | Self::StockRefused { .. }
            | Self::PaymentChosen
            | Self::ConfirmationRequired
            | Self::PaymentDeclined { .. }
            | Self::Paid { .. }
            | Self::Cancelled
            | Self::Refunded { .. }
            | Self::RefundRefused { .. }
            | Self::Attached => None,
        }
    }
}

impl<M> Happening<M> {
    pub(super) fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> Happening<N> {
        match self {
            Self::Placed => Happening::Placed,
            Self::StockReserved => Happening::StockReserved,
            Self::StockRefused { short } => Happening::StockRefused { short },
            Self::PaymentChosen => Happening::PaymentChosen,
            Self::ConfirmationRequired => Happening::ConfirmationRequired,
            Self::PaymentDeclined { decline } => Happening::PaymentDeclined { decline },
            Self::Paid { amount: paid } => Happening::Paid { amount: amount(paid) },
            Self::PartProcessing { seller_id } => Happening::PartProcessing { seller_id },
            Self::PartShipped { seller_id } => Happening::PartShipped { seller_id },
            Self::ParcelsCorrected { seller_id } => Happening::ParcelsCorrected { seller_id },
            Self::PartDelivered { seller_id } => Happening::PartDelivered { seller_id },
            Self::PartCancelled { seller_id } => Happening::PartCancelled { seller_id },
            Self::Cancelled => Happening::Cancelled,
            Self::Refunded { amount: refunded } => Happening::Refunded { amount: amount(refunded) },
            Self::RefundRefused { amount: refused } => Happening::RefundRefused { amount: amount(refused) },
            Self::Attached => Happening::Attached,
        }
    }
}
