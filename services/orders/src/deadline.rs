//! Unpaid orders end at their deadline.
//!
//! Open orders are listed as they were placed, which is the order of their deadlines, those of guests apart from those of
//! customers. The tick goes along both lists, so that each order is looked at once when its time is over, and needs no entry
//! in an index by its deadline. Once a day it goes back two days, for orders that came into the list late.

use contracts::Decision;
use kernel::{Duration, Problem, Timestamp};
use ports::store::Stored;
use shell::{Changes, DecisionContext};

use crate::order::Order;
use crate::storage::{Sweep, Unpaid};
use crate::{App, storage};

/// The schedule, and the cause of what it does.
pub const EXPIRE: &str = "orders.expire";
/// Orders per tick. The next tick goes on with the rest.
const BATCH: usize = 500;
const BACK_EVERY: Duration = Duration::from_secs(24 * 3600);
const BACK: Duration = Duration::from_secs(48 * 3600);

pub async fn expire(app: &App) -> Result<(), Problem> {
    let pricing = &app.config.pricing;
    // What is wrong with the one list does not keep the other waiting.
    let customers = sweep(app, Unpaid::OfCustomers, pricing.payment_deadline).await;
    sweep(app, Unpaid::OfGuests, pricing.guest_payment_deadline).await.and(customers)
}

async fn sweep(app: &App, unpaid: Unpaid, deadline: Duration) -> Result<(), Problem> {
    let (table, now) = (app.work.table(), app.work.now());
    let found = storage::sweep(table, unpaid).await?;
    let begun = begin(unpaid, found.as_deref(), now);
    let (mut through, mut failure) = (begun.through.clone(), None);
    for listed in storage::open_behind(table, unpaid, &through, now.minus(deadline), BATCH).await?.items {
        match listed.deadline() {
            // It was placed while there was more time to pay. It is looked at again, and those behind it.
            Some(deadline) if deadline > now => break,
            // One that cannot be ended does not keep the others waiting; the next tick begins with it.
            Some(_) => failure = failure.or(end(app, &listed).await.err()),
            None => {}
        }
        if failure.is_none() {
            through = storage::sort_key(&listed);
        }
    }
    let end = Sweep { through, ..begun };
    if found.as_deref() != Some(&end) {
        note(app, unpaid, &end).await?;
    }
    failure.map_or(Ok(()), Err)
}

/// Where this tick goes on.
fn begin(unpaid: Unpaid, found: Option<&Sweep>, now: Timestamp) -> Sweep {
    match found {
        None => Sweep::along(unpaid, Timestamp::from_millis(0).to_string(), now),
        Some(sweep) if now.since(sweep.begun_at) >= BACK_EVERY => {
            Sweep::along(unpaid, sweep.through.clone().min(now.minus(BACK).to_string()), now)
        }
        Some(sweep) => sweep.clone(),
    }
}

async fn note(app: &App, unpaid: Unpaid, sweep: &Sweep) -> Result<(), Problem> {
    let table = app.work.table();
    let again = |found: Option<Stored<Sweep>>, _: &DecisionContext| {
        Changes::put(found.map(|found| found.version), Decision::changed(sweep.clone()))
    };
    app.work.run_job(EXPIRE, |_| storage::sweep(table, unpaid), again).await.map(|_| ())
}

async fn end(app: &App, listed: &Order) -> Result<(), Problem> {
    let table = app.work.table();
    let expire = |order: Stored<Order>, context: &DecisionContext| Changes::update(order.version, order.value.expire(context.now)?);
    app.work.run_job(EXPIRE, |_| storage::order(table, listed.id), expire).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_goes_on_where_it_was_and_once_a_day_back() {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let sweep = |through: i64, begun: i64| Sweep::along(Unpaid::OfGuests, at(through).to_string(), at(begun));
        for (found, now, expect) in [
            (None, 100, sweep(0, 100)),
            (Some(sweep(99, 90)), 113, sweep(99, 90)),
            (Some(sweep(113, 90)), 114, sweep(66, 114)),
            // What was never looked at is not skipped.
            (Some(sweep(10, 90)), 114, sweep(10, 114)),
        ] {
            assert_eq!(begin(Unpaid::OfGuests, found.as_ref(), at(now)), expect, "{found:?} at {now}");
        }
    }
}
