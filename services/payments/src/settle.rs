//! Asking the gateway again: the schedule for all that is open, and one payment on request.

use futures::{StreamExt as _, stream};
use kernel::Problem;
use ports::store::Stored;
use shell::Changes;

use crate::gateway::pursue;
use crate::payment::Payment;
use crate::storage;
use crate::{App, SETTLE};

/// Pages of due payments in one tick; the next tick goes on.
const PAGES_MAX: usize = 20;
/// Payments asked about at a time.
const TOGETHER: usize = 16;

/// How a question that brings nothing new is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// The payment is asked about less often.
    Grows,
    /// As if it had not been asked: a customer who looks often does not slow the schedule down.
    Stays,
}

/// Asks about every payment that is due, until the gateway is away.
pub(crate) async fn settle_due(app: &App) -> Result<(), Problem> {
    let (now, mut cursor, mut failure) = (app.work.now(), None, None);
    for _ in 0..PAGES_MAX {
        let page = storage::due(app.work.table(), now, cursor).await?;
        let mut payments = page.items.into_iter();
        while payments.len() > 0 {
            if !app.gateway.is_reachable() {
                return failure.map_or(Ok(()), Err);
            }
            // While the breaker probes, one payment at a time: the others would be turned away.
            let together = if app.gateway.is_closed() { TOGETHER } else { 1 };
            let group: Vec<_> = payments.by_ref().take(together).collect();
            let results = stream::iter(group).map(|payment| ask_again(app, payment, Patience::Grows)).buffer_unordered(TOGETHER);
            let failed = results.filter_map(async |result: Result<(), Problem>| result.err()).collect::<Vec<_>>().await;
            // One payment's failure does not keep the others waiting.
            failure = failure.or(failed.into_iter().next());
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Asks about one payment now, if anything is open.
pub(crate) async fn refresh(app: &App, seen: Stored<Payment>) -> Result<(), Problem> {
    if seen.next_check_at.is_some() { ask_again(app, seen, Patience::Stays).await } else { Ok(()) }
}

async fn ask_again(app: &App, seen: Stored<Payment>, patience: Patience) -> Result<(), Problem> {
    let load = |_| async {
        let payment = storage::current(app.work.table(), &seen.value).await?;
        let answers = pursue(app.gateway.as_ref(), &payment, payment.goal, app.work.now()).await;
        Ok((payment, answers))
    };
    app.work
        .run_job(SETTLE, load, |(payment, answers), context| {
            let (goal, status) = (payment.goal, payment.status);
            let decision = payment.value.settle(goal, &answers, context.now);
            let news = decision.state().status != status || !decision.events().is_empty();
            if news || patience == Patience::Grows { Changes::update(payment.version, decision) } else { Ok(Changes::none()) }
        })
        .await?;
    Ok(())
}
