//! What is for sale, as carts and orders take it over.

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
}
