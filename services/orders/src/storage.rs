//! The table of orders.
//!
//! | who asks | for what | how |
//! |---|---|---|
//! | everybody | an order | table `order#<order>` / `order` |
//! | a customer | their orders, newest first | index 1 `customer#<user>`, backwards |
//! | a new account, or one that is erased | the orders that its address placed as a guest | index 1 `guest#<email>` |
//! | a guest who lost the link | the latest orders of their address | index 1 `guest#<email>`, backwards |
//! | an admin | the orders in a status, newest first | index 2 `open` and `open#guest`, or `status#<status>`, backwards |
//! | an admin | all orders, newest first | all lists of index 2, backwards, as one |
//! | staff | the order with a number | index 4 `number#<number>` |
//! | the tick | unpaid orders at their deadline | index 2 `open`, from where table `sweep` / `open` says; the same for `open#guest` |
//! | placing | what somebody has not paid yet | index 1, backwards to the earliest that may still be open; of a client that is a guest, table `unpaid#<hash>` / `<placed at>.<order>` |
//! | a seller | the orders with something of theirs, newest first | index 3 `seller#<business>`, and table `seller#<business>` / `<placed at>.<order>`, backwards |
//! | the house | the orders with something of its own, newest first | picked out of all orders |
//!
//! Open are unpaid orders and confirmed ones: an order stays in one list until the shop begins to work on it, and so
//! its way to a sale moves no entry. Guests, who have less time to pay, have a list of their own, so that each list is in the
//! order of its deadlines. An order of several sellers is in the table's list of each of them, by a small
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
/// With the name of the sweep along it.
const OPEN: &str = "open";
const OPEN_OF_GUESTS: &str = "open#guest";
/// One status of each list of index 2, in the order in which an order goes through them: one that moves while they are read is
/// seen in one at least.
const LISTED: [StatusName; 6] = [
    StatusName::Confirmed,
    StatusName::Processing,
    StatusName::Shipped,
    StatusName::Delivered,
    StatusName::Cancelled,
    StatusName::Refunded,
];
/// Pages of a list that are read for one listing before it hands out a cursor, or gives up.
const PAGES_MAX: usize = 10;

/// Orders of a guest among which one is looked up by its number.
const LOOKED_UP_MAX: usize = 100;

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
        let mut entries = vec![
            IndexEntry::new(BY_OWNER, owner, &sort_key),
            IndexEntry::new(BY_PROGRESS, progress_list(self), &sort_key),
            IndexEntry::new(BY_NUMBER, number_list(&self.number()), &sort_key),
        ];
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
    order.parts.iter().map(|part| part.seller_id).filter(|id| *id != BusinessId::HOUSE).collect()
}

/// That a client has placed an order as a guest, until the time to pay it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedByClient {
    #[serde(skip)]
    list: String,
    #[serde(skip)]
    sort_key: String,
    order_id: OrderId,
    expires_at: Timestamp,
}

impl PlacedByClient {
    /// The client by a keyed hash.
    pub fn of(order: &Order, client: &str) -> Self {
        Self { list: unpaid_list(client), sort_key: sort_key(order), order_id: order.id, expires_at: order.expires_at }
    }
}

impl Record for PlacedByClient {
    fn key(&self) -> Key {
        Key::new(&self.list, &self.sort_key)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// The latest orders of one list of index 1 that were placed after `since`, at most `limit`.
pub async fn latest(table: &Table, list: Query, since: Timestamp, limit: usize) -> Result<Vec<Stored<Order>>, Problem> {
    let bounds = Bounds::Between(since.to_string(), "~".to_owned());
    Ok(table.list(list.bounds(bounds).descending().limit(limit)).await?.items)
}

/// The latest orders that the client placed as a guest and whose time to pay is not over at `now`, at most `limit`. Fewer than
/// `few` are not worth a look: none is read then.
pub async fn latest_of_client(
    table: &Table,
    client: &str,
    now: Timestamp,
    few: usize,
    limit: usize,
) -> Result<Vec<Stored<Order>>, Problem> {
    let page = table.list::<PlacedByClient>(Query::table(unpaid_list(client)).descending().limit(limit)).await?;
    let keys: Vec<Key> = page.items.iter().filter(|placed| placed.expires_at > now).map(|placed| key(placed.order_id)).collect();
    let mut orders = Vec::new();
    for keys in keys.chunks(KEYS_MAX).filter(|_| keys.len() >= few) {
        orders.extend(table.get_many_eventual::<Order>(keys).await?.into_iter().flatten());
    }
    Ok(orders)
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
    Query::index(BY_NUMBER, number_list(&number.trim().to_ascii_uppercase()))
}

/// What an address has ordered without an account, the oldest first.
pub fn of_guest(email: &Email) -> Query {
    Query::index(BY_OWNER, guest_list(email))
}

/// The latest orders that were placed with the address without an account.
pub async fn latest_of_guest(table: &Table, email: &Email) -> Result<Vec<Stored<Order>>, Problem> {
    Ok(table.list(of_guest(email).descending().limit(LOOKED_UP_MAX)).await?.items)
}

/// A page of an open status may hold fewer than `limit` and still have a next one.
pub async fn in_status(table: &Table, status: StatusName, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    let listing = |wanted, cursor| table.merge_desc(lists_of(status).into_iter().map(by_progress), sort_key, wanted, cursor);
    filter_pages(limit.get(), PAGES_MAX, cursor, listing, |order: Stored<Order>| (order.status.name() == status).then_some(order)).await
}

/// A list of orders that are in the order of their deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpaid {
    OfCustomers,
    OfGuests,
}

impl Unpaid {
    fn list(self) -> &'static str {
        match self {
            Self::OfCustomers => OPEN,
            Self::OfGuests => OPEN_OF_GUESTS,
        }
    }
}

