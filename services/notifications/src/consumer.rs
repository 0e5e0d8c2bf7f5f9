//! Events in, mails out. Each mailing is a commit of its own: a single write, at half the price of one in a
//! transaction. If not all of an event's mailings are written, it comes again and finds which.
//!
//! Where mails are sent, that is tried before they are written, so that one write says what became of them. Only what the
//! server does not take now is queued, and tried again by `sending.rs`.

use contracts::{Event, EventData};
use futures::future::{BoxFuture, FutureExt, ready};
use kernel::{MailId, Problem};
use shell::{Attempt, Changes, Consumer, Delivery};

use crate::draft::Draft;
use crate::mailing::{self, Mailing};
use crate::{App, sending, storage};

pub type Drafts<'a> = BoxFuture<'a, Result<Vec<Draft>, Problem>>;

/// The consumer while its events are registered.
pub struct Mails(Consumer<App>);

impl Mails {
    pub fn new(consumer: Consumer<App>) -> Self {
        Self(consumer)
    }

    pub fn into_consumer(self) -> Consumer<App> {
        self.0
    }

    /// What is mailed when this event happens.
    pub fn on<E: EventData + Sync + 'static>(self, drafts: for<'a> fn(&'a App, &'a Delivery, &'a E) -> Drafts<'a>) -> Self {
        Self(
            self.0.on::<E>(move |app, delivery, event| {
                Box::pin(async move { write(app, delivery, drafts(app, delivery, event).await?).await })
            }),
        )
    }
}

/// Mails for which nothing has to be read.
pub fn drafts<'a>(drafts: impl IntoIterator<Item = Draft>) -> Drafts<'a> {
    ready(Ok(drafts.into_iter().collect())).boxed()
}

async fn write(app: &App, delivery: &Delivery, drafts: Vec<Draft>) -> Result<(), Problem> {
    for (number, drafts) in (0..).zip(mailing::grouped(drafts)) {
        let Some(first) = drafts.first() else { continue };
        let about = first.once_about.unwrap_or(delivery.envelope.id);
        let id = mailing::mailing_id(about, first.message.template(), &first.to);
        write_mailing(app, &delivery.part(number), id, &drafts).await?;
    }
    Ok(())
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
            sending::first_attempts(app, mailer.as_ref(), &written(app.work.now()).state).await?
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
        let mut mailing = written(context.now);
        let mut refusals = Vec::new();
        for (mail, outcome) in mailing.state.clone().all().zip(&outcomes) {
            refusals.extend(sending::refusal(app, &mail, outcome, context.now));
            if let Some(ended) = sending::ended(mail, outcome, context.now) {
                mailing.events.retain(|event| !matches!(event, Event::MailQueued(queued) if queued.mail_id == ended.id));
                mailing.state = mailing.state.with(ended);
            }
        }
        refusals.iter().try_fold(Changes::create(mailing)?, Changes::derived)
    };
    // As long as the log of mails remembers them, a mailing is put where there is none and needs no inbox record.
    if app.shared.config.keep() >= shell::INBOX_KEPT {
        app.work.handle_event_guarded(delivery, load, decide).await
    } else {
        app.work.handle_event(delivery, load, decide).await
    }
}
