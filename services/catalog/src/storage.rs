//! What the catalog keeps.
//!
//! | item | pk | sk | read by |
//! |---|---|---|---|
//! | product | `product#<id>` | `product` | id; index 1 to 4: lists for sellers and staff |
//! | whether a seller may sell | `seller#<business>` | `seller` | with a change of a product of theirs |
//! | pictures of a seller before | `seller#<business>` | `pictures` | with an upload of its people |
//! | stars and stock of a product | `product#<id>` | `shelf` | with its product; its cards show them |
//! | slug of a product | `slug#<slug>` | `slug` | slug; kept as a redirect for a year when the slug changes |
//! | card | `list#all`, `list#category#<id>`, `list#tag#<tag>`, `list#seller#<id>` | time of publishing, id | newest first; index 1: the same pk by price |
//! | category | `categories` | id | the whole tree at once, or one |
//! | what a category holds | `holdings#<id>` | `holdings` | with its category; counters |
//! | slug of a category | `slug#category#<slug>` | `slug` | slug; kept when the slug changes |
//!
//! | index | pk | sk | of |
//! |---|---|---|---|
//! | 1 | as the card's | price, id | cards: listings by price |
//! | 1 | `products` | time of making, id | products: all |
//! | 2 | `products#<status>` | time of making, id | products: by status |
//! | 3 | `seller#<id>` | time of making, id | products: of a seller |
//! | 4 | `seller#<id>#<status>` | time of making, id | products: of a seller by status |
//!
//! A product for sale has a card in each of its listings: one for all, four for categories at most, thirty
//! for its first tags, one for its seller. The worst edit removes 34 cards and writes 36, which with the
//! product, two slugs, two counters and the guards of category, seller and shelf stays below the hundred writes of a commit.
//! A card holds all that a list shows but names, so that a list is one query; stars and stock change far less often than
//! lists are read.

use std::collections::{HashMap, HashSet};

use contracts::Decision;
use kernel::{BusinessId, CategoryId, Duration, Problem, ProductId, Timestamp};
use ports::store::{Body, Bound, Expect, IndexEntry, Key, NewItem, Query, Record, Stored, TableSchema, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};

use crate::card::Card;
use crate::category::{Category, CategoryError, Holdings};
use crate::product::{Product, ProductError, ProductStatus};
use crate::shelf::Shelf;
use crate::standing::Standing;

pub const TABLE: TableSchema = TableSchema { name: "catalog", indexes: 4 };

/// How long a slug that a product has left leads there.
const SLUG_KEPT: Duration = Duration::from_secs(365 * 24 * 3600);
/// A product is listed under so many of its tags, the first ones; the search knows them all.
pub const TAGS_LISTED_MAX: usize = 30;

/// What has a slug. Two of a kind cannot have one: the second put finds the first.
pub trait Slugged: Copy + Eq + Serialize + DeserializeOwned {
    /// What the keys of its slugs begin with.
    const KEYS: &'static str;

    /// The slug is another one's.
    fn taken(slug: &str) -> Problem;
}

impl Slugged for ProductId {
    const KEYS: &'static str = "slug#";

    fn taken(slug: &str) -> Problem {
        ProductError::SlugTaken(slug.to_owned()).into()
    }
}

impl Slugged for CategoryId {
    const KEYS: &'static str = "slug#category#";

    fn taken(slug: &str) -> Problem {
        CategoryError::SlugTaken(slug.to_owned()).into()
    }
}

/// Whose a slug is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlugOwner<Id> {
    pub slug: String,
    pub id: Id,
    /// False for a slug that it had before, or that a file has for a category's name: it leads there until another one
    /// wants it.
    pub current: bool,
    /// Until when nobody else gets the slug that a product had before, or its links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl<Id: Slugged> SlugOwner<Id> {
    pub fn keeps_from(&self, id: Id) -> bool {
        self.id != id && (self.current || self.until.is_some())
    }
}

/// A listing that customers page through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    All,
    Category(CategoryId),
    Tag(String),
    Seller(BusinessId),
}

impl Listing {
    pub fn pk(&self) -> String {
        match self {
            Self::All => "list#all".into(),
            Self::Category(id) => format!("list#category#{id}"),
            Self::Tag(tag) => format!("list#tag#{}", tag.trim().to_lowercase()),
            Self::Seller(id) => format!("list#seller#{id}"),
        }
    }
}

