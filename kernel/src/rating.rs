//! Ratings in stars.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::written::{serde_as_text, text_schema};
use crate::{BusinessId, ProductId};

/// The stars of all published reviews of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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

/// Stars as they are shown; absent where there is no review.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Stars {
    /// 1 to 5, two decimals.
    pub average: f64,
    /// How many reviews.
    pub count: u64,
}

impl Stars {
    pub fn of(rating: Rating) -> Option<Self> {
        rating.mean().map(|mean| Self { average: (mean * 100.0).round() / 100.0, count: rating.count })
    }
}

/// What a review can be about; written as the id of the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReviewTarget {
    Business(BusinessId),
    Product(ProductId),
}

impl fmt::Display for ReviewTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Business(id) => id.fmt(f),
            Self::Product(id) => id.fmt(f),
        }
    }
}

/// The text is the id of nothing that can be reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the identifier of a business or a product")]
pub struct TargetError;

impl FromStr for ReviewTarget {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let business = text.parse().map(Self::Business);
        business.or_else(|_| text.parse().map(Self::Product)).map_err(|_| TargetError)
    }
}

serde_as_text!(ReviewTarget, "the identifier of a business or a product");
text_schema!(ReviewTarget, |schema| schema.pattern(Some("^(biz|prd)_[0-7][0-9A-HJKMNP-TV-Z]{25}$")));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_the_kind() {
        for target in [ReviewTarget::Business(7.into()), ReviewTarget::Product(7.into())] {
            assert_eq!(target.to_string().parse(), Ok(target));
            let json = serde_json::to_string(&target).unwrap();
            assert_eq!(serde_json::from_str::<ReviewTarget>(&json).unwrap(), target);
        }
        assert_eq!("usr_00000000000000000000000007".parse::<ReviewTarget>(), Err(TargetError));
    }
}
