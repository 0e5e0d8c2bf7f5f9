//! What is for sale, as carts and orders take it over.

use serde::{Deserialize, Serialize};

use crate::{BusinessId, Money, ProductId, TaxRate, VariantId};

/// A variant as it is sold now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub seller_id: BusinessId,
    pub sku: String,
    /// Product and option values.
    pub title: String,
    pub unit_price: Money,
    pub tax_rate: TaxRate,
    pub requires_shipping: bool,
    pub image_url: Option<String>,
    /// False for drafts, archived products and variants that are gone.
    pub for_sale: bool,
    pub shown: OfferShown,
}

/// What a line of a cart shows besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferShown {
    /// The last part of the page of the product.
    pub slug: String,
    /// Without option values.
    pub product_title: String,
    pub options: Vec<OptionValue>,
    pub seller: Option<SellerRef>,
}

/// Size: Large.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OptionValue {
    pub name: String,
    pub value: String,
}

/// Who sells something, as it is shown beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Seller)]
pub struct SellerRef {
    pub id: BusinessId,
    /// The last part of the page of the business. The shop itself has no such page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    pub name: String,
}
