//! What the shop does for a confirmed order.

use contracts::{Decision, OrderShipped};
use kernel::{Actor, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::check_text;
use super::{Decided, NOTE_CHARS_MAX, Order, OrderError, Status};

const TRACKING_CHARS_MAX: usize = 500;

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
    pub carrier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Order {
    /// The shop goes on with a confirmed order.
    pub fn advance(self, to: Advance, by: &Actor, note: Option<String>, now: Timestamp) -> Decided {
        check_text("note", note.as_deref(), NOTE_CHARS_MAX)?;
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
                let event =
                    OrderShipped { order: self.reference(), carrier: tracking.carrier.clone(), tracking_number: tracking.number.clone() };
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
        check_text("carrier", self.carrier.as_deref(), TRACKING_CHARS_MAX)?;
        check_text("tracking_number", self.number.as_deref(), TRACKING_CHARS_MAX)?;
        check_text("tracking_url", self.url.as_deref(), TRACKING_CHARS_MAX)?;
        match &self.url {
            Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
                Err(OrderError::Text { field: "tracking_url", wanted: "must be a web address".into() })
            }
            Some(_) | None => Ok(()),
        }
    }
}
