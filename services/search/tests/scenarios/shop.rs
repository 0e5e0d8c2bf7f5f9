//! A small town: what the other services would know, and search over it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use contracts::{BusinessChanged, ProductChanged};
use kernel::{
    BusinessId, CategoryId, Currency, Cursor, GeoPosition, LeadId, Money, Page, PostalAddress, Problem, ProductId, Rating, ReviewTarget,
    SellerRef, StockState, Timestamp, UserId,
};
use ports::Search;
use ports::reads::{BusinessListing, CategoryListing, DirectoryReads, EnquiryReply, ProductListing, ProductReads, ReviewReads};
use ports::reads::{DefaultVariant, ProductCard};
use search::{Config, Deps, TABLE};
use serde_json::Value;
use shell::testing::Harness;
use tantivy_search::TantivySearch;

pub const FOOD: CategoryId = CategoryId(1);
pub const ITALIAN: CategoryId = CategoryId(2);

/// What the stores hold. Counts how often it is read.
#[derive(Default)]
pub struct Town {
    pub businesses: Mutex<BTreeMap<BusinessId, BusinessListing>>,
    pub products: Mutex<BTreeMap<ProductId, ProductListing>>,
    pub ratings: Mutex<BTreeMap<ReviewTarget, Rating>>,
    pub reads: AtomicUsize,
    /// Runs once, between two pages of a rebuild.
    pub between_pages: Mutex<Option<Meanwhile>>,
}

type Meanwhile = Box<dyn FnOnce(&Town) + Send>;

const PAGE: usize = 2;

fn page<K: Copy + Ord + std::fmt::Display + std::str::FromStr, V: Clone>(
    all: &BTreeMap<K, V>,
    cursor: Option<&Cursor>,
    shown: impl Fn(&V) -> bool,
) -> Page<V> {
    let after: Option<K> = cursor.and_then(|cursor| cursor.0.parse().ok());
    let rest: Vec<(K, V)> = all
        .iter()
        .filter(|(id, value)| after.is_none_or(|after| **id > after) && shown(value))
        .map(|(id, value)| (*id, value.clone()))
        .collect();
    let next = (rest.len() > PAGE).then(|| Cursor(rest[PAGE - 1].0.to_string()));
    Page { items: rest.into_iter().take(PAGE).map(|(_, value)| value).collect(), next }
}

#[async_trait]
impl DirectoryReads for Town {
    async fn businesses(&self, ids: &[BusinessId]) -> Result<Vec<Option<BusinessListing>>, Problem> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let all = self.businesses.lock().unwrap();
        Ok(ids.iter().map(|id| all.get(id).cloned()).collect())
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page<BusinessListing>, Problem> {
        let page = page(&self.businesses.lock().unwrap(), cursor.as_ref(), |listing| listing.published);
        let between = self.between_pages.lock().unwrap().take();
        if let Some(between) = between {
            between(self);
        }
        Ok(page)
    }

    async fn category(&self, reference: &str) -> Result<Option<CategoryId>, Problem> {
        Ok([ITALIAN, FOOD].into_iter().find(|id| id.to_string() == reference || *id == ITALIAN && reference == "italian"))
    }

    async fn owners(&self, _: BusinessId) -> Result<Vec<UserId>, Problem> {
        Ok(Vec::new())
    }

    async fn managers(&self, id: BusinessId) -> Result<Vec<UserId>, Problem> {
        self.owners(id).await
    }

    async fn enquiry_reply(&self, _: LeadId, _: u32) -> Result<Option<EnquiryReply>, Problem> {
        Ok(None)
    }
}

