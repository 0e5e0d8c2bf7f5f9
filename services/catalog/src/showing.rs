//! Cards with the names that they show.

use std::collections::HashMap;

use kernel::{Problem, ProductId, Stars, Timestamp};
use ports::reads::ProductCard;
use ports::store::{Key, Stored};
use shell::Table;

use crate::card::Card;
use crate::names::{NameCache, Names};
use crate::product::Product;
use crate::shelf::Shelf;
use crate::storage::{product_key, shelf_key};

impl Card {
    /// With the names that it shows.
    pub fn shown(self, names: &Names) -> ProductCard {
        ProductCard {
            seller: names.seller(self.seller_id),
            categories: names.categories(&self.category_path),
            rating: Stars::of(self.rating),
            id: self.id,
            slug: self.slug,
            title: self.title,
            seller_id: self.seller_id,
            price_from: self.price_from,
            price_to: self.price_to,
            compare_at_price: self.compare_at_price,
            image_url: self.image_url,
            variants: self.variants,
            default_variant: self.default_variant,
            stock: self.stock,
        }
    }
}

/// The cards of products in the order of their ids, at most 100; `None` for what is not for sale.
pub async fn shown(table: &Table, names: &NameCache, now: Timestamp, ids: &[ProductId]) -> Result<Vec<Option<ProductCard>>, Problem> {
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let products: Vec<Key> = distinct.iter().map(|id| product_key(*id)).collect();
    let shelves: Vec<Key> = distinct.iter().map(|id| shelf_key(*id)).collect();
    let (products, shelves) =
        futures::try_join!(table.get_many_eventual::<Product>(&products), table.get_many_eventual::<Shelf>(&shelves))?;
    let card = |(product, shelf): (Option<Stored<Product>>, Option<Stored<Shelf>>)| {
        let product = product?;
        Card::of(&product, &shelf.map_or_else(|| Shelf::empty(product.id), |shelf| shelf.value))
    };
    let cards: HashMap<ProductId, Card> = products.into_iter().zip(shelves).filter_map(card).map(|card| (card.id, card)).collect();
    let sellers = cards.values().map(|card| card.seller_id).collect();
    let categories = cards.values().flat_map(|card| card.category_path.iter().copied()).collect();
    let names = names.names(table, now, sellers, categories).await?;
    Ok(ids.iter().map(|id| cards.get(id).map(|card| card.clone().shown(&names))).collect())
}
