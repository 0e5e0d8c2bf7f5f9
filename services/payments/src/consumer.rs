//! What the orders want of their payments. The gateway is asked while loading; a rule that runs
//! again asks again, under the same operation key. A payment tells by its id and its goal, which only moves
//! forward, whether it has heard of something before.

use contracts::{Decision, Event, OrderCancelled, OrderConfirmed, OrderRef, PaymentTry};
use kernel::{Code, PaymentId, Problem};
use ports::store::Stored;
use shell::{Changes, Delivery};

use crate::App;
use crate::gateway::consult;
use crate::payment::{Answer, Entry, Goal, Payment};
use crate::storage::{self, OrderState, Place};

pub(crate) const TYPES: &[&str] = &["stock.reserved", "order.awaiting_payment", "order.confirmed", "order.cancelled"];

pub(crate) async fn on(app: &App, delivery: &Delivery) -> Result<(), Problem> {
    match &delivery.envelope.event {
        Event::StockReserved(event) => match &event.payment {
            Some(wanted) => begin(app, delivery, &event.order, wanted).await,
            // The customer has not said yet how to pay.
            None => Ok(()),
        },
        Event::OrderAwaitingPayment(event) => begin(app, delivery, &event.order, &event.payment).await,
        Event::OrderConfirmed(event) => confirmed(app, delivery, event).await,
        Event::OrderCancelled(event) => cancelled(app, delivery, event).await,
        _ => Ok(()),
    }
}

/// A try to pay an order whose stock is held.
async fn begin(app: &App, delivery: &Delivery, reference: &OrderRef, wanted: &PaymentTry) -> Result<(), Problem> {
    let load = || async {
        let now = app.desk.now();
        let order = storage::order(app.desk.table(), reference.order_id).await?;
        let opened = Payment::open(reference, wanted.payment_id, Some(&wanted.payment_method), now);
        let mut entry = opened.enter(order.present().map(|present| &present.value), order.is_cancelled(), now);
        if let Entry::Late(late) = &entry
            && storage::former(app.desk.table(), late.order_id, late.id).await?.is_some()
        {
            entry = Entry::Known;
        }
        let answer = match &entry {
            Entry::Known => Answer::NotAsked,
            Entry::First(payment) | Entry::Replaces { latest: payment, .. } | Entry::Late(payment) => {
                consult(app.gateway.as_ref(), payment, payment.ask(now)).await
            }
        };
        Ok((order, entry, answer))
    };
    app.desk
        .follow(delivery, load, |(order, entry, answer), moment| {
            let settled = |payment: Payment| {
                let goal = payment.goal;
                Decision { changed: true, ..payment.settle(goal, &answer, moment.now) }
            };
            match entry {
                Entry::Known => Ok(Changes::none()),
                Entry::Late(payment) => Changes::create(settled(payment)),
                Entry::First(payment) => order.followed_by(settled(payment)),
                Entry::Replaces { former, latest } => {
                    Ok(order.followed_by(settled(latest))?.and(Changes::create(Decision::changed(former))?))
                }
            }
        })
        .await
}

async fn confirmed(app: &App, delivery: &Delivery, event: &OrderConfirmed) -> Result<(), Problem> {
    let load = || async {
        let payment = match storage::order(app.desk.table(), event.order.order_id).await? {
            OrderState::Present(payment) if payment.id == event.payment_id => *payment,
            OrderState::Present(_) | OrderState::Cancelled(_) | OrderState::Nothing => return Err(not_present(event.payment_id)),
        };
        let answer = asked(app, &payment.value, Goal::Capture).await;
        Ok((payment, answer))
    };
    app.desk.follow(delivery, load, |(payment, answer), moment| moved(payment, Goal::Capture, &answer, moment.now)).await
}

async fn cancelled(app: &App, delivery: &Delivery, event: &OrderCancelled) -> Result<(), Problem> {
    let load = || async {
        let order = storage::order(app.desk.table(), event.order.order_id).await?;
        let unseen = event.payment_id.filter(|_| order.present().is_none());
        let unseen = unseen.map(|id| Payment::open(&event.order, id, None, app.desk.now()));
        let answer = match order.present().map(|present| &present.value).or(unseen.as_ref()) {
            Some(payment) => asked(app, payment, Goal::Release).await,
            None => Answer::NotAsked,
        };
        Ok((order, unseen, answer))
    };
    app.desk
        .follow(delivery, load, |(order, unseen, answer), moment| match (order, unseen) {
            (OrderState::Present(present), _) => moved(*present, Goal::Release, &answer, moment.now),
            // Void already at the gateway or soon: should it be authorized late, that fails.
            (order, Some(payment)) => order.followed_by(Decision { changed: true, ..payment.settle(Goal::Release, &answer, moment.now) }),
            (OrderState::Cancelled(_), None) => Ok(Changes::none()),
            (OrderState::Nothing, None) => Changes::create(Decision::changed(Place::Cancelled { order_id: event.order.order_id })),
        })
        .await
}

/// Asks what a payment would ask once the order wants `goal` of it.
async fn asked(app: &App, payment: &Payment, goal: Goal) -> Answer {
    let now = app.desk.now();
    let ask = payment.clone().toward(goal, now).ask(now);
    consult(app.gateway.as_ref(), payment, ask).await
}

fn moved(payment: Stored<Payment>, goal: Goal, answer: &Answer, now: kernel::Timestamp) -> Result<Changes, Problem> {
    Changes::update(payment.version, payment.value.settle(goal, answer, now))
}

/// A confirmed order that would not be charged is for a person to look at: the event becomes a dead letter.
fn not_present(id: PaymentId) -> Problem {
    Problem::new(Code::Conflict, format!("the order was confirmed by {id}, which is not its present payment"))
}
