//! The catalog: products with their variants, the tree of categories, pictures, import and export.

mod card;
mod category;
mod consumer;
mod editing;
mod export;
#[cfg(test)]
mod formats;
mod http;
mod import;
mod json_ld;
mod lines;
mod names;
mod product;
mod quotes;
mod reads;
mod seller;
mod shelf;
mod shopify;
mod showing;
mod sitemap;
mod standing;
mod storage;
mod surroundings;
mod text;
mod uploads;
mod views;

use std::sync::Arc;

use kernel::{Currency, ProductId, TaxRate};
use ports::reads::InventoryReads;
use quick_cache::sync::Cache;
use shell::{Service, UnitOfWork};

use crate::names::NameCache;

pub use import::{Imported, ImportedVariant, Outcome, import_product};
pub use reads::Reads;
pub use shopify::{ImportedProduct, Products, RowError, StockLine, parse};
pub use storage::TABLE;
pub use uploads::{Files, Pictures, UPLOAD_BYTES_MAX};

/// What the shop's configuration says about what is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where people open the shop, without a slash at the end.
    pub public_url: String,
    /// Of the shop, which sells what no other business does.
    pub shop_name: String,
    /// All prices are in it.
    pub currency: Currency,
    /// For variants that say nothing else; prices include it.
    pub tax_rate: TaxRate,
}

impl Config {
    /// The page of a product.
    fn product_url(&self, slug: &str) -> String {
        format!("{}/products/{slug}", self.public_url)
    }
}

/// What the catalog needs of others.
#[derive(Clone)]
pub struct Deps {
    pub blobs: Files,
    pub stock: Arc<dyn InventoryReads>,
}

#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub settings: Arc<Config>,
    pub deps: Deps,
    pub names: NameCache,
    pub pages: Arc<Cache<(ProductId, u64), Arc<http::CachedPage>>>,
}

/// Public pages that are kept for a moment, at most: of some kilobytes each.
const PAGES_MAX: usize = 2_000;

pub fn service(work: &UnitOfWork, dependencies: Deps, settings: Config) -> Service {
    let names = NameCache::new(&settings.shop_name);
    let app = App { work: work.clone(), settings: Arc::new(settings), deps: dependencies, names, pages: Arc::new(Cache::new(PAGES_MAX)) };
    Service::new(work)
        .consumer(consumer::consumer(work.clone()))
        .routes(http::routes(app.clone()))
        .routes(export::routes(app.clone()))
        .routes(uploads::routes(app.clone()))
        .root_routes(sitemap::routes(app.clone()))
        .root_routes(uploads::files(app))
}
