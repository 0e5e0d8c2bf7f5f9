//! From an event to what is mailed about it.

use contracts::EventData;
use futures::future::{BoxFuture, FutureExt as _, ready};
use kernel::{BusinessId, Problem, UserId};
use shell::{Consumer, Delivery};

use super::{Draft, Message};
use crate::{App, lookup};

pub type Drafts<'a> = BoxFuture<'a, Result<Vec<Draft>, Problem>>;
type Write = for<'a> fn(&'a App, &'a Delivery, Vec<Draft>) -> BoxFuture<'a, Result<(), Problem>>;

/// The consumer while its events are registered.
pub struct Mails {
    consumer: Consumer<App>,
    /// What becomes of the drafts of an event.
    write: Write,
}

impl Mails {
    pub fn new(consumer: Consumer<App>, write: Write) -> Self {
        Self { consumer, write }
    }

    pub fn into_consumer(self) -> Consumer<App> {
        self.consumer
    }

    /// What is mailed when this event happens.
    pub fn on<E: EventData + Sync + 'static>(self, drafts: for<'a> fn(&'a App, &'a Delivery, &'a E) -> Drafts<'a>) -> Self {
        let write = self.write;
        let consumer = self
            .consumer
            .on::<E>(move |app, delivery, event| Box::pin(async move { write(app, delivery, drafts(app, delivery, event).await?).await }));
        Self { consumer, write }
    }
}

/// Mails for which nothing has to be read.
pub fn drafts<'a>(drafts: impl IntoIterator<Item = Draft>) -> Drafts<'a> {
    ready(Ok(drafts.into_iter().collect())).boxed()
}

pub fn to_house(app: &App, message: Message) -> Drafts<'_> {
    drafts([Draft::to_house(app, message)])
}

pub fn to_owners(app: &App, business: BusinessId, message: Message) -> Drafts<'_> {
    Box::pin(async move { Ok(Draft::to_accounts(&lookup::owners(app, business).await?, &message)) })
}

pub fn to_person(app: &App, id: UserId, message: Message) -> Drafts<'_> {
    Box::pin(async move { Ok(Draft::to_accounts(&lookup::person(app, id).await?, &message)) })
}
