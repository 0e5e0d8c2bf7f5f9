//! What clients send and see.

use std::collections::{BTreeMap, HashMap};

use kernel::{BusinessId, CategoryId, Money, ProductId, SellerRef, Stars, StockState, TaxRate, Timestamp, VariantId};
use ports::reads::ProductCategoryRef;
use ports::store::Stored;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::category::Category;
use crate::product::content::Image;
use crate::product::{Product, ProductStatus, Variant};
use crate::shelf::Shelf;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "published" }))]
pub struct StatusInput {
    pub status: ProductStatus,
}

/// A product with all its variants.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductView<'a> {
    pub id: ProductId,
    pub slug: &'a str,
    pub seller_id: BusinessId,
    pub status: ProductStatus,
    /// Whether customers see it: it is published, and so is the business that sells it.
    pub for_sale: bool,
    pub title: &'a str,
    /// Harmless HTML.
    pub description: &'a str,
    /// The brand.
    pub vendor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_id: Option<CategoryId>,
    /// From the root of the tree to the product's category.
    pub category_path: &'a [CategoryId],
    pub options: Vec<OptionView<'a>>,
    pub variants: Vec<VariantView<'a>>,
    pub images: &'a [Image],
    pub tags: &'a [String],
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The public page of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublicProduct)]
pub struct ProductPage<'a> {
    #[serde(flatten)]
    pub product: ProductView<'a>,
    /// Absent for the moment in which its name is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<SellerRef>,
    /// Of the variant of which there is most. It may be a moment old.
    pub stock: StockState,
    /// Absent without a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Stars>,
    /// From the root of the tree to the category of the product.
    pub categories: &'a [ProductCategoryRef],
    /// The same for machines: a Product of schema.org. Absent unless it is for sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub json_ld: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OptionView<'a> {
    pub name: &'a str,
    pub values: Vec<&'a str>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VariantView<'a> {
    pub id: VariantId,
    pub sku: &'a str,
    /// One value for each option.
    pub options: &'a [String],
    /// With tax.
    pub price: Money,
    /// It may be a moment old; `GET /availability` says how many are left.
    pub stock: StockState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    /// Basis points: 1900 is 19 %.
    pub tax_rate: TaxRate,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barcode: Option<&'a str>,
    pub grams: u32,
    pub requires_shipping: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<&'a str>,
}

impl<'a> ProductView<'a> {
    pub fn of(product: &'a Product, shelf: &Shelf, shop_tax_rate: TaxRate) -> Self {
        let option = |(index, name): (usize, &'a String)| OptionView { name, values: product.option_values(index) };
        Self {
            id: product.id,
            slug: &product.slug,
            seller_id: product.seller_id,
            status: product.status,
            for_sale: product.is_for_sale(),
            title: &product.title,
            description: &product.description,
            vendor: &product.vendor,
            category_id: product.category_id(),
            category_path: &product.category_path,
            options: product.options.iter().enumerate().map(option).collect(),
            variants: product.variants.iter().map(|variant| VariantView::of(variant, shelf, shop_tax_rate)).collect(),
            images: &product.images,
            tags: &product.tags,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

impl<'a> VariantView<'a> {
    fn of(variant: &'a Variant, shelf: &Shelf, shop_tax_rate: TaxRate) -> Self {
        Self {
            id: variant.id,
            sku: &variant.sku,
            options: &variant.options,
            price: variant.price,
            stock: shelf.state(variant.id),
            compare_at_price: variant.compare_at_price,
            tax_rate: variant.tax_rate.unwrap_or(shop_tax_rate),
            barcode: variant.barcode.as_deref(),
            grams: variant.grams,
            requires_shipping: variant.requires_shipping,
            image_url: variant.image_url.as_deref(),
        }
    }
}

/// A product in the list for its seller and staff.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductSummary {
    pub id: ProductId,
    pub slug: String,
    pub title: String,
    pub vendor: String,
    pub seller_id: BusinessId,
    pub status: ProductStatus,
    /// Whether customers see it: it is published, and so is the business that sells it.
    pub for_sale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_id: Option<CategoryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_from: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_to: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    pub variants: usize,
    /// Of the variant of which there is most. It may be a moment old.
    pub stock: StockState,
    /// Absent without a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<Stars>,
    /// For If-Match.
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ProductSummary {
    pub fn of(product: Stored<Product>, shelves: &HashMap<ProductId, Shelf>) -> Self {
        let Stored { value: product, version } = product;
        let shelf = shelves.get(&product.id);
        let states = product.variants.iter().map(|variant| shelf.map(|shelf| shelf.state(variant.id)).unwrap_or_default());
        let range = product.price_range().map(|(cheapest, highest)| (cheapest.price, highest));
        Self {
            id: product.id,
            seller_id: product.seller_id,
            status: product.status,
            for_sale: product.is_for_sale(),
            category_id: product.category_id(),
            price_from: range.map(|(lowest, _)| lowest),
            price_to: range.map(|(_, highest)| highest),
            image_url: product.images.into_iter().next().map(|image| image.url),
            variants: product.variants.len(),
            stock: StockState::best(states),
            rating: shelf.and_then(|shelf| Stars::of(shelf.rating)),
            version,
            slug: product.slug,
            title: product.title,
            vendor: product.vendor,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryView {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<CategoryId>,
    /// Among its siblings, ascending; equals are ordered by name.
    pub position: u32,
    /// 1 at the root of the tree.
    pub level: usize,
    /// For If-Match, as `"v1"`; what the ETag of the category says.
    pub version: u64,
}

impl CategoryView {
    pub fn of(category: Category, version: u64) -> Self {
        Self {
            id: category.id,
            parent_id: category.parent_id(),
            level: category.ancestors.len() + 1,
            slug: category.slug,
            name: category.name,
            position: category.position,
            version,
        }
    }
}

/// All categories: a tree by `parent_id`, in the order in which siblings are shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoriesView {
    pub items: Vec<CategoryView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreparedUploadView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectUploadView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DirectUploadView {
    /// For the images of a product, once the picture is there.
    #[schema(example = "/files/0a1b2c3d.png")]
    pub url: String,
    /// `PUT` the picture here, of exactly the announced type and size.
    pub upload_url: String,
    /// Headers to send with the picture, unchanged.
    pub headers: BTreeMap<String, String>,
    /// How long the upload URL is valid.
    pub valid_secs: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UploadView<'a> {
    /// For the images of a product.
    #[schema(example = "/files/0a1b2c3d.png")]
    pub url: &'a str,
    pub content_type: &'a str,
    pub size_bytes: usize,
}
