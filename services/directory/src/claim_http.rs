//! Claims over HTTP.

use axum::extract::State;
use kernel::{BusinessId, ClaimId, Cursor, Page, Problem};
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Admin, Json, OpenApiRouter, Path, Query, SignedIn, Staff};
use shell::{Changes, DecisionContext, HandlerResult, Reply, page_limit};
use utoipa::IntoParams;

use crate::App;
use crate::business::{Business, checked_reason};
use crate::category::Tree;
use crate::claim::{Claim, Status, claim_id};
use crate::editing;
use crate::storage;
use crate::views::{ClaimInput, ClaimView, ReasonInput};

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(request, list, approve, refuse).with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Open ones unless told.
    #[param(inline)]
    status: Option<Status>,
    /// 1 to 100, 20 unless told.
    limit: Option<u32>,
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Says that a listed business without an owner is the caller's. An admin decides.
#[utoipa::path(post, path = "/businesses/{business_id}/claims", tag = "directory", operation_id = "claimBusiness", params(("business_id" = BusinessId, Path)), request_body = ClaimInput, responses((status = 202, body = ClaimView)))]
async fn request(request: SignedIn, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<ClaimInput>) -> HandlerResult {
    let user = request.user_id;
    let load = |_| async {
        let table = app.work.table();
        Ok((storage::business(table, id).await?, table.get::<Claim>(&storage::claim_key(claim_id(id, user))).await?))
    };
    let decide = |(business, before): (Stored<Business>, Option<Stored<Claim>>), context: &DecisionContext| {
        business.may_be_claimed()?;
        let version = before.as_ref().map(|claim| claim.version);
        let decision = Claim::request(before.map(|claim| claim.value), id, &business.profile.name, user, &input.proof, context.now)?;
        let reply = Reply::ok(&ClaimView::from(decision.state.clone())).status(202);
        let changes = match version {
            Some(version) => Changes::update(version, decision)?,
            None => Changes::create(decision)?,
        };
        Ok(changes.reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Lists claims for staff, the oldest first.
#[utoipa::path(get, path = "/admin/claims", tag = "directory", operation_id = "listClaims", params(ListQuery), responses((status = 200, body = Page<ClaimView>)))]
async fn list(_: Staff, State(app): State<App>, Query(query): Query<ListQuery>) -> HandlerResult {
    let wanted = storage::claims_query(query.status.unwrap_or(Status::Open)).limit(page_limit(query.limit)?.get()).after(query.cursor);
    let page = app.work.table().list::<Claim>(wanted).await?;
    Ok(Reply::ok(&page.map(|claim| ClaimView::from(claim.value))))
}

/// Makes who claims a business its owner.
#[utoipa::path(post, path = "/admin/claims/{claim_id}/approve", tag = "directory", operation_id = "approveClaim", params(("claim_id" = ClaimId, Path)), responses((status = 200, body = ClaimView)))]
async fn approve(request: Admin, State(app): State<App>, Path(id): Path<ClaimId>) -> HandlerResult {
    let load = |_| async {
        let claim = claim(&app, id).await?;
        let (business, tree) = editing::load(app.work.table(), claim.business_id).await?;
        Ok((claim, business, tree))
    };
    let decide = |(claim, business, tree): (Stored<Claim>, Stored<Business>, Stored<Tree>), context: &DecisionContext| {
        let approved = claim.value.clone().approve(context.now)?;
        let reply = Reply::ok(&ClaimView::from(approved.state.clone()));
        if !approved.changed {
            return Ok(reply.into());
        }
        let owned = business.value.clone().claimed(claim.user_id, id, context.now)?;
        let changes = Changes::update(claim.version, approved)?.and(storage::save(Some(&business), None, &tree, owned)?);
        Ok(changes.reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Refuses a claim, with the reason.
#[utoipa::path(post, path = "/admin/claims/{claim_id}/refuse", tag = "directory", operation_id = "refuseClaim", params(("claim_id" = ClaimId, Path)), request_body = ReasonInput, responses((status = 200, body = ClaimView)))]
async fn refuse(request: Admin, State(app): State<App>, Path(id): Path<ClaimId>, Json(input): Json<ReasonInput>) -> HandlerResult {
    let reason = checked_reason(&input.reason)?;
    let decide = |claim: Stored<Claim>, context: &DecisionContext| {
        let decision = claim.value.clone().refuse(reason.clone(), context.now)?;
        let reply = Reply::ok(&ClaimView::from(decision.state.clone()));
        Ok(Changes::update(claim.version, decision)?.reply(reply))
    };
    app.work.handle_request(&request, |_| claim(&app, id), decide).await
}

async fn claim(app: &App, id: ClaimId) -> Result<Stored<Claim>, Problem> {
    app.work.table().get(&storage::claim_key(id)).await?.ok_or_else(|| Problem::not_found("such claim"))
}
