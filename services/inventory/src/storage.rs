//! Keys and indexes of inventory.
//!
//! | access pattern | how |
//! |---|---|
//! | stock of a variant | `stock#<variant>` / `stock` |
//! | all stock by stock keeping unit | index 1, `all`, `<sku>#<variant>` |
//! | a seller's stock by stock keeping unit | index 2, `seller#<seller>`, `<sku>#<variant>` |
//! | low stock, of all or of a seller | marks `stock#<variant>` / `low` in index 1, `low`, and index 2, `low#<seller>`; then the stock |
//! | a variant's movements, newest first | `stock#<variant>` / `movement#<time>#<id>` |
//! | reservation of an order | `reservation#<order>` / `reservation` |
//!
//! A mark of low stock is only a hint where to look: it is made with the stock record or after
//! `stock.low`, and the listing drops those whose stock has risen since. So an order that crosses the
//! threshold costs no more writes than another. The index entries of a stock item, which an `Add` leaves
//! as they are, depend on nothing that counts.

use contracts::Decision;
use kernel::{Actor, BusinessId, Cursor, Duration, Limit, OrderId, Page, Problem, Timestamp, VariantId};
use ports::store::Bound as StoreBound;
use ports::store::{Body, Expect, IndexEntry, Key, NewItem, Query, Record, Stored, TableSchema, Write};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};
use utoipa::ToSchema;

use crate::reservation::{HeldLine, Plan, Reservation};
use crate::stock::{Bound, Counter, MovementKind, Shift, StockError, StockItem};

pub const TABLE: TableSchema = TableSchema { name: "inventory", indexes: 2 };

/// How long the record of an ended reservation stays: longer than any late or repeated event.
const ENDED_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

impl Record for StockItem {
    fn key(&self) -> Key {
        stock_key(self.variant_id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let sk = format!("{}#{}", self.sku, self.variant_id);
        let mut entries = vec![IndexEntry::new(1, "all", sk.clone())];
        entries.extend(self.seller_id.map(|seller| IndexEntry::new(2, format!("seller#{seller}"), sk)));
        entries
    }
}

impl Record for Reservation {
    fn key(&self) -> Key {
        reservation_key(self.order_id)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        (!self.holds()).then(|| self.changed_at.plus(ENDED_KEPT))
    }
}

/// Says where low stock may be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowMark {
    pub variant_id: VariantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<BusinessId>,
}

impl LowMark {
    pub fn of(item: &StockItem) -> Self {
        Self { variant_id: item.variant_id, seller_id: item.seller_id }
    }
}

impl Record for LowMark {
    fn key(&self) -> Key {
        low_mark_key(self.variant_id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let sk = self.variant_id.to_string();
        let mut entries = vec![IndexEntry::new(1, "low", sk.clone())];
        entries.extend(self.seller_id.map(|seller| IndexEntry::new(2, format!("low#{seller}"), sk)));
        entries
    }
}

/// An entry of a variant's ledger, which is only added to: all entries add up to what is on hand. What is promised
/// is no entry; the reservations that hold something add up to it. Shown to clients as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movement {
    pub at: Timestamp,
    pub kind: MovementKind,
    /// By how much what is on hand moved.
    #[serde(default)]
    pub on_hand: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Who did it and why, if a person or an import did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub fn stock_key(variant: VariantId) -> Key {
    Key::new(format!("stock#{variant}"), "stock")
}

pub fn low_mark_key(variant: VariantId) -> Key {
    Key::new(format!("stock#{variant}"), "low")
}

pub fn reservation_key(order: OrderId) -> Key {
    Key::new(format!("reservation#{order}"), "reservation")
}

pub async fn stock(table: &Table, variant: VariantId) -> Result<Stored<StockItem>, Problem> {
    table.get(&stock_key(variant)).await?.ok_or_else(|| StockError::Unknown.into())
}

/// The stock of the lines; a variant without a stock record is left out.
pub async fn stock_of(table: &Table, lines: &[HeldLine]) -> Result<Vec<StockItem>, Problem> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Key> = lines.iter().map(|line| stock_key(line.variant_id)).collect();
    let found = table.get_many::<StockItem>(&keys).await?;
    Ok(found.into_iter().flatten().map(|stored| stored.value).collect())
}

pub async fn reservation(table: &Table, order: OrderId) -> Result<Option<Stored<Reservation>>, Problem> {
    table.get(&reservation_key(order)).await
}

/// Which stock to list.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `None`: everybody's.
    pub seller: Option<BusinessId>,
    pub low: bool,
    pub sku_prefix: Option<String>,
}

