//! Hands mails to the mail server and notes what it said: new ones at once (`consumer.rs`), and here those that it did
//! not take then, or that a person wants to be sent again.

use std::sync::atomic::Ordering;

use contracts::{Decision, MailQueued};
use futures::future::join_all;
use kernel::{Problem, Timestamp};
use ports::reads::OrderSummary;
use ports::store::Stored;
use ports::{MailError, Mailer};
use shell::Changes;

use crate::compose::{self, Secrets};
use crate::mail::{MailRecord, Suppression};
use crate::mailing::Mailing;
use crate::{App, Delivery, storage};

/// How long the server is left alone with new mails once it did not take one.
const REST_MILLIS: i64 = 30_000;

pub enum Outcome {
    Sent,
    Refused(String),
    Suppressed,
    /// The server does not take it now.
    Later(String),
}

pub async fn on(app: &App, delivery: &shell::Delivery, queued: &MailQueued) -> Result<(), Problem> {
    let Delivery::Send(mailer) = &app.shared.dependencies.delivery else {
        return Err(Problem::internal("mails are not sent here"));
    };
    let load = |_| storage::mailing(app.work.table(), queued.mail_id);
    let waiting = |mailing: &Mailing| mailing.mail(queued.mail_id).filter(|record| record.awaits(queued.attempt));
    let found = match storage::mailing(app.work.table(), queued.mail_id).await {
        // The log does not keep it any more.
        Err(problem) if problem.code == kernel::Code::NotFound => return Ok(()),
        found => found?,
    };
    let Some(record) = waiting(&found.value) else { return Ok(()) };

    // Sent outside of the commit loop: a conflict must not send it twice.
    let sale = compose::sale(app, std::slice::from_ref(&record), Secrets::Shown).await?;
    let outcome = match prepared(app, &record, sale.as_ref()).await? {
        None => Outcome::Suppressed,
        Some(mail) => attempt(mailer.as_ref(), &record, &mail).await,
    };
    if let Outcome::Later(reason) = outcome {
        return Err(Problem::unavailable(format!("the mail server did not take {}: {reason}", record.id)));
    }
    let decide = |mailing: Stored<Mailing>, context: &shell::DecisionContext| {
        let Stored { value: mailing, version } = mailing;
        let Some(ended) = waiting(&mailing).and_then(|record| ended(record, &outcome, context.now)) else { return Ok(Changes::none()) };
        let refusal = refusal(app, &ended, &outcome, context.now);
        let changes = Changes::update(version, Decision::changed(mailing.with(ended)))?;
        refusal.iter().try_fold(changes, Changes::derived)
    };
    app.work.handle_event_guarded(delivery, load, decide).await
}

/// The first attempts at the mails of a new mailing, in the delivery of what it follows from. A server that did not take
/// one is left alone for a while, since each mail that it does not answer would hold up all that follow.
pub async fn first_attempts(app: &App, mailer: &dyn Mailer, mailing: &Mailing) -> Result<Vec<Outcome>, Problem> {
    let rests_until = &app.shared.mailer_rests_until_millis;
    // All are prepared before one is sent: what fails there is tried again, and must not have sent some already.
    let records: Vec<MailRecord> = mailing.all().collect();
    let sale = compose::sale(app, &records, Secrets::Shown).await?;
    let mut mails = Vec::with_capacity(records.len());
    for record in records {
        mails.push((prepared(app, &record, sale.as_ref()).await?, record));
    }
    let attempts = mails.iter().map(async |(mail, record)| match mail {
        None => Outcome::Suppressed,
        Some(_) if app.work.now().as_millis() < rests_until.load(Ordering::Relaxed) => {
            Outcome::Later("it did not take another mail just now".into())
        }
        Some(mail) => attempt(mailer, record, mail).await,
    });
    let outcomes = join_all(attempts).await;
    for (outcome, (_, record)) in outcomes.iter().zip(&mails) {
        if let Outcome::Later(reason) = outcome {
            let template = record.mail.message.template().name();
            tracing::warn!(mail = %record.id, template, reason, "a mail is queued, since it was not taken");
            rests_until.fetch_max(app.work.now().as_millis() + REST_MILLIS, Ordering::Relaxed);
        }
    }
    Ok(outcomes)
}

/// The mail as it goes out; none if its receiver can do without it and has refused mail before.
async fn prepared(app: &App, record: &MailRecord, sale: Option<&OrderSummary>) -> Result<Option<ports::Mail>, Problem> {
    let suppression = storage::suppression_key(&record.mail.to);
    if !record.mail.message.is_essential() && app.work.table().get::<Suppression>(&suppression).await?.is_some() {
        return Ok(None);
    }
    compose::outgoing(app, record, sale).map(Some)
}

async fn attempt(mailer: &dyn Mailer, record: &MailRecord, mail: &ports::Mail) -> Outcome {
    match mailer.send(mail).await {
        Ok(()) => Outcome::Sent,
        Err(MailError::Permanent(reason)) => {
            let template = record.mail.message.template().name();
            tracing::warn!(mail = %record.id, template, reason, "a mail was refused for good");
            Outcome::Refused(reason)
        }
        Err(MailError::Transient(reason)) => Outcome::Later(reason),
    }
}

/// The queued mail once the attempt at it has ended so; none if it stays queued.
pub fn ended(queued: MailRecord, outcome: &Outcome, now: Timestamp) -> Option<MailRecord> {
    let sending = queued.mail.sending;
    match outcome {
        Outcome::Later(_) => None,
        Outcome::Sent => Some(queued.sent(sending, now).into_state()),
        Outcome::Suppressed => Some(queued.suppressed(sending).into_state()),
        Outcome::Refused(reason) => Some(queued.failed(sending, reason, now).into_state()),
    }
}

/// What is remembered of an address that refused a mail.
pub fn refusal(app: &App, record: &MailRecord, outcome: &Outcome, now: Timestamp) -> Option<Suppression> {
    match outcome {
        Outcome::Refused(reason) => Some(Suppression::new(record.mail.to.clone(), reason, app.shared.config.keep(), now)),
        Outcome::Sent | Outcome::Suppressed | Outcome::Later(_) => None,
    }
}
