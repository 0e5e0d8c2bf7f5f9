//! Notifications: writes a mail for what happens in the shop, keeps a log of all mails, sends them.
//!
//! The log holds what a mail says (a template's name and its data), not the finished text. A new mail is a variant in
//! `mails/message.rs`, its event in `mails/<service>.rs`, and a template for each language in `templates/mails/`. Everyone who
//! shows or sends a mail goes through `compose.rs`.

mod compose;
mod config;
mod consumer;
#[cfg(test)]
mod formats;
mod http;
mod links;
mod locale;
mod lookup;
mod mail;
mod mailbox;
mod mailing;
mod mails;
mod personal_data;
mod render;
mod sending;
mod storage;
mod text;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use contracts::MailQueued;
use kernel::{Backoff, Duration};
use ports::reads::{DirectoryReads, IdentityReads, LinkTokens, OrderReads, OrderTokens};
use shell::{Consumer, RetryPolicy, Service, UnitOfWork};

pub use config::{Config, Delivery};
pub use locale::Locale;
pub use personal_data::Reads;
pub use storage::TABLE;

use mail::Mode;
use render::Renderer;

/// What the service needs of others.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderReads>,
    pub order_tokens: Arc<dyn OrderTokens>,
    pub links: Arc<dyn LinkTokens>,
    pub accounts: Arc<dyn IdentityReads>,
    pub directory: Arc<dyn DirectoryReads>,
    pub delivery: Delivery,
}

/// Mail servers are away for hours, and greylisting asks to come back later: 24 tries take four to five hours.
const SENDING: RetryPolicy =
    RetryPolicy { tries: 24, backoff: Backoff { first: Duration::from_secs(5), max: Duration::from_secs(15 * 60) } };

#[derive(Clone)]
pub(crate) struct App {
    work: UnitOfWork,
    shared: Arc<Shared>,
}

struct Shared {
    dependencies: Deps,
    config: Config,
    renderer: Renderer,
    mailer_rests_until_millis: AtomicI64,
}

impl App {
    fn mode(&self) -> Mode {
        if self.shared.dependencies.delivery.captures() { Mode::Capture } else { Mode::Send }
    }
}

/// # Panics
/// If a template of this crate is wrong, which its tests would show.
#[allow(clippy::expect_used)]
pub fn service(work: &UnitOfWork, dependencies: Deps, config: Config) -> Service {
    let renderer = Renderer::new(&config).expect("the templates are well formed");
    let shows_mailbox = dependencies.delivery.captures() && config.mailbox;
    let sends = !dependencies.delivery.captures();
    let app = App {
        work: work.clone(),
        shared: Arc::new(Shared { dependencies, config, renderer, mailer_rests_until_millis: AtomicI64::new(0) }),
    };

    let mut service = Service::new(work).routes(http::routes(app.clone())).consumer(consumer::consumer(app.clone()));
    if sends {
        let sender = Consumer::new("notifications-send", app.clone())
            .on::<MailQueued>(|app, delivery, queued| Box::pin(sending::on(app, delivery, queued)));
        service = service.consumer(sender.retry(SENDING));
    }
    if shows_mailbox {
        service = service.root_routes(mailbox::routes(app));
    }
    service
}
