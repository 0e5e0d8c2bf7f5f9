//! What other services may read of carts.

use async_trait::async_trait;
use kernel::{CartId, Problem};
use ports::reads::{CartContents, CartLine, CartReads};
use shell::{Table, UnitOfWork};

use crate::cart::Cart;
use crate::storage::cart_key;

#[derive(Clone)]
pub struct Reads {
    pub(crate) table: Table,
}

impl Reads {
    pub fn new(work: &UnitOfWork) -> Self {
        Self { table: work.table().clone() }
    }
}

#[async_trait]
impl CartReads for Reads {
    /// Strong: an order is placed right after the last change.
    async fn cart(&self, id: CartId) -> Result<Option<CartContents>, Problem> {
        let found = self.table.get::<Cart>(&cart_key(id)).await?;
        Ok(found.map(|stored| contents(stored.value)))
    }
}

fn contents(cart: Cart) -> CartContents {
    let line = |line: crate::cart::Line| CartLine {
        product_id: line.product_id,
        variant_id: line.variant_id,
        quantity: line.quantity,
        price_seen: line.price_seen,
    };
    CartContents { id: cart.id, customer_id: cart.customer_id, closed: !cart.is_open(), lines: cart.lines.into_iter().map(line).collect() }
}
