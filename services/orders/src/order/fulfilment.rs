//! What the shop does for a confirmed order.

use contracts::{Decision, OrderShipped};
use kernel::{Actor, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Decided, Note, Order, OrderError, Status};

/// What a carrier calls a parcel, or where it is followed.
pub type ParcelText = kernel::Line<1, 500>;

/// One step after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    Processing,
    Shipped(Tracking),
    Delivered,
}

/// How to follow the parcel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<ParcelText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<ParcelText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<ParcelText>,
}

impl Order {
    /// The shop goes on with a confirmed order.
    pub fn advance(self, to: Advance, by: &Actor, note: Option<Note>, now: Timestamp) -> Decided {
        let note = note.map(Note::into_string);
        if !by.is_staff() && !self.is_all_of(by) {
            return Err(OrderError::NotAllowed);
        }
        match to {
            Advance::Processing => self.begin(by, note, now),
            Advance::Shipped(tracking) => self.ship(tracking, by, note, now),
            Advance::Delivered => self.deliver(by, note, now),
        }
    }

    fn begin(mut self, by: &Actor, note: Option<String>, now: Timestamp) -> Decided {
        match self.status {
            Status::Confirmed => {
                self.step(Status::Processing, by, note, now);
                let event = self.status_changed();
                Ok(Decision::changed(self).emit(event))
            }
            Status::Processing => Ok(Decision::unchanged(self)),
            Status::Pending | Status::AwaitingPayment | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => {
                Err(self.illegal("be processed"))
            }
        }
    }

    fn ship(mut self, tracking: Tracking, by: &Actor, note: Option<String>, now: Timestamp) -> Decided {
        tracking.check()?;
        match self.status {
            Status::Processing => {
                let text = |text: &Option<ParcelText>| text.clone().map(ParcelText::into_string);
                let event =
                    OrderShipped { order: self.reference(), carrier: text(&tracking.carrier), tracking_number: text(&tracking.number) };
                self.tracking = Some(tracking);
                self.step(Status::Shipped, by, note, now);
                Ok(Decision::changed(self).emit(event))
            }
            Status::Shipped => Ok(Decision::unchanged(self)),
            Status::Pending | Status::AwaitingPayment | Status::Confirmed | Status::Delivered | Status::Cancelled(_) | Status::Refunded => {
                Err(self.illegal("be shipped"))
            }
        }
    }

    fn deliver(mut self, by: &Actor, note: Option<String>, now: Timestamp) -> Decided {
        match self.status {
            Status::Shipped => {
                self.step(Status::Delivered, by, note, now);
                let event = self.status_changed();
                Ok(Decision::changed(self).emit(event))
            }
            Status::Delivered => Ok(Decision::unchanged(self)),
            Status::Pending
            | Status::AwaitingPayment
            | Status::Confirmed
            | Status::Processing
            | Status::Cancelled(_)
            | Status::Refunded => Err(self.illegal("be delivered")),
        }
    }
}

impl Tracking {
    fn check(&self) -> Result<(), OrderError> {
        let is_web = |url: &ParcelText| url.starts_with("https://") || url.starts_with("http://");
        if self.url.as_ref().is_none_or(is_web) { Ok(()) } else { Err(OrderError::TrackingUrl) }
    }
}