pub fn product_key(id: ProductId) -> Key {
    Key::new(format!("product#{id}"), "product")
}

pub fn shelf_key(id: ProductId) -> Key {
    Key::new(format!("product#{id}"), "shelf")
}

pub fn slug_key<Id: Slugged>(slug: &str) -> Key {
    Key::new(format!("{}{slug}", Id::KEYS), "slug")
}

pub fn category_key(id: CategoryId) -> Key {
    Key::new("categories", id.to_string())
}

pub fn holdings_key(id: CategoryId) -> Key {
    Key::new(format!("holdings#{id}"), "holdings")
}

impl Record for Product {
    fn key(&self) -> Key {
        product_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let sk = time_sk(self.created_at, self.id);
        let (seller, status) = (self.seller_id, self.status.as_str());
        vec![
            IndexEntry::new(1, "products", sk.clone()),
            IndexEntry::new(2, format!("products#{status}"), sk.clone()),
            IndexEntry::new(3, format!("seller#{seller}"), sk.clone()),
            IndexEntry::new(4, format!("seller#{seller}#{status}"), sk),
        ]
    }
}

impl Record for Shelf {
    fn key(&self) -> Key {
        shelf_key(self.product_id)
    }
}

impl<Id: Slugged> Record for SlugOwner<Id> {
    fn key(&self) -> Key {
        slug_key::<Id>(&self.slug)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.until
    }
}

impl Record for Category {
    fn key(&self) -> Key {
        category_key(self.id)
    }
}

impl Record for Holdings {
    fn key(&self) -> Key {
        holdings_key(self.category_id)
    }
}

fn time_sk(at: Timestamp, id: ProductId) -> String {
    format!("{:015}#{id}", at.as_millis().max(0))
}

/// The start of a sort key by price; `#` and an id follow.
pub fn price_sk(amount: i64) -> String {
    format!("{amount:016}")
}

/// All products for sellers and staff, newest first.
pub fn products_query(seller: Option<BusinessId>, status: Option<ProductStatus>) -> Query {
    let query = match (seller, status.map(ProductStatus::as_str)) {
        (None, None) => Query::index(1, "products"),
        (None, Some(status)) => Query::index(2, format!("products#{status}")),
        (Some(seller), None) => Query::index(3, format!("seller#{seller}")),
        (Some(seller), Some(status)) => Query::index(4, format!("seller#{seller}#{status}")),
    };
    query.descending()
}

pub fn categories_query() -> Query {
    Query::table("categories").limit(crate::category::CATEGORIES_MAX)
}

/// The shelves of at most 100 products, for showing.
pub async fn shelves(table: &Table, ids: impl Iterator<Item = ProductId>) -> Result<HashMap<ProductId, Shelf>, Problem> {
    let keys: Vec<Key> = ids.map(shelf_key).collect();
    let found = table.get_many_eventual::<Shelf>(&keys).await?;
    Ok(found.into_iter().flatten().map(|shelf| (shelf.product_id, shelf.value)).collect())
}

pub async fn product(table: &Table, id: ProductId) -> Result<Stored<Product>, Problem> {
    table.get(&product_key(id)).await?.ok_or_else(|| Problem::not_found(format!("product {id}")))
}

/// The category that has the slug, or that had it before and is still there.
pub async fn category_with_slug(table: &Table, slug: &str) -> Result<Option<CategoryId>, Problem> {
    let Some(owner) = table.get_eventual::<SlugOwner<CategoryId>>(&slug_key::<CategoryId>(slug)).await? else { return Ok(None) };
    let there = owner.current || table.get_eventual::<Category>(&category_key(owner.id)).await?.is_some();
    Ok(there.then_some(owner.id))
}

/// A category that somebody names, with what it holds.
pub async fn category(table: &Table, id: CategoryId) -> Result<(Stored<Category>, Stored<Holdings>), Problem> {
    let missing = || Problem::not_found(format!("category {id}"));
    let category = table.get(&category_key(id)).await?.ok_or_else(missing)?;
    let holdings = table.get(&holdings_key(id)).await?.ok_or_else(missing)?;
    Ok((category, holdings))
}

