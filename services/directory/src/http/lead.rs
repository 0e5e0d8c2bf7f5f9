//! Enquiries and leads over HTTP.

use axum::extract::State;
use contracts::Decision;
use kernel::{BusinessId, LeadId, Page, Problem, StaffRole};
use ports::store::{Expect, Key, Record as _, Stored, Write};
use shell::http::{Admin, Json, Listing, OpenApiRouter, Paging, Path, SignedIn, Staff, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext};

use super::ByStatus;
use crate::App;
use crate::business::{Business, BusinessError};
use crate::delivering::{Circumstances, counted, hashes};
use crate::lead::enquiry::Contact;
use crate::lead::limits::{AskedLately, Counted};
use crate::lead::storage as leads;
use crate::lead::views::{EnquiryInput, EnquiryView, LeadView, OwnEnquiry, ReplyInput, ReturnInput};
use crate::lead::{Lead, LeadError, Sender, Status};
use crate::storage;

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        ask: [Conflict, Forbidden, TooManyAttempts],
        list_own,
        list: [Forbidden],
        show: [Forbidden],
        give_back: [IllegalTransition, Forbidden],
        answer: [Conflict, Forbidden],
        list_all,
        deliver: [IllegalTransition],
        bill: [IllegalTransition],
        mark_spam: [IllegalTransition],
        credit: [IllegalTransition],
        refuse_return: [IllegalTransition],
    )
}

