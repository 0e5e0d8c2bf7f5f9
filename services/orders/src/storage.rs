//! The table of orders.
//!
//! | who asks | for what | how |
//! |---|---|---|
//! | everybody | an order | table `order#<order>` / `order` |
//! | a customer | their orders, newest first | index 1 `customer#<user>`, backwards |
//! | a new account | the orders that its address placed as a guest | index 1 `guest#<email>` |
//! | an admin | the orders in a status, newest first | index 2 `status#<status>`, backwards; the unpaid ones from `due` |
//! | the tick | unpaid orders at their deadline | index 2 `due` up to now; only unpaid orders are there |
//! | an admin | all orders, newest first | index 3 `orders`, backwards |
//! | a seller | the orders with something of theirs, newest first | index 4 `seller#<business>`, and table `seller#<business>` / `<placed at>#<order>`, backwards |
//!
//! An order of several sellers is in the table's list of each of them, by a small item that never changes; an
//! order of one seller needs no second item, and so is placed with a single write. An unpaid order, which seldom
//! stays one for long, has no place under its status: it would move there twice on its way.

use kernel::{BusinessId, Cursor, Email, Limit, OrderId, Page, Problem, Timestamp, UserId};
use ports::store::{Bounds, IndexEntry, KEYS_MAX, Key, Query, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::Table;

use crate::order::{Order, StatusName};

pub const TABLE: TableSchema = TableSchema { name: "orders", indexes: 4 };

const BY_OWNER: u8 = 1;
const BY_PROGRESS: u8 = 2;
const BY_PLACING: u8 = 3;
const BY_SELLER: u8 = 4;
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
        let owner = self.customer_id.map_or_else(|| guest_list(&self.email), customer_list);
        let progress = match self.deadline() {
            Some(deadline) => (DUE.to_owned(), sort_key(deadline, self.id)),
            None => (status_list(self.status.name()), placed.clone()),
        };
        let mut entries = vec![
            IndexEntry::new(BY_OWNER, owner, &placed),
            IndexEntry::new(BY_PROGRESS, progress.0, progress.1),
            IndexEntry::new(BY_PLACING, ALL, &placed),
        ];
        if let [seller] = *sellers(self) {
            entries.push(IndexEntry::new(BY_SELLER, seller_list(seller), placed));
        }
        entries
    }
}

/// The place of an order of several sellers in the list of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    #[serde(skip)]
    list: String,
    #[serde(skip)]
    place: String,
    order_id: OrderId,
}

impl Listed {
    /// The places of a new order; none where it has a single seller.
    pub fn places_of(order: &Order) -> Vec<Self> {
        let sellers = sellers(order);
        let place =
            |seller: &BusinessId| Self { list: seller_list(*seller), place: sort_key(order.placed_at, order.id), order_id: order.id };
        if sellers.len() > 1 { sellers.iter().map(place).collect() } else { Vec::new() }
    }
}

fn sellers(order: &Order) -> Vec<BusinessId> {
    let mut sellers: Vec<BusinessId> = order.lines.iter().map(|line| line.seller_id).collect();
    sellers.sort_unstable();
    sellers.dedup();
    sellers
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
            let mut unpaid: Page<Stored<Order>> = listing(BY_PROGRESS, DUE.to_owned()).await?;
            unpaid.items.retain(|order| order.status.name() == status);
            Ok(unpaid)
        }
        StatusName::Confirmed
        | StatusName::Processing
        | StatusName::Shipped
        | StatusName::Delivered
        | StatusName::Cancelled
        | StatusName::Refunded => listing(BY_PROGRESS, status_list(status)).await,
    }
}

/// Unpaid orders whose deadline is `now` or earlier, the longest due first.
pub async fn due(table: &Table, now: Timestamp, limit: usize) -> Result<Page<Stored<Order>>, Problem> {
    // `~` sorts after the `#` between the time and the id.
    let until = Bounds::AtMost(format!("{now}~"));
    table.list(Query::index(BY_PROGRESS, DUE).bounds(until).limit(limit)).await
}

pub async fn all(table: &Table, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    table.list(Query::index(BY_PLACING, ALL).descending().limit(limit.get()).after(cursor)).await
}

/// The two lists of a seller as one. The cursor is the place of the last order.
pub async fn of_seller(table: &Table, seller: BusinessId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let list = seller_list(seller);
    let after = cursor.map(|Cursor(place)| place);
    // The place of the cursor is within the bounds, so that one more is asked for.
    let bounds = after.clone().map_or(Bounds::All, Bounds::AtMost);
    let newest = |query: Query| query.bounds(bounds.clone()).descending().limit(limit.get() + 1);
    let alone: Page<Stored<Order>> = table.list(newest(Query::index(BY_SELLER, &list))).await?;
    let shared: Page<Stored<Listed>> = table.list(newest(Query::table(&list))).await?;
    let more = alone.next.is_some() || shared.next.is_some();
    let keys: Vec<Key> = shared.items.iter().map(|place| key(place.order_id)).collect();
    let mut orders = alone.items;
    for keys in keys.chunks(KEYS_MAX) {
        orders.extend(table.peek_many::<Order>(keys).await?.into_iter().flatten());
    }
    let mut orders: Vec<(String, Stored<Order>)> = orders
        .into_iter()
        .map(|order| (sort_key(order.placed_at, order.id), order))
        .filter(|(place, _)| Some(place) != after.as_ref())
        .collect();
    orders.sort_by(|(a, _), (b, _)| b.cmp(a));
    let more = more || orders.len() > limit.get();
    orders.truncate(limit.get());
    let next = orders.last().filter(|_| more).map(|(place, _)| Cursor(place.clone()));
    Ok(Page { items: orders.into_iter().map(|(_, order)| order).collect(), next })
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