/// All that makes a product's next state visible: its item, its cards, its slugs, the counters of its
/// categories. `owner` is who has the slug now, `category` what the path was taken from, `seller` how its seller stands.
pub fn save(
    before: Option<&Stored<Product>>,
    shelf: Option<&Stored<Shelf>>,
    owner: Option<&Stored<SlugOwner<ProductId>>>,
    category: Option<&Stored<Category>>,
    seller: &Standing,
    decision: Decision<Product>,
) -> Result<Changes, Problem> {
    if !decision.is_changed() {
        return Ok(Changes::none());
    }
    let old = before.map(|stored| &stored.value);
    let new = decision.state();
    // What is new stands on no shelf yet.
    let on = shelf.map_or_else(|| Shelf::empty(new.id), |shelf| shelf.value.clone());
    let mut writes = card_writes(old.map(|old| cards(old, &on)).transpose()?.unwrap_or_default(), cards(new, &on)?);
    if before.is_some() && !writes.is_empty() {
        let expect = shelf.map_or(Expect::Absent, |shelf| Expect::Version(shelf.version));
        writes.push(Write::Check { key: shelf_key(new.id), expect });
    }
    writes.extend(slug_writes(new.id, old.map(|old| (old.slug.as_str(), Some(new.updated_at.plus(SLUG_KEPT)))), &new.slug, owner)?);
    writes.extend(counter_writes(old, new, category));
    writes.extend(seller.unchanged());
    let changes = Changes::put(before.map(|stored| stored.version), decision)?;
    Ok(writes.into_iter().fold(changes, Changes::write))
}

/// What takes a new slug in place of the old one, which leads on until it expires. It may be one that nobody has, that is its
/// own, or that another one has left and does not keep.
fn slug_writes<Id: Slugged>(
    id: Id,
    old: Option<(&str, Option<Timestamp>)>,
    new: &str,
    owner: Option<&Stored<SlugOwner<Id>>>,
) -> Result<Vec<Write>, Problem> {
    if old.is_some_and(|(old, _)| old == new) {
        return Ok(Vec::new());
    }
    let expect = match owner {
        None => Expect::Absent,
        Some(owner) if !owner.keeps_from(id) => Expect::Version(owner.version),
        Some(_) => return Err(Id::taken(new)),
    };
    let item = |slug: &str, current, until| SlugOwner { slug: slug.to_owned(), id, current, until }.to_item();
    let mut writes = vec![Write::Put { item: item(new, true, None)?, expect }];
    if let Some((old, until)) = old {
        writes.push(Write::Put { item: item(old, false, until)?, expect: Expect::Anything });
    }
    Ok(writes)
}

/// An archived product does not keep its category from being deleted.
fn counter_writes(old: Option<&Product>, new: &Product, category: Option<&Stored<Category>>) -> Vec<Write> {
    let counted = |product: &Product| match product.status {
        ProductStatus::Draft | ProductStatus::Published => product.category_id(),
        ProductStatus::Archived => None,
    };
    let (left, joined) = (old.and_then(counted), counted(new));
    if left == joined {
        return Vec::new();
    }
    let minus = left.map(|id| count(id, "products", -1));
    let plus = joined.map(|id| count(id, "products", 1));
    let unmoved = joined.and(category).map(unmoved);
    minus.into_iter().chain(plus).chain(unmoved).collect()
}

/// Moves a counter of what a category holds. Refused, and so decided again, if the category is gone.
pub fn count(id: CategoryId, counter: &'static str, delta: i64) -> Write {
    Write::Add { key: holdings_key(id), deltas: vec![(counter, delta)], bounds: vec![Bound::AtLeast(counter, (-delta).max(0))] }
}

/// The category has not moved since its path was read.
fn unmoved(category: &Stored<Category>) -> Write {
    Write::Check { key: category_key(category.id), expect: Expect::Version(category.version) }
}

fn card_writes(before: Vec<NewItem>, after: Vec<NewItem>) -> Vec<Write> {
    if before == after {
        return Vec::new();
    }
    let stays: HashSet<&Key> = after.iter().map(|item| &item.key).collect();
    let gone = before.into_iter().filter(|item| !stays.contains(&item.key)).map(|item| item.key);
    let mut writes: Vec<Write> = gone.map(|key| Write::Delete { key, expect: Expect::Anything }).collect();
    writes.extend(after.into_iter().map(|item| Write::Put { item, expect: Expect::Anything }));
    writes
}

