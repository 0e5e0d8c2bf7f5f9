//! The stars of a product, as the last `rating.changed` has them.

use contracts::{Decision, RatingChanged};
use kernel::{ProductId, Rating};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRating {
    pub product_id: ProductId,
    pub rating: Rating,
    /// Of the event, which grows with every change of the rating.
    pub sequence: u64,
}

impl ProductRating {
    /// An event that comes late changes nothing.
    pub fn follow(before: Option<Self>, product_id: ProductId, changed: &RatingChanged, sequence: u64) -> Decision<Self> {
        match before {
            Some(before) if before.sequence >= sequence => Decision::unchanged(before),
            Some(_) | None => Decision::changed(Self { product_id, rating: changed.rating, sequence }),
        }
    }
}
