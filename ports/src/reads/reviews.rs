//! What other services may read of reviews.

use async_trait::async_trait;
use kernel::{Problem, Rating};

pub use kernel::ReviewTarget;

#[async_trait]
pub trait ReviewReads: Send + Sync {
    /// In the order of the targets (at most 100); zero for one without a published review.
    async fn ratings(&self, targets: &[ReviewTarget]) -> Result<Vec<Rating>, Problem>;
}
