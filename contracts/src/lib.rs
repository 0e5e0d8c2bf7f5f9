//! The published language: the events that services emit for one another, one file per producing
//! service, the envelope they travel in, and the decision that a rule returns.
//!
//! An event is a fact in the past tense. Fields are only ever added. Consumers tolerate repeats and
//! any order.

mod catalog;
mod decision;
mod directory;
mod envelope;
#[cfg(feature = "testing")]
pub mod golden;
mod identity;
mod inventory;
mod notifications;
mod orders;
mod payments;
mod reviews;

pub use catalog::*;
pub use decision::Decision;
pub use directory::*;
pub use envelope::Envelope;
pub use identity::*;
pub use inventory::*;
pub use notifications::*;
pub use orders::*;
pub use payments::*;
pub use reviews::*;

use serde::{Deserialize, Serialize};

/// The data of one type of event, by which consumers subscribe to it.
pub trait EventData: Sized {
    /// The CloudEvents `type`.
    const KIND: &'static str;

    /// The data, if the event is of this type.
    fn of(event: &Event) -> Option<&Self>;
}

/// By service: each event with the field that holds its subject, and its type.
macro_rules! events {
    ($($source:literal { $($name:ident($($about:ident).+) = $type:literal,)* })*) => {
        /// Every event there is.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum Event {
            $($(#[serde(rename = $type)] $name($name),)*)*
        }

        impl Event {
            /// All types with the service that emits them.
            pub const TYPES: &'static [(&'static str, &'static str)] = &[$($(($type, $source),)*)*];

            /// The CloudEvents `type`.
            pub fn kind(&self) -> &'static str {
                match self { $($(Self::$name(_) => $type,)*)* }
            }

            /// The CloudEvents `source`: the service that emits it.
            pub fn source(&self) -> &'static str {
                match self { $($(Self::$name(_) => $source,)*)* }
            }

            /// The CloudEvents `subject`: the id of what the event is about.
            pub fn subject(&self) -> String {
                match self { $($(Self::$name(data) => data.$($about).+.to_string(),)*)* }
            }

            /// Reads the data of an event whose type is known; `None` for a type that is not ours.
            pub fn read(kind: &str, data: &str) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $($($type => Some(serde_json::from_str(data).map(Self::$name)),)*)*
                    _ => None,
                }
            }

            /// The data as JSON, without the type.
            pub fn data_json(&self) -> Result<String, serde_json::Error> {
                match self { $($(Self::$name(data) => serde_json::to_string(data),)*)* }
            }
        }

        $($(impl From<$name> for Event {
            fn from(data: $name) -> Self {
                Self::$name(data)
            }
        }

        impl EventData for $name {
            const KIND: &'static str = $type;

            fn of(event: &Event) -> Option<&Self> {
                match event {
                    Event::$name(data) => Some(data),
                    _ => None,
                }
            }
        })*)*
    };
}

events! {
    "identity" {
        RegisteredAgain(user_id) = "user.registered_again",
        VerificationRequested(user_id) = "user.verification_requested",
        UserVerified(user_id) = "user.verified",
        PasswordResetRequested(user_id) = "user.password_reset_requested",
        UserDisabled(user_id) = "user.disabled",
        UserErased(user_id) = "user.erased",
    }
    "catalog" {
        ProductChanged(product_id) = "product.changed",
        ProductStockCounted(product_id) = "product.stock_counted",
        ProductArchived(product_id) = "product.archived",
        ProductCategoryChanged(category_id) = "product_category.changed",
    }
    "inventory" {
        StockReserved(order.order_id) = "stock.reserved",
        StockRefused(order_id) = "stock.refused",
        StockLow(variant_id) = "stock.low",
        StockStateChanged(variant_id) = "stock.state_changed",
    }
    "orders" {
        OrderPlaced(order.order_id) = "order.placed",
        OrderAwaitingPayment(order.order_id) = "order.awaiting_payment",
        OrderConfirmed(order.order_id) = "order.confirmed",
        OrderCancelled(order.order_id) = "order.cancelled",
        OrderPartCancelled(order.order_id) = "order.part_cancelled",
        OrderShipped(order.order_id) = "order.shipped",
        OrderStatusChanged(order.order_id) = "order.status_changed",
        OrderLinkRequested(order.order_id) = "order.link_requested",
        OrderAnonymized(order_id) = "order.anonymized",
    }
    "payments" {
        PaymentRequiresAction(payment.payment_id) = "payment.requires_action",
        PaymentFailed(payment.payment_id) = "payment.failed",
        PaymentCaptured(payment.payment_id) = "payment.captured",
        PaymentRefunded(payment.payment_id) = "payment.refunded",
        RefundFailed(payment.payment_id) = "payment.refund_failed",
    }
    "directory" {
        BusinessCreated(business_id) = "business.created",
        BusinessChanged(business_id) = "business.changed",
        BusinessSubmitted(business_id) = "business.submitted",
        BusinessPublished(business_id) = "business.published",
        BusinessRejected(business_id) = "business.rejected",
        BusinessEditSubmitted(business_id) = "business.edit_submitted",
        BusinessEditDecided(business_id) = "business.edit_decided",
        BusinessSuspended(business_id) = "business.suspended",
        BusinessRemoved(business_id) = "business.removed",
        BusinessStaffChanged(business_id) = "business.staff_changed",
        BusinessClaimed(business_id) = "business.claimed",
        ClaimRequested(claim_id) = "claim.requested",
        ClaimRefused(claim_id) = "claim.refused",
        CategoryChanged(category_id) = "category.changed",
        LeadDelivered(lead_id) = "lead.delivered",
        LeadBilled(lead_id) = "lead.billed",
        LeadAnswered(lead_id) = "lead.answered",
        LeadReturned(lead_id) = "lead.returned",
        LeadCredited(lead_id) = "lead.credited",
    }
    "reviews" {
        ReviewSubmitted(review_id) = "review.submitted",
        ReviewPublished(review_id) = "review.published",
        ReviewRejected(review_id) = "review.rejected",
        ReviewReminderDue(order_id) = "review.reminder_due",
        RatingChanged(target) = "rating.changed",
    }
    "notifications" {
        MailQueued(mail_id) = "mail.queued",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_travels_without_its_type_and_comes_back() {
        let event = Event::from(StockLow {
            variant_id: 7.into(),
            seller_id: None,
            sku: "TEA-100".into(),
            title: "Tea".into(),
            available: 2,
            threshold: 3,
        });
        let json = event.data_json().unwrap();
        assert!(!json.contains("type"), "{json}");
        assert_eq!(Event::read("stock.low", &json).unwrap().unwrap(), event);
        assert!(Event::read("stock.stolen", &json).is_none());
    }

    #[test]
    fn types_are_distinct() {
        for (index, (kind, _)) in Event::TYPES.iter().enumerate() {
            assert!(Event::TYPES[..index].iter().all(|(other, _)| other != kind), "{kind} twice");
        }
    }
}