/// How far the tick has looked for unpaid orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The list that it goes along.
    #[serde(default)]
    pub list: String,
    /// The sort key of the last order that it is done with.
    pub through: String,
    /// When it last went back to look again.
    pub begun_at: Timestamp,
}

impl Record for Sweep {
    fn key(&self) -> Key {
        sweep_key(&self.list)
    }
}

impl Sweep {
    pub fn along(unpaid: Unpaid, through: String, begun_at: Timestamp) -> Self {
        Self { list: unpaid.list().to_owned(), through, begun_at }
    }
}

pub async fn sweep(table: &Table, unpaid: Unpaid) -> Result<Option<Stored<Sweep>>, Problem> {
    table.get(&sweep_key(unpaid.list())).await
}

/// Open orders behind the sort key and placed at `until` or earlier, the oldest first.
pub async fn open_behind(
    table: &Table,
    unpaid: Unpaid,
    sort_key: &str,
    until: Timestamp,
    limit: usize,
) -> Result<Page<Stored<Order>>, Problem> {
    // `~` sorts after the point between the time and the rest, and after the end of a sort key.
    let (from, to) = (format!("{sort_key}~"), format!("{until}~"));
    if from > to {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let bounds = Bounds::Between(from, to);
    table.list(Query::index(BY_PROGRESS, unpaid.list()).bounds(bounds).limit(limit)).await
}

pub async fn all(table: &Table, limit: usize, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    table.merge_desc(LISTED.into_iter().flat_map(lists_of).map(by_progress), sort_key, limit, cursor).await
}

/// The orders with a part of the seller, of those only in which the part is in the status. A page may hold fewer than `limit`
/// and still have a next one.
pub async fn of_seller(
    table: &Table,
    seller: BusinessId,
    status: Option<StatusName>,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Stored<Order>>, Problem> {
    let pick = |order: Stored<Order>| {
        let part = order.part(seller)?;
        status.is_none_or(|status| order.status_of(part) == status).then_some(order)
    };
    let listing = |wanted, cursor| with_part_of(table, seller, wanted, cursor);
    filter_pages(limit.get(), PAGES_MAX, cursor, listing, pick).await
}

async fn with_part_of(table: &Table, seller: BusinessId, limit: usize, cursor: Option<Cursor>) -> Result<Page<Stored<Order>>, Problem> {
    // What the house sells itself is picked out of all orders.
    if seller == BusinessId::HOUSE { all(table, limit, cursor).await } else { of_marketplace_seller(table, seller, limit, cursor).await }
}

/// The two lists of a seller as one.
async fn of_marketplace_seller(
    table: &Table,
    seller: BusinessId,
    limit: usize,
    cursor: Option<Cursor>,
) -> Result<Page<Stored<Order>>, Problem> {
    let (list, after) = (seller_list(seller), cursor.as_ref().map(|Cursor(after)| after.as_str()));
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

fn by_progress(list: String) -> Query {
    Query::index(BY_PROGRESS, list)
}

fn progress_list(order: &Order) -> String {
    match (order.status.name(), order.customer_id) {
        (StatusName::Pending | StatusName::AwaitingPayment | StatusName::Confirmed, Some(_)) => OPEN.to_owned(),
        (StatusName::Pending | StatusName::AwaitingPayment | StatusName::Confirmed, None) => OPEN_OF_GUESTS.to_owned(),
        (status, _) => status_list(status),
    }
}

/// The lists of index 2 in which orders of the status are.
fn lists_of(status: StatusName) -> Vec<String> {
    match status {
        StatusName::Pending | StatusName::AwaitingPayment | StatusName::Confirmed => vec![OPEN.to_owned(), OPEN_OF_GUESTS.to_owned()],
        StatusName::Processing | StatusName::Shipped | StatusName::Delivered | StatusName::Cancelled | StatusName::Refunded => {
            vec![status_list(status)]
        }
    }
}

fn status_list(status: StatusName) -> String {
    format!("status#{}", status.as_str())
}

fn sweep_key(list: &str) -> Key {
    Key::new("sweep", list)
}

fn unpaid_list(client: &str) -> String {
    format!("unpaid#{client}")
}

fn customer_list(user: UserId) -> String {
    format!("customer#{user}")
}

fn guest_list(email: &Email) -> String {
    format!("guest#{email}")
}

fn number_list(number: &str) -> String {
    format!("number#{number}")
}

fn seller_list(seller: BusinessId) -> String {
    format!("seller#{seller}")
}
