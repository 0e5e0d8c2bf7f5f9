//! The catalog: products with their variants, the tree of categories, pictures, import and export.

mod category;
mod category_http;
mod content;
mod editing;
mod export;
mod http;
mod import;
mod lines;
mod product;
mod reads;
mod shopify;
mod storage;
mod text;
mod uploads;
mod views;

use kernel::{BusinessId, Currency, TaxRate};
use shell::{Desk, Service};

pub use import::{Imported, ImportedVariant, Outcome, import_product};
pub use reads::Reads;
pub use shopify::{ImportedProduct, Products, RowError, StockLine, parse};
pub use storage::TABLE;
pub use uploads::Files;

/// What the shop's configuration says about what is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// All prices are in it.
    pub currency: Currency,
    /// For variants that say nothing else; prices include it.
    pub tax_rate: TaxRate,
    /// The shop's own business: the seller of what admins and imports make.
    pub house_seller: BusinessId,
}

#[derive(Clone)]
pub(crate) struct App {
    pub desk: Desk,
    pub settings: Settings,
    pub blobs: Files,
}

pub fn service(desk: &Desk, settings: Settings, blobs: Files) -> Service {
    let app = App { desk: desk.clone(), settings, blobs };
    Service::new(desk)
        .routes(http::routes(app.clone()))
        .routes(category_http::routes(app.clone()))
        .routes(export::routes(app.clone()))
        .routes(uploads::routes(app.clone()))
        .root_routes(uploads::files(app))
}
