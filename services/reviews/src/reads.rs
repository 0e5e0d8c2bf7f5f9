//! What other services may read of reviews.

use std::collections::HashMap;

use async_trait::async_trait;
use kernel::{Problem, Rating, ReviewTarget};
use ports::reads::ReviewReads;
use ports::store::KEYS_MAX;
use shell::{Table, UnitOfWork};

use crate::aggregate::Aggregate;
use crate::storage::aggregate_key;

#[derive(Clone)]
pub struct Reads {
    pub(crate) table: Table,
}

impl Reads {
    pub fn new(work: &UnitOfWork) -> Self {
        Self { table: work.table().clone() }
    }
}

#[async_trait]
impl ReviewReads for Reads {
    async fn ratings(&self, targets: &[ReviewTarget]) -> Result<Vec<Rating>, Problem> {
        let mut wanted = targets.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut ratings = HashMap::with_capacity(wanted.len());
        for chunk in wanted.chunks(KEYS_MAX) {
            let keys: Vec<_> = chunk.iter().map(|target| aggregate_key(*target)).collect();
            let found = self.table.get_many_eventual::<Aggregate>(&keys).await?;
            ratings.extend(
                chunk.iter().zip(found).map(|(target, found)| (*target, found.map_or_else(Rating::default, |found| found.rating()))),
            );
        }
        Ok(targets.iter().map(|target| ratings.get(target).copied().unwrap_or_default()).collect())
    }
}
