//! The admin's view of mails and templates.

use axum::extract::State;
use axum::http::header;
use axum::response::Html;
use kernel::{Cursor, Email, EventId, MailId, OrderId, Page, Problem, Timestamp, UserId};
use ports::store::Stored;
use serde::{Deserialize, Serialize};
use shell::http::{OpenApiRouter, PAGE_POLICY, Path, Query, Staff};
use shell::{Changes, Failure, HandlerResult, Reply, page_limit};
use utoipa::{IntoParams, ToSchema};

use crate::letter::{self, Secrets};
use crate::mail::{Attempt, MailRecord, MailStatus};
use crate::message::Template;
use crate::storage::{self, Filter};
use crate::{App, samples};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(list, get, resend, templates, preview).with_state(app)
}

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
    html: String,
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
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<Cursor>,
}

impl MailSummary {
    fn of(app: &App, mail: &MailRecord) -> Result<Self, Problem> {
        Ok(Self {
            id: mail.id,
            template: mail.template(),
            to: mail.to.clone(),
            subject: app.shared.renderer.subject(&mail.content)?,
            status: mail.status,
            order_id: mail.order_id,
            user_id: mail.user_id,
            created_at: mail.created_at,
        })
    }
}

/// The log of mails, newest first. A page may hold fewer than `limit` where few pass the filters, and still have a next one.
#[utoipa::path(get, path = "/admin/mails", tag = "notifications", operation_id = "listMails", params(ListMails), responses((status = 200, body = Page<MailSummary>)))]
async fn list(_: Staff, State(app): State<App>, Query(query): Query<ListMails>) -> HandlerResult {
    let filter = Filter { template: query.template, status: query.status, to: query.to, shop: app.shared.config.admin_email.clone() };
    let page = storage::log(app.work.table(), &filter, page_limit(query.limit)?.get(), query.cursor).await?;
    let items = page.items.iter().map(|mail| MailSummary::of(&app, mail)).collect::<Result<_, _>>()?;
    Ok(Reply::ok(&Page::<MailSummary> { items, next: page.next }))
}

/// One mail with what it says.
#[utoipa::path(get, path = "/admin/mails/{mail_id}", tag = "notifications", operation_id = "getMail", params(("mail_id" = MailId, Path)), responses((status = 200, body = MailView)))]
async fn get(_: Staff, State(app): State<App>, Path(id): Path<MailId>) -> HandlerResult {
    let mail = storage::peek(app.work.table(), id).await?;
    let rendered = letter::rendered(&app, &mail.value, Secrets::Hidden).await?;
    let view = MailView {
        summary: MailSummary::of(&app, &mail.value)?,
        text: rendered.text,
        html: rendered.html,
        cause_event: mail.cause,
        attempts: mail.value.attempts,
    };
    Ok(Reply::ok(&view).etag(mail.version))
}

/// Sends a mail again, also to an address that has refused mail before. A mail that is on its way already stays so.
#[utoipa::path(post, path = "/admin/mails/{mail_id}/resend", tag = "notifications", operation_id = "resendMail", params(("mail_id" = MailId, Path)), responses((status = 200, body = MailSummary)))]
async fn resend(request: Staff, State(app): State<App>, Path(id): Path<MailId>) -> HandlerResult {
    let table = app.work.table();
    app.work
        .handle_request(
            &request,
            |_| storage::mailing(table, id),
            |mailing, context| {
                let Stored { value: mailing, version } = mailing;
                let mail = mailing.mail(id).ok_or_else(storage::missing)?;
                let decision = mail.resend(app.mode(), context.now)?;
                let reply = Reply::ok(&MailSummary::of(&app, &decision.state)?).etag(version + u64::from(decision.changed));
                let lifted = decision.changed.then(|| storage::suppression_key(&decision.state.to));
                let changes = Changes::update(version, decision.map(|mail| mailing.with(mail)))?;
                Ok(lifted.into_iter().fold(changes, Changes::delete_derived).reply(reply))
            },
        )
        .await
}

/// The templates that there are.
#[utoipa::path(get, path = "/admin/mail-templates", tag = "notifications", operation_id = "listMailTemplates", responses((status = 200, body = Page<TemplateView>)))]
async fn templates(_: Staff, State(app): State<App>) -> HandlerResult {
    let view = |template: &Template| {
        let subject = app.shared.renderer.subject(&samples::content(*template))?;
        Ok::<_, Problem>(TemplateView { name: *template, description: template.description(), subject, essential: template.is_essential() })
    };
    let items = Template::ALL.iter().map(view).collect::<Result<_, _>>()?;
    Ok(Reply::ok(&Page::<TemplateView> { items, next: None }))
}

/// A template with made-up data, as HTML.
#[utoipa::path(get, path = "/admin/mail-templates/{name}/preview", tag = "notifications", operation_id = "previewMailTemplate", params(("name" = Template, Path)), responses((status = 200, content_type = "text/html", body = String)))]
async fn preview(
    _: Staff,
    State(app): State<App>,
    Path(template): Path<Template>,
) -> Result<([(header::HeaderName, &'static str); 1], Html<String>), Failure> {
    let mail = app.shared.renderer.mail(&samples::content(template), &app.shared.config.public_url)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(mail.html)))
}
