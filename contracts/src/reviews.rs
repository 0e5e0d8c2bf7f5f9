//! Events of reviews.

use kernel::{BusinessId, OrderId, Rating, ReviewId, ReviewTarget, UserId};
use serde::{Deserialize, Serialize};

/// Somebody wrote a review; it waits for moderation, or `review.published` comes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSubmitted {
    pub review_id: ReviewId,
    pub target: ReviewTarget,
    /// The business that the review is about, or that sells the product.
    pub business_id: BusinessId,
    pub author_id: UserId,
    /// 1 to 5.
    pub stars: u8,
    /// The author is known to have bought or used what they review.
    pub verified: bool,
    /// Nobody else sees it before a moderator has published it.
    #[serde(default)]
    pub awaits_moderation: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewPublished {
    pub review_id: ReviewId,
    pub target: ReviewTarget,
    pub business_id: BusinessId,
    pub author_id: UserId,
    /// 1 to 5.
    pub stars: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRejected {
    pub review_id: ReviewId,
    pub target: ReviewTarget,
    pub business_id: BusinessId,
    pub author_id: UserId,
    pub reason: String,
}

/// The stars of all published reviews of the target, after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingChanged {
    pub target: ReviewTarget,
    pub rating: Rating,
}

/// Some days have passed since the goods arrived, and the customer has not reviewed these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewReminderDue {
    pub order_id: OrderId,
    pub customer_id: UserId,
    pub targets: Vec<ReviewTarget>,
}
