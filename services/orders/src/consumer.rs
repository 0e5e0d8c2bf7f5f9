//! What orders hear: the answers of inventory and payments, and what becomes of accounts.

use contracts::{
    PaymentCaptured, PaymentFailed, PaymentRefunded, PaymentRequiresAction, RefundFailed, StockRefused, StockReserved, UserErased,
    UserVerified,
};
use kernel::{OrderId, Problem, Timestamp};
use shell::{Changes, Consumer, Delivery};

use crate::order::{Decided, Order};
use crate::{App, person, storage};

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
        .on::<RefundFailed>(|app, delivery, news| {
            Box::pin(follow(app, delivery, news.payment.order_id, |order, now| order.refund_failed(news, now)))
        })
        .on::<UserVerified>(|app, _, verified| Box::pin(person::attach(app, verified)))
        .on::<UserErased>(|app, _, erased| Box::pin(person::anonymize(app, erased)))
}

/// One read, one commit. An order's statuses only go forward and its sums only grow, so that it needs no inbox.
async fn follow(app: &App, delivery: &Delivery, id: OrderId, rule: impl Fn(Order, Timestamp) -> Decided + Sync) -> Result<(), Problem> {
    let table = app.work.table();
    let load = |_| storage::order(table, id);
    app.work.handle_event_guarded(delivery, load, |order, context| Changes::update(order.version, rule(order.value, context.now)?)).await
}
