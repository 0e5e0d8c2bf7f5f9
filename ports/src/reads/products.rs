//! What other services may read of products as wholes.

use async_trait::async_trait;
use kernel::{BusinessId, CategoryId, Cursor, Money, Page, Problem, ProductId, Timestamp};

use super::CategoryListing;

/// A product as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductListing {
    pub id: ProductId,
    pub seller_id: BusinessId,
    pub slug: String,
    pub title: String,
    /// Plain text.
    pub description: String,
    /// The brand.
    pub vendor: String,
    pub tags: Vec<String>,
    /// Its own category.
    pub category: Option<CategoryListing>,
    /// Of the cheapest variant, and of the dearest.
    pub price_from: Option<Money>,
    pub price_to: Option<Money>,
    pub image_url: Option<String>,
    pub published: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[async_trait]
pub trait ProductReads: Send + Sync {
    /// In the order of the ids (at most 100), `None` where there is no such product.
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductListing>>, Problem>;

    /// All published products, page by page, for rebuilding what follows from them.
    async fn products_page(&self, cursor: Option<Cursor>) -> Result<Page<ProductListing>, Problem>;

    /// The category of products that has this id or slug.
    async fn category(&self, reference: &str) -> Result<Option<CategoryId>, Problem>;
}
