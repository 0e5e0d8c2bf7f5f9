//! Keys of the cart service.
//!
//! | access pattern | how |
//! |---|---|
//! | a cart | `cart#<cart>` / `cart` |
//! | the cart that a customer uses now | `customer#<user>` / `cart`, which names it |
//!
//! The customer's pointer is an item rather than an index, so that it can be read strongly and guarded:
//! two tabs that ask at once get one cart.

use std::collections::BTreeMap;

use kernel::{CartId, Problem, Timestamp, UserId, VariantId};
use ports::reads::{CatalogReads, Offer};
use ports::store::{Key, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::Table;

use crate::cart::{Cart, Goods, Line};

pub const TABLE: TableSchema = TableSchema { name: "cart", indexes: 0 };

impl Record for Cart {
    fn key(&self) -> Key {
        cart_key(self.id)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(Cart::expires_at(self))
    }
}

/// Which cart a customer uses now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    pub customer_id: UserId,
    pub cart_id: CartId,
}

impl Record for Current {
    fn key(&self) -> Key {
        current_key(self.customer_id)
    }
}

pub fn cart_key(id: CartId) -> Key {
    Key::new(format!("cart#{id}"), "cart")
}

pub fn current_key(customer: UserId) -> Key {
    Key::new(format!("customer#{customer}"), "cart")
}

/// A customer's current cart, and the pointer to it. The cart is absent once it has expired.
pub struct Mine {
    pub current: Option<Stored<Current>>,
    pub cart: Option<Stored<Cart>>,
}

pub async fn mine(table: &Table, customer: UserId) -> Result<Mine, Problem> {
    let current = table.get::<Current>(&current_key(customer)).await?;
    let cart = match &current {
        Some(current) => table.get::<Cart>(&cart_key(current.cart_id)).await?,
        None => None,
    };
    Ok(Mine { current, cart })
}

/// What the catalog sells under these ids, in their order; `None` where there is no such variant.
pub async fn goods(catalog: &dyn CatalogReads, wanted: &[(kernel::ProductId, VariantId)]) -> Result<Vec<Option<Goods>>, Problem> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let offers = catalog.offers(wanted).await?;
    Ok(offers.into_iter().map(|offer| offer.map(Goods::from)).collect())
}

/// What the lines of a cart cost now, by variant.
pub async fn goods_of(catalog: &dyn CatalogReads, lines: &[Line]) -> Result<BTreeMap<VariantId, Goods>, Problem> {
    let wanted: Vec<_> = lines.iter().map(|line| (line.product_id, line.variant_id)).collect();
    let found = goods(catalog, &wanted).await?;
    Ok(found.into_iter().flatten().map(|goods| (goods.variant_id, goods)).collect())
}

impl From<Offer> for Goods {
    fn from(offer: Offer) -> Self {
        let Offer { product_id, variant_id, unit_price, title, sku, image_url, for_sale, .. } = offer;
        Self { product_id, variant_id, unit_price, title, sku, image_url, for_sale }
    }
}
