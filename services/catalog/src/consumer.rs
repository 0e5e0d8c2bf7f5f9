//! What the catalog does about events of others: it follows the ratings of products, and whether sellers may sell.

use contracts::{BusinessClaimed, BusinessPublished, BusinessRemoved, BusinessSuspended, RatingChanged};
use kernel::{BusinessId, Problem, ProductId, ReviewTarget};
use ports::store::Stored;
use serde::Deserialize;
use shell::{Changes, Consumer, DecisionContext, Delivery, UnitOfWork};

use crate::editing::State;
use crate::product::ProductStatus;
use crate::rating::ProductRating;
use crate::seller::{Seller, seller_key};
use crate::storage;

/// Listings from files belong to nobody, so nobody sells for them until they are claimed.
pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("catalog", work)
        .on::<RatingChanged>(|work, delivery, changed| Box::pin(rate(work, delivery, changed)))
        .on::<BusinessPublished>(|work, delivery, event| Box::pin(follow_seller(work, delivery, event.business_id, true)))
        .on::<BusinessClaimed>(|work, delivery, event| Box::pin(follow_seller(work, delivery, event.business_id, true)))
        .on::<BusinessSuspended>(|work, delivery, event| Box::pin(follow_seller(work, delivery, event.business_id, false)))
        .on::<BusinessRemoved>(|work, delivery, event| Box::pin(follow_seller(work, delivery, event.business_id, false)))
}

async fn rate(work: &UnitOfWork, delivery: &Delivery, changed: &RatingChanged) -> Result<(), Problem> {
    let ReviewTarget::Product(id) = changed.target else { return Ok(()) };
    let sequence = delivery.envelope.sequence;
    let follow = |before: Option<Stored<ProductRating>>, _: &DecisionContext| {
        let version = before.as_ref().map(|before| before.version);
        Changes::put(version, ProductRating::follow(before.map(|before| before.value), id, changed, sequence))
    };
    let key = storage::rating_key(id);
    work.handle_event_guarded(delivery, |_| work.table().get(&key), follow).await
}

/// As much of a product as tells which one it is.
#[derive(Deserialize)]
struct Sold {
    id: ProductId,
}

/// From the first commit on nothing more of a business that was taken away is published. What was for sale follows, product
/// by product; broken off and delivered again, the walk finds what is left.
async fn follow_seller(work: &UnitOfWork, delivery: &Delivery, id: BusinessId, published: bool) -> Result<(), Problem> {
    let follow = |before: Option<Stored<Seller>>, _: &DecisionContext| {
        let version = before.as_ref().map(|before| before.version);
        Changes::put(version, Seller::follow(before.map(|before| before.value), id, published, delivery.envelope.sequence))
    };
    let key = seller_key(id);
    work.handle_event_guarded(delivery, |_| work.table().get(&key), follow).await?;
    let sold = storage::products_query(Some(id), Some(ProductStatus::Published));
    for product in work.table().list_all::<Sold>(sold).await? {
        let load = |_| State::load_existing(work.table(), product.id);
        work.run_job("catalog.follow_seller", load, |state: State, context: &DecisionContext| state.follow_seller(context)).await?;
    }
    Ok(())
}
