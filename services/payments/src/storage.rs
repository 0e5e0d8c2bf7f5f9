//! Where payments are kept.
//!
//! | Access pattern | Where |
//! |---|---|
//! | the order's present payment, for deciding; or the mark that it was cancelled before it had one | pk = family, sk = order id |
//! | its former tries | pk = family, sk = order id, `#`, payment id |
//! | all payments of an order | pk = family, sk from the order id |
//! | a payment by its id | pk = family, one of the few there |
//! | payments for which the gateway is to be asked | index 1: pk = `due`, sk = when |
//! | all payments, newest first | index 2: pk = `all`, sk = payment id |
//! | payments by a status that is not the usual way | index 3: pk = status, sk = payment id |
//!
//! The family is what the ids of an order and of its payments have in common, all but the last byte: so a payment is
//! found by its own id without an index. Authorized and captured payments are not in index 3: nearly all are captured,
//! and it would be written twice more for each. They are picked out of index 2.

use contracts::Decision;
use kernel::{Cursor, Limit, OrderId, Page, PaymentId, Problem, Timestamp};
use ports::store::{Bounds, IndexEntry, Key, Query, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};

use crate::payment::{Payment, Status};

pub const TABLE: TableSchema = TableSchema { name: "payments", indexes: 3 };

/// Pages of index 2 that one listing picks from before it hands out a cursor.
const PICKED_PAGES_MAX: usize = 5;
const PAGE: usize = 100;

impl Record for Payment {
    fn key(&self) -> Key {
        key(self.order_id, self.superseded.then_some(self.id))
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let id = self.id.to_string();
        let mut entries = Vec::new();
        if let Some(at) = self.next_check_at {
            entries.push(IndexEntry::new(1, "due", format!("{at}#{id}")));
        }
        if has_status_entry(self.status) {
            entries.push(IndexEntry::new(3, self.status.as_str(), &id));
        }
        entries.push(IndexEntry::new(2, "all", id));
        entries
    }
}

/// What lies in the order's place.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Place {
    Payment(Box<Payment>),
    /// The order was cancelled before it had a payment: one that comes late is not authorized. It lies where the
    /// payment would, so that one guarded write decides who was first.
    Cancelled {
        order_id: OrderId,
    },
}

impl Record for Place {
    fn key(&self) -> Key {
        match self {
            Self::Payment(payment) => payment.key(),
            Self::Cancelled { order_id } => key(*order_id, None),
        }
    }
}

/// What is kept of an order.
pub(crate) enum OrderState {
    Nothing,
    /// It was cancelled before it had a payment, with the version of the mark.
    Cancelled(u64),
    Present(Box<Stored<Payment>>),
}

impl OrderState {
    pub fn present(&self) -> Option<&Stored<Payment>> {
        match self {
            Self::Present(payment) => Some(payment),
            Self::Nothing | Self::Cancelled(_) => None,
        }
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Puts what the order has come to where this was found.
    pub fn followed_by(&self, decision: Decision<Payment>) -> Result<Changes, Problem> {
        match self {
            Self::Nothing => Changes::create(decision),
            Self::Cancelled(version) => Changes::update(*version, decision),
            Self::Present(payment) => Changes::update(payment.version, decision),
        }
    }
}

pub(crate) async fn order(table: &Table, id: OrderId) -> Result<OrderState, Problem> {
    Ok(match table.find::<Place>(&key(id, None)).await? {
        None => OrderState::Nothing,
        Some(Stored { value: Place::Cancelled { .. }, version, .. }) => OrderState::Cancelled(version),
        Some(Stored { value: Place::Payment(payment), version, .. }) => OrderState::Present(Box::new(Stored { value: *payment, version })),
    })
}

/// A try of an order whose place another one has taken.
pub(crate) async fn former(table: &Table, order: OrderId, id: PaymentId) -> Result<Option<Stored<Payment>>, Problem> {
    table.find(&key(order, Some(id))).await
}

/// A payment as it was a moment ago.
pub(crate) async fn seen(table: &Table, id: PaymentId) -> Result<Stored<Payment>, Problem> {
    let lying = lying(table, Query::table(family(id.0))).await?;
    lying.into_iter().find(|payment| payment.id == id).ok_or_else(|| missing(id))
}

/// A payment for deciding, found where it was seen, or where it went when another took its place.
pub(crate) async fn current(table: &Table, seen: &Payment) -> Result<Stored<Payment>, Problem> {
    let found = table.find::<Payment>(&seen.key()).await?;
    match found {
        Some(payment) if payment.id == seen.id => Ok(payment),
        Some(_) | None => former(table, seen.order_id, seen.id).await?.ok_or_else(|| missing(seen.id)),
    }
}

pub(crate) async fn of_order(table: &Table, id: OrderId) -> Result<Vec<Stored<Payment>>, Problem> {
    lying(table, Query::table(family(id.0)).prefix(id.to_string())).await
}

/// The payments of a family: an order's few tries.
async fn lying(table: &Table, query: Query) -> Result<Vec<Stored<Payment>>, Problem> {
    let page: Page<Stored<Place>> = table.list(query.limit(PAGE)).await?;
    let payment = |lying: Stored<Place>| match lying.value {
        Place::Payment(payment) => Some(Stored { value: *payment, version: lying.version }),
        Place::Cancelled { .. } => None,
    };
    Ok(page.items.into_iter().filter_map(payment).collect())
}

/// Payments for which the gateway is to be asked by `now`, the longest waiting first.
pub(crate) async fn due(table: &Table, now: Timestamp, cursor: Option<Cursor>) -> Result<Page<Stored<Payment>>, Problem> {
    table.list(Query::index(1, "due").bounds(Bounds::AtMost(format!("{now}~"))).limit(PAGE).after(cursor)).await
}

/// Newest first. A page may hold fewer than `limit` and still have a next one.
pub(crate) async fn all(
    table: &Table,
    status: Option<Status>,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Stored<Payment>>, Problem> {
    let listing = |limit: usize, cursor| Query::index(2, "all").descending().limit(limit).after(cursor);
    match status {
        None => table.list(listing(limit.get(), cursor)).await,
        Some(status) if has_status_entry(status) => {
            table.list(Query::index(3, status.as_str()).descending().limit(limit.get()).after(cursor)).await
        }
        Some(status) => {
            let mut picked = Page { items: Vec::new(), next: cursor };
            for _ in 0..PICKED_PAGES_MAX {
                // No more than are missing: whatever a page holds beyond them could not be shown.
                let wanted = limit.get() - picked.items.len();
                let page = table.list::<Payment>(listing(wanted, picked.next.take())).await?;
                picked.items.extend(page.items.into_iter().filter(|payment| payment.status == status));
                picked.next = page.next;
                if picked.next.is_none() || picked.items.len() == limit.get() {
                    break;
                }
            }
            Ok(picked)
        }
    }
}

fn has_status_entry(status: Status) -> bool {
    match status {
        Status::Authorized | Status::Captured => false,
        Status::Pending | Status::RequiresAction | Status::Voided | Status::Failed => true,
    }
}

fn key(order: OrderId, former: Option<PaymentId>) -> Key {
    Key::new(family(order.0), former.map_or_else(|| order.to_string(), |id| format!("{order}#{id}")))
}

/// By the id of an order or of a payment.
fn family(id: u128) -> String {
    OrderId(id & !0xFF).to_string()
}

fn missing(id: PaymentId) -> Problem {
    Problem::not_found(format!("payment {id}"))
}
