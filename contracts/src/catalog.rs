//! Events of the catalog.

use kernel::{BusinessId, CategoryId, ProductId, VariantId};
use serde::{Deserialize, Serialize};

/// A variant as other services know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantRef {
    pub variant_id: VariantId,
    pub sku: String,
    /// Product and option values: `Clay Plant Pot, Large`.
    pub title: String,
}

/// A product was made or edited, or its status changed to draft or published. It names all the
/// variants that it has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductChanged {
    pub product_id: ProductId,
    pub seller_id: BusinessId,
    pub title: String,
    pub published: bool,
    pub variants: Vec<VariantRef>,
}

/// A file that was imported says how many there are of a product's variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductStockCounted {
    pub product_id: ProductId,
    pub seller_id: BusinessId,
    pub variants: Vec<CountedVariant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedVariant {
    #[serde(flatten)]
    pub variant: VariantRef,
    pub on_hand: i64,
    /// Sold although there is none.
    pub backorder: bool,
}

/// A product left the shop for good; its orders stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductArchived {
    pub product_id: ProductId,
    pub seller_id: BusinessId,
}

/// A category of products was made, renamed, moved or deleted. The products in it and below it show it
/// differently now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductCategoryChanged {
    pub category_id: CategoryId,
    pub name: String,
    pub deleted: bool,
}
