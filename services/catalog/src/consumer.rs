//! What the catalog does about events of others: it follows ratings and stock of products, the names of sellers, and whether
//! they may sell.

use contracts::{
    BusinessChanged, BusinessClaimed, BusinessPublished, BusinessRemoved, BusinessSuspended, Decision, RatingChanged, StockStateChanged,
};
use kernel::{BusinessId, Problem, ProductId, ReviewTarget};
use ports::store::Stored;
use serde::Deserialize;
use shell::{Changes, Consumer, DecisionContext, Delivery, UnitOfWork};

use crate::editing::State;
use crate::product::{Product, ProductStatus};
use crate::seller::{News, Seller};
use crate::shelf::Shelf;
use crate::standing::seller_key;
use crate::storage;

/// Listings from files belong to nobody, so nobody sells for them until they are claimed.
pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("catalog", work)
        .on::<RatingChanged>(|work, delivery, changed| Box::pin(rate(work, delivery, changed)))
        .on::<StockStateChanged>(|work, delivery, changed| {
            Box::pin(shelve(work, delivery, changed.product_id, |shelf| shelf.stocked(changed)))
        })
        .on::<BusinessPublished>(|work, delivery, event| {
            let news = News { published: Some(true), name: event.name.clone(), slug: event.slug.clone() };
            Box::pin(follow_seller(work, delivery, event.business_id, news))
        })
        .on::<BusinessClaimed>(|work, delivery, event| {
            let news = News { published: Some(true), name: event.name.clone(), slug: event.slug.clone() };
            Box::pin(follow_seller(work, delivery, event.business_id, news))
        })
        .on::<BusinessSuspended>(|work, delivery, event| {
            let news = News { published: Some(false), ..News::default() };
            Box::pin(follow_seller(work, delivery, event.business_id, news))
        })
        .on::<BusinessRemoved>(|work, delivery, event| {
            let news = News { published: Some(false), ..News::default() };
            Box::pin(follow_seller(work, delivery, event.business_id, news))
        })
        .on::<BusinessChanged>(|work, delivery, event| Box::pin(rename(work, delivery, event)))
}

async fn rate(work: &UnitOfWork, delivery: &Delivery, changed: &RatingChanged) -> Result<(), Problem> {
    let ReviewTarget::Product(id) = changed.target else { return Ok(()) };
    shelve(work, delivery, id, |shelf| shelf.rated(changed, delivery.envelope.sequence)).await
}

/// The shelf of a product, with its cards.
async fn shelve(
    work: &UnitOfWork,
    delivery: &Delivery,
    id: ProductId,
    rule: impl Fn(Shelf) -> Decision<Shelf> + Send + Sync,
) -> Result<(), Problem> {
    let (product_key, shelf_key) = (storage::product_key(id), storage::shelf_key(id));
    let load = |_| async {
        let (product, shelf) = futures::try_join!(work.table().get(&product_key), work.table().get(&shelf_key))?;
        Ok((product, shelf))
    };
    let follow = |(product, shelf): (Option<Stored<Product>>, Option<Stored<Shelf>>), _: &DecisionContext| {
        let decision = rule(shelf.as_ref().map_or_else(|| Shelf::empty(id), |shelf| shelf.value.clone()));
        storage::save_shelf(product.as_ref(), shelf.as_ref(), decision)
    };
    work.handle_event_guarded(delivery, load, follow).await
}

/// As much of a product as tells which one it is.
#[derive(Deserialize)]
struct Sold {
    id: ProductId,
}

async fn tell(work: &UnitOfWork, delivery: &Delivery, id: BusinessId, news: &News) -> Result<(), Problem> {
    let follow = |before: Option<Stored<Seller>>, _: &DecisionContext| {
        let version = before.as_ref().map(|before| before.version);
        Changes::put(version, Seller::follow(before.map(|before| before.value), id, news, delivery.envelope.sequence))
    };
    let key = seller_key(id);
    work.handle_event_guarded(delivery, |_| work.table().get(&key), follow).await
}

/// From the first commit on nothing more of a business that was taken away is published. What was for sale follows, product
/// by product; broken off and delivered again, the walk finds what is left.
async fn follow_seller(work: &UnitOfWork, delivery: &Delivery, id: BusinessId, news: News) -> Result<(), Problem> {
    tell(work, delivery, id, &news).await?;
    let sold = storage::products_query(Some(id), Some(ProductStatus::Published));
    for product in work.table().list_all::<Sold>(sold).await? {
        let load = |_| State::load_existing(work.table(), product.id);
        work.run_job("catalog.follow_seller", load, |state: State, context: &DecisionContext| state.follow_seller(context)).await?;
    }
    Ok(())
}

/// Whoever never was a seller is not written down for a new name.
async fn rename(work: &UnitOfWork, delivery: &Delivery, event: &BusinessChanged) -> Result<(), Problem> {
    if work.table().get::<Seller>(&seller_key(event.business_id)).await?.is_none() {
        return Ok(());
    }
    let news = News { published: None, name: event.name.clone(), slug: event.slug.clone() };
    tell(work, delivery, event.business_id, &news).await
}
