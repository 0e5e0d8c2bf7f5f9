//! What the catalog keeps.
//!
//! | item | pk | sk | read by |
//! |---|---|---|---|
//! | product | `product#<id>` | `product` | id; index 1 to 4: lists for sellers and staff |
//! | rating of a product | `product#<id>` | `rating` | with its product |
//! | slug of a product | `slug#<slug>` | `slug` | slug; kept as a redirect when the slug changes |
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
//! product, two slugs, two counters and a category's guard stays below the hundred writes of a commit.

use std::collections::HashSet;

use contracts::Decision;
use kernel::{BusinessId, CategoryId, Currency, Money, Problem, ProductId, Timestamp};
use ports::store::{Body, Bound, Expect, IndexEntry, Key, NewItem, Query, Record, Stored, TableSchema, Write};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};

use crate::category::{Category, CategoryError, Holdings};
use crate::product::{Product, ProductError, ProductStatus};
use crate::rating::ProductRating;

pub const TABLE: TableSchema = TableSchema { name: "catalog", indexes: 4 };

/// A product is listed under so many of its tags, the first ones; the search knows them all.
pub const TAGS_LISTED_MAX: usize = 30;

/// What a listing shows of a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Card {
    pub id: ProductId,
    pub slug: String,
    pub title: String,
    pub seller_id: BusinessId,
    pub currency: Currency,
    /// Minor units of the cheapest variant, and of the dearest.
    pub price_from: i64,
    pub price_to: i64,
    /// What the cheapest variant cost before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    pub variants: u32,
}

/// Whose a slug is. Two products cannot have one slug: the second put finds the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlugOwner {
    pub slug: String,
    pub product_id: ProductId,
    /// False for a slug that the product had before; it gives way to a product that wants it.
    pub current: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategorySlug {
    pub slug: String,
    pub category_id: CategoryId,
    /// False for a slug that the category had before, or that a file has for its name: it leads there, and imports
    /// find the category by it, until another category wants it.
    pub current: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingsItem {
    pub category_id: CategoryId,
    pub products: i64,
    pub children: i64,
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

pub fn rating_key(id: ProductId) -> Key {
    Key::new(format!("product#{id}"), "rating")
}

pub fn slug_key(slug: &str) -> Key {
    Key::new(format!("slug#{slug}"), "slug")
}

pub fn category_key(id: CategoryId) -> Key {
    Key::new("categories", id.to_string())
}

pub fn category_slug_key(slug: &str) -> Key {
    Key::new(format!("slug#category#{slug}"), "slug")
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
        let (seller, status) = (self.seller_id, status_name(self.status));
        vec![
            IndexEntry::new(1, "products", sk.clone()),
            IndexEntry::new(2, format!("products#{status}"), sk.clone()),
            IndexEntry::new(3, format!("seller#{seller}"), sk.clone()),
            IndexEntry::new(4, format!("seller#{seller}#{status}"), sk),
        ]
    }
}

impl Record for ProductRating {
    fn key(&self) -> Key {
        rating_key(self.product_id)
    }
}

impl Record for SlugOwner {
    fn key(&self) -> Key {
        slug_key(&self.slug)
    }
}

impl Record for CategorySlug {
    fn key(&self) -> Key {
        category_slug_key(&self.slug)
    }
}

impl Record for Category {
    fn key(&self) -> Key {
        category_key(self.id)
    }
}

impl Record for HoldingsItem {
    fn key(&self) -> Key {
        holdings_key(self.category_id)
    }
}

impl HoldingsItem {
    pub fn holdings(&self) -> Holdings {
        Holdings { products: self.products, children: self.children }
    }
}

fn time_sk(at: Timestamp, id: ProductId) -> String {
    format!("{:015}#{id}", at.as_millis().max(0))
}

fn status_name(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Draft => "draft",
        ProductStatus::Published => "published",
        ProductStatus::Archived => "archived",
    }
}

/// The start of a sort key by price; `#` and an id follow.
pub fn price_sk(amount: i64) -> String {
    format!("{amount:016}")
}

