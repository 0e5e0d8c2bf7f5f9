//! Enquiries and leads over HTTP.

use axum::extract::State;
use contracts::{Decision, ReturnReason};
use kernel::{BusinessId, Cursor, Duration, LeadId, Money, Page, Problem, Timestamp};
use ports::store::{Expect, Key, Record as _, Stored, Write};
use serde::{Deserialize, Serialize};
use shell::http::{Admin, Json, OpenApiRouter, Path, Query, SignedIn, Staff};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext, page_limit};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::business::{Business, BusinessError};
use crate::lead::{self, Contact, DUPLICATE_WITHIN, Enquiry, Lead, LeadError, RETURN_WITHIN, Status, Verdict};
use crate::storage::{self, Asked, AskedToday, Month};

/// Enquiries of one person within a day, to whichever business.
const PER_DAY_MAX: u32 = 10;
const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(ask, list, show, give_back, list_all, deliver, bill, mark_spam, credit, refuse_return).with_state(app)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EnquiryInput {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(max_length = 254)]
    email: String,
    #[schema(max_length = 40)]
    phone: Option<String>,
    #[schema(min_length = 1, max_length = 4_000)]
    message: String,
    /// To be left empty: a form hides it from people, and programs fill it in.
    #[serde(default)]
    #[schema(max_length = 200)]
    website: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct EnquiryView {
    id: LeadId,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnInput {
    reason: ReturnReason,
}

#[derive(Debug, Serialize, ToSchema)]
struct ContactView {
    name: String,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    message: String,
}

/// A lead; who asked is shown to the business once the lead is released.
#[derive(Debug, Serialize, ToSchema)]
struct LeadView {
    id: LeadId,
    business_id: BusinessId,
    status: Status,
    /// The enquiry without what could be a contact.
    preview: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    /// The same person asked within 30 days: never charged, and released with that lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<ContactView>,
    asked_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Timestamp>,
    /// Until then the lead can be returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    returnable_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_reason: Option<ReturnReason>,
}

impl LeadView {
    fn of(lead: &Lead, contact: Option<Contact>) -> Self {
        Self {
            id: lead.id,
            business_id: lead.business_id,
            status: lead.status,
            preview: lead.preview.clone(),
            price: lead.price,
            duplicate_of: lead.duplicate_of,
            contact: contact.map(|contact| ContactView {
                name: contact.name,
                email: contact.email.to_string(),
                phone: contact.phone,
                message: contact.message,
            }),
            asked_at: lead.asked_at,
            delivered_at: lead.delivered_at,
            returnable_until: lead.delivered_at.map(|delivered_at| delivered_at.plus(RETURN_WITHIN)),
            return_reason: lead.return_reason,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// 1 to 100, 20 unless told.
    limit: Option<u32>,
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AllQuery {
    /// Those that wait for a look unless told.
    #[param(inline)]
    status: Option<Status>,
    /// 1 to 100, 20 unless told.
    limit: Option<u32>,
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What a delivery depends on.
struct Around {
    business: Stored<Business>,
    /// By the hashes of who asked, in their order.
    asked: Vec<Option<Stored<Asked>>>,
    month: Option<Stored<Month>>,
}

/// Sends an enquiry to a business. Nobody sees who asked before the business may.
#[utoipa::path(post, path = "/businesses/{business_id}/leads", tag = "directory", operation_id = "sendEnquiry", params(("business_id" = BusinessId, Path)), request_body = EnquiryInput, responses((status = 202, body = EnquiryView)))]
async fn ask(
    request: RequestContext,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<EnquiryInput>,
) -> HandlerResult {
    let trapped = !input.website.trim().is_empty();
    let enquiry = Enquiry { name: input.name, email: input.email, phone: input.phone, message: input.message };
    let contact = enquiry.checked(LeadId(0))?;
    let hashes = hashes(&app, &contact);
    let load = |_| async {
        let today =
            app.work.table().get_many::<AskedToday>(&hashes.iter().map(|hash| storage::asked_today_key(hash)).collect::<Vec<_>>()).await?;
        Ok((around(&app, id, &hashes).await?, today))
    };
    let decide = |(around, today): (Around, Vec<Option<Stored<AskedToday>>>), context: &DecisionContext| {
        if !around.business.is_published() {
            return Err(BusinessError::NotFound.into());
        }
        if around.business.members.is_empty() {
            return Err(LeadError::NotTaken.into());
        }
        if today.iter().flatten().any(|today| today.count >= PER_DAY_MAX) {
            return Err(LeadError::TooMany.into());
        }
        let contact = Contact { lead_id: context.id(0), ..contact.clone() };
        let (asked, verdict) = Lead::ask(id, request.actor.user_id(), &contact, trapped, context.now);
        let (decision, mut changes) = match verdict {
            Verdict::Suspicious => (asked, Changes::none()),
            Verdict::Spam => (asked.state.mark_spam()?, Changes::none()),
            Verdict::Fine => delivered(&app, asked.state, &around, &hashes, context.now)?,
        };
        for (hash, today) in hashes.iter().zip(&today) {
            changes = changes.and(counted_today(hash, today.as_ref(), context.now)?);
        }
        changes = Changes::create(decision)?.and(changes).write(Write::Put { item: contact.to_item()?, expect: Expect::Absent });
        Ok(changes.reply(Reply::ok(&EnquiryView { id: contact.lead_id }).status(202)))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Lists the leads of a business for its people, newest first.
#[utoipa::path(get, path = "/businesses/{business_id}/leads", tag = "directory", operation_id = "listLeads", params(("business_id" = BusinessId, Path), Paging), responses((status = 200, body = Page<LeadView>)))]
async fn list(request: SignedIn, State(app): State<App>, Path(id): Path<BusinessId>, Query(query): Query<Paging>) -> HandlerResult {
    require_people(&app, &request, id).await?;
    let wanted = storage::leads_of_business(id).limit(page_limit(query.limit)?.get()).after(query.cursor);
    let page = app.work.table().list::<Lead>(wanted).await?;
    let leads: Vec<Lead> = page.items.into_iter().map(|lead| lead.value).collect();
    Ok(Reply::ok(&Page { items: views(&app, &leads).await?, next: page.next }).no_store())
}

/// Shows a lead to the people of its business.
#[utoipa::path(get, path = "/businesses/{business_id}/leads/{lead_id}", tag = "directory", operation_id = "getLead", params(("business_id" = BusinessId, Path), ("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn show(request: SignedIn, State(app): State<App>, Path((id, lead)): Path<(BusinessId, LeadId)>) -> HandlerResult {
    require_people(&app, &request, id).await?;
    let lead: Stored<Lead> = app.work.table().get_eventual(&storage::lead_key(lead)).await?.ok_or(LeadError::NotFound)?;
    if lead.business_id != id || !lead.is_delivered() {
        return Err(LeadError::NotFound.into());
    }
    let shown = views(&app, std::slice::from_ref(&lead.value)).await?;
    Ok(Reply::ok(shown.first().ok_or(LeadError::NotFound)?).no_store())
}

/// Gives a lead back, within 7 days of its delivery. An admin decides whether its price is credited.
#[utoipa::path(post, path = "/businesses/{business_id}/leads/{lead_id}/return", tag = "directory", operation_id = "returnLead", params(("business_id" = BusinessId, Path), ("lead_id" = LeadId, Path)), request_body = ReturnInput, responses((status = 200, body = LeadView)))]
async fn give_back(
    request: SignedIn,
    State(app): State<App>,
    Path((id, lead)): Path<(BusinessId, LeadId)>,
    Json(input): Json<ReturnInput>,
) -> HandlerResult {
    let business = storage::business(app.work.table(), id).await?;
    business.require(&request.actor, contracts::StaffRole::Manager)?;
    change(
        &app,
        &request,
        lead,
        |lead, context| {
            if lead.business_id != id { Err(LeadError::NotFound) } else { lead.give_back(input.reason, context.now) }
        },
    )
    .await
}

/// Lists leads in a status for staff, newest first, without who asked.
#[utoipa::path(get, path = "/admin/leads", tag = "directory", operation_id = "listAllLeads", params(AllQuery), responses((status = 200, body = Page<LeadView>)))]
async fn list_all(_: Staff, State(app): State<App>, Query(query): Query<AllQuery>) -> HandlerResult {
    let wanted = storage::leads_in_status(query.status.unwrap_or(Status::New)).limit(page_limit(query.limit)?.get()).after(query.cursor);
    let page = app.work.table().list::<Lead>(wanted).await?;
    Ok(Reply::ok(&page.map(|lead| LeadView::of(&lead, None))))
}

/// Delivers a lead that looked like spam and is none.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/deliver", tag = "directory", operation_id = "deliverLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn deliver(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    let load = |_| async {
        let table = app.work.table();
        let lead: Stored<Lead> = table.get(&storage::lead_key(id)).await?.ok_or(LeadError::NotFound)?;
        let contact: Stored<Contact> = table.get(&storage::contact_key(id)).await?.ok_or(LeadError::NotFound)?;
        let hashes = hashes(&app, &contact);
        let around = around(&app, lead.business_id, &hashes).await?;
        Ok((lead, around, hashes))
    };
    let decide = |(lead, around, hashes): (Stored<Lead>, Around, Vec<String>), context: &DecisionContext| {
        let (decision, changes) = delivered(&app, lead.value.clone(), &around, &hashes, context.now)?;
        let reply = Reply::ok(&LeadView::of(&decision.state, None));
        if !decision.changed {
            return Ok(reply.into());
        }
        Ok(Changes::update(lead.version, decision)?.and(changes).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Notes that a lead is paid for: who asked is released.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/bill", tag = "directory", operation_id = "billLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn bill(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, context| lead.bill(context.now)).await
}

/// Takes a lead away that is spam.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/spam", tag = "directory", operation_id = "markLeadSpam", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn mark_spam(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, _| lead.mark_spam()).await
}

/// Accepts the return of a lead.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/credit", tag = "directory", operation_id = "creditLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn credit(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, _| lead.credit()).await
}

/// Refuses the return of a lead: it counts as sold.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/refuse-return", tag = "directory", operation_id = "refuseLeadReturn", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn refuse_return(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, context| lead.refuse_return(context.now)).await
}

/// One change of a lead. The answer goes into an idempotency record, so it never holds who asked.
async fn change(
    app: &App,
    request: &RequestContext,
    id: LeadId,
    decide: impl Fn(Lead, &DecisionContext) -> Result<Decision<Lead>, LeadError>,
) -> HandlerResult {
    let load = |_| async { Ok(app.work.table().get::<Lead>(&storage::lead_key(id)).await?.ok_or(LeadError::NotFound)?) };
    let decide = |lead: Stored<Lead>, context: &DecisionContext| {
        let decision = decide(lead.value.clone(), context)?;
        let reply = Reply::ok(&LeadView::of(&decision.state, None));
        Ok(Changes::update(lead.version, decision)?.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

async fn require_people(app: &App, request: &RequestContext, id: BusinessId) -> Result<(), Problem> {
    let business: Stored<Business> = app.work.table().get_eventual(&storage::business_key(id)).await?.ok_or(BusinessError::NotFound)?;
    Ok(business.may_manage(&request.actor)?)
}

/// The leads with who asked, where that is released; a duplicate is released with the lead before it.
async fn views(app: &App, leads: &[Lead]) -> Result<Vec<LeadView>, Problem> {
    let table = app.work.table();
    let mut originals: Vec<Key> = leads.iter().filter_map(|lead| lead.duplicate_of).map(storage::lead_key).collect();
    originals.sort();
    originals.dedup();
    let originals: Vec<Option<Stored<Lead>>> = if originals.is_empty() { Vec::new() } else { table.get_many_eventual(&originals).await? };
    let open = |lead: &Lead| {
        let original = |id: LeadId| originals.iter().flatten().find(|original| original.id == id);
        lead.is_released() || lead.duplicate_of.and_then(original).is_some_and(|original| original.is_released())
    };
    let released: Vec<Key> = leads.iter().filter(|lead| open(lead)).map(|lead| storage::contact_key(lead.id)).collect();
    let contacts: Vec<Option<Stored<Contact>>> = if released.is_empty() { Vec::new() } else { table.get_many_eventual(&released).await? };
    let contact = |id: LeadId| contacts.iter().flatten().find(|contact| contact.lead_id == id).map(|contact| contact.value.clone());
    Ok(leads.iter().map(|lead| LeadView::of(lead, contact(lead.id))).collect())
}

fn hashes(app: &App, contact: &Contact) -> Vec<String> {
    contact.identities().iter().map(|identity| app.deps.signer.mac(&format!("enquirer {identity}"))).collect()
}

async fn around(app: &App, id: BusinessId, hashes: &[String]) -> Result<Around, Problem> {
    let table = app.work.table();
    let keys: Vec<Key> = hashes.iter().map(|hash| storage::asked_key(hash, id)).collect();
    Ok(Around {
        business: storage::business(table, id).await?,
        asked: table.get_many(&keys).await?,
        month: table.get(&storage::month_key(id, app.work.now())).await?,
    })
}

/// The delivery, the marks by which a duplicate is known, and the count of the month.
fn delivered(app: &App, lead: Lead, around: &Around, hashes: &[String], now: Timestamp) -> Result<(Decision<Lead>, Changes), Problem> {
    let month = storage::month_of(now);
    // The item was read for the month of the load; one that has just begun counts from zero.
    let this_month = around.month.as_ref().filter(|item| item.month == month);
    let delivery = lead::Delivery {
        shop_price: app.settings.lead_price,
        terms: around.business.lead_terms,
        duplicate_of: around.asked.iter().flatten().map(|asked| asked.lead_id).next(),
        this_month: this_month.map_or(0, |item| item.delivered),
    };
    let business_id = lead.business_id;
    let decision = lead.deliver(delivery, now)?;
    if !decision.changed || decision.state.duplicate_of.is_some() {
        return Ok((decision, Changes::none()));
    }
    let mut changes = Changes::none();
    for (hash, asked) in hashes.iter().zip(&around.asked) {
        let mark = Asked { hash: hash.clone(), business_id, lead_id: decision.state.id, expires_at: now.plus(DUPLICATE_WITHIN) };
        changes = changes.and(put(asked.as_ref().map(|asked| asked.version), mark)?);
    }
    let count = Month { business_id, month, delivered: delivery.this_month + 1 };
    Ok((decision, changes.and(put(this_month.map(|item| item.version), count)?)))
}

fn counted_today(hash: &str, today: Option<&Stored<AskedToday>>, now: Timestamp) -> Result<Changes, Problem> {
    let next = match today {
        Some(today) => AskedToday { count: today.count + 1, ..today.value.clone() },
        None => AskedToday { hash: hash.to_owned(), count: 1, expires_at: now.plus(DAY) },
    };
    put(today.map(|today| today.version), next)
}

fn put<T: ports::store::Record>(before: Option<u64>, next: T) -> Result<Changes, Problem> {
    match before {
        Some(version) => Changes::update(version, Decision::changed(next)),
        None => Changes::create(Decision::changed(next)),
    }
}
