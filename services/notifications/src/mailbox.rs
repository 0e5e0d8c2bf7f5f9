//! The mailbox: captured mails as pages and as JSON, open to everybody. Only for development; the
//! service leaves these routes out when mails are sent.

use axum::extract::State;
use axum::http::header;
use axum::response::Html;
use kernel::{Cursor, Email, MailId, Page, Problem, Timestamp};
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::{Deserialize, Serialize};
use shell::http::{Listing, PAGE_POLICY, Path};
use shell::{Failure, HandlerResult, Reply, RootRoutes};

use crate::App;
use crate::letter::{self, Secrets};
use crate::links::encode;
use crate::mail::MailRecord;
use crate::mails::Template;
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

#[derive(Debug, Serialize)]
struct MessageView {
    id: MailId,
    to: Email,
    subject: String,
    text: String,
    html: String,
    template: Template,
    created_at: Timestamp,
}

type PageAnswer = Result<([(header::HeaderName, &'static str); 1], Html<String>), Failure>;

impl MessageView {
    async fn of(app: &App, mail: &MailRecord) -> Result<Self, Problem> {
        let rendered = letter::rendered(app, mail, Secrets::Shown).await?;
        Ok(Self {
            id: mail.id,
            to: mail.to.clone(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            template: mail.template(),
            created_at: mail.created_at,
        })
    }
}

async fn found(app: &App, mails: &Listing<Mails>) -> Result<Page<MailRecord>, Problem> {
    let to = match mails.filter.to.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::field("to", "must be an e-mail address"))?),
    };
    let filter = Filter { template: None, status: None, to, shop: app.shared.config.admin_email.clone() };
    storage::log(app.work.table(), &filter, mails.limit.get(), mails.cursor.clone()).await
}

async fn messages(State(app): State<App>, mails: Listing<Mails>) -> HandlerResult {
    let page = found(&app, &mails).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for mail in &page.items {
        items.push(MessageView::of(&app, mail).await?);
    }
    Ok(Reply::ok(&Page { items, next: page.next }).no_store())
}

async fn message(State(app): State<App>, Path(id): Path<MailId>) -> HandlerResult {
    let mail = storage::peek(app.work.table(), id).await?;
    Ok(Reply::ok(&MessageView::of(&app, &mail).await?).no_store())
}

async fn list(State(app): State<App>, mails: Listing<Mails>) -> PageAnswer {
    let page = found(&app, &mails).await?;
    let row = |mail: &MailRecord| {
        Ok::<_, Problem>(context! {
            id => mail.id.to_string(),
            to => mail.to.as_str(),
            subject => letter::subject(&app, mail)?,
            template => mail.template().name,
            created_at => mail.created_at.to_string(),
        })
    };
    let rows = page.items.iter().map(row).collect::<Result<Vec<Value>, _>>()?;
    let older = page.next.map(|Cursor(cursor)| format!("/mailbox?to={}&cursor={}", encode(mails.filter.to.trim()), encode(&cursor)));
    html_page(&app, "mailbox_list.html", context! { mails => rows, to => mails.filter.to.trim(), older => older })
}

async fn show(State(app): State<App>, Path(id): Path<MailId>) -> PageAnswer {
    let mail = storage::peek(app.work.table(), id).await?;
    let view = MessageView::of(&app, &mail).await?;
    // Links open in a new tab: the frame itself may show nothing but the mail.
    let srcdoc = view.html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let to_encoded = encode(view.to.as_str());
    let context = context! { mail => Value::from(Serde(&view)), srcdoc, to_encoded, from => &app.shared.config.from };
    html_page(&app, "mailbox_mail.html", context)
}

fn html_page(app: &App, name: &str, context: Value) -> PageAnswer {
    let page = app.shared.renderer.page(name, context)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(page)))
}
