//! The table of orders.
//!
//! | who asks | for what | how |
//! |---|---|---|
//! | everybody | an order | table `order#<order>` / `order` |
//! | a customer | their orders, newest first | index 1 `customer#<user>`, backwards |
//! | a new account, or one that is erased | the orders that its address placed as a guest | index 1 `guest#<email>` |
//! | an admin | the orders in a status, newest first | index 2 `open` or `status#<status>`, backwards |
//! | an admin | all orders, newest first | all lists of index 2, backwards, as one |
//! | staff | the order with a number | index 4 `numbers`, `<number>` |
//! | the tick | unpaid orders at their deadline | index 2 `open`, from where table `sweep` / `sweep` says |
//! | a seller | the orders with something of theirs, newest first | index 3 `seller#<business>`, and table `seller#<business>` / `<placed at>.<order>`, backwards |
//! | the house | the orders with something of its own, newest first | picked out of all orders |
//!
//! Open are unpaid orders and confirmed ones: an order stays in one list until the shop begins to work on it, and so
//! its way to a sale moves no entry. An order of several sellers is in the table's list of each of them, by a small
//! item that never changes; an order of one seller needs no second item, and so is placed with a single write. What the
//! house sells itself is in most orders of a shop that is no marketplace, so it has no list.

use kernel::{BusinessId, Cursor, Email, Limit, OrderId, Page, Problem, Timestamp, UserId};
use ports::store::{Bounds, IndexEntry, KEYS_MAX, Key, Query, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::{Table, filter_pages, merge_pages_desc};

use crate::order::{Order, StatusName};

pub const TABLE: TableSchema = TableSchema { name: "orders", indexes: 4 };

const BY_OWNER: u8 = 1;
const BY_PROGRESS: u8 = 2;
const BY_SELLER: u8 = 3;
const BY_NUMBER: u8 = 4;
const OPEN: &str = "open";
const NUMBERS: &str = "numbers";
/// The lists of index 2, in the order in which an order goes through them: one that moves while they are read is
/// seen in one at least.
const LISTS: [StatusName; 6] = [
    StatusName::Confirmed,
    StatusName::Processing,
    StatusName::Shipped,
    StatusName::Delivered,
    StatusName::Cancelled,
    StatusName::Refunded,
];
/// Pages of a list that are read for one listing before it hands out a cursor, or gives up.
const PAGES_MAX: usize = 10;

pub fn key(id: OrderId) -> Key {
    Key::new(format!("order#{id}"), "order")
}

impl Record for Order {
    fn key(&self) -> Key {
        key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let sort_key = sort_key(self);
        let owner = self.customer_id.map_or_else(|| guest_list(&self.email), customer_list);
        let mut entries =
            vec![IndexEntry::new(BY_OWNER, owner, &sort_key), IndexEntry::new(BY_PROGRESS, progress_list(self.status.name()), &sort_key)];
        entries.push(IndexEntry::new(BY_NUMBER, NUMBERS, self.number()));
        if let [seller] = *sellers(self) {
            entries.push(IndexEntry::new(BY_SELLER, seller_list(seller), sort_key));
        }
        entries
    }
}

/// An order of several sellers besides the house, in the list of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    #[serde(skip)]
    list: String,
    #[serde(skip)]
    sort_key: String,
    order_id: OrderId,
}

impl Listed {
    /// The entries of a new order; none where it has a single seller.
    pub fn of(order: &Order) -> Vec<Self> {
        let sellers = sellers(order);
        let listed = |seller: &BusinessId| Self { list: seller_list(*seller), sort_key: sort_key(order), order_id: order.id };
        if sellers.len() > 1 { sellers.iter().map(listed).collect() } else { Vec::new() }
    }
}

/// Those who have lists.
fn sellers(order: &Order) -> Vec<BusinessId> {
    let mut sellers: Vec<BusinessId> = order.lines.iter().map(|line| line.seller_id).filter(|id| *id != BusinessId::HOUSE).collect();
    sellers.sort_unstable();
    sellers.dedup();
    sellers
}

impl Record for Listed {
    fn key(&self) -> Key {
        Key::new(&self.list, &self.sort_key)
    }
}

/// The order, for deciding.
pub async fn order(table: &Table, id: OrderId) -> Result<Stored<Order>, Problem> {
    placed(table, id).await?.ok_or_else(|| Problem::not_found("such order"))
}

/// The order, if the cart has become one.
pub async fn placed(table: &Table, id: OrderId) -> Result<Option<Stored<Order>>, Problem> {
    table.get(&key(id)).await
}

/// The order, for showing.
pub async fn shown(table: &Table, id: OrderId) -> Result<Stored<Order>, Problem> {
    table.get_eventual(&key(id)).await?.ok_or_else(|| Problem::not_found("such order"))
}

