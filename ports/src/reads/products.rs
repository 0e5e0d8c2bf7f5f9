//! What other services may read of products as wholes.

use async_trait::async_trait;
use kernel::{BusinessId, CategoryId, Cursor, Money, Page, Problem, ProductId, SellerRef, Stars, StockState, Timestamp, VariantId};
use serde::Serialize;
use utoipa::ToSchema;

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

/// A product in a list of what is for sale: all that a storefront shows of it there.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProductCard {
    pub id: ProductId,
    pub slug: String,
    pub title: String,
    pub seller_id: BusinessId,
    /// Absent for the moment in which its name is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<SellerRef>,
    /// Of the cheapest variant.
    pub price_from: Money,
    /// Of the dearest variant.
    pub price_to: Money,
    /// What the cheapest variant cost before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    pub variants: u32,
    /// What a button beside it puts into the cart: the first variant that can be ordered, or else the first.
    pub default_variant: DefaultVariant,
    /// Of the variant of which there is most. It may be a moment old.
    pub stock: StockState,
    /// Absent without a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Stars>,
    /// From the root of the tree to the category of the product.
    pub categories: Vec<ProductCategoryRef>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize, ToSchema)]
pub struct DefaultVariant {
    pub id: VariantId,
    pub price: Money,
}

/// A category of products, as it is named beside them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
pub struct ProductCategoryRef {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
}

#[async_trait]
pub trait ProductReads: Send + Sync {
    /// In the order of the ids (at most 100); `None` for what is not for sale.
    async fn cards(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductCard>>, Problem>;

    /// In the order of the ids (at most 100), `None` where there is no such product.
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductListing>>, Problem>;

    /// All published products, page by page, for rebuilding what follows from them.
    async fn products_page(&self, cursor: Option<Cursor>) -> Result<Page<ProductListing>, Problem>;

    /// The category of products that has this id or slug.
    async fn category(&self, reference: &str) -> Result<Option<CategoryId>, Problem>;
}
