//! What events of other services mean for reviews.

use contracts::{Decision, LeadAnswered, LeadBilled, OrderRef, OrderStatusChanged, UserErased};
use kernel::{BusinessId, LeadId, Problem, ReviewTarget, UserId};
use ports::store::Stored;
use shell::{Changes, Consumer, DecisionContext, Delivery};

use crate::storage::{self, Eligibility, Reminder, State};
use crate::{App, personal_data};

/// The status of an order that has reached its customer.
const DELIVERED: &str = "delivered";

pub fn consumer(app: App) -> Consumer<App> {
    Consumer::new("reviews", app)
        .on::<OrderStatusChanged>(|app, delivery, changed| {
            Box::pin(async { if changed.status == DELIVERED { delivered(app, delivery, &changed.order).await } else { Ok(()) } })
        })
        // A free enquiry costs nobody anything: it makes a customer only once the business has answered.
        .on::<LeadBilled>(|app, delivery, billed| {
            Box::pin(async move {
                match billed.customer_id {
                    Some(customer) if billed.price.amount > 0 => {
                        enquired(app, delivery, customer, billed.business_id, billed.lead_id).await
                    }
                    Some(_) | None => Ok(()),
                }
            })
        })
        .on::<LeadAnswered>(|app, delivery, answered| {
            Box::pin(async move {
                match answered.customer_id {
                    Some(customer) => enquired(app, delivery, customer, answered.business_id, answered.lead_id).await,
                    None => Ok(()),
                }
            })
        })
        .on::<UserErased>(|app, _, erased| Box::pin(personal_data::forget(&app.work, erased.user_id)))
}

/// What a customer has received can be reviewed by them as verified: the goods, and those who sold them.
async fn delivered(app: &App, delivery: &Delivery, order: &OrderRef) -> Result<(), Problem> {
    let Some(customer) = order.customer_id else { return Ok(()) };
    let Some(summary) = app.deps.orders.order(order.order_id).await? else { return Ok(()) };
    // A part that was cancelled has reached nobody.
    let cancelled = |seller| summary.parts.iter().any(|part| part.seller_id == seller && part.cancelled);
    let lines = || summary.lines.iter().filter(|line| !cancelled(line.seller_id));
    let products: Vec<_> = distinct(lines().map(|line| ReviewTarget::Product(line.product_id)));
    let sellers = distinct(lines().map(|line| ReviewTarget::Business(line.seller_id)));
    let targets = distinct(products.iter().copied().chain(sellers));
    let reminder = app.config.remind_after.map(|after| (products, after));
    make_eligible(app, delivery, customer, &targets, &order.order_id.to_string(), |context| match &reminder {
        Some((products, after)) => {
            let due_at = context.now.plus(*after);
            let reminder = Reminder { order_id: order.order_id, customer_id: customer, targets: products.clone(), due_at };
            Changes::create(Decision::changed(reminder))
        }
        None => Ok(Changes::none()),
    })
    .await
}

/// A lead that was paid for or answered was a real enquiry.
async fn enquired(app: &App, delivery: &Delivery, customer: UserId, business: BusinessId, lead: LeadId) -> Result<(), Problem> {
    let targets = [ReviewTarget::Business(business)];
    make_eligible(app, delivery, customer, &targets, &lead.to_string(), |_| Ok(Changes::none())).await
}

/// Notes that the customer is one, and marks what they had written before as verified.
async fn make_eligible(
    app: &App,
    delivery: &Delivery,
    customer: UserId,
    targets: &[ReviewTarget],
    reference: &str,
    besides: impl Fn(&DecisionContext) -> Result<Changes, Problem>,
) -> Result<(), Problem> {
    // The event may come after the person was erased.
    if app.deps.accounts.account(customer).await?.is_none_or(|account| account.email.is_erased()) {
        return Ok(());
    }
    for target in targets {
        verify(app, *target, customer).await?;
    }
    let table = app.work.table();
    let keys: Vec<_> = targets.iter().map(|target| storage::eligibility_key(customer, *target)).collect();
    let decide = |found: Vec<Option<Stored<Eligibility>>>, context: &DecisionContext| {
        let mut changes = besides(context)?;
        for (target, _) in targets.iter().zip(found).filter(|(_, found)| found.is_none()) {
            let eligibility = Eligibility { customer_id: customer, target: *target, reference: reference.to_owned(), since: context.now };
            changes = changes.and(Changes::create(Decision::changed(eligibility))?);
        }
        Ok(changes)
    };
    app.work.handle_event(delivery, |_| table.get_many::<Eligibility>(&keys), decide).await
}

async fn verify(app: &App, target: ReviewTarget, customer: UserId) -> Result<(), Problem> {
    let load = |_| storage::state(app.work.table(), target, customer);
    let decide = |state: State, _: &DecisionContext| match &state.review {
        Some(review) => state.moved(review.value.clone().verify()),
        None => Ok(Changes::none()),
    };
    app.work.run_job("reviews.verify", load, decide).await?;
    Ok(())
}

fn distinct(targets: impl Iterator<Item = ReviewTarget>) -> Vec<ReviewTarget> {
    let mut targets: Vec<_> = targets.collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}