/// A customer's orders, the oldest first.
pub fn of_customer(user: UserId) -> Query {
    Query::index(BY_OWNER, customer_list(user))
}

/// The orders with a number: one, but for a chance of one in a million million.
pub fn with_number(number: &str) -> Query {
    let number = number.trim().to_ascii_uppercase();
    Query::index(BY_NUMBER, NUMBERS).bounds(Bounds::Between(number.clone(), number))
}

/// What an address has ordered without an account, the oldest first.
pub fn of_guest(email: &Email) -> Query {
    Query::index(BY_OWNER, guest_list(email))
}

/// A page of an open status may hold fewer than `limit` and still have a next one.
pub async fn in_status(table: &Table, status: StatusName, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let list = Query::index(BY_PROGRESS, progress_list(status)).descending();
    let listing = |wanted, cursor| table.list(list.clone().limit(wanted).after(cursor));
    filter_pages(limit.get(), PAGES_MAX, cursor, listing, |order: Stored<Order>| (order.status.name() == status).then_some(order)).await
}

/// How far the tick has looked for unpaid orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The sort key of the last order that it is done with.
    pub through: String,
    /// When it last went back to look again.
    pub begun_at: Timestamp,
}

impl Record for Sweep {
    fn key(&self) -> Key {
        sweep_key()
    }
}

pub async fn sweep(table: &Table) -> Result<Option<Stored<Sweep>>, Problem> {
    table.get(&sweep_key()).await
}

/// Open orders behind the sort key and placed at `until` or earlier, the oldest first.
pub async fn open_behind(table: &Table, sort_key: &str, until: Timestamp, limit: usize) -> Result<Page<Stored<Order>>, Problem> {
    // `~` sorts after the point between the time and the rest, and after the end of a sort key.
    let (from, to) = (format!("{sort_key}~"), format!("{until}~"));
    if from > to {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let bounds = Bounds::Between(from, to);
    table.list(Query::index(BY_PROGRESS, OPEN).bounds(bounds).limit(limit)).await
}

pub async fn all(table: &Table, limit: usize, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let lists = LISTS.map(|status| Query::index(BY_PROGRESS, progress_list(status)));
    table.merge_desc(lists, sort_key, limit, cursor).await
}

/// A page for the house may hold fewer than `limit` and still have a next one.
pub async fn of_seller(table: &Table, seller: BusinessId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    if seller == BusinessId::HOUSE {
        let own = |order: Stored<Order>| order.lines.iter().any(|line| line.seller_id == seller).then_some(order);
        return filter_pages(limit.get(), PAGES_MAX, cursor, |wanted, cursor| all(table, wanted, cursor), own).await;
    }
    of_marketplace_seller(table, seller, limit, cursor).await
}

/// The two lists of a seller as one.
async fn of_marketplace_seller(
    table: &Table,
    seller: BusinessId,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Stored<Order>>, Problem> {
    let (list, limit, after) = (seller_list(seller), limit.get(), cursor.as_ref().map(|Cursor(after)| after.as_str()));
    let alone = table.last_page::<Order>(Query::index(BY_SELLER, &list), limit, after).await?;
    let listed = table.last_page::<Listed>(Query::table(&list), limit, after).await?;
    let keys: Vec<Key> = listed.items.iter().map(|listed| key(listed.order_id)).collect();
    let mut shared = Page { items: Vec::new(), next: listed.next };
    for keys in keys.chunks(KEYS_MAX) {
        shared.items.extend(table.get_many_eventual::<Order>(keys).await?.into_iter().flatten());
    }
    Ok(merge_pages_desc(vec![alone, shared], sort_key, limit, after))
}

/// Where an order stands in every list: by the time of its placing, then by the chance in its id. Fit for a URL, since
/// it is a cursor too.
pub fn sort_key(order: &Order) -> String {
    /// `ord_` and the ten characters of a time, which is that of the cart.
    const BEFORE_CHANCE: usize = 14;
    format!("{}.{}", order.placed_at, &order.id.to_string()[BEFORE_CHANCE..])
}

fn progress_list(status: StatusName) -> String {
    match status {
        StatusName::Pending | StatusName::AwaitingPayment | StatusName::Confirmed => OPEN.to_owned(),
        StatusName::Processing | StatusName::Shipped | StatusName::Delivered | StatusName::Cancelled | StatusName::Refunded => {
            format!("status#{}", status.as_str())
        }
    }
}

fn sweep_key() -> Key {
    Key::new("sweep", "sweep")
}

fn customer_list(user: UserId) -> String {
    format!("customer#{user}")
}

fn guest_list(email: &Email) -> String {
    format!("guest#{email}")
}

fn seller_list(seller: BusinessId) -> String {
    format!("seller#{seller}")
}
