//! What admins decide about businesses.

use axum::extract::State;
use kernel::{BusinessId, Count, Counts, Line, Page, Problem, WantedWords};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Admin, Json, Listing, OpenApiRouter, Paging, Path, Staff, Versioned};
use shell::{DecisionContext, HandlerResult, Reply};
use strum::IntoEnumIterator as _;
use utoipa::IntoParams;

use crate::App;
use crate::business::views::{ManagedBusiness, ReasonInput};
use crate::business::{Business, Status};
use crate::category::Tree;
use crate::editing::{self, SlugWish, change, shown};
use crate::lead::LeadTerms;
use crate::storage::{self, SlugOwner};

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        list,
        count,
        approve: [Conflict, IllegalTransition],
        reject: [IllegalTransition],
        suspend: [IllegalTransition],
        restore: [IllegalTransition],
        approve_change: [AlreadyExists],
        reject_change,
        set_lead_terms: [IllegalTransition],
    )
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct BusinessFilter {
    /// Those that wait for an admin, unless given.
    #[param(inline)]
    status: Option<Status>,
    /// `true` for published ones that want to change their name, website or main category, the oldest wish first. Not
    /// together with `status`.
    pending: Option<bool>,
    /// Words of the name, the address, the telephone number, the e-mail address, the website or the slug, in any order and any
    /// case. With it all statuses are looked through unless one is given.
    #[param(inline)]
    q: Option<Line<1, 100>>,
}

/// Of each status.
const COUNTED_MAX: usize = 100;

/// List businesses by status for staff, the latest change first. With `q` a page may hold fewer than its limit and still have a
/// next one.
#[utoipa::path(get, path = "/admin/businesses", tag = "directory", operation_id = "listAllBusinesses", params(Paging, BusinessFilter), responses((status = 200, body = Page<ManagedBusiness>)))]
async fn list(_: Staff, State(app): State<App>, listing: Listing<BusinessFilter>) -> HandlerResult {
    let (table, filter, limit) = (app.work.table(), listing.filter, listing.limit.get());
    if filter.pending == Some(true) && (filter.status.is_some() || filter.q.is_some()) {
        return Err(Problem::field("pending", "cannot be combined with status or q").into());
    }
    let page = match (filter.q.as_deref().map(WantedWords::of), filter.pending) {
        (Some(words), _) => {
            let statuses = filter.status.map_or_else(|| Status::iter().collect(), |status| vec![status]);
            let lists: Vec<_> = statuses.into_iter().map(storage::status_query).collect();
            let fits = |business: &Business| words.are_in(texts(business));
            table.filter_merged_desc(&lists, storage::place_by_status, limit, listing.cursor, fits).await?
        }
        (None, Some(true)) => table.list::<Business>(storage::pending_query().limit(limit).after(listing.cursor)).await?,
        (None, None | Some(false)) => {
            let query = storage::status_query(filter.status.unwrap_or(Status::Pending));
            table.list::<Business>(query.limit(limit).after(listing.cursor)).await?
        }
    };
    Ok(Reply::ok(&page.map(|business| ManagedBusiness::from(business.value))))
}

/// Where words are looked for.
fn texts(business: &Business) -> Vec<&str> {
    let profile = &business.profile;
    let mut texts = vec![profile.name.as_str(), business.slug.as_str()];
    texts.extend([&profile.phone, &profile.email, &profile.website].into_iter().flatten().map(String::as_str));
    if let Some(address) = &profile.address {
        texts.extend([address.street_address.as_str(), &address.postal_code, &address.address_locality, &address.district]);
    }
    texts
}

/// Count the businesses of each status, for staff.
#[utoipa::path(get, path = "/admin/businesses/counts", tag = "directory", operation_id = "countBusinesses", responses((status = 200, body = Counts<Status>)))]
async fn count(_: Staff, State(app): State<App>) -> HandlerResult {
    let mut items = Vec::new();
    for status in Status::iter() {
        let page = app.work.table().list::<Counted>(storage::status_query(status).limit(COUNTED_MAX)).await?;
        items.push(Count::of(status, &page.map(|business| business.value.id)));
    }
    Ok(Reply::ok(&Counts { items }))
}

/// As much of a business as tells that there is one.
#[derive(Deserialize)]
struct Counted {
    id: BusinessId,
}

/// Publish a business that waits for it.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/approve", tag = "directory", operation_id = "approveBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn approve(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.approve(context.now)).await
}

/// Reject a business that waits for publication, with a reason for its owner.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/reject", tag = "directory", operation_id = "rejectBusiness", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn reject(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<ReasonInput>,
) -> HandlerResult {
    change(&app, &request, id, |business, context| business.reject(&input.reason, context.now)).await
}

/// Hide a published business from the public.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/suspend", tag = "directory", operation_id = "suspendBusiness", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn suspend(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<ReasonInput>,
) -> HandlerResult {
    change(&app, &request, id, |business, context| business.suspend(&input.reason, context.now)).await
}

/// Publish a suspended business again.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/restore", tag = "directory", operation_id = "restoreBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn restore(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.restore(context.now)).await
}

/// Show what a published business wants to change. The address of its page follows the name.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/pending/approve", tag = "directory", operation_id = "approveBusinessChange", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn approve_change(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    let wish = |business: &Business| {
        let pending = business.pending.clone()?;
        let renamed = pending.name != business.profile.name;
        renamed.then(|| SlugWish::near(&pending.applied_to(business.profile.clone()), &id.to_string()))
    };
    let load = |_| async {
        let (business, tree) = editing::load(app.work.table(), id).await?;
        let owners = match wish(&business) {
            Some(wish) => wish.owners(app.work.table()).await?,
            None => Vec::new(),
        };
        Ok((business, tree, owners))
    };
    let decide = |(before, tree, owners): (Stored<Business>, Stored<Tree>, Vec<Option<Stored<SlugOwner>>>), context: &DecisionContext| {
        request.check_version(before.version)?;
        let (slug, owner) = match wish(&before) {
            Some(wish) => wish.choose(id, &owners)?,
            None => (before.slug.clone(), None),
        };
        let decision = before.value.clone().approve_change(slug, context.now);
        let reply = shown(&before, &decision);
        Ok(storage::save(Some(&before), owner, &tree, decision)?.reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Leave a published business as it is, with a reason for its owner.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/pending/reject", tag = "directory", operation_id = "rejectBusinessChange", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn reject_change(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<ReasonInput>,
) -> HandlerResult {
    change(&app, &request, id, |business, context| Ok(business.reject_change(&input.reason, context.now))).await
}

/// Set what a business pays for leads from now on. Leads already delivered keep their price.
#[utoipa::path(put, path = "/admin/businesses/{business_id}/lead-terms", tag = "directory", operation_id = "setLeadTerms", params(("business_id" = BusinessId, Path)), request_body = LeadTerms, responses((status = 200, body = ManagedBusiness)))]
async fn set_lead_terms(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<LeadTerms>,
) -> HandlerResult {
    change(&app, &request, id, |business, context| business.set_lead_terms(input, context.now)).await
}
