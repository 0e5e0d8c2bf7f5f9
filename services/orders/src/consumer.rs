//! What orders hear: the answers of inventory and payments, and that an address belongs to somebody.

use contracts::{Event, StockReserved};
use kernel::{OrderId, Problem, Timestamp};
use shell::{Changes, Delivery};

use crate::order::{Decided, Order};
use crate::{App, attach, storage};

pub const TYPES: &[&str] = &[
    "stock.reserved",
    "stock.refused",
    "payment.requires_action",
    "payment.failed",
    "payment.captured",
    "payment.refunded",
    "user.verified",
];

pub async fn on(app: &App, delivery: &Delivery) -> Result<(), Problem> {
    match &delivery.envelope.event {
        // Payments go on with what was chosen: the order need not be looked at until they have answered.
        Event::StockReserved(StockReserved { payment: Some(_), .. }) => Ok(()),
        Event::StockReserved(news) => follow(app, delivery, news.order.order_id, Order::stock_reserved).await,
        Event::StockRefused(news) => follow(app, delivery, news.order_id, |order, now| order.stock_refused(news, now)).await,
        Event::PaymentRequiresAction(news) => {
            follow(app, delivery, news.payment.order_id, |order, now| order.payment_requires_action(news, now)).await
        }
        Event::PaymentFailed(news) => follow(app, delivery, news.payment.order_id, |order, now| order.payment_failed(news, now)).await,
        Event::PaymentCaptured(news) => follow(app, delivery, news.payment.order_id, |order, now| order.payment_captured(news, now)).await,
        Event::PaymentRefunded(news) => follow(app, delivery, news.payment.order_id, |order, now| order.payment_refunded(news, now)).await,
        Event::UserVerified(news) => attach::guest_orders(app, news).await,
        other => Err(Problem::internal(format!("orders do not listen to {}", other.kind()))),
    }
}

/// One find, one commit. An order's statuses only go forward and its sums only grow, so that it needs no inbox.
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
    app.work.handle_event_guarded(delivery, || storage::order(table, id), decide).await
}
