//! What the cart service does on events of others: orders close carts, and erased accounts lose theirs.

use contracts::{OrderPlaced, UserErased};
use kernel::{CartId, OrderId, Problem, UserId};
use shell::{Changes, Consumer, Delivery};

use crate::cart::Cart;
use crate::{App, storage};

pub fn consumer(app: App) -> Consumer<App> {
    Consumer::new("cart", app)
        .on::<OrderPlaced>(|app, delivery, placed| Box::pin(close(app, delivery, placed.cart_id, placed.order.order_id)))
        .on::<UserErased>(|app, delivery, erased| Box::pin(forget(app, delivery, erased.user_id)))
}

/// A cart that has expired in the meantime needs no closing, and one that is closed stays so.
async fn close(app: &App, delivery: &Delivery, cart: CartId, order: OrderId) -> Result<(), Problem> {
    let (table, key) = (app.work.table(), storage::cart_key(cart));
    app.work
        .handle_event_guarded(
            delivery,
            |_| table.get::<Cart>(&key),
            |found, context| match found {
                Some(cart) => Changes::update(cart.version, cart.value.ordered(order, context.now)),
                None => Ok(Changes::none()),
            },
        )
        .await
}

/// Deletes the customer's current cart. Older ones, which no longer lead to the person, expire.
async fn forget(app: &App, delivery: &Delivery, customer: UserId) -> Result<(), Problem> {
    let table = app.work.table();
    app.work
        .handle_event(
            delivery,
            |_| storage::mine(table, customer),
            |mine, _| {
                let mut changes = Changes::none();
                if let Some(current) = mine.current {
                    changes = changes.delete(storage::current_key(customer), current.version);
                }
                if let Some(cart) = mine.cart {
                    changes = changes.delete(storage::cart_key(cart.id), cart.version);
                }
                Ok(changes)
            },
        )
        .await
}