/// All products for sellers and staff, newest first.
pub fn products_query(seller: Option<BusinessId>, status: Option<ProductStatus>) -> Query {
    let query = match (seller, status.map(status_name)) {
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

pub async fn product(table: &Table, id: ProductId) -> Result<Stored<Product>, Problem> {
    table.get(&product_key(id)).await?.ok_or_else(|| Problem::not_found(format!("product {id}")))
}

/// The category that has the slug, or that had it before and is still there.
pub async fn category_with_slug(table: &Table, slug: &str) -> Result<Option<CategoryId>, Problem> {
    let Some(owner) = table.get_eventual::<CategorySlug>(&category_slug_key(slug)).await? else { return Ok(None) };
    let there = owner.current || table.get_eventual::<Category>(&category_key(owner.category_id)).await?.is_some();
    Ok(there.then_some(owner.category_id))
}

/// A category that somebody names, with what it holds.
pub async fn category(table: &Table, id: CategoryId) -> Result<(Stored<Category>, Stored<HoldingsItem>), Problem> {
    let missing = || Problem::not_found(format!("category {id}"));
    let category = table.get(&category_key(id)).await?.ok_or_else(missing)?;
    let holdings = table.get(&holdings_key(id)).await?.ok_or_else(missing)?;
    Ok((category, holdings))
}

/// All that makes a product's next state visible: its item, its cards, its slugs, the counters of its
/// categories. `owner` is who has the slug now, `category` what the path was taken from.
pub fn save(
    before: Option<&Stored<Product>>,
    owner: Option<&Stored<SlugOwner>>,
    category: Option<&Stored<Category>>,
    decision: Decision<Product>,
) -> Result<Changes, Problem> {
    if !decision.is_changed() {
        return Ok(Changes::none());
    }
    let old = before.map(|stored| &stored.value);
    let new = decision.state();
    let mut writes = card_writes(old, new)?;
    writes.extend(slug_writes(old, owner, new)?);
    writes.extend(counter_writes(old, new, category));
    let changes = match before {
        None => Changes::create(decision)?,
        Some(stored) => Changes::update(stored.version, decision)?,
    };
    Ok(writes.into_iter().fold(changes, Changes::write))
}

/// A product may take a slug that nobody has, that is its own, or that another one has left.
fn slug_writes(old: Option<&Product>, owner: Option<&Stored<SlugOwner>>, new: &Product) -> Result<Vec<Write>, Problem> {
    if old.is_some_and(|old| old.slug == new.slug) {
        return Ok(Vec::new());
    }
    let expect = match owner {
        None => Expect::Absent,
        Some(owner) if owner.product_id == new.id || !owner.current => Expect::Version(owner.version),
        Some(owner) => return Err(ProductError::SlugTaken(owner.slug.clone()).into()),
    };
    let item = SlugOwner { slug: new.slug.clone(), product_id: new.id, current: true }.to_item()?;
    let mut writes = vec![Write::Put { item, expect }];
    if let Some(old) = old {
        let item = SlugOwner { slug: old.slug.clone(), product_id: old.id, current: false }.to_item()?;
        writes.push(Write::Put { item, expect: Expect::Anything });
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

fn card_writes(old: Option<&Product>, new: &Product) -> Result<Vec<Write>, Problem> {
    let before = old.map(cards).transpose()?.unwrap_or_default();
    let after = cards(new)?;
    if before == after {
        return Ok(Vec::new());
    }
    let stays: HashSet<&Key> = after.iter().map(|item| &item.key).collect();
    let gone = before.into_iter().filter(|item| !stays.contains(&item.key)).map(|item| item.key);
    let mut writes: Vec<Write> = gone.map(|key| Write::Delete { key, expect: Expect::Anything }).collect();
    writes.extend(after.into_iter().map(|item| Write::Put { item, expect: Expect::Anything }));
    Ok(writes)
}

/// The cards of a product: none unless it is for sale.
fn cards(product: &Product) -> Result<Vec<NewItem>, Problem> {
    let (Some((cheapest, highest)), Some(published_at)) = (product.price_range(), product.published_at) else { return Ok(Vec::new()) };
    match product.status {
        ProductStatus::Draft | ProductStatus::Archived => return Ok(Vec::new()),
        ProductStatus::Published => {}
    }
    let price_from = cheapest.price.amount;
    let image_url = product.images.first().map(|image| image.url.clone()).or_else(|| cheapest.image_url.clone());
    let body = Body::of(&Card {
        id: product.id,
        slug: product.slug.clone(),
        title: product.title.clone(),
        seller_id: product.seller_id,
        currency: cheapest.price.currency,
        price_from,
        price_to: highest.amount,
        compare_at: cheapest.compare_at_price.map(|money: Money| money.amount),
        image_url,
        variants: u32::try_from(product.variants.len()).unwrap_or(u32::MAX),
    })?;
    let newest_sk = time_sk(published_at, product.id);
    let by_price = format!("{}#{}", price_sk(price_from), product.id);
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

/// A new category with its slug, its counters, and its place in the parent's count.
pub fn create_category(
    decision: Decision<Category>,
    parent: Option<&Stored<Category>>,
    slug: Option<&Stored<CategorySlug>>,
) -> Result<Changes, Problem> {
    let category = decision.state().clone();
    let counters = HoldingsItem { category_id: category.id, products: 0, children: 0 };
    let mut changes = Changes::create(decision)?
        .write(Write::Put { item: counters.to_item()?, expect: Expect::Absent })
        .write(put_category_slug(&category, slug)?);
    if let Some(parent) = parent {
        changes = changes.write(count(parent.id, "children", 1)).write(unmoved(parent));
    }
    Ok(changes)
}

pub fn update_category(
    before: &Stored<Category>,
    holdings: &Stored<HoldingsItem>,
    decision: Decision<Category>,
    parent: Option<&Stored<Category>>,
    slug: Option<&Stored<CategorySlug>>,
) -> Result<Changes, Problem> {
    if !decision.is_changed() {
        return Ok(Changes::none());
    }
    let after = decision.state().clone();
    let mut changes = Changes::update(before.version, decision)?;
    if after.slug != before.slug {
        let left = CategorySlug { slug: before.slug.clone(), category_id: before.id, current: false };
        changes = changes.write(put_category_slug(&after, slug)?).derived(&left)?;
    }
    if after.ancestors != before.ancestors {
        // Nothing may come into a category while it moves.
        changes = changes.write(Write::Check { key: holdings_key(after.id), expect: Expect::Version(holdings.version) });
        let moved = [(before.parent_id(), -1), (after.parent_id(), 1)];
        let counters = moved.into_iter().filter_map(|(id, delta)| Some(count(id?, "children", delta)));
        changes = counters.chain(parent.map(unmoved)).fold(changes, Changes::write);
    }
    Ok(changes)
}

pub fn delete_category(category: &Stored<Category>, holdings: &Stored<HoldingsItem>) -> Changes {
    let changes = Changes::none()
        .delete(category.key(), category.version)
        .delete(holdings.key(), holdings.version)
        .delete_derived(category_slug_key(&category.slug))
        .emit(category.deleted());
    match category.parent_id() {
        Some(parent) => changes.write(count(parent, "children", -1)),
        None => changes,
    }
}

/// A category may take a slug that nobody has, that is its own, or that another one has left.
fn put_category_slug(category: &Category, owner: Option<&Stored<CategorySlug>>) -> Result<Write, Problem> {
    let expect = match owner {
        None => Expect::Absent,
        Some(owner) if owner.category_id == category.id || !owner.current => Expect::Version(owner.version),
        Some(_) => return Err(CategoryError::SlugTaken(category.slug.clone()).into()),
    };
    Ok(Write::Put { item: CategorySlug { slug: category.slug.clone(), category_id: category.id, current: true }.to_item()?, expect })
}
