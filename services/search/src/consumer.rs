//! Which documents an event concerns. What it says is not indexed: the stores are read instead, so that
//! events may come late, twice and in any order.

use contracts::Event;
use kernel::{Problem, ReviewTarget};
use shell::Delivery;

use crate::App;
use crate::feed::Concern;

pub const NAME: &str = "search";
pub const TYPES: &[&str] = &[
    "business.created",
    "business.changed",
    "business.published",
    "business.rejected",
    "business.suspended",
    "business.removed",
    "category.changed",
    "product.changed",
    "product.archived",
    "product_category.changed",
    "rating.changed",
];

/// Returns once what the event concerns is on disk and is found, so that an event is settled only then
/// and no crash can lose it.
pub async fn on(app: &App, delivery: &Delivery) -> Result<(), Problem> {
    match concern(&delivery.envelope.event) {
        Some(concern) => app.feed.changed(app, vec![concern]).await,
        None => Ok(()),
    }
}

pub fn concern(event: &Event) -> Option<Concern> {
    match event {
        Event::BusinessCreated(event) => Some(Concern::Business(event.business_id)),
        Event::BusinessChanged(event) => Some(Concern::Business(event.business_id)),
        Event::BusinessPublished(event) => Some(Concern::Business(event.business_id)),
        Event::BusinessRejected(event) => Some(Concern::Business(event.business_id)),
        Event::BusinessSuspended(event) => Some(Concern::Business(event.business_id)),
        Event::BusinessRemoved(event) => Some(Concern::Business(event.business_id)),
        Event::CategoryChanged(event) => Some(Concern::Category(event.category_id)),
        Event::ProductCategoryChanged(event) => Some(Concern::Category(event.category_id)),
        Event::ProductChanged(event) => Some(Concern::Product(event.product_id)),
        Event::ProductArchived(event) => Some(Concern::Product(event.product_id)),
        Event::RatingChanged(event) => Some(match event.target {
            ReviewTarget::Business(id) => Concern::Business(id),
            ReviewTarget::Product(id) => Concern::Product(id),
        }),
        _ => None,
    }
}