#[async_trait]
impl ProductReads for Town {
    async fn cards(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductCard>>, Problem> {
        let all = self.products.lock().unwrap();
        let card = |listing: &ProductListing| ProductCard {
            id: listing.id,
            slug: listing.slug.clone(),
            title: listing.title.clone(),
            seller_id: listing.seller_id,
            seller: Some(SellerRef { id: listing.seller_id, slug: None, name: "The shop".into() }),
            price_from: listing.price_from.unwrap(),
            price_to: listing.price_to.unwrap(),
            compare_at_price: None,
            image_url: None,
            variants: 1,
            default_variant: DefaultVariant { id: 1.into(), price: listing.price_from.unwrap() },
            stock: StockState::Low,
            rating: None,
            categories: Vec::new(),
        };
        Ok(ids.iter().map(|id| all.get(id).map(card)).collect())
    }

    async fn category(&self, _: &str) -> Result<Option<CategoryId>, Problem> {
        Ok(None)
    }

    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductListing>>, Problem> {
        let all = self.products.lock().unwrap();
        Ok(ids.iter().map(|id| all.get(id).cloned()).collect())
    }

    async fn products_page(&self, cursor: Option<Cursor>) -> Result<Page<ProductListing>, Problem> {
        Ok(page(&self.products.lock().unwrap(), cursor.as_ref(), |listing| listing.published))
    }
}

#[async_trait]
impl ReviewReads for Town {
    async fn ratings(&self, targets: &[ReviewTarget]) -> Result<Vec<Rating>, Problem> {
        let all = self.ratings.lock().unwrap();
        Ok(targets.iter().map(|target| all.get(target).copied().unwrap_or_default()).collect())
    }
}

impl Town {
    pub fn put(&self, listing: BusinessListing) {
        self.businesses.lock().unwrap().insert(listing.id, listing);
    }

    pub fn sell(&self, id: u128, title: &str, cents: i64) {
        let listing = ProductListing {
            id: id.into(),
            seller_id: 1.into(),
            slug: format!("product-{id}"),
            title: title.into(),
            description: format!("{title}, wie man ihn mag"),
            vendor: "Haus".into(),
            category: None,
            tags: vec!["Neu".into()],
            price_from: Some(Money::new(cents, Currency::EUR)),
            price_to: Some(Money::new(cents, Currency::EUR)),
            image_url: None,
            published: true,
            created_at: Timestamp::from_millis(1_780_000_000_000 + id as i64),
            updated_at: Timestamp::from_millis(1_780_000_000_000),
        };
        self.products.lock().unwrap().insert(id.into(), listing);
    }
}

pub fn business(id: u128, name: &str, lat: f64, lon: f64) -> BusinessListing {
    BusinessListing {
        id: id.into(),
        slug: format!("business-{id}"),
        name: name.into(),
        description: String::new(),
        categories: vec![CategoryListing {
            id: ITALIAN,
            name: "Italian".into(),
            path: vec![FOOD, ITALIAN],
            above: vec!["Restaurants".into()],
        }],
        tags: vec!["pizza".into()],
        address: Some(PostalAddress {
            name: name.into(),
            street_address: "Leopoldstraße 5".into(),
            extended_address: String::new(),
            postal_code: "80802".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        }),
        district: String::new(),
        position: GeoPosition::new(lat, lon),
        opening_hours: Some("Mo-Su 10:00-22:00".into()),
        time_zone: Some("Europe/Berlin".into()),
        region: "DE".into(),
        phone: Some(format!("+49 (0)89 12345{id}")),
        website: Some(format!("https://www.lokal{id}.example/karte")),
        image_url: None,
        published: true,
        created_at: Timestamp::from_millis(1_780_000_000_000 + id as i64),
        updated_at: Timestamp::from_millis(1_780_000_000_000),
    }
}

pub fn changed(id: u128) -> BusinessChanged {
    BusinessChanged { business_id: id.into(), published: true, name: String::new(), slug: String::new() }
}

pub fn product_changed(id: u128) -> ProductChanged {
    ProductChanged { product_id: id.into(), seller_id: 1.into(), title: String::new(), published: true, variants: Vec::new() }
}

pub fn world() -> (Harness, Arc<Town>) {
    let index = TantivySearch::in_memory().unwrap();
    world_on(Arc::new(index))
}

pub fn world_on(index: Arc<dyn Search>) -> (Harness, Arc<Town>) {
    let town = Arc::new(Town::default());
    let reads = town.clone();
    let world = Harness::new(|kit| {
        let deps = Deps {
            index,
            directory: reads.clone(),
            products: reads.clone(),
            reviews: reads,
            log: kit.log(),
            shell: kit.work(&shell::queues::TABLE),
        };
        vec![search::service(&kit.work(&TABLE), deps, Config { currency: Currency::EUR })]
    });
    (world, town)
}

pub async fn get(world: &Harness, path: &str) -> Value {
    world.get(path).send().await.expect(200).json
}

/// The names of the hits.
pub async fn names(world: &Harness, parameters: &str) -> Vec<String> {
    let found = get(world, &format!("/api/v1/search?{parameters}")).await;
    found["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}
