//! Ratings in stars.

use serde::{Deserialize, Serialize};

use crate::{BusinessId, ProductId};

/// The stars of all published reviews of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rating {
    /// 1 to 5 for each review.
    pub sum: u64,
    /// How many reviews.
    pub count: u64,
}

impl Rating {
    /// 1 to 5; `None` without a review.
    pub fn mean(self) -> Option<f64> {
        // Both are far below 2^52, where a float is exact.
        #[allow(clippy::cast_precision_loss)]
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }
}

/// What people review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "id", rename_all = "lowercase")]
pub enum ReviewTarget {
    Business(BusinessId),
    Product(ProductId),
}

impl std::fmt::Display for ReviewTarget {
    /// The id; its prefix tells what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Business(id) => id.fmt(f),
            Self::Product(id) => id.fmt(f),
        }
    }
}
