//! What the orders want of their payments. The gateway is asked while loading; a rule that runs
//! again asks again, under the same operation key. A payment knows by its id and its goal, which only moves
//! forward, whether it has heard of something before.

use contracts::{Decision, OrderAnonymized, OrderAwaitingPayment, OrderCancelled, OrderPartCancelled, OrderRef, PaymentTry, StockReserved};
use kernel::{OrderId, Problem, RefundId, Timestamp};
use ports::store::Stored;
use shell::{Changes, Consumer, Delivery};

use crate::App;
use crate::gateway::pursue;
use crate::payment::{Entry, GatewayAnswer, Goal, Payment};
use crate::storage::{self, OrderItem, OrderState};

pub(crate) fn consumer(app: App) -> Consumer<App> {
    Consumer::new("payments", app)
        .on::<StockReserved>(|app, delivery, event| {
            Box::pin(async {
                match &event.payment {
                    Some(wanted) => begin(app, delivery, &event.order, wanted).await,
                    // The customer has not said yet how to pay.
                    None => Ok(()),
                }
            })
        })
        .on::<OrderAwaitingPayment>(|app, delivery, event| Box::pin(begin(app, delivery, &event.order, &event.payment)))
        .on::<OrderCancelled>(|app, delivery, event| Box::pin(cancelled(app, delivery, event)))
        .on::<OrderPartCancelled>(|app, delivery, event| Box::pin(part_cancelled(app, delivery, event)))
        .on::<OrderAnonymized>(|app, delivery, event| Box::pin(anonymize(app, delivery, event.order_id)))
}

/// A try to pay an order whose stock is held.
async fn begin(app: &App, delivery: &Delivery, reference: &OrderRef, wanted: &PaymentTry) -> Result<(), Problem> {
    let load = |_| async {
        let now = app.work.now();
        let order = storage::order(app.work.table(), reference.order_id).await?;
        let opened = Payment::open(reference, wanted, now);
        let mut entry = opened.enter(order.present().map(|present| &present.value), order.is_cancelled(), now);
        if let Entry::Late(late) = &entry
            && storage::former(app.work.table(), late.order_id, late.id).await?.is_some()
        {
            entry = Entry::Known;
        }
        let answers = match &entry {
            Entry::Known => Vec::new(),
            Entry::First(payment) | Entry::Replaces { latest: payment, .. } | Entry::Late(payment) => {
                pursue(app.gateway.as_ref(), payment, payment.goal, now).await
            }
        };
        Ok((order, entry, answers))
    };
    app.work
        .handle_event_guarded(delivery, load, |(order, entry, answers), context| {
            let settled = |payment: Payment| {
                let goal = payment.goal;
                new(payment, goal, &answers, context.now)
            };
            match entry {
                Entry::Known => Ok(Changes::none()),
                Entry::Late(payment) => Changes::create(settled(payment)?),
                Entry::First(payment) => order.followed_by(settled(payment)?),
                Entry::Replaces { former, latest } => {
                    Ok(order.followed_by(settled(latest)?)?.and(Changes::create(Decision::changed(former))?))
                }
            }
        })
        .await
}

async fn cancelled(app: &App, delivery: &Delivery, event: &OrderCancelled) -> Result<(), Problem> {
    let load = |_| async {
        let order = storage::order(app.work.table(), event.order.order_id).await?;
        let unseen = event.payment_id.filter(|_| order.present().is_none());
        let unseen = unseen.map(|id| Payment::unheard_of(&event.order, id, app.work.now()));
        let answers = match order.present().map(|present| &present.value).or(unseen.as_ref()) {
            Some(payment) => pursue(app.gateway.as_ref(), payment, Goal::Release, app.work.now()).await,
            None => Vec::new(),
        };
        Ok((order, unseen, answers))
    };
    app.work
        .handle_event_guarded(delivery, load, |(order, unseen, answers), context| match (order, unseen) {
            (OrderState::Present(present), _) => moved(*present, Goal::Release, &answers, context.now),
            // Void already at the gateway or soon: should it be authorized late, that fails.
            (order, Some(payment)) => order.followed_by(new(payment, Goal::Release, &answers, context.now)?),
            (OrderState::Cancelled(_), None) => Ok(Changes::none()),
            (OrderState::Nothing, None) => Changes::create(Decision::changed(OrderItem::Cancelled { order_id: event.order.order_id })),
        })
        .await
}

/// The share of a part that is not delivered goes back; the schedule asks the gateway.
async fn part_cancelled(app: &App, delivery: &Delivery, event: &OrderPartCancelled) -> Result<(), Problem> {
    let refund = RefundId::of_part(event.order.order_id, event.seller_id);
    let load = |_| async {
        let payments = storage::of_order(app.work.table(), event.order.order_id).await?;
        let paid = payments.into_iter().find(|payment| payment.id == event.payment_id);
        paid.ok_or_else(|| Problem::not_found(format!("payment {} to give a part of it back", event.payment_id)))
    };
    app.work
        .handle_event_guarded(delivery, load, |payment, context| {
            Changes::update(payment.version, payment.value.give_back_part(refund, event.amount, context.now))
        })
        .await
}

/// A payment that is not kept yet.
fn new(payment: Payment, goal: Goal, answers: &[GatewayAnswer], now: Timestamp) -> Result<Decision<Payment>, Problem> {
    Decision::changed(payment).then(|payment| Ok(payment.settle(goal, answers, now)))
}

/// The customer was erased. A try has its own item, and there are few.
async fn anonymize(app: &App, delivery: &Delivery, order: OrderId) -> Result<(), Problem> {
    app.work
        .handle_event_guarded(
            delivery,
            |_| storage::of_order(app.work.table(), order),
            |payments, _| {
                let change = |changes: Changes, payment: Stored<Payment>| {
                    Ok(changes.and(Changes::update(payment.version, payment.value.anonymize())?))
                };
                payments.into_iter().try_fold(Changes::none(), change)
            },
        )
        .await
}

fn moved(payment: Stored<Payment>, goal: Goal, answers: &[GatewayAnswer], now: Timestamp) -> Result<Changes, Problem> {
    Changes::update(payment.version, payment.value.settle(goal, answers, now))
}
