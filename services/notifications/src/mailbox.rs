//! The mailbox: captured mails as pages and as JSON, open to everybody. Only for development; the
//! service leaves these routes out when mails are sent.

use axum::extract::State;
use futures::future::try_join_all;
use kernel::{Cursor, MailId, Page, Problem};
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Deserialize;
use shell::http::{Listing, Path};
use shell::{Failure, HandlerResult, Reply, RootRoutes};

use crate::App;
use crate::compose::Secrets;
use crate::http::{HtmlPage, MailSummary, MailView, html_page};
use crate::links::encode;
use crate::mail::MailRecord;
use crate::storage::{self, Filter};

pub fn routes(app: App) -> RootRoutes {
    RootRoutes::new()
        .get("/mailbox", list)
        .get("/mailbox/{mail_id}", show)
        .get("/mailbox/messages", messages)
        .get("/mailbox/messages/{mail_id}", message)
        .with_state(app)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mails {
    /// The form sends an empty text for everybody.
    #[serde(default)]
    to: String,
}

async fn found(app: &App, mails: &Listing<Mails>) -> Result<Page<MailRecord>, Problem> {
    let to = match mails.filter.to.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::field("to", "must be an e-mail address"))?),
    };
    let filter = Filter { template: None, status: None, to, house: app.shared.config.admin_email.clone() };
    storage::log(app.work.table(), &filter, mails.limit.get(), mails.cursor.clone()).await
}

async fn messages(State(app): State<App>, mails: Listing<Mails>) -> HandlerResult {
    let page = found(&app, &mails).await?;
    let items = try_join_all(page.items.iter().map(|mail| MailView::of(&app, mail, Secrets::Shown))).await?;
    Ok(Reply::ok(&Page { items, next: page.next }).no_store())
}

async fn message(State(app): State<App>, Path(id): Path<MailId>) -> HandlerResult {
    let mail = storage::peek(app.work.table(), id).await?;
    Ok(Reply::ok(&MailView::of(&app, &mail, Secrets::Shown).await?).no_store())
}

async fn list(State(app): State<App>, mails: Listing<Mails>) -> Result<HtmlPage, Failure> {
    let page = found(&app, &mails).await?;
    let rows = page.items.iter().map(|mail| MailSummary::of(&app, mail)).collect::<Result<Vec<_>, _>>()?;
    let older = page.next.map(|Cursor(cursor)| format!("/mailbox?to={}&cursor={}", encode(mails.filter.to.trim()), encode(&cursor)));
    let context = context! { mails => Value::from(Serde(&rows)), to => mails.filter.to.trim(), older => older };
    Ok(html_page(app.shared.renderer.page("mailbox_list.html", context)?))
}

async fn show(State(app): State<App>, Path(id): Path<MailId>) -> Result<HtmlPage, Failure> {
    let mail = storage::peek(app.work.table(), id).await?;
    let view = MailView::of(&app, &mail, Secrets::Shown).await?;
    // Links open in a new tab: the frame itself may show nothing but the mail.
    let srcdoc = view.html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let to_encoded = encode(mail.mail.to.as_str());
    let context = context! { mail => Value::from(Serde(&view)), srcdoc, to_encoded, from => &app.shared.config.from };
    Ok(html_page(app.shared.renderer.page("mailbox_mail.html", context)?))
}
