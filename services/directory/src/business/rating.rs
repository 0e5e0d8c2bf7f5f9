//! The stars of a business, as the last event of reviews has them.

use contracts::{Decision, RatingChanged};
use kernel::{BusinessId, Rating};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessRating {
    pub business_id: BusinessId,
    pub rating: Rating,
    /// Of the event, which grows with every change of the rating.
    pub sequence: u64,
}

impl BusinessRating {
    /// An event that comes late changes nothing.
    pub fn follow(before: Option<Self>, business_id: BusinessId, changed: &RatingChanged, sequence: u64) -> Decision<Self> {
        match before {
            Some(before) if before.sequence >= sequence => Decision::unchanged(before),
            Some(_) | None => Decision::changed(Self { business_id, rating: changed.rating, sequence }),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct RatingView {
    /// 1 to 5, two decimals.
    pub average: f64,
    pub count: u64,
}

impl RatingView {
    /// `None` without a review.
    pub fn of(rating: Rating) -> Option<Self> {
        rating.mean().map(|mean| Self { average: (mean * 100.0).round() / 100.0, count: rating.count })
    }
}
