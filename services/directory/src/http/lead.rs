//! Enquiries and leads over HTTP.

use axum::extract::State;
use contracts::{Decision, StaffRole};
use kernel::{BusinessId, LeadId, Page, Problem};
use ports::store::{Expect, Key, Record as _, Stored, Write};
use shell::http::{Admin, Json, Listing, OpenApiRouter, Paging, Path, SignedIn, Staff};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext};

use super::ByStatus;
use crate::App;
use crate::business::{Business, BusinessError};
use crate::delivering::{Circumstances, hashes};
use crate::lead::enquiry::Contact;
use crate::lead::limits::AskedToday;
use crate::lead::storage as leads;
use crate::lead::views::{EnquiryInput, EnquiryView, LeadView, ReturnInput};
use crate::lead::{Lead, LeadError, Sender, Status};
use crate::storage;

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(ask, list, show, give_back, list_all, deliver, bill, mark_spam, credit, refuse_return)
}

/// Send an enquiry to a business. The contact stays hidden until the lead is released to the business.
#[utoipa::path(post, path = "/businesses/{business_id}/leads", tag = "directory", operation_id = "sendEnquiry", params(("business_id" = BusinessId, Path)), request_body = EnquiryInput, responses((status = 202, body = EnquiryView)))]
async fn ask(
    request: RequestContext,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<EnquiryInput>,
) -> HandlerResult {
    let enquiry = input.into_enquiry()?;
    let hashes = hashes(&app, &enquiry.contact(LeadId(0)));
    let keys: Vec<Key> = hashes.iter().map(|hash| leads::asked_today_key(hash)).collect();
    let load = |_| async {
        let today = app.work.table().get_many::<AskedToday>(&keys).await?;
        Ok((Circumstances::load(&app, id, &hashes).await?, today))
    };
    let decide = |(circumstances, today): (Circumstances, Vec<Option<Stored<AskedToday>>>), context: &DecisionContext| {
        circumstances.business.may_be_asked()?;
        let sender = Sender { lead_id: context.id(0), business_id: id, customer_id: request.actor.user_id() };
        let counted = hashes.iter().zip(&today).try_fold(Changes::none(), |changes, (hash, today)| {
            let count = AskedToday::count(today.as_ref().map(|today| today.value.clone()), hash.clone(), context.now)?;
            Ok::<_, Problem>(changes.and(Changes::put(today.as_ref().map(|today| today.version), count)?))
        })?;
        let decision = Lead::ask(&enquiry, sender, circumstances.delivery(&app, context.now), context.now)?;
        let followed = circumstances.counted(&decision, context.now)?;
        let contact = Write::Put { item: enquiry.contact(sender.lead_id).to_item()?, expect: Expect::Absent };
        let changes = Changes::create(decision)?.and(followed).and(counted).write(contact);
        Ok(changes.reply(Reply::ok(&EnquiryView { id: sender.lead_id }).status(202)))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List the leads of a business for its people, newest first.
#[utoipa::path(get, path = "/businesses/{business_id}/leads", tag = "directory", operation_id = "listLeads", params(("business_id" = BusinessId, Path), Paging), responses((status = 200, body = Page<LeadView>)))]
async fn list(request: SignedIn, State(app): State<App>, Path(id): Path<BusinessId>, listing: Listing) -> HandlerResult {
    require_people(&app, &request, id).await?;
    let wanted = leads::leads_of_business(id).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Lead>(wanted).await?;
    let leads: Vec<Lead> = page.items.into_iter().map(|lead| lead.value).collect();
    Ok(Reply::ok(&Page { items: views(&app, &leads).await?, next: page.next }).no_store())
}

/// Show a lead to the people of its business.
#[utoipa::path(get, path = "/businesses/{business_id}/leads/{lead_id}", tag = "directory", operation_id = "getLead", params(("business_id" = BusinessId, Path), ("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn show(request: SignedIn, State(app): State<App>, Path((id, lead)): Path<(BusinessId, LeadId)>) -> HandlerResult {
    require_people(&app, &request, id).await?;
    let lead: Stored<Lead> = app.work.table().get_eventual(&leads::lead_key(lead)).await?.ok_or(LeadError::NotFound)?;
    if lead.business_id != id || !lead.is_delivered() {
        return Err(LeadError::NotFound.into());
    }
    let views = views(&app, std::slice::from_ref(&lead.value)).await?;
    Ok(Reply::ok(views.first().ok_or(LeadError::NotFound)?).etag(lead.version).no_store())
}

/// Return a lead within 7 days of its delivery. An admin decides whether its price is credited.
#[utoipa::path(post, path = "/businesses/{business_id}/leads/{lead_id}/return", tag = "directory", operation_id = "returnLead", params(("business_id" = BusinessId, Path), ("lead_id" = LeadId, Path)), request_body = ReturnInput, responses((status = 200, body = LeadView)))]
async fn give_back(
    request: SignedIn,
    State(app): State<App>,
    Path((id, lead)): Path<(BusinessId, LeadId)>,
    Json(input): Json<ReturnInput>,
) -> HandlerResult {
    let load = |_| async {
        storage::business(app.work.table(), id).await?.require(&request.actor, StaffRole::Manager)?;
        let lead = leads::lead(app.work.table(), lead).await?;
        if lead.business_id == id { Ok(lead) } else { Err(LeadError::NotFound.into()) }
    };
    app.work.update(&request, load, |lead, context| lead.give_back(input.reason, context.now), shown).await
}

/// List leads by status for staff, newest first, without their contacts.
#[utoipa::path(get, path = "/admin/leads", tag = "directory", operation_id = "listAllLeads", params(Paging, ByStatus::<Status>), responses((status = 200, body = Page<LeadView>)))]
async fn list_all(_: Staff, State(app): State<App>, listing: Listing<ByStatus<Status>>) -> HandlerResult {
    let status = listing.filter.status.unwrap_or(Status::New);
    let wanted = leads::leads_in_status(status).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Lead>(wanted).await?;
    Ok(Reply::ok(&page.map(|lead| LeadView::of(&lead, None))))
}

/// Deliver a lead that looked like spam but is not.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/deliver", tag = "directory", operation_id = "deliverLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn deliver(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    let load = |_| async {
        let table = app.work.table();
        let lead = leads::lead(table, id).await?;
        let contact: Stored<Contact> = table.get(&leads::contact_key(id)).await?.ok_or(LeadError::NotFound)?;
        let circumstances = Circumstances::load(&app, lead.business_id, &hashes(&app, &contact)).await?;
        Ok((lead, circumstances))
    };
    let decide = |(lead, circumstances): (Stored<Lead>, Circumstances), context: &DecisionContext| {
        request.check_version(lead.version)?;
        let decision = lead.value.clone().deliver(circumstances.delivery(&app, context.now), context.now)?;
        let reply = shown(decision.state(), context).etag(lead.version + u64::from(decision.is_changed()));
        let counted = circumstances.counted(&decision, context.now)?;
        Ok(Changes::update(lead.version, decision)?.and(counted).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Record that a lead is paid for, which releases the contact.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/bill", tag = "directory", operation_id = "billLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn bill(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, context| lead.bill(context.now)).await
}

/// Mark a lead as spam; the business no longer sees it.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/spam", tag = "directory", operation_id = "markLeadSpam", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn mark_spam(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, _| lead.mark_spam()).await
}

