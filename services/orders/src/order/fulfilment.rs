//! What the shop does for a confirmed order.

use contracts::{Decision, Event, OrderShipped};
use kernel::{Actor, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tracking {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub carrier: Option<ParcelText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub number: Option<ParcelText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub url: Option<ParcelText>,
}

impl Order {
    /// The shop goes on with a confirmed order.
    pub fn advance(mut self, to: Advance, by: &Actor, note: Option<Note>, now: Timestamp) -> Decided {
        if !by.is_staff() && !self.is_all_of(by) {
            return Err(OrderError::NotAllowed);
        }
        let (next, wanted) = match &to {
            Advance::Processing => (Status::Processing, "be processed"),
            Advance::Shipped(tracking) => {
                tracking.check()?;
                (Status::Shipped, "be shipped")
            }
            Advance::Delivered => (Status::Delivered, "be delivered"),
        };
        match (self.status, next) {
            (Status::Confirmed, Status::Processing) | (Status::Processing, Status::Shipped) | (Status::Shipped, Status::Delivered) => {}
            (status, next) if status == next => return Ok(Decision::unchanged(self)),
            (Status::Pending | Status::AwaitingPayment | Status::Confirmed | Status::Processing, _)
            | (Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded, _) => return Err(self.illegal(wanted)),
        }
        self.step(next, by, note.map(Note::into_string), now);
        let event: Event = match to {
            Advance::Processing | Advance::Delivered => self.status_changed().into(),
            Advance::Shipped(tracking) => {
                let text = |text: &Option<ParcelText>| text.clone().map(ParcelText::into_string);
                let (carrier, tracking_number) = (text(&tracking.carrier), text(&tracking.number));
                self.tracking = Some(tracking);
                OrderShipped { order: self.reference(), carrier, tracking_number }.into()
            }
        };
        Ok(Decision::changed(self).emit(event))
    }
}

impl Tracking {
    fn check(&self) -> Result<(), OrderError> {
        let is_web = |url: &ParcelText| url.starts_with("https://") || url.starts_with("http://");
        if self.url.as_ref().is_none_or(is_web) { Ok(()) } else { Err(OrderError::TrackingUrl) }
    }
}
