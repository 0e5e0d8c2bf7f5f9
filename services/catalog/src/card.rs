//! A product in a list of what is for sale, as it is kept in each of the lists. Names are looked up where it is shown, since
//! one change of a name would otherwise write all cards that it is on.

use kernel::{BusinessId, CategoryId, Money, ProductId, Rating, StockState};
use ports::reads::DefaultVariant;
use serde::{Deserialize, Serialize};

use crate::product::Product;
use crate::shelf::Shelf;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Card {
    pub id: ProductId,
    pub slug: String,
    pub title: String,
    pub seller_id: BusinessId,
    /// Of the cheapest variant.
    pub price_from: Money,
    /// Of the dearest variant.
    pub price_to: Money,
    /// What the cheapest variant cost before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    pub variants: u32,
    pub default_variant: DefaultVariant,
    pub stock: StockState,
    pub rating: Rating,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category_path: Vec<CategoryId>,
}

impl Card {
    /// None unless it is for sale.
    pub fn of(product: &Product, shelf: &Shelf) -> Option<Self> {
        let (cheapest, highest) = product.price_range().filter(|_| product.is_for_sale())?;
        let first = product.variants.iter().find(|variant| shelf.state(variant.id).can_be_ordered()).or(product.variants.first())?;
        Some(Self {
            id: product.id,
            slug: product.slug.clone(),
            title: product.title.clone(),
            seller_id: product.seller_id,
            price_from: cheapest.price,
            price_to: highest,
            compare_at_price: cheapest.compare_at_price,
            image_url: product.images.first().map(|image| image.url.clone()).or_else(|| cheapest.image_url.clone()),
            variants: u32::try_from(product.variants.len()).unwrap_or(u32::MAX),
            default_variant: DefaultVariant { id: first.id, price: first.price },
            stock: StockState::best(product.variants.iter().map(|variant| shelf.state(variant.id))),
            rating: shelf.rating,
            category_path: product.category_path.clone(),
        })
    }
}
