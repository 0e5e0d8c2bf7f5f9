//! The table of orders.
//!
//! | who asks | for what | how |
//! |---|---|---|
//! | everybody | an order | table `order#<order>` / `order` |
//! | a customer | their orders, newest first | index 1 `customer#<user>`, backwards |
//! | a new account | the orders that its address placed as a guest | index 1 `guest#<email>` |
//! | an admin | the orders in a status, newest first | index 2 `status#<status>`, backwards; the unpaid ones from index 3 |
//! | the tick | unpaid orders at their deadline | index 3 `due` up to now; only unpaid orders are in it |
//! | an admin | all orders, newest first | table `orders` / `<placed at>#<order>`, backwards |
//! | a seller | the orders with something of theirs, newest first | table `seller#<business>`, backwards |
//!
//! The last two lists never change once an order is placed, so they are small items of their own, which
//! later changes of the order need not write again. An unpaid order, which seldom stays one for long, is not
//! in index 2: it would move there twice on its way.

use kernel::{BusinessId, Cursor, Email, Limit, OrderId, Page, Problem, Timestamp, UserId};
use ports::store::{Bounds, IndexEntry, Key, Query, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::Table;

use crate::order::{Order, StatusName};

pub const TABLE: TableSchema = TableSchema { name: "orders", indexes: 3 };

const BY_OWNER: u8 = 1;
const BY_STATUS: u8 = 2;
const BY_DEADLINE: u8 = 3;
const DUE: &str = "due";
const ALL: &str = "orders";

pub fn key(id: OrderId) -> Key {
    Key::new(format!("order#{id}"), "order")
}

impl Record for Order {
    fn key(&self) -> Key {
        key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let placed = sort_key(self.placed_at, self.id);
        let mut entries = Vec::with_capacity(2);
        entries.push(match self.deadline() {
            Some(deadline) => IndexEntry::new(BY_DEADLINE, DUE, sort_key(deadline, self.id)),
            None => IndexEntry::new(BY_STATUS, status_list(self.status.name()), placed.clone()),
        });
        let owner = self.customer_id.map_or_else(|| guest_list(&self.email), customer_list);
        entries.push(IndexEntry::new(BY_OWNER, owner, placed));
        entries
    }
}

/// The place of an order in a list that never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    #[serde(skip)]
    list: String,
    #[serde(skip)]
    place: String,
    order_id: OrderId,
}

impl Listed {
    /// The places of a new order: in the list of all, and in one of each seller.
    pub fn places_of(order: &Order) -> Vec<Self> {
        let mut sellers: Vec<BusinessId> = order.lines.iter().map(|line| line.seller_id).collect();
        sellers.sort_unstable();
        sellers.dedup();
        let lists = std::iter::once(ALL.to_owned()).chain(sellers.into_iter().map(seller_list));
        lists.map(|list| Self { list, place: sort_key(order.placed_at, order.id), order_id: order.id }).collect()
    }
}

impl Record for Listed {
    fn key(&self) -> Key {
        Key::new(&self.list, &self.place)
    }
}

/// The order, for deciding.
pub async fn order(table: &Table, id: OrderId) -> Result<Stored<Order>, Problem> {
    placed(table, id).await?.ok_or_else(|| Problem::not_found("such order"))
}

/// The order, if the cart has become one.
pub async fn placed(table: &Table, id: OrderId) -> Result<Option<Stored<Order>>, Problem> {
    table.find(&key(id)).await
}

/// The order, for showing.
pub async fn shown(table: &Table, id: OrderId) -> Result<Stored<Order>, Problem> {
    table.peek(&key(id)).await?.ok_or_else(|| Problem::not_found("such order"))
}

pub async fn of_customer(table: &Table, user: UserId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    table.list(Query::index(BY_OWNER, customer_list(user)).descending().limit(limit.get()).after(cursor)).await
}

pub async fn of_guest(table: &Table, email: &Email, limit: usize, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    table.list(Query::index(BY_OWNER, guest_list(email)).limit(limit).after(cursor)).await
}

/// A page of unpaid orders may hold fewer than `limit` and still have a next one.
pub async fn in_status(table: &Table, status: StatusName, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let listing = |index, list: String| table.list(Query::index(index, list).descending().limit(limit.get()).after(cursor.clone()));
    match status {
        StatusName::Pending | StatusName::AwaitingPayment => {
            let mut unpaid: Page<Stored<Order>> = listing(BY_DEADLINE, DUE.to_owned()).await?;
            unpaid.items.retain(|order| order.status.name() == status);
            Ok(unpaid)
        }
        StatusName::Confirmed
        | StatusName::Processing
        | StatusName::Shipped
        | StatusName::Delivered
        | StatusName::Cancelled
        | StatusName::Refunded => listing(BY_STATUS, status_list(status)).await,
    }
}

/// Unpaid orders whose deadline is `now` or earlier, the longest due first.
pub async fn due(table: &Table, now: Timestamp, limit: usize) -> Result<Page<Stored<Order>>, Problem> {
    // `~` sorts after the `#` between the time and the id.
    let until = Bounds::AtMost(format!("{now}~"));
    table.list(Query::index(BY_DEADLINE, DUE).bounds(until).limit(limit)).await
}

pub async fn all(table: &Table, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    listed(table, ALL.to_owned(), limit, cursor).await
}

pub async fn of_seller(table: &Table, seller: BusinessId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    listed(table, seller_list(seller), limit, cursor).await
}

async fn listed(table: &Table, list: String, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let places: Page<Stored<Listed>> = table.list(Query::table(list).descending().limit(limit.get()).after(cursor)).await?;
    let keys: Vec<Key> = places.items.iter().map(|place| key(place.order_id)).collect();
    if keys.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let orders = table.peek_many(&keys).await?;
    Ok(Page { items: orders.into_iter().flatten().collect(), next: places.next })
}

fn sort_key(at: Timestamp, id: OrderId) -> String {
    format!("{at}#{id}")
}

fn customer_list(user: UserId) -> String {
    format!("customer#{user}")
}

fn guest_list(email: &Email) -> String {
    format!("guest#{email}")
}

fn status_list(status: StatusName) -> String {
    format!("status#{}", status.as_str())
}

fn seller_list(seller: BusinessId) -> String {
    format!("seller#{seller}")
}
