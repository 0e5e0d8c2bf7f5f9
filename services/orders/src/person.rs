//! What happens to all orders of a person at once: they move into the account of a verified address, or they stay
//! without the person.

use contracts::{UserErased, UserVerified};
use kernel::{Code, Problem, Timestamp};
use ports::store::Query;
use shell::Changes;

use crate::order::{Decided, Order};
use crate::{App, storage};

const PAGE: usize = 50;
/// What is left is found by the next try of the delivery, since what was changed leaves the list.
const PAGES_MAX: usize = 10;

pub async fn attach(app: &App, verified: &UserVerified) -> Result<(), Problem> {
    if !verified.proven {
        return Ok(());
    }
    let rule = |order: Order, now| order.attach(verified.user_id, &verified.email, now);
    for_each(app, "orders.attach", storage::of_guest(&verified.email), rule).await
}

pub async fn anonymize(app: &App, erased: &UserErased) -> Result<(), Problem> {
    let cause = "orders.anonymize";
    let rule = |order: Order, _| order.anonymize(erased.user_id, erased.email.as_ref());
    for_each(app, cause, storage::of_customer(erased.user_id), rule).await?;
    match &erased.email {
        Some(email) => for_each(app, cause, storage::of_guest(email), rule).await,
        None => Ok(()),
    }
}

async fn for_each(app: &App, cause: &str, list: Query, rule: impl Fn(Order, Timestamp) -> Decided + Sync) -> Result<(), Problem> {
    let table = app.work.table();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = table.list::<Order>(list.clone().limit(PAGE).after(cursor)).await?;
        for listed in &page.items {
            let load = |_| storage::order(table, listed.id);
            let changed = app.work.run_job(cause, load, |order, context| Changes::update(order.version, rule(order.value, context.now)?));
            changed.await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
    Err(Problem::new(Code::Overloaded, "more orders of the person wait"))
}
