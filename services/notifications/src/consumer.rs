//! Events in, mails out. Each mailing is a commit of its own: a single write, at half the price of one in a
//! transaction. If not all of an event's mailings are written, it comes again and finds which.
//!
//! Where mails are sent, that is tried before they are written, so that one write says what became of them. Only what the
//! server does not take now is queued, and tried again by `sending.rs`.

use std::collections::BTreeMap;

use contracts::{Decision, Event, UserErased};
use kernel::{Duration, MailId, Problem};
use shell::{Attempt, Changes, Consumer, Delivery};

use crate::mailing::{self, Mailing};
use crate::mails::{self, Draft, Mails};
use crate::{App, personal_data, sending, storage};

/// Mails to one address for orders that were not paid: so many within such a time.
const FREE_MAX: usize = 5;
const FREE_WITHIN: Duration = Duration::from_secs(3600);
/// The latest mailings to an address among which they are counted.
const LOOKED_AT_MAX: usize = 50;
/// A delivery later than this may have been overtaken by an erasure.
const LATE_AFTER: Duration = Duration::from_secs(60);

pub fn consumer(app: App) -> Consumer<App> {
    let consumer = Consumer::new("notifications", app);
    mails::subscribe(Mails::new(consumer, |app, delivery, drafts| Box::pin(write(app, delivery, drafts)))).into_consumer().on::<UserErased>(
        |app, _, erased| {
            Box::pin(async {
                match &erased.email {
                    Some(address) => personal_data::forget(&app.work, address).await,
                    None => Ok(()),
                }
            })
        },
    )
}

async fn write(app: &App, delivery: &Delivery, drafts: Vec<Draft>) -> Result<(), Problem> {
    let mut wanted = Vec::with_capacity(drafts.len());
    for draft in drafts {
        if !is_forgotten(app, delivery, &draft).await? && !is_too_much(app, &draft).await? {
            wanted.push(draft);
        }
    }
    for (number, drafts) in (0..).zip(mailing::grouped(wanted)) {
        let Some(first) = drafts.first() else { continue };
        let about = first.once_about.unwrap_or(delivery.envelope.id);
        let id = mailing::mailing_id(about, first.message.template(), &first.to);
        write_mailing(app, &delivery.part(number), id, &drafts).await?;
    }
    Ok(())
}

/// Whether the mail is to somebody who was erased. An event that comes late or again may still name their address.
async fn is_forgotten(app: &App, delivery: &Delivery, draft: &Draft) -> Result<bool, Problem> {
    let is_late = delivery.attempt > 1 || delivery.replay.is_some() || app.work.now().since(delivery.envelope.time) > LATE_AFTER;
    match draft.user_id {
        _ if draft.to.is_erased() => Ok(true),
        Some(user) if is_late => {
            let account = app.shared.dependencies.accounts.account(user).await?;
            Ok(account.is_none_or(|account| account.email.is_erased()))
        }
        Some(_) | None => Ok(false),
    }
}

/// Whether the address has had its share for now of mails that anybody can cause.
async fn is_too_much(app: &App, draft: &Draft) -> Result<bool, Problem> {
    if !draft.message.is_free_to_cause() {
        return Ok(false);
    }
    let since = app.work.now().minus(FREE_WITHIN);
    let latest = app.work.table().list::<Mailing>(storage::to_person(&draft.to).limit(LOOKED_AT_MAX)).await?;
    let is_free = |mailing: &Mailing| mailing.mails.iter().any(|mail| mail.message.is_free_to_cause());
    let written = latest.items.iter().filter(|mailing| mailing.origin.created_at > since && is_free(mailing)).count();
    if written >= FREE_MAX {
        tracing::warn!(order = ?draft.order.as_ref().map(|order| order.id), "a mail is left out: its address had many for unpaid orders");
    }
    Ok(written >= FREE_MAX)
}

async fn write_mailing(app: &App, delivery: &Delivery, id: MailId, drafts: &[Draft]) -> Result<(), Problem> {
    let written = |now| Mailing::written(id, drafts, delivery.envelope.id, app.mode(), app.shared.config.keep(), now);
    let outcomes = match &app.shared.dependencies.delivery {
        crate::Delivery::Capture => Vec::new(),
        crate::Delivery::Send(mailer) => {
            // Too early a "no" sends a second copy with the same Message-ID, which mail programs show once.
            if storage::is_known_to_be_written(app.work.table(), id).await? {
                return Ok(());
            }
            sending::first_attempts(app, mailer.as_ref(), written(app.work.now()).state()).await?
        }
    };
    // A mailing is nearly always new, so the first attempt does not look for it. If it is not, the commit conflicts and
    // the next one does.
    let load =
        |attempt: Attempt| async move { if attempt.is_first() { Ok(false) } else { storage::is_written(app.work.table(), id).await } };
    let decide = |is_written: bool, context: &shell::DecisionContext| {
        if is_written {
            return Ok(Changes::none());
        }
        let (mut mailing, mut events) = written(context.now).into_parts();
        // By address: one that refuses several of the mails is remembered once.
        let mut refusals = BTreeMap::new();
        for (record, outcome) in mailing.clone().all().zip(&outcomes) {
            refusals.extend(sending::refusal(app, &record, outcome, context.now).map(|refusal| (refusal.address.clone(), refusal)));
            if let Some(ended) = sending::ended(record, outcome, context.now) {
                events.retain(|event| !matches!(event, Event::MailQueued(queued) if queued.mail_id == ended.id));
                mailing = mailing.with(ended);
            }
        }
        let changes = Changes::create(Decision::changed(mailing).with_events(events))?;
        refusals.values().try_fold(changes, Changes::derived)
    };
    // As long as the log of mails remembers them, a mailing is put where there is none and needs no inbox record.
    if app.shared.config.keep() >= shell::INBOX_KEPT {
        app.work.handle_event_guarded(delivery, load, decide).await
    } else {
        app.work.handle_event(delivery, load, decide).await
    }
}
