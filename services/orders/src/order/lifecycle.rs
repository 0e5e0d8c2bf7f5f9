//! The statuses of an order, and the table of its moves that tests and documents are made from.

use contracts::CancelReason;
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

/// Where the order stands. `StatusName` is the same without what a status carries: for lists, filters and clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, EnumDiscriminants)]
#[serde(rename_all = "snake_case")]
#[strum_discriminants(
    name(StatusName),
    doc = "Where an order stands.",
    derive(Hash, Serialize, Deserialize, ToSchema, IntoStaticStr, VariantArray),
    serde(rename_all = "snake_case"),
    strum(serialize_all = "snake_case"),
    schema(as = OrderStatus)
)]
pub enum Status {
    /// Placed; inventory is asked for the stock, and payments for the money if the customer said how to pay.
    Pending,
    /// The stock is held, and the customer has to do something: choose how to pay, confirm it at the bank, or try again after a decline.
    AwaitingPayment,
    /// The stock is held and the money is taken: sold.
    Confirmed,
    /// A seller works on their part, or some of it has left.
    Processing,
    /// All of it has left.
    Shipped,
    Delivered,
    /// It ended before the goods left.
    Cancelled(CancelReason),
    /// The sale was made, and all its money went back.
    Refunded,
}

use StatusName::{AwaitingPayment, Cancelled, Confirmed, Delivered, Pending, Processing, Refunded, Shipped};

/// Every move that there is: from, on which news, to. News that is not listed for a status leaves it as it is.
const LIFECYCLE: &[(StatusName, &str, StatusName)] = &[
    (Pending, "stock.reserved", AwaitingPayment),
    (Pending, "payment.requires_action", AwaitingPayment),
    (Pending, "payment.failed", AwaitingPayment),
    (Pending, "payment.captured", Confirmed),
    (AwaitingPayment, "payment.captured", Confirmed),
    (Confirmed, "processing", Processing),
    (Processing, "shipped", Shipped),
    (Shipped, "delivered", Delivered),
    (Pending, "stock.refused", Cancelled),
    (Pending, "deadline", Cancelled),
    (Pending, "cancel by customer", Cancelled),
    (Pending, "cancel by shop", Cancelled),
    (AwaitingPayment, "stock.refused", Cancelled),
    (AwaitingPayment, "deadline", Cancelled),
    (AwaitingPayment, "cancel by customer", Cancelled),
    (AwaitingPayment, "cancel by shop", Cancelled),
    (Confirmed, "stock.refused", Cancelled),
    (Confirmed, "cancel by customer", Cancelled),
    (Confirmed, "cancel by shop", Cancelled),
    (Processing, "stock.refused", Cancelled),
    (Processing, "cancel by shop", Cancelled),
    (Confirmed, "payment.refunded (all)", Refunded),
    (Processing, "payment.refunded (all)", Refunded),
    (Shipped, "payment.refunded (all)", Refunded),
    (Delivered, "payment.refunded (all)", Refunded),
];

/// Every move of an order: from, on which news, to.
pub fn lifecycle() -> &'static [(StatusName, &'static str, StatusName)] {
    LIFECYCLE
}

/// The lifecycle as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> pending: placed\n");
    let mut drawn: Vec<(StatusName, StatusName)> = Vec::new();
    for (from, _, to) in LIFECYCLE {
        if drawn.contains(&(*from, *to)) {
            continue;
        }
        drawn.push((*from, *to));
        let news = LIFECYCLE.iter().filter(|(start, _, end)| start == from && end == to).map(|(_, news, _)| *news);
        let label = news.collect::<Vec<_>>().join(", ");
        text.push_str(&format!("    {} --> {}: {label}\n", from.as_str(), to.as_str()));
    }
    text.push_str("    cancelled --> [*]\n    refunded --> [*]\n    delivered --> [*]\n");
    text
}

impl Status {
    pub fn name(self) -> StatusName {
        self.into()
    }

    pub fn as_str(self) -> &'static str {
        self.name().as_str()
    }

    pub fn cancel_reason(self) -> Option<CancelReason> {
        match self {
            Self::Cancelled(reason) => Some(reason),
            Self::Pending
            | Self::AwaitingPayment
            | Self::Confirmed
            | Self::Processing
            | Self::Shipped
            | Self::Delivered
            | Self::Refunded => None,
        }
    }
}

impl StatusName {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
