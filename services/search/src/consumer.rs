//! Which documents an event concerns. What it says is not indexed: the stores are read instead, so that
//! events may come late, twice and in any order.

use contracts::{
    BusinessChanged, BusinessCreated, BusinessPublished, BusinessRejected, BusinessRemoved, BusinessSuspended, CategoryChanged, Event,
    EventData, ProductArchived, ProductCategoryChanged, ProductChanged, RatingChanged,
};
use kernel::{Backoff, Duration, ReviewTarget};
use shell::{Consumer, RetryPolicy};

use crate::App;
use crate::concern::{CONSUMER, Concern};

/// A delivery fails only where the index or a store does; that may take a while to mend.
const RETRY: RetryPolicy = RetryPolicy { tries: 12, backoff: Backoff { first: Duration::from_millis(200), max: Duration::from_secs(60) } };

macro_rules! concerns {
    ($($event:ty: |$data:ident| $concern:expr,)*) => {
        /// Events that concern a document.
        pub const TYPES: &[&str] = &[$(<$event>::KIND),*];

        pub fn concern(event: &Event) -> Option<Concern> {
            $(if let Some($data) = <$event>::of(event) {
                return Some($concern);
            })*
            None
        }

        /// An event is settled only once what it concerns is on disk and is found, so that no crash can lose it.
        pub fn consumer(app: App) -> Consumer<App> {
            Consumer::new(CONSUMER, app)
                .retry(RETRY)
                $(.on::<$event>(|app, _, $data| Box::pin(app.feed.changed(app, vec![$concern]))))*
        }
    };
}

concerns! {
    BusinessCreated: |event| Concern::Business(event.business_id),
    BusinessChanged: |event| Concern::Business(event.business_id),
    BusinessPublished: |event| Concern::Business(event.business_id),
    BusinessRejected: |event| Concern::Business(event.business_id),
    BusinessSuspended: |event| Concern::Business(event.business_id),
    BusinessRemoved: |event| Concern::Business(event.business_id),
    CategoryChanged: |event| Concern::Category(event.category_id),
    ProductCategoryChanged: |event| Concern::Category(event.category_id),
    ProductChanged: |event| Concern::Product(event.product_id),
    ProductArchived: |event| Concern::Product(event.product_id),
    RatingChanged: |event| match event.target {
        ReviewTarget::Business(id) => Concern::Business(id),
        ReviewTarget::Product(id) => Concern::Product(id),
    },
}