/// A page may hold fewer items than its limit and still have a next one.
pub async fn list(table: &Table, selection: Selection, limit: Limit, after: Option<Cursor>) -> Result<Page<Stored<StockItem>>, Problem> {
    let query = match (selection.low, selection.seller) {
        (false, None) => Query::index(1, "all"),
        (false, Some(seller)) => Query::index(2, format!("seller#{seller}")),
        (true, None) => Query::index(1, "low"),
        (true, Some(seller)) => Query::index(2, format!("low#{seller}")),
    };
    let query = query.limit(limit.get()).after(after);
    if !selection.low {
        return table.list(query.prefix(selection.sku_prefix.unwrap_or_default())).await;
    }
    let marks = table.list::<LowMark>(query).await?;
    let keys: Vec<Key> = marks.items.iter().map(|mark| stock_key(mark.variant_id)).collect();
    let found = if keys.is_empty() { Vec::new() } else { table.get_many_eventual::<StockItem>(&keys).await? };
    let prefix = selection.sku_prefix.unwrap_or_default();
    let items = found.into_iter().flatten().filter(|item| item.is_low() && item.sku.starts_with(&prefix)).collect();
    Ok(Page { items, next: marks.next })
}

pub async fn movements(table: &Table, variant: VariantId, limit: Limit, after: Option<Cursor>) -> Result<Page<Stored<Movement>>, Problem> {
    let query = Query::table(format!("stock#{variant}")).prefix("movement#").descending().limit(limit.get()).after(after);
    table.list(query).await
}

/// A plan as one commit: the reservation, and for each variant its counters, with a ledger entry if what is on hand moves.
pub fn plan_changes(version: Option<u64>, plan: Plan, now: Timestamp) -> Result<Changes, Problem> {
    let Plan { reservation, kind, shifts } = plan;
    let order = reservation.state().order_id;
    let mut changes = Changes::put(version, reservation)?;
    for shift in shifts {
        let entry = kind.map(|kind| Movement { order_id: Some(order), ..Movement::of(&shift, kind, now) });
        changes = changes.and(match entry {
            Some(entry) => shift_changes(shift, &entry, &order.to_string())?,
            None => counter_changes(shift),
        });
    }
    Ok(changes)
}

/// A shift of one variant with its ledger entry. `id` tells apart what happens in one millisecond.
pub fn shift_changes(shift: Shift, entry: &Movement, id: &str) -> Result<Changes, Problem> {
    let entry = append(shift.variant_id, entry, id)?;
    Ok(counter_changes(shift).write(entry))
}

/// A shift without an entry in the ledger: for promises and settings, which leave what is on hand as it is.
pub fn counter_changes(shift: Shift) -> Changes {
    let changes = Changes::none().write(add(&shift));
    shift.events.into_iter().fold(changes, Changes::emit)
}

/// A new stock record. Low from the beginning, it is listed so, although no event says it.
pub fn create_stock(item: StockItem) -> Result<Changes, Problem> {
    let (low, mark) = (item.is_low(), LowMark::of(&item));
    let changes = Changes::create(Decision::changed(item))?;
    if low { changes.derived(&mark) } else { Ok(changes) }
}

pub fn append(variant: VariantId, entry: &Movement, id: &str) -> Result<Write, Problem> {
    let key = Key::new(format!("stock#{variant}"), format!("movement#{}#{id}", entry.at));
    let item = NewItem { key, body: Body::of(entry)?, indexes: Vec::new(), expires_at: None };
    Ok(Write::Put { item, expect: Expect::Absent })
}

impl Movement {
    pub fn of(shift: &Shift, kind: MovementKind, at: Timestamp) -> Self {
        Self { at, kind, on_hand: shift.delta(Counter::OnHand), order_id: None, by: None, reason: None }
    }

    #[must_use]
    pub fn by(self, actor: &Actor, reason: &str) -> Self {
        Self { by: Some(actor.label()), reason: Some(reason.to_owned()), ..self }
    }
}

fn add(shift: &Shift) -> Write {
    let bound = |bound: &Bound| match *bound {
        Bound::AtLeast(counter, least) => StoreBound::AtLeast(counter.into(), least),
        Bound::AtMost(counter, most) => StoreBound::AtMost(counter.into(), most),
    };
    Write::Add {
        key: stock_key(shift.variant_id),
        deltas: shift.deltas.iter().map(|(counter, delta)| (counter.into(), *delta)).collect(),
        bounds: shift.bounds.iter().map(bound).collect(),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::stock::Described;

    #[test]
    fn every_counter_is_an_integer_of_the_stored_item() {
        let described = Described { variant_id: 1.into(), product_id: 1.into(), seller_id: None, sku: "A".into(), title: "A".into() };
        let body: serde_json::Value = serde_json::to_value(StockItem::new(described, 5, 1)).unwrap();
        for counter in Counter::VARIANTS {
            assert!(body[<&str>::from(counter)].is_i64(), "{counter:?} in {body}");
        }
    }

    #[test]
    fn an_order_of_the_most_lines_fits_one_commit() {
        let writes = 2 * contracts::ORDER_LINES_MAX + 2;
        assert!(writes <= ports::store::WRITES_MAX, "counters and ledger entries, the reservation, the record of the event: {writes}");
    }

    #[test]
    fn a_ledger_entry_is_small() {
        let entry = Movement {
            at: Timestamp::from_millis(0),
            kind: MovementKind::Shipped,
            on_hand: -2,
            order_id: Some(1.into()),
            by: None,
            reason: None,
        };
        let Write::Put { item, .. } = append(1.into(), &entry, "x").unwrap() else { panic!("a put") };
        assert!(item.body.as_str().len() < 120, "{}", item.body.as_str());
    }
}
