//! Events in, mails out. Each mail is a commit of its own: a single write, at half the price of one in a
//! transaction. If not all of an event's mails are written, it comes again and finds which.

use std::sync::atomic::{AtomicBool, Ordering};

use contracts::Event;
use kernel::{EventId, MailId, OrderId, Problem};
use ports::reads::OrderSummary;
use shell::Changes;

use crate::mail::{Draft, MailRecord, mail_id};
use crate::{App, drafts, people, storage};

pub const TYPES: &[&str] = &[
    "user.registered",
    "user.verification_requested",
    "user.password_reset_requested",
    "order.confirmed",
    "order.cancelled",
    "order.shipped",
    "payment.captured",
    "payment.refunded",
    "stock.low",
    "business.published",
    "business.rejected",
    "business.suspended",
    "business.claimed",
    "claim.refused",
    "lead.delivered",
    "review.published",
    "review.reminder_due",
];

pub async fn on(app: &App, delivery: &shell::Delivery) -> Result<(), Problem> {
    let admin = &app.shared.config.admin_email;
    let drafts = match &delivery.envelope.event {
        Event::UserRegistered(event) => vec![drafts::welcome(event)],
        Event::VerificationRequested(event) => vec![drafts::verification(event)],
        Event::PasswordResetRequested(event) => vec![drafts::password_reset(event)],
        Event::OrderConfirmed(event) => drafts::confirmed(&order(app, event.order.order_id).await?, admin),
        Event::OrderCancelled(event) => drafts::cancelled(event).into_iter().collect(),
        Event::OrderShipped(event) => vec![drafts::shipped(event)],
        Event::PaymentCaptured(event) => {
            vec![drafts::receipt(event, &order(app, event.payment.order_id).await?, delivery.envelope.time)]
        }
        Event::PaymentRefunded(event) => vec![drafts::refunded(event, &order(app, event.payment.order_id).await?)],
        Event::StockLow(event) => vec![drafts::stock_low(event, admin)],
        Event::BusinessPublished(event) => drafts::published(event, &people::owners(app, event.business_id).await?),
        Event::BusinessRejected(event) => drafts::rejected(event, &people::owners(app, event.business_id).await?),
        Event::BusinessSuspended(event) => drafts::suspended(event, &people::owners(app, event.business_id).await?),
        Event::BusinessClaimed(event) => drafts::claimed(event, &people::person(app, event.owner_id).await?),
        Event::ClaimRefused(event) => drafts::claim_refused(event, &people::person(app, event.user_id).await?),
        Event::LeadDelivered(event) => {
            drafts::new_lead(event, &people::name_of(app, event.business_id).await?, &people::owners(app, event.business_id).await?)
        }
        Event::ReviewPublished(event) => drafts::new_review(event, &people::owners(app, event.business_id).await?, admin),
        Event::ReviewReminderDue(event) => drafts::review_reminder(&order(app, event.order_id).await?),
        other => return Err(Problem::internal(format!("{} is not subscribed to", other.kind()))),
    };
    write(app, delivery, &drafts).await
}

/// The read may be a moment behind the event: an order that is not there yet is tried again.
async fn order(app: &App, id: OrderId) -> Result<OrderSummary, Problem> {
    app.shared.dependencies.orders.order(id).await?.ok_or_else(|| Problem::not_found(format!("order {id} to write a mail about")))
}

async fn write(app: &App, delivery: &shell::Delivery, drafts: &[Draft]) -> Result<(), Problem> {
    // An order tells its cancellation again when stock or money turns up late; the customer hears it once.
    let about = match &delivery.envelope.event {
        Event::OrderCancelled(event) => EventId(event.order.order_id.0),
        _ => delivery.envelope.id,
    };
    for (part, draft) in (0..).zip(drafts) {
        write_one(app, &delivery.part(part), mail_id(about, draft.message.template(), &draft.to), draft).await?;
    }
    Ok(())
}

async fn write_one(app: &App, delivery: &shell::Delivery, id: MailId, draft: &Draft) -> Result<(), Problem> {
    // A mail is nearly always new, so the first run saves the read. If it is not, the commit conflicts and the next
    // run looks.
    let is_first_run = AtomicBool::new(true);
    let load = || {
        let looks = !is_first_run.swap(false, Ordering::Relaxed);
        async move { if looks { storage::is_written(app.desk.table(), id).await } else { Ok(false) } }
    };
    let decide = |is_written: bool, moment: &shell::Moment| {
        if is_written {
            return Ok(Changes::none());
        }
        let (cause, keep) = (delivery.envelope.id, app.shared.config.keep());
        Changes::create(MailRecord::written(id, draft.clone(), cause, app.mode(), keep, moment.now))
    };
    // As long as the log of mails remembers them, a mail is put where there is none and needs no inbox record.
    if app.shared.config.keep() >= shell::INBOX_KEPT {
        app.desk.follow(delivery, load, decide).await
    } else {
        app.desk.react(delivery, load, decide).await
    }
}
