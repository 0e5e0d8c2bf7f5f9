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

pub use catalog::{ProductArchived, ProductCategoryChanged, ProductChanged, VariantRef};
pub use decision::Decision;
pub use directory::{
    BusinessChanged, BusinessClaimed, BusinessCreated, BusinessPublished, BusinessRejected, BusinessRemoved, BusinessStaffChanged,
    BusinessSubmitted, BusinessSuspended, CategoryChanged, ClaimRefused, ClaimRequested, LeadBilled, LeadCredited, LeadDelivered,
    LeadReturned, ReturnReason, StaffRole,
};
pub use envelope::Envelope;
pub use identity::{PasswordResetRequested, UserDisabled, UserErased, UserRegistered, UserVerified, VerificationRequested};
pub use inventory::{ShortLine, StockLow, StockRefused, StockReserved};
pub use notifications::MailQueued;
pub use orders::{
    CancelReason, ORDER_LINES_MAX, OrderAnonymized, OrderAwaitingPayment, OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderRef,
    OrderShipped, OrderStatusChanged, PaymentTry,
};
pub use payments::{PaymentCaptured, PaymentFailed, PaymentRef, PaymentRefunded, PaymentRequiresAction, RefundFailed};
pub use reviews::{RatingChanged, ReviewPublished, ReviewRejected, ReviewReminderDue, ReviewSubmitted};

use serde::{Deserialize, Serialize};

/// The data of one type of event, by which consumers subscribe to it.
pub trait EventData: Sized {
    /// The CloudEvents `type`.
    const KIND: &'static str;

    /// The data, if the event is of this type.
    fn of(event: &Event) -> Option<&Self>;
}

macro_rules! events {
    ($($source:literal { $($name:ident($data:ty) = $type:literal,)* })*) => {
        /// Every event there is.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum Event {
            $($(#[serde(rename = $type)] $name($data),)*)*
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
                match self { $($(Self::$name(data) => data.subject(),)*)* }
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

        $($(impl From<$data> for Event {
            fn from(data: $data) -> Self {
                Self::$name(data)
            }
        }

        impl EventData for $data {
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
        UserRegistered(UserRegistered) = "user.registered",
        VerificationRequested(VerificationRequested) = "user.verification_requested",
        UserVerified(UserVerified) = "user.verified",
        PasswordResetRequested(PasswordResetRequested) = "user.password_reset_requested",
        UserDisabled(UserDisabled) = "user.disabled",
        UserErased(UserErased) = "user.erased",
    }
    "catalog" {
        ProductChanged(ProductChanged) = "product.changed",
        ProductArchived(ProductArchived) = "product.archived",
        ProductCategoryChanged(ProductCategoryChanged) = "product_category.changed",
    }
    "inventory" {
        StockReserved(StockReserved) = "stock.reserved",
        StockRefused(StockRefused) = "stock.refused",
        StockLow(StockLow) = "stock.low",
    }
    "orders" {
        OrderPlaced(OrderPlaced) = "order.placed",
        OrderAwaitingPayment(OrderAwaitingPayment) = "order.awaiting_payment",
        OrderConfirmed(OrderConfirmed) = "order.confirmed",
        OrderCancelled(OrderCancelled) = "order.cancelled",
        OrderShipped(OrderShipped) = "order.shipped",
        OrderStatusChanged(OrderStatusChanged) = "order.status_changed",
        OrderAnonymized(OrderAnonymized) = "order.anonymized",
    }
    "payments" {
        PaymentRequiresAction(PaymentRequiresAction) = "payment.requires_action",
        PaymentFailed(PaymentFailed) = "payment.failed",
        PaymentCaptured(PaymentCaptured) = "payment.captured",
        PaymentRefunded(PaymentRefunded) = "payment.refunded",
        RefundFailed(RefundFailed) = "payment.refund_failed",
    }
    "directory" {
        BusinessCreated(BusinessCreated) = "business.created",
        BusinessChanged(BusinessChanged) = "business.changed",
        BusinessSubmitted(BusinessSubmitted) = "business.submitted",
        BusinessPublished(BusinessPublished) = "business.published",
        BusinessRejected(BusinessRejected) = "business.rejected",
        BusinessSuspended(BusinessSuspended) = "business.suspended",
        BusinessRemoved(BusinessRemoved) = "business.removed",
        BusinessStaffChanged(BusinessStaffChanged) = "business.staff_changed",
        BusinessClaimed(BusinessClaimed) = "business.claimed",
        ClaimRequested(ClaimRequested) = "claim.requested",
        ClaimRefused(ClaimRefused) = "claim.refused",
        CategoryChanged(CategoryChanged) = "category.changed",
        LeadDelivered(LeadDelivered) = "lead.delivered",
        LeadBilled(LeadBilled) = "lead.billed",
        LeadReturned(LeadReturned) = "lead.returned",
        LeadCredited(LeadCredited) = "lead.credited",
    }
    "reviews" {
        ReviewSubmitted(ReviewSubmitted) = "review.submitted",
        ReviewPublished(ReviewPublished) = "review.published",
        ReviewRejected(ReviewRejected) = "review.rejected",
        ReviewReminderDue(ReviewReminderDue) = "review.reminder_due",
        RatingChanged(RatingChanged) = "rating.changed",
    }
    "notifications" {
        MailQueued(MailQueued) = "mail.queued",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_travels_without_its_type_and_comes_back() {
        let event = Event::from(StockLow { variant_id: 7.into(), sku: "TEA-100".into(), available: 2, threshold: 3 });
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