/// Accept the return of a lead and credit its price.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/credit", tag = "directory", operation_id = "creditLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn credit(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, _| lead.credit()).await
}

/// Refuse the return of a lead; it counts as sold.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/refuse-return", tag = "directory", operation_id = "refuseLeadReturn", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn refuse_return(request: Admin, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, context| lead.refuse_return(context.now)).await
}

async fn change(
    app: &App,
    request: &RequestContext,
    id: LeadId,
    rule: impl Fn(Lead, &DecisionContext) -> Result<Decision<Lead>, LeadError>,
) -> HandlerResult {
    app.work.update(request, |_| leads::lead(app.work.table(), id), rule, shown).await
}

/// The answer to a change. It goes into an idempotency record, so it never holds who asked.
fn shown(lead: &Lead, _: &DecisionContext) -> Reply {
    Reply::ok(&LeadView::of(lead, None))
}

async fn require_people(app: &App, request: &RequestContext, id: BusinessId) -> Result<(), Problem> {
    let business: Stored<Business> = app.work.table().get_eventual(&storage::business_key(id)).await?.ok_or(BusinessError::NotFound)?;
    Ok(business.may_manage(&request.actor)?)
}

/// The leads with who asked, where that is released; a duplicate is released with the lead before it.
async fn views(app: &App, leads: &[Lead]) -> Result<Vec<LeadView>, Problem> {
    let table = app.work.table();
    let mut originals: Vec<Key> = leads.iter().filter_map(|lead| lead.duplicate_of).map(leads::lead_key).collect();
    originals.sort();
    originals.dedup();
    let originals = table.get_many_eventual::<Lead>(&originals).await?;
    let open = |lead: &Lead| {
        let original = |id: LeadId| originals.iter().flatten().find(|original| original.id == id);
        lead.is_released() || lead.duplicate_of.and_then(original).is_some_and(|original| original.is_released())
    };
    let released: Vec<Key> = leads.iter().filter(|lead| open(lead)).map(|lead| leads::contact_key(lead.id)).collect();
    let contacts = table.get_many_eventual::<Contact>(&released).await?;
    let contact = |id: LeadId| contacts.iter().flatten().find(|contact| contact.lead_id == id).map(|contact| contact.value.clone());
    Ok(leads.iter().map(|lead| LeadView::of(lead, contact(lead.id))).collect())
}
