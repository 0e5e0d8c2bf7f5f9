//! The names of sellers and categories that products are shown with, kept for a moment: a list shows few of them, many times.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use kernel::{BusinessId, CategoryId, Duration, Problem, SellerRef, Timestamp};
use ports::reads::ProductCategoryRef;
use ports::store::{KEYS_MAX, Key};
use quick_cache::sync::Cache;
use shell::Table;

use crate::category::Category;
use crate::seller::Seller;
use crate::standing::seller_key;
use crate::storage::category_key;

/// As long as shared caches keep a list.
const KEPT: Duration = Duration::from_secs(10);
/// Of some hundred bytes each.
const KEPT_MAX: usize = 5_000;

/// Names that were looked up lately.
#[derive(Clone)]
pub struct NameCache {
    house: Arc<str>,
    sellers: Arc<Cache<BusinessId, Kept<SellerRef>>>,
    categories: Arc<Cache<CategoryId, Kept<ProductCategoryRef>>>,
}

/// `None` is kept, too.
#[derive(Clone)]
struct Kept<T> {
    read_at: Timestamp,
    value: Option<T>,
}

/// The names of what is on a page.
pub struct Names {
    sellers: HashMap<BusinessId, SellerRef>,
    categories: HashMap<CategoryId, ProductCategoryRef>,
}

impl Names {
    pub fn seller(&self, id: BusinessId) -> Option<SellerRef> {
        self.sellers.get(&id).cloned()
    }

    /// In the order of the path.
    pub fn categories(&self, path: &[CategoryId]) -> Vec<ProductCategoryRef> {
        path.iter().filter_map(|id| self.categories.get(id).cloned()).collect()
    }
}

impl NameCache {
    /// `house` is the name of the shop, which sells what no business sells.
    pub fn new(house: &str) -> Self {
        Self { house: house.into(), sellers: Arc::new(Cache::new(KEPT_MAX)), categories: Arc::new(Cache::new(KEPT_MAX)) }
    }

    /// What has no name is left out.
    pub async fn names(
        &self,
        table: &Table,
        now: Timestamp,
        sellers: Vec<BusinessId>,
        categories: Vec<CategoryId>,
    ) -> Result<Names, Problem> {
        let (mut sellers, unknown_sellers) = kept(&self.sellers, now, sellers);
        let (mut categories, unknown_categories) = kept(&self.categories, now, categories);
        for ids in unknown_sellers.chunks(KEYS_MAX) {
            let keys: Vec<Key> = ids.iter().map(|id| seller_key(*id)).collect();
            let found = table.get_many_eventual::<Seller>(&keys).await?;
            let named = ids.iter().zip(found).map(|(id, seller)| (*id, self.seller(*id, seller.map(|seller| seller.value))));
            keep(&self.sellers, now, named, &mut sellers);
        }
        for ids in unknown_categories.chunks(KEYS_MAX) {
            let keys: Vec<Key> = ids.iter().map(|id| category_key(*id)).collect();
            let found = table.get_many_eventual::<Category>(&keys).await?;
            let named = |category: Category| ProductCategoryRef { id: category.id, slug: category.slug, name: category.name };
            let named = ids.iter().zip(found).map(|(id, category)| (*id, category.map(|category| named(category.value))));
            keep(&self.categories, now, named, &mut categories);
        }
        Ok(Names { sellers, categories })
    }

    fn seller(&self, id: BusinessId, known: Option<Seller>) -> Option<SellerRef> {
        if id == BusinessId::HOUSE {
            return Some(SellerRef { id, slug: None, name: self.house.to_string() });
        }
        let named = known.filter(|seller| !seller.name.is_empty())?;
        Some(SellerRef { id, slug: Some(named.slug).filter(|slug| !slug.is_empty()), name: named.name })
    }
}

/// What is in the cache and young enough, and what is not.
fn kept<Id: Copy + Ord + Hash, T: Clone>(cache: &Cache<Id, Kept<T>>, now: Timestamp, mut ids: Vec<Id>) -> (HashMap<Id, T>, Vec<Id>) {
    ids.sort_unstable();
    ids.dedup();
    let (mut found, mut unknown) = (HashMap::with_capacity(ids.len()), Vec::new());
    for id in ids {
        match cache.get(&id).filter(|kept| now.since(kept.read_at) < KEPT) {
            Some(kept) => found.extend(kept.value.map(|value| (id, value))),
            None => unknown.push(id),
        }
    }
    (found, unknown)
}

fn keep<Id: Copy + Eq + Hash, T: Clone>(
    cache: &Cache<Id, Kept<T>>,
    now: Timestamp,
    named: impl Iterator<Item = (Id, Option<T>)>,
    found: &mut HashMap<Id, T>,
) {
    for (id, value) in named {
        cache.insert(id, Kept { read_at: now, value: value.clone() });
        found.extend(value.map(|value| (id, value)));
    }
}
