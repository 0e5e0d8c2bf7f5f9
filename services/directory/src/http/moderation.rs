//! What admins decide about businesses.

use axum::extract::State;
use kernel::{BusinessId, Page};
use shell::http::{Admin, Json, Listing, OpenApiRouter, Paging, Path, Staff};
use shell::{HandlerResult, Reply};

use super::ByStatus;
use crate::App;
use crate::business::views::{ManagedBusiness, ReasonInput};
use crate::business::{Business, Status};
use crate::editing::change;
use crate::lead::LeadTerms;
use crate::storage;

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(list, approve, reject, suspend, restore, set_lead_terms)
}

/// List businesses by status for staff, the latest change first.
#[utoipa::path(get, path = "/admin/businesses", tag = "directory", operation_id = "listAllBusinesses", params(Paging, ByStatus::<Status>), responses((status = 200, body = Page<ManagedBusiness>)))]
async fn list(_: Staff, State(app): State<App>, listing: Listing<ByStatus<Status>>) -> HandlerResult {
    let wanted = storage::status_query(listing.filter.status.unwrap_or(Status::Pending)).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Business>(wanted).await?;
    Ok(Reply::ok(&page.map(|business| ManagedBusiness::from(business.value))))
}

/// Publish a business that waits for it.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/approve", tag = "directory", operation_id = "approveBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn approve(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.approve(context.now)).await
}

/// Reject a business that waits for publication, with a reason for its owner.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/reject", tag = "directory", operation_id = "rejectBusiness", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn reject(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<ReasonInput>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.reject(&input.reason, context.now)).await
}

/// Hide a published business from the public.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/suspend", tag = "directory", operation_id = "suspendBusiness", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn suspend(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<ReasonInput>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.suspend(&input.reason, context.now)).await
}

/// Publish a suspended business again.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/restore", tag = "directory", operation_id = "restoreBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn restore(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.restore(context.now)).await
}

/// Set what a business pays for leads from now on. Leads already delivered keep their price.
#[utoipa::path(put, path = "/admin/businesses/{business_id}/lead-terms", tag = "directory", operation_id = "setLeadTerms", params(("business_id" = BusinessId, Path)), request_body = LeadTerms, responses((status = 200, body = ManagedBusiness)))]
async fn set_lead_terms(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<LeadTerms>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.set_lead_terms(input, context.now)).await
}