/// Send an enquiry to a business. Contact and message stay hidden until the lead is released to the business. Its own people
/// get 403; 429 after ten within a day by one person, or too many from one address of the network.
#[utoipa::path(post, path = "/businesses/{business_id}/leads", tag = "directory", operation_id = "sendEnquiry", params(("business_id" = BusinessId, Path)), request_body = EnquiryInput, responses((status = 202, body = EnquiryView)))]
async fn ask(
    request: RequestContext,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<EnquiryInput>,
) -> HandlerResult {
    let enquiry = input.into_enquiry()?;
    let hashes = hashes(&app, &enquiry.contact(LeadId(0)));
    let all = counted(&app, &hashes, request.client, id);
    let keys: Vec<Key> = all.iter().map(|counted| leads::asked_lately_key(counted.hash())).collect();
    let account = match request.actor.user_id() {
        Some(user) => app.deps.accounts.account(user).await?,
        None => None,
    };
    let address = enquiry.email().as_str();
    let is_theirs = account.is_some_and(|account| account.email_verified && account.email.as_str().eq_ignore_ascii_case(address));
    let load = |_| async {
        let lately = app.work.table().get_many::<AskedLately>(&keys).await?;
        Ok((Circumstances::load(&app, id, &hashes).await?, lately))
    };
    let decide = |(circumstances, lately): (Circumstances, Vec<Option<Stored<AskedLately>>>), context: &DecisionContext| {
        let business = &circumstances.business;
        business.may_be_asked()?;
        if request.actor.user_id().is_some_and(|user| business.role_of(user).is_some()) {
            return Err(LeadError::OwnBusiness.into());
        }
        let sender = Sender { lead_id: context.id(0), business_id: id, customer_id: request.actor.user_id() };
        let mut confirmed = is_theirs;
        let counted = all.iter().zip(&lately).try_fold(Changes::none(), |changes, (counted, lately)| {
            let before = lately.as_ref().map(|lately| lately.value.clone());
            if let Counted::Client(_) = counted {
                confirmed |= AskedLately::are_few(before.as_ref());
            }
            let count = AskedLately::count(before, counted.hash(), counted.limit(business.lead_terms.monthly_cap), context.now)?;
            Ok::<_, Problem>(changes.and(Changes::put(lately.as_ref().map(|lately| lately.version), count)?))
        })?;
        let decision = Lead::ask(&enquiry, sender, circumstances.delivery(&app, confirmed, context.now), context.now)?;
        let followed = circumstances.counted(&decision, context.now)?;
        let contact = Write::Put { item: enquiry.contact(sender.lead_id).to_item()?, expect: Expect::Absent };
        let changes = Changes::create(decision)?.and(followed).and(counted).write(contact);
        Ok(changes.reply(Reply::ok(&EnquiryView { id: sender.lead_id }).status(202)))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List the enquiries that the caller sent while signed in, newest first, with the answers.
#[utoipa::path(get, path = "/me/enquiries", tag = "directory", operation_id = "listOwnEnquiries", params(Paging), responses((status = 200, body = Page<OwnEnquiry>)))]
async fn list_own(request: SignedIn, State(app): State<App>, listing: Listing) -> HandlerResult {
    let table = app.work.table();
    let wanted = leads::leads_of_customer(request.user_id).descending().limit(listing.limit.get()).after(listing.cursor);
    let page = table.list::<Lead>(wanted).await?;
    let contacts: Vec<Key> = page.items.iter().map(|lead| leads::contact_key(lead.id)).collect();
    let mut businesses: Vec<Key> = page.items.iter().map(|lead| storage::business_key(lead.business_id)).collect();
    businesses.sort();
    businesses.dedup();
    let (contacts, businesses) =
        futures::try_join!(table.get_many_eventual::<Contact>(&contacts), table.get_many_eventual::<Business>(&businesses))?;
    let name =
        |id: BusinessId| businesses.iter().flatten().find(|business| business.id == id).map(|business| business.profile.name.clone());
    let view = |(lead, contact): (&Stored<Lead>, Option<Stored<Contact>>)| {
        let contact = contact?.value;
        Some(OwnEnquiry {
            id: lead.id,
            business_id: lead.business_id,
            business_name: name(lead.business_id),
            message: contact.message,
            asked_at: lead.asked_at,
            replies: contact.replies,
        })
    };
    let items = page.items.iter().zip(contacts).filter_map(view).collect();
    Ok(Reply::ok(&Page::<OwnEnquiry> { items, next: page.next }).no_store())
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
async fn show(request: Versioned<SignedIn>, State(app): State<App>, Path((id, lead)): Path<(BusinessId, LeadId)>) -> HandlerResult {
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
    request: Versioned<SignedIn>,
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

/// Answer whoever sent an enquiry, by mail and in their account. For owners and managers, once the lead is released; at most 20
/// times for a lead.
#[utoipa::path(post, path = "/businesses/{business_id}/leads/{lead_id}/replies", tag = "directory", operation_id = "answerLead", params(("business_id" = BusinessId, Path), ("lead_id" = LeadId, Path)), request_body = ReplyInput, responses((status = 200, body = LeadView)))]
async fn answer(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path((id, lead)): Path<(BusinessId, LeadId)>,
    Json(input): Json<ReplyInput>,
) -> HandlerResult {
    let table = app.work.table();
    let load = |_| async {
        storage::business(table, id).await?.require(&request.actor, StaffRole::Manager)?;
        let lead = leads::lead(table, lead).await?;
        if lead.business_id != id {
            return Err(LeadError::NotFound.into());
        }
        let original: Option<Stored<Lead>> = table.find(lead.duplicate_of.map(leads::lead_key)).await?;
        let contact: Option<Stored<Contact>> = table.get(&leads::contact_key(lead.id)).await?;
        Ok((lead, original.is_some_and(|original| original.is_released()), contact))
    };
    let decide = |(lead, is_open, contact): (Stored<Lead>, bool, Option<Stored<Contact>>), context: &DecisionContext| {
        let replies = contact.as_ref().map_or(0, |contact| contact.replies.len());
        let decision = lead.value.clone().answer(is_open, u32::try_from(replies).unwrap_or(u32::MAX), context.now)?;
        request.check_version(lead.version)?;
        let contact = contact.ok_or(LeadError::NotFound)?;
        let replied = contact.value.reply(&input.text, context.now)?;
        let reply = shown(decision.state(), context).etag(lead.version + 1);
        Ok(Changes::update(lead.version, decision)?.and(Changes::update(contact.version, replied)?).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List leads by status for staff, newest first, without their contacts.
#[utoipa::path(get, path = "/admin/leads", tag = "directory", operation_id = "listAllLeads", params(Paging, ByStatus::<Status>), responses((status = 200, body = Page<LeadView>)))]
async fn list_all(_: Staff, State(app): State<App>, listing: Listing<ByStatus<Status>>) -> HandlerResult {
    let status = listing.filter.status.unwrap_or(Status::New);
    let wanted = leads::leads_in_status(status).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Lead>(wanted).await?;
    Ok(Reply::ok(&page.map(|lead| LeadView::for_staff(&lead, None))))
}

/// Deliver a lead that looked like spam but is not, or that is unconfirmed.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/deliver", tag = "directory", operation_id = "deliverLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn deliver(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    let load = |_| async {
        let table = app.work.table();
        let lead = leads::lead(table, id).await?;
        let contact: Stored<Contact> = table.get(&leads::contact_key(id)).await?.ok_or(LeadError::NotFound)?;
        let circumstances = Circumstances::load(&app, lead.business_id, &hashes(&app, &contact)).await?;
        Ok((lead, circumstances))
    };
    let decide = |(lead, circumstances): (Stored<Lead>, Circumstances), context: &DecisionContext| {
        request.check_version(lead.version)?;
        let decision = lead.value.clone().deliver(circumstances.delivery(&app, true, context.now), context.now)?;
        let reply = shown(decision.state(), context).etag(lead.version + u64::from(decision.is_changed()));
        let counted = circumstances.counted(&decision, context.now)?;
        Ok(Changes::update(lead.version, decision)?.and(counted).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Record that a lead is paid for, which releases the contact.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/bill", tag = "directory", operation_id = "billLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn bill(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, context| lead.bill(context.now)).await
}

/// Mark a lead as spam; the business no longer sees it.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/spam", tag = "directory", operation_id = "markLeadSpam", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn mark_spam(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, _| lead.mark_spam()).await
}

/// Accept the return of a lead and credit its price.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/credit", tag = "directory", operation_id = "creditLead", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn credit(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
    change(&app, &request, id, |lead, _| lead.credit()).await
}

/// Refuse the return of a lead; it counts as sold.
#[utoipa::path(post, path = "/admin/leads/{lead_id}/refuse-return", tag = "directory", operation_id = "refuseLeadReturn", params(("lead_id" = LeadId, Path)), responses((status = 200, body = LeadView)))]
async fn refuse_return(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<LeadId>) -> HandlerResult {
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
