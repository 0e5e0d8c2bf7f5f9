//! Stock that comes with an import.

use kernel::{BusinessId, Problem, ProductId, VariantId};
use ports::store::Stored;
use shell::{Changes, UnitOfWork};

use crate::stock::{Described, MovementKind, StockItem};
use crate::storage::{self, Movement};

/// What an import says about a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCount {
    pub variant_id: VariantId,
    pub product_id: ProductId,
    pub seller_id: Option<BusinessId>,
    pub sku: String,
    pub title: String,
    pub on_hand: i64,
    /// Sold although there is none.
    pub backorder: bool,
    /// For a variant that has no stock record yet.
    pub threshold: i64,
    /// Takes the quantity although the variant was counted before, as `--with-stock` asks.
    pub overwrite: bool,
}

/// Sets how many there are, if nobody has said so yet: not an import, and not a person. Importing the
/// same file again therefore changes nothing, and undoes no sale. With `overwrite` the import is a new
/// count. Returns whether anything changed.
pub async fn set_stock(work: &UnitOfWork, count: StockCount) -> Result<bool, Problem> {
    let (table, key) = (work.table(), storage::stock_key(count.variant_id));
    work.run_job("inventory.import", |_| table.get::<StockItem>(&key), |found, context| counted(&count, found, context)).await
}

fn counted(count: &StockCount, found: Option<Stored<StockItem>>, context: &shell::DecisionContext) -> Result<Changes, Problem> {
    let id = context.id::<kernel::EventId>(0).to_string();
    let Some(found) = found else {
        let StockCount { variant_id, product_id, seller_id, sku, title, .. } = count.clone();
        let described = Described { variant_id, product_id, seller_id, sku, title };
        let empty = StockItem::new(described, count.threshold, 0);
        let shift = empty.count(count.on_hand, count.backorder)?;
        let entry = Movement::of(&shift, MovementKind::Counted, context.now).by(&context.actor, "import");
        let item = empty.after(&shift).ok_or_else(|| Problem::internal("the first count of a new stock record does not fit it"))?;
        let created = storage::create_stock(item)?.write(storage::append(count.variant_id, &entry, &id)?);
        return Ok(shift.events.into_iter().fold(created, Changes::emit));
    };
    if found.counted == 1 && (!count.overwrite || found.on_hand == count.on_hand) {
        return Ok(Changes::none());
    }
    let shift = found.count(count.on_hand, count.backorder)?;
    let entry = Movement::of(&shift, MovementKind::Counted, context.now).by(&context.actor, "import");
    storage::shift_changes(shift, &entry, &id)
}
