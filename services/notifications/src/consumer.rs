//! Events in, mails out. Each mailing is a commit of its own: a single write, at half the price of one in a
//! transaction. If not all of an event's mailings are written, it comes again and finds which.
//!
//! Where mails are sent, that is tried before they are written, so that one write says what became of them. Only what the
//! server does not take now is queued, and tried again by `sending.rs`.

use std::collections::BTreeMap;

use contracts::Event;
use kernel::{EventId, MailId, OrderId, Problem};
use ports::reads::OrderSummary;
use shell::Changes;

use crate::mail::Draft;
use crate::mailing::{self, Mailing};
use crate::{App, drafts, people, sending, storage};

pub async fn on(app: &App, delivery: &shell::Delivery) -> Result<(), Problem> {
    let admin = &app.shared.config.admin_email;
    let drafts = match &delivery.envelope.event {
        Event::UserRegistered(event) => vec![drafts::welcome(event)],
        Event::VerificationRequested(event) => vec![drafts::verification(event)],
        Event::PasswordResetRequested(event) => vec![drafts::password_reset(event)],
        Event::OrderConfirmed(event) => drafts::confirmed(event, &order(app, event.order.order_id).await?, delivery.envelope.time, admin),
        Event::OrderCancelled(event) => drafts::cancelled(event).into_iter().collect(),
        Event::OrderShipped(event) => vec![drafts::shipped(event)],
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
    write(app, delivery, drafts).await
}

/// The read may be a moment behind the event: an order that is not there yet is tried again.
async fn order(app: &App, id: OrderId) -> Result<OrderSummary, Problem> {
    app.shared.dependencies.orders.order(id).await?.ok_or_else(|| Problem::not_found(format!("order {id} to write a mail about")))
}

async fn write(app: &App, delivery: &shell::Delivery, drafts: Vec<Draft>) -> Result<(), Problem> {
    // An order tells its cancellation again when stock or money turns up late; the customer hears it once.
    let about = match &delivery.envelope.event {
        Event::OrderCancelled(event) => EventId(event.order.order_id.0),
        _ => delivery.envelope.id,
    };
    for (number, drafts) in (0..).zip(mailing::grouped(drafts)) {
        let Some(first) = drafts.first() else { continue };
        let id = mailing::mailing_id(about, first.content.message.template(), &first.to);
        write_mailing(app, &delivery.part(number), id, &drafts).await?;
    }
    Ok(())
}

async fn write_mailing(app: &App, delivery: &shell::Delivery, id: MailId, drafts: &[Draft]) -> Result<(), Problem> {
    let written = |now| Mailing::written(id, drafts, delivery.envelope.id, app.mode(), app.shared.config.keep(), now);
    let outcomes = match &app.shared.dependencies.delivery {
        crate::Delivery::Capture => Vec::new(),
        crate::Delivery::Send(mailer) => {
            if storage::is_written(app.work.table(), id).await? {
                return Ok(());
            }
            sending::first_attempts(app, mailer.as_ref(), &written(app.work.now()).state).await?
        }
    };
    // A mailing is nearly always new, so the first run does not look for it. If it is not, the commit conflicts and the
    // next run does.
    let load = |attempt: shell::Attempt| {
        let looks = !attempt.is_first();
        async move { if looks { storage::is_written(app.work.table(), id).await } else { Ok(false) } }
    };
    let decide = |is_written: bool, context: &shell::DecisionContext| {
        if is_written {
            return Ok(Changes::none());
        }
        let mut mailing = written(context.now);
        // By address: one that refuses several of the mails is remembered once.
        let mut refusals = BTreeMap::new();
        for (mail, outcome) in mailing.state.clone().all().zip(&outcomes) {
            refusals.extend(sending::refusal(app, &mail, outcome, context.now).map(|refusal| (refusal.address.clone(), refusal)));
            if let Some(ended) = sending::ended(mail, outcome, context.now) {
                mailing.events.retain(|event| !matches!(event, Event::MailQueued(queued) if queued.mail_id == ended.id));
                mailing.state = mailing.state.with(ended);
            }
        }
        refusals.values().try_fold(Changes::create(mailing)?, Changes::derived)
    };
    // As long as the log of mails remembers them, a mailing is put where there is none and needs no inbox record.
    if app.shared.config.keep() >= shell::INBOX_KEPT {
        app.work.handle_event_guarded(delivery, load, decide).await
    } else {
        app.work.handle_event(delivery, load, decide).await
    }
}
