//! What the catalog does about events of others: it follows the ratings of products.

use contracts::RatingChanged;
use kernel::{Problem, ReviewTarget};
use ports::store::Stored;
use shell::{Changes, Consumer, DecisionContext, Delivery, UnitOfWork};

use crate::rating::ProductRating;
use crate::storage;

pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("catalog", work).on::<RatingChanged>(|work, delivery, changed| Box::pin(rate(work, delivery, changed)))
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