/// The cards of a product: none unless it is for sale.
fn cards(product: &Product, shelf: &Shelf) -> Result<Vec<NewItem>, Problem> {
    let (Some(card), Some(published_at)) = (Card::of(product, shelf), product.published_at) else { return Ok(Vec::new()) };
    let body = Body::of(&card)?;
    let newest_sk = time_sk(published_at, product.id);
    let by_price = format!("{}#{}", price_sk(card.price_from.amount), product.id);
    let mut listings = vec![Listing::All, Listing::Seller(product.seller_id)];
    listings.extend(product.category_path.iter().map(|id| Listing::Category(*id)));
    listings.extend(product.tags.iter().take(TAGS_LISTED_MAX).map(|tag| Listing::Tag(tag.clone())));
    let item = |listing: Listing| {
        let pk = listing.pk();
        let entry = IndexEntry::new(1, pk.clone(), by_price.clone());
        NewItem { key: Key::new(pk, newest_sk.clone()), body: body.clone(), indexes: vec![entry], expires_at: None }
    };
    Ok(listings.into_iter().map(item).collect())
}

/// The shelf's next state, with the cards that show it.
pub fn save_shelf(
    product: Option<&Stored<Product>>,
    before: Option<&Stored<Shelf>>,
    decision: Decision<Shelf>,
) -> Result<Changes, Problem> {
    let mut writes = Vec::new();
    if let Some(product) = product.filter(|_| decision.is_changed()) {
        let old = cards(product, &before.map_or_else(|| Shelf::empty(product.id), |shelf| shelf.value.clone()))?;
        writes = card_writes(old, cards(product, decision.state())?);
        if !writes.is_empty() {
            // Refused, and so decided again, if the product has changed since: its cards show both.
            writes.push(Write::Check { key: product.key(), expect: Expect::Version(product.version) });
        }
    }
    Ok(writes.into_iter().fold(Changes::put(before.map(|before| before.version), decision)?, Changes::write))
}

/// A new category with its slug, its counters, and its place in the parent's count.
pub fn create_category(
    decision: Decision<Category>,
    parent: Option<&Stored<Category>>,
    slug: Option<&Stored<SlugOwner<CategoryId>>>,
) -> Result<Changes, Problem> {
    let category = decision.state().clone();
    let counters = Holdings { category_id: category.id, products: 0, children: 0 };
    let slugs = slug_writes(category.id, None, &category.slug, slug)?;
    let counters = Write::Put { item: counters.to_item()?, expect: Expect::Absent };
    let mut changes = slugs.into_iter().fold(Changes::create(decision)?.write(counters), Changes::write);
    if let Some(parent) = parent {
        changes = changes.write(count(parent.id, "children", 1)).write(unmoved(parent));
    }
    Ok(changes)
}

pub fn update_category(
    before: &Stored<Category>,
    holdings: &Stored<Holdings>,
    decision: Decision<Category>,
    parent: Option<&Stored<Category>>,
    slug: Option<&Stored<SlugOwner<CategoryId>>>,
) -> Result<Changes, Problem> {
    if !decision.is_changed() {
        return Ok(Changes::none());
    }
    let after = decision.state().clone();
    let slugs = slug_writes(after.id, Some((before.slug.as_str(), None)), &after.slug, slug)?;
    let mut changes = slugs.into_iter().fold(Changes::update(before.version, decision)?, Changes::write);
    if after.ancestors != before.ancestors {
        // Nothing may come into a category while it moves.
        changes = changes.write(Write::Check { key: holdings_key(after.id), expect: Expect::Version(holdings.version) });
        let moved = [(before.parent_id(), -1), (after.parent_id(), 1)];
        let counters = moved.into_iter().filter_map(|(id, delta)| Some(count(id?, "children", delta)));
        changes = counters.chain(parent.map(unmoved)).fold(changes, Changes::write);
    }
    Ok(changes)
}

pub fn delete_category(category: &Stored<Category>, holdings: &Stored<Holdings>) -> Changes {
    let changes = Changes::none()
        .delete(category.key(), category.version)
        .delete(holdings.key(), holdings.version)
        .delete_derived(slug_key::<CategoryId>(&category.slug))
        .emit(category.deleted());
    match category.parent_id() {
        Some(parent) => changes.write(count(parent, "children", -1)),
        None => changes,
    }
}
