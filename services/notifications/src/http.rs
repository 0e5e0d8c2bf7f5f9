//! The admin's view of mails and templates.

use axum::extract::State;
use axum::http::header;
use axum::response::Html;
use kernel::{Email, EventId, MailId, OrderId, Page, Problem, Timestamp, UserId};
use ports::store::Stored;
use serde::{Deserialize, Serialize};
use shell::http::{Listing, OpenApiRouter, PAGE_POLICY, Paging, Path, Staff, Versioned};
use shell::{Changes, Failure, HandlerResult, Reply};
use strum::EnumMessage as _;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::compose::{self, Secrets};
use crate::mail::{Attempt, MailRecord, MailStatus};
use crate::mails::{Message, Template};
use crate::render::Rendered;
use crate::storage::{self, Filter};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        list,
        get,
        resend: [Conflict],
        templates,
        preview,
    )
    .with_state(app)
}

/// A page that may load nothing from elsewhere.
pub type HtmlPage = ([(header::HeaderName, &'static str); 1], Html<String>);

/// A mail in a listing.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailSummary {
    id: MailId,
    template: Template,
    to: Email,
    subject: String,
    status: MailStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    created_at: Timestamp,
}

/// A mail with what it says. Links that only the receiver may use are disabled.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailView {
    #[serde(flatten)]
    summary: MailSummary,
    text: String,
    pub html: String,
    /// The event that the mail follows from.
    cause_event: EventId,
    /// The sendings that came to an end, oldest first.
    attempts: Vec<Attempt>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateView {
    name: Template,
    description: &'static str,
    /// The subject with made-up data.
    subject: String,
    /// Whether the mail is sent even to an address that has refused mail before.
    essential: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListMails {
    template: Option<Template>,
    status: Option<MailStatus>,
    /// An e-mail address.
    to: Option<Email>,
}

impl MailSummary {
    pub fn of(app: &App, record: &MailRecord) -> Result<Self, Problem> {
        let MailRecord { id, origin, mail } = record;
        Ok(Self {
            id: *id,
            template: mail.message.template(),
            to: mail.to.clone(),
            subject: compose::subject(app, record)?,
            status: mail.status,
            order_id: origin.order.as_ref().map(|order| order.id),
            user_id: origin.user_id,
            created_at: origin.created_at,
        })
    }
}

impl MailView {
    pub async fn of(app: &App, record: &MailRecord, secrets: Secrets) -> Result<Self, Problem> {
        let Rendered { text, html, .. } = compose::rendered(app, record, secrets).await?;
        let (cause_event, attempts) = (record.origin.cause, record.mail.attempts.clone());
        Ok(Self { summary: MailSummary::of(app, record)?, text, html, cause_event, attempts })
    }
}

/// List the mails, newest first. A page may hold fewer than `limit` where few pass the filters, and still have a next one.
#[utoipa::path(get, path = "/admin/mails", tag = "notifications", operation_id = "listMails", params(ListMails, Paging), responses((status = 200, body = Page<MailSummary>)))]
async fn list(
    _: Staff,
    State(app): State<App>,
    Listing { filter: ListMails { template, status, to }, limit, cursor }: Listing<ListMails>,
) -> HandlerResult {
    let filter = Filter { template, status, to, house: app.shared.config.admin_email.clone() };
    let page = storage::log(app.work.table(), &filter, limit.get(), cursor).await?;
    let items = page.items.iter().map(|mail| MailSummary::of(&app, mail)).collect::<Result<_, _>>()?;
    Ok(Reply::ok(&Page::<MailSummary> { items, next: page.next }))
}

/// Get a mail with what it says.
#[utoipa::path(get, path = "/admin/mails/{mail_id}", tag = "notifications", operation_id = "getMail", params(("mail_id" = MailId, Path)), responses((status = 200, body = MailView)))]
async fn get(_: Versioned<Staff>, State(app): State<App>, Path(id): Path<MailId>) -> HandlerResult {
    let mail = storage::peek(app.work.table(), id).await?;
    Ok(Reply::ok(&MailView::of(&app, &mail, Secrets::Hidden).await?).etag(mail.version))
}

/// Send a mail again, also to an address that has refused mail before. A mail that is on its way already stays so.
#[utoipa::path(post, path = "/admin/mails/{mail_id}/resend", tag = "notifications", operation_id = "resendMail", params(("mail_id" = MailId, Path)), responses((status = 200, body = MailSummary)))]
async fn resend(request: Versioned<Staff>, State(app): State<App>, Path(id): Path<MailId>) -> HandlerResult {
    let table = app.work.table();
    app.work
        .handle_request(
            &request,
            |_| storage::mailing(table, id),
            |mailing, context| {
                let Stored { value: mailing, version } = mailing;
                request.check_version(version)?;
                let mail = mailing.mail(id).ok_or_else(storage::missing)?;
                let decision = mail.resend(app.mode(), context.now)?;
                let reply = Reply::ok(&MailSummary::of(&app, decision.state())?).etag(version + u64::from(decision.is_changed()));
                let lifted = decision.is_changed().then(|| storage::suppression_key(&decision.state().mail.to));
                let changes = Changes::update(version, decision.map(|mail| mailing.with(mail)))?;
                Ok(lifted.into_iter().fold(changes, Changes::delete_derived).reply(reply))
            },
        )
        .await
}

/// List the mail templates.
#[utoipa::path(get, path = "/admin/mail-templates", tag = "notifications", operation_id = "listMailTemplates", responses((status = 200, body = Page<TemplateView>)))]
async fn templates(_: Staff, State(app): State<App>) -> HandlerResult {
    let view = |sample: Message| {
        let (name, description) = (sample.template(), sample.get_documentation().unwrap_or_default());
        let subject = compose::sample(&app, &sample)?.subject;
        Ok::<_, Problem>(TemplateView { name, description, subject, essential: sample.is_essential() })
    };
    let items = Message::samples().into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Reply::ok(&Page::<TemplateView> { items, next: None }))
}

/// Show a mail template with made-up data, as HTML.
#[utoipa::path(get, path = "/admin/mail-templates/{name}/preview", tag = "notifications", operation_id = "previewMailTemplate", params(("name" = Template, Path)), responses((status = 200, content_type = "text/html", body = String)))]
async fn preview(_: Staff, State(app): State<App>, Path(template): Path<Template>) -> Result<HtmlPage, Failure> {
    let sample = Message::samples().into_iter().find(|sample| sample.template() == template);
    let sample = sample.ok_or_else(|| Problem::not_found("mail template of this name"))?;
    Ok(html_page(compose::sample(&app, &sample)?.html))
}

pub fn html_page(html: String) -> HtmlPage {
    ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(html))
}
