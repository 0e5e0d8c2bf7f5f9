//! What other services may read of inventory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kernel::{Problem, VariantId};
use ports::reads::{Availability, InventoryReads};
use ports::store::{Key, Stored};
use shell::{Table, UnitOfWork};

use crate::stock::StockItem;
use crate::storage::stock_key;

#[derive(Clone)]
pub struct Reads {
    table: Table,
}

impl Reads {
    pub fn new(work: &UnitOfWork) -> Self {
        Self { table: work.table().clone() }
    }
}

#[async_trait]
impl InventoryReads for Reads {
    async fn availability(&self, variants: &[VariantId]) -> Result<Vec<Availability>, Problem> {
        if variants.is_empty() {
            return Ok(Vec::new());
        }
        let distinct: BTreeSet<VariantId> = variants.iter().copied().collect();
        let keys: Vec<Key> = distinct.iter().map(|variant| stock_key(*variant)).collect();
        let found = self.table.get_many_eventual::<StockItem>(&keys).await?;
        let stock: BTreeMap<VariantId, Stored<StockItem>> = found.into_iter().flatten().map(|item| (item.variant_id, item)).collect();
        let availability = |variant_id: &VariantId| {
            let item = stock.get(variant_id);
            let (available, backorder) = item.map_or((0, false), |item| (item.available, item.backorder == 1));
            Availability { variant_id: *variant_id, available, backorder }
        };
        Ok(variants.iter().map(availability).collect())
    }
}
