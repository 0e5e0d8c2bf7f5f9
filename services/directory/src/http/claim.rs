//! Claims over HTTP.

use axum::extract::State;
use kernel::{BusinessId, ClaimId, Page};
use ports::store::Stored;
use shell::http::{Admin, Json, Listing, OpenApiRouter, Paging, Path, SignedIn, Staff, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Reply};

use super::ByStatus;
use crate::App;
use crate::business::Business;
use crate::business::membership::MembershipCount;
use crate::business::views::ReasonInput;
use crate::category::Tree;
use crate::claim::views::{ClaimInput, ClaimView};
use crate::claim::{Claim, Status, claim_id};
use crate::editing;
use crate::storage;

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        request: [Conflict],
        list,
        approve: [Conflict, IllegalTransition],
        refuse: [IllegalTransition],
    )
}

/// Claim a listed business that has no owner. An admin decides.
#[utoipa::path(post, path = "/businesses/{business_id}/claims", tag = "directory", operation_id = "claimBusiness", params(("business_id" = BusinessId, Path)), request_body = ClaimInput, responses((status = 202, body = ClaimView)))]
async fn request(request: SignedIn, State(app): State<App>, Path(id): Path<BusinessId>, Json(input): Json<ClaimInput>) -> HandlerResult {
    let user = request.user_id;
    let load = |_| async {
        let table = app.work.table();
        Ok((storage::business(table, id).await?, table.get::<Claim>(&storage::claim_key(claim_id(id, user))).await?))
    };
    let decide = |(business, before): (Stored<Business>, Option<Stored<Claim>>), context: &DecisionContext| {
        business.may_be_claimed()?;
        let claim = before.as_ref().map(|claim| claim.value.clone());
        let decision = Claim::request(claim, id, &business.profile.name, user, input.proof.clone(), context.now);
        let reply = Reply::ok(&ClaimView::from(decision.state().clone())).status(202);
        Ok(Changes::put(before.map(|before| before.version), decision)?.reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List claims for staff, the oldest first.
#[utoipa::path(get, path = "/admin/claims", tag = "directory", operation_id = "listClaims", params(Paging, ByStatus::<Status>), responses((status = 200, body = Page<ClaimView>)))]
async fn list(_: Staff, State(app): State<App>, listing: Listing<ByStatus<Status>>) -> HandlerResult {
    let wanted = storage::claims_query(listing.filter.status.unwrap_or(Status::Open)).limit(listing.limit.get()).after(listing.cursor);
    let page = app.work.table().list::<Claim>(wanted).await?;
    Ok(Reply::ok(&page.map(|claim| ClaimView::from(claim.value))))
}

/// Approve a claim; the claimant becomes the owner.
#[utoipa::path(post, path = "/admin/claims/{claim_id}/approve", tag = "directory", operation_id = "approveClaim", params(("claim_id" = ClaimId, Path)), responses((status = 200, body = ClaimView)))]
async fn approve(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<ClaimId>) -> HandlerResult {
    let load = |_| async {
        let table = app.work.table();
        let claim = storage::claim(table, id).await?;
        let business = editing::load(table, claim.business_id).await?;
        let count = editing::memberships(table, claim.user_id).await?;
        Ok((claim, business, count))
    };
    type Loaded = (Stored<Claim>, (Stored<Business>, Stored<Tree>), Option<Stored<MembershipCount>>);
    let decide = |(claim, (business, tree), count): Loaded, context: &DecisionContext| {
        request.check_version(claim.version)?;
        let approved = claim.value.clone().approve(context.now)?;
        let reply = shown(approved.state(), context).etag(claim.version + u64::from(approved.is_changed()));
        if !approved.is_changed() {
            return Ok(reply.into());
        }
        let owned = business.value.clone().claimed(claim.user_id, id, context.now)?;
        let joined = if owned.is_changed() { storage::joined(count.as_ref(), claim.user_id)? } else { Changes::none() };
        let changes = Changes::update(claim.version, approved)?.and(storage::save(Some(&business), None, &tree, owned)?);
        Ok(changes.and(joined).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Refuse a claim, with a reason.
#[utoipa::path(post, path = "/admin/claims/{claim_id}/refuse", tag = "directory", operation_id = "refuseClaim", params(("claim_id" = ClaimId, Path)), request_body = ReasonInput, responses((status = 200, body = ClaimView)))]
async fn refuse(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<ClaimId>,
    Json(input): Json<ReasonInput>,
) -> HandlerResult {
    let load = |_| storage::claim(app.work.table(), id);
    app.work.update(&request, load, |claim, context| claim.refuse(&input.reason, context.now), shown).await
}

fn shown(claim: &Claim, _: &DecisionContext) -> Reply {
    Reply::ok(&ClaimView::from(claim.clone()))
}
