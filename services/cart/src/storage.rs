//! Keys of the cart service.
//!
//! | access pattern | how |
//! |---|---|
//! | a cart | `cart#<cart>` / `cart` |
//! | the cart that a customer uses now | `customer#<user>` / `cart`, which names it |
//!
//! The customer's pointer is an item rather than an index, so that it can be read strongly and guarded:
//! two tabs that ask at once get one cart.

use kernel::{Actor, CartId, Problem, Timestamp, UserId};
use ports::store::{Key, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::Table;

use crate::cart::{Cart, CartError};

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
    let cart = table.find(current.as_ref().map(|current| cart_key(current.cart_id))).await?;
    Ok(Mine { current, cart })
}

/// A cart that the actor may change.
pub async fn own_cart(table: &Table, id: CartId, actor: &Actor) -> Result<Stored<Cart>, Problem> {
    let cart = table.get::<Cart>(&cart_key(id)).await?.ok_or(CartError::Missing)?;
    cart.check_owner(actor)?;
    Ok(cart)
}
