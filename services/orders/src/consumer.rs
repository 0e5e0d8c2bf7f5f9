//! What orders hear: the answers of inventory and payments, and that an address belongs to somebody.

use contracts::{PaymentCaptured, PaymentFailed, PaymentRefunded, PaymentRequiresAction, StockRefused, StockReserved, UserVerified};
use kernel::{OrderId, Problem, Timestamp};
use shell::{Changes, Consumer, Delivery};

use crate::order::{Decided, Order};
use crate::{App, attach, storage};

pub fn consumer(app: App) -> Consumer<App> {
    Consumer::new("orders", app)
        .on::<StockReserved>(|app, delivery, news| {
            Box::pin(async {
                match news.payment {
                    // Payments go on with what was chosen: the order need not be looked at until they have answered.
                    Some(_) => Ok(()),
                    None => follow(app, delivery, news.order.order_id, Order::stock_reserved).await,
                }
            })
        })
        .on::<StockRefused>(|app, delivery, news| {
            Box::pin(follow(app, delivery, news.order_id, |order, now| order.stock_refused(news, now)))
        })
        .on::<PaymentRequiresAction>(|app, delivery, news| {
            Box::pin(follow(app, delivery, news.payment.order_id, |order, now| order.payment_requires_action(news, now)))
        })
        .on::<PaymentFailed>(|app, delivery, news| {
            Box::pin(follow(app, delivery, news.payment.order_id, |order, now| order.payment_failed(news, now)))
        })
        .on::<PaymentCaptured>(|app, delivery, news| {
            Box::pin(follow(app, delivery, news.payment.order_id, |order, now| order.payment_captured(news, now)))
        })
        .on::<PaymentRefunded>(|app, delivery, news| {
            Box::pin(follow(app, delivery, news.payment.order_id, |order, now| order.payment_refunded(news, now)))
        })
        .on::<UserVerified>(|app, _, news| Box::pin(attach::guest_orders(app, news)))
}

/// One read, one commit. An order's statuses only go forward and its sums only grow, so that it needs no inbox.
async fn follow(
    app: &App,
    delivery: &Delivery,
    id: OrderId,
    rule: impl Fn(Order, Timestamp) -> Decided + Send + Sync,
) -> Result<(), Problem> {
    let table = app.work.table();
    let decide = |order: ports::store::Stored<Order>, context: &shell::DecisionContext| {
        Changes::update(order.version, rule(order.value, context.now)?)
    };
    app.work.handle_event_guarded(delivery, |_| storage::order(table, id), decide).await
}
