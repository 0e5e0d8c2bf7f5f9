//! What admins decide about businesses.

use axum::extract::State;
use kernel::{BusinessId, Cursor, Page};
use serde::Deserialize;
use shell::http::{Admin, Json, OpenApiRouter, Path, Query, Staff};
use shell::{HandlerResult, Reply, page_limit};
use utoipa::IntoParams;

use crate::App;
use crate::business::{Business, BusinessError, Status};
use crate::editing::change;
use crate::lead::LeadTerms;
use crate::storage;
use crate::views::{LeadTermsView, ManagedBusiness, ReasonInput};

const LEAD_PRICE_MAX: i64 = 100_000_000;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(list, approve, reject, suspend, restore, set_lead_terms).with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Those that wait for moderation unless told.
    #[param(inline)]
    status: Option<Status>,
    /// 1 to 100, 20 unless told.
    limit: Option<u32>,
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Lists businesses in a status for staff, the latest change first.
#[utoipa::path(get, path = "/admin/businesses", tag = "directory", operation_id = "listAllBusinesses", params(ListQuery), responses((status = 200, body = Page<ManagedBusiness>)))]
async fn list(_: Staff, State(app): State<App>, Query(query): Query<ListQuery>) -> HandlerResult {
    let wanted = storage::status_query(query.status.unwrap_or(Status::Pending)).limit(page_limit(query.limit)?.get()).after(query.cursor);
    let page = app.work.table().list::<Business>(wanted).await?;
    Ok(Reply::ok(&page.map(|business| ManagedBusiness::from(business.value))))
}

/// Publishes a business that waits for it.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/approve", tag = "directory", operation_id = "approveBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn approve(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.approve(context.now)).await
}

/// Gives a business back to its owner, with the reason.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/reject", tag = "directory", operation_id = "rejectBusiness", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn reject(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<ReasonInput>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.reject(&input.reason, context.now)).await
}

/// Takes a published business away from the public.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/suspend", tag = "directory", operation_id = "suspendBusiness", params(("business_id" = BusinessId, Path)), request_body = ReasonInput, responses((status = 200, body = ManagedBusiness)))]
async fn suspend(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<ReasonInput>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.suspend(&input.reason, context.now)).await
}

/// Publishes a suspended business again.
#[utoipa::path(post, path = "/admin/businesses/{business_id}/restore", tag = "directory", operation_id = "restoreBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn restore(request: Admin, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.restore(context.now)).await
}

/// Decides what a business pays for leads from now on. Leads that were delivered keep their price.
#[utoipa::path(put, path = "/admin/businesses/{business_id}/lead-terms", tag = "directory", operation_id = "setLeadTerms", params(("business_id" = BusinessId, Path)), request_body = LeadTermsView, responses((status = 200, body = ManagedBusiness)))]
async fn set_lead_terms(
    request: Admin,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<LeadTermsView>,
) -> HandlerResult {
    if input.price.is_some_and(|price| !(0..=LEAD_PRICE_MAX).contains(&price)) {
        return Err(BusinessError::Field { field: "price", reason: format!("must be 0 to {LEAD_PRICE_MAX} minor units") }.into());
    }
    let terms = LeadTerms { price: input.price, monthly_cap: input.monthly_cap, covered_by_plan: input.covered_by_plan };
    change(&app, &request, id, |business, context| business.set_lead_terms(terms, context.now)).await
}
