//! The catalog as its clients see it: real routes and rules on the memory adapter.

// A failing unwrap is a failing test, also in the helpers.
#![allow(clippy::unwrap_used)]

mod cards;
mod categories;
mod files;
mod imports;
mod managing;
mod products;
mod sellers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use catalog::{Config, Deps, Reads};
use contracts::{BusinessPublished, Envelope, StockStateChanged};
use kernel::{Actor, BusinessId, Currency, Duration, Problem, ProductId, StockState, TaxRate, VariantId};
use ports::reads::{Availability, InventoryReads};
use ports::{Blob, BlobError, Blobs, DirectUpload, check_blob_name};
use serde_json::{Value, json};
use shell::UnitOfWork;
use shell::testing::{Harness, TestResponse};

pub const HOUSE: BusinessId = BusinessId(1);
pub const POTTERY: BusinessId = BusinessId(2);

/// Files in memory: a service may not name an adapter, not even in its tests.
#[derive(Default)]
pub struct Files {
    kept: Mutex<HashMap<String, Blob>>,
    /// Whether files come only through the shop, as on a disk.
    closed: AtomicBool,
}

impl Files {
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Blobs for Files {
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError> {
        check_blob_name(name)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), blob);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        check_blob_name(name)?;
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    async fn direct_upload(&self, name: &str, kind: &str, size: u64, _: Duration) -> Result<Option<DirectUpload>, BlobError> {
        check_blob_name(name)?;
        let upload = DirectUpload { url: format!("https://files.example/{kind}/{size}"), headers: Vec::new() };
        Ok((!self.closed.load(Ordering::SeqCst)).then_some(upload))
    }
}

/// What the services beside it know.
#[derive(Default)]
pub struct Beside {
    pub stock: Mutex<HashMap<VariantId, (i64, bool)>>,
}

#[async_trait]
impl InventoryReads for Beside {
    async fn availability(&self, variants: &[VariantId]) -> Result<Vec<Availability>, Problem> {
        let stock = self.stock.lock().unwrap();
        let of = |variant_id: &VariantId| {
            let (available, backorder) = stock.get(variant_id).copied().unwrap_or_default();
            Availability { variant_id: *variant_id, available, backorder }
        };
        Ok(variants.iter().map(of).collect())
    }
}

pub struct Shop {
    pub world: Harness,
    pub work: UnitOfWork,
    pub reads: Reads,
    pub files: Arc<Files>,
    pub beside: Arc<Beside>,
}

impl Shop {
    /// With a pottery that is published.
    pub async fn open() -> Self {
        let public_url = "https://shop.example".to_owned();
        let shop_name = "Tea & Pots".to_owned();
        let settings = Config { public_url, shop_name, currency: Currency::EUR, tax_rate: TaxRate(1900) };
        let work = OnceLock::new();
        let (files, beside) = (Arc::new(Files::default()), Arc::new(Beside::default()));
        let world = Harness::new(|kit| {
            let work = work.get_or_init(|| kit.work(&catalog::TABLE));
            let dependencies = Deps { blobs: files.clone(), stock: beside.clone() };
            vec![catalog::service(work, dependencies, settings.clone())]
        });
        let work = work.get().expect("the harness was built").clone();
        world.publish(BusinessPublished { business_id: POTTERY, name: "Pottery".into(), slug: "pottery".into() }).await;
        world.settle().await;
        Self { reads: Reads::new(&work, settings), world, work, files, beside }
    }

    /// What has happened since it opened.
    pub async fn events(&self) -> Vec<Envelope> {
        self.world.events().await.into_iter().skip(1).collect()
    }

    pub async fn event_types(&self) -> Vec<&'static str> {
        self.world.event_types().await.into_iter().skip(1).collect()
    }

    /// What inventory tells of a variant.
    pub async fn stocks(&self, product_id: ProductId, variant_id: VariantId, state: StockState, revision: i64) {
        self.world.publish(StockStateChanged { variant_id, product_id, state, revision }).await;
        self.world.settle().await;
    }

    pub async fn create(&self, actor: &Actor, body: &Value) -> TestResponse {
        self.world.post("/api/v1/products", body).as_actor(actor).send().await
    }

    pub async fn category(&self, body: &Value) -> String {
        let got = self.world.post("/api/v1/categories", body).as_actor(&Harness::admin()).send().await.expect(201);
        text(&got.json["id"])
    }

    /// The slugs of a listing, page by page.
    pub async fn slugs(&self, query: &str) -> Vec<String> {
        let (mut slugs, mut cursor) = (Vec::new(), String::new());
        loop {
            let got = self.world.get(&format!("/api/v1/products?{query}{cursor}")).send().await.expect(200);
            slugs.extend(got.json["items"].as_array().expect("a page").iter().map(|item| text(&item["slug"])));
            match got.json["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return slugs,
            }
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

pub fn potter() -> Actor {
    Harness::business(1, POTTERY)
}

pub fn eur(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// A published product of one variant.
pub fn simple(title: &str, amount: i64) -> Value {
    json!({ "title": title, "status": "published", "variants": [{ "price": eur(amount) }] })
}

/// The body with some members replaced.
pub fn with(mut body: Value, changes: Value) -> Value {
    if let (Some(body), Value::Object(changes)) = (body.as_object_mut(), changes) {
        body.extend(changes);
    }
    body
}
