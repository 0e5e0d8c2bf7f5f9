//! The table of payments.
//!
//! | access pattern | where |
//! |---|---|
//! | the order's present payment, for deciding; or the mark that it was cancelled before it had one | pk = partition, sk = order id |
//! | its former tries | pk = partition, sk = order id, `#`, payment id |
//! | all payments of an order | pk = partition, sk from the order id |
//! | a payment by its id | pk = partition, one of the few whose order ids are alike |
//! | all payments, newest first | the sixteen partitions, merged |
//! | payments for which the gateway is to be asked | index 1: pk = `due`, sk = when |
//! | payments by a status that is not the usual way | index 2: pk = status, sk = payment id |
//!
//! The ids of an order and of its payments differ in the last byte only: so a payment is found by its own id without an
//! index. The byte before that says the partition. Ids begin with their time, so the table itself is the list of all
//! payments. Authorized and captured payments are not in index 2: nearly all are captured, and an entry would be one
//! more write for each. They are picked out of the list of all.

use contracts::Decision;
use kernel::{Cursor, Limit, OrderId, Page, PaymentId, Problem, Timestamp};
use ports::store::{Bounds, IndexEntry, Key, Query, Record, StoreError, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table, filter_pages};

use crate::payment::{Payment, Status};

pub const TABLE: TableSchema = TableSchema { name: "payments", indexes: 2 };

const PARTITIONS: u128 = 16;
/// Pages of the list of all that one listing picks from before it hands out a cursor.
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
            entries.push(IndexEntry::new(2, self.status.as_str(), id));
        }
        entries
    }
}

/// What is stored under the key of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum OrderItem {
    Payment(Box<Payment>),
    /// The order was cancelled before it had a payment: one that comes late is not authorized. It has the key of
    /// the payment, so that one guarded write decides who was first.
    Cancelled {
        order_id: OrderId,
    },
}

impl Record for OrderItem {
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

    /// Stores what the order has come to in place of this.
    pub fn followed_by(&self, decision: Decision<Payment>) -> Result<Changes, Problem> {
        match self {
            Self::Nothing => Changes::create(decision),
            Self::Cancelled(version) => Changes::update(*version, decision),
            Self::Present(payment) => Changes::update(payment.version, decision),
        }
    }
}

pub(crate) async fn order(table: &Table, id: OrderId) -> Result<OrderState, Problem> {
    Ok(match table.get::<OrderItem>(&key(id, None)).await? {
        None => OrderState::Nothing,
        Some(Stored { value: OrderItem::Cancelled { .. }, version, .. }) => OrderState::Cancelled(version),
        Some(Stored { value: OrderItem::Payment(payment), version, .. }) => {
            OrderState::Present(Box::new(Stored { value: *payment, version }))
        }
    })
}

/// A try that another one of the order has replaced.
pub(crate) async fn former(table: &Table, order: OrderId, id: PaymentId) -> Result<Option<Stored<Payment>>, Problem> {
    table.get(&key(order, Some(id))).await
}

/// A payment as it was a moment ago.
pub(crate) async fn seen(table: &Table, id: PaymentId) -> Result<Stored<Payment>, Problem> {
    let orders = id.order_range();
    let bounds = Bounds::Between(orders.start().to_string(), format!("{}~", orders.end()));
    let payments = payments(table, Query::table(partition_of(*orders.start())).bounds(bounds)).await?;
    payments.into_iter().find(|payment| payment.id == id).ok_or_else(|| missing(id))
}

/// A payment for deciding, found where it was seen, or where it went when another took its place.
pub(crate) async fn current(table: &Table, seen: &Payment) -> Result<Stored<Payment>, Problem> {
    let found = table.get::<Payment>(&seen.key()).await?;
    match found {
        Some(payment) if payment.id == seen.id => Ok(payment),
        Some(_) | None => former(table, seen.order_id, seen.id).await?.ok_or_else(|| missing(seen.id)),
    }
}

pub(crate) async fn of_order(table: &Table, id: OrderId) -> Result<Vec<Stored<Payment>>, Problem> {
    payments(table, Query::table(partition_of(id)).prefix(id.to_string())).await
}

/// An order's few tries.
async fn payments(table: &Table, query: Query) -> Result<Vec<Stored<Payment>>, Problem> {
    let page: Page<Stored<OrderItem>> = table.list(query.limit(PAGE)).await?;
    Ok(page.items.into_iter().filter_map(payment).collect())
}

fn payment(item: Stored<OrderItem>) -> Option<Stored<Payment>> {
    match item.value {
        OrderItem::Payment(payment) => Some(Stored { value: *payment, version: item.version }),
        OrderItem::Cancelled { .. } => None,
    }
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
    if let Some(status) = status
        && has_status_entry(status)
    {
        return table.list(Query::index(2, status.as_str()).descending().limit(limit.get()).after(cursor)).await;
    }
    if let Some(Cursor(sort_key)) = &cursor {
        check_sort_key(sort_key)?;
    }
    let listing = |wanted, cursor| {
        let lists = (0..PARTITIONS).map(|number| Query::table(partition(number)));
        table.merge_desc(lists, |item: &OrderItem| item.key().sk, wanted, cursor)
    };
    let wanted = |item| payment(item).filter(|payment| status.is_none_or(|status| payment.status == status));
    filter_pages(limit.get(), PICKED_PAGES_MAX, cursor, listing, wanted).await
}

fn check_sort_key(sort_key: &str) -> Result<(), Problem> {
    let (order, payment) = sort_key.split_once('#').map_or((sort_key, None), |(order, payment)| (order, Some(payment)));
    let is_ours = order.parse::<OrderId>().is_ok() && payment.is_none_or(|payment| payment.parse::<PaymentId>().is_ok());
    if is_ours { Ok(()) } else { Err(StoreError::Cursor.into()) }
}

fn has_status_entry(status: Status) -> bool {
    match status {
        Status::Authorized | Status::Captured => false,
        Status::Pending | Status::RequiresAction | Status::Voided | Status::Failed => true,
    }
}

fn key(order: OrderId, former: Option<PaymentId>) -> Key {
    Key::new(partition_of(order), former.map_or_else(|| order.to_string(), |id| format!("{order}#{id}")))
}

/// Orders whose ids differ in the last byte only have the same one, since the id of a payment does not tell them apart.
fn partition_of(order: OrderId) -> String {
    partition((order.0 >> 8) % PARTITIONS)
}

fn partition(number: u128) -> String {
    format!("payments#{number:x}")
}

fn missing(id: PaymentId) -> Problem {
    Problem::not_found(format!("payment {id}"))
}
