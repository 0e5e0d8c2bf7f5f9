//! Hands queued mails to the mail server and notes what it said.

use contracts::Event;
use kernel::Problem;
use ports::MailError;
use shell::Changes;

use crate::mail::{MailRecord, Suppression};
use crate::{App, Delivery, letter, storage};

enum Outcome {
    Sent,
    Refused(String),
    Suppressed,
}

pub async fn on(app: &App, delivery: &shell::Delivery) -> Result<(), Problem> {
    let (Event::MailQueued(queued), Delivery::Send(mailer)) = (&delivery.envelope.event, &app.shared.dependencies.delivery) else {
        return Err(Problem::internal(format!("{} cannot be sent here", delivery.envelope.event.kind())));
    };
    let table = app.desk.table();
    let found = table.find::<MailRecord>(&storage::mail_key(queued.mail_id)).await?;
    let Some(mail) = found.filter(|mail| mail.awaits(queued.attempt)) else { return Ok(()) };

    // Sent outside of the commit loop: a conflict must not send it twice.
    let outcome = if is_suppressed(app, &mail.value).await? {
        Outcome::Suppressed
    } else {
        match mailer.send(&letter::outgoing(app, &mail.value).await?).await {
            Ok(()) => Outcome::Sent,
            Err(MailError::Permanent(reason)) => Outcome::Refused(reason),
            Err(MailError::Transient(reason)) => {
                return Err(Problem::unavailable(format!("the mail server did not take {}: {reason}", mail.id)));
            }
        }
    };
    if let Outcome::Refused(reason) = &outcome {
        tracing::warn!(mail = %mail.id, template = mail.template().name(), reason, "a mail was refused for good");
    }
    app.desk
        .react(
            delivery,
            || storage::mail(table, queued.mail_id),
            |mail, moment| {
                let (version, mail) = (mail.version, mail.value);
                match &outcome {
                    Outcome::Sent => Changes::update(version, mail.sent(queued.attempt, moment.now)),
                    Outcome::Suppressed => Changes::update(version, mail.suppressed(queued.attempt)),
                    Outcome::Refused(reason) => {
                        let suppression = Suppression::new(mail.to.clone(), reason, app.shared.config.keep(), moment.now);
                        let decision = mail.failed(queued.attempt, reason, moment.now);
                        let changed = decision.changed;
                        let changes = Changes::update(version, decision)?;
                        if changed { changes.derived(&suppression) } else { Ok(changes) }
                    }
                }
            },
        )
        .await
}

/// Only mail that its receiver can do without is held back.
async fn is_suppressed(app: &App, mail: &MailRecord) -> Result<bool, Problem> {
    if mail.template().is_essential() {
        return Ok(false);
    }
    Ok(app.desk.table().find::<Suppression>(&storage::suppression_key(&mail.to)).await?.is_some())
}
