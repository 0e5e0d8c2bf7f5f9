//! Businesses over HTTP, for those who act for them.

use axum::extract::State;
use kernel::{BusinessId, Page, Problem, StaffRole, UserId};
use ports::store::{Key, Stored};
use shell::http::{Json, MergePatch, OpenApiRouter, Path, SignedIn, VersionRequired, Versioned};
use shell::{Changes, DecisionContext, HandlerResult, Reply};

use crate::App;
use crate::business::membership::{Membership, MembershipCount};
use crate::business::profile::Profile;
use crate::business::views::{ManagedBusiness, ProfileInput, StaffInput};
use crate::business::{Business, BusinessError};
use crate::category::Tree;
use crate::editing::{self, SlugWish, change, check_categories, memberships, shown};
use crate::storage::{self, SlugOwner};

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        register: [AlreadyExists, Conflict, Forbidden],
        list_own,
        profile: [Forbidden],
        edit: [AlreadyExists, Conflict, IllegalTransition, Forbidden],
        patch: [AlreadyExists, Conflict, IllegalTransition, Forbidden],
        remove: [IllegalTransition, Forbidden],
        submit: [Conflict, IllegalTransition, Forbidden],
        withdraw: [IllegalTransition, Forbidden],
        set_staff: [Conflict, IllegalTransition, Forbidden],
        remove_staff: [Conflict, IllegalTransition, Forbidden],
    )
}

/// Register a business. The caller owns it; nobody else sees it until it is approved. 403 for whoever has not confirmed their
/// e-mail address.
#[utoipa::path(post, path = "/businesses", tag = "directory", operation_id = "registerBusiness", request_body = ProfileInput, responses((status = 201, body = ManagedBusiness)))]
async fn register(request: SignedIn, State(app): State<App>, Json(input): Json<ProfileInput>) -> HandlerResult {
    let user = request.user_id;
    if !app.deps.accounts.account(user).await?.is_some_and(|account| account.email_verified) {
        return Err(BusinessError::Unverified.into());
    }
    let slug = input.slug.clone();
    let profile = app.deps.time_zones.completed(input.into_profile())?.checked()?;
    let wish = slug.as_deref().map_or_else(|| Ok(SlugWish::near(&profile, &request.request_id)), SlugWish::exactly)?;
    let load = |_| async {
        let table = app.work.table();
        Ok((memberships(table, user).await?, storage::tree(table).await?, wish.owners(table).await?))
    };
    type Loaded = (Option<Stored<MembershipCount>>, Stored<Tree>, Vec<Option<Stored<SlugOwner>>>);
    let decide = |(count, tree, owners): Loaded, context: &DecisionContext| {
        let joined = storage::joined(count.as_ref(), user)?;
        check_categories(&tree, &profile.categories)?;
        let id = context.id(0);
        let (slug, owner) = wish.choose(id, &owners)?;
        let decision = Business::register(id, user, slug, profile.clone(), context.now)?;
        let view = ManagedBusiness::from(decision.state().clone());
        let reply = Reply::created(format!("/api/v1/businesses/{id}/profile"), &view).etag(1);
        Ok(storage::save(None, owner, &tree, decision)?.and(joined).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// List the businesses that the caller acts for.
#[utoipa::path(get, path = "/me/businesses", tag = "directory", operation_id = "listOwnBusinesses", responses((status = 200, body = Page<ManagedBusiness>)))]
async fn list_own(request: SignedIn, State(app): State<App>) -> HandlerResult {
    let user = request.user_id;
    let table = app.work.table();
    let mine = table.list::<Membership>(storage::memberships_query(user)).await?.items;
    let keys: Vec<Key> = mine.iter().map(|membership| storage::business_key(membership.business_id)).collect();
    let found = table.get_many_eventual::<Business>(&keys).await?;
    let items = found.into_iter().flatten().filter(|business| business.role_of(user).is_some()).map(|business| business.value.into());
    Ok(Reply::ok(&Page::<ManagedBusiness> { items: items.collect(), next: None }))
}

/// Show a business in any status to its own people and to staff, with the ETag for editing it.
#[utoipa::path(get, path = "/businesses/{business_id}/profile", tag = "directory", operation_id = "getBusinessProfile", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn profile(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    let business = app.work.table().get_eventual::<Business>(&storage::business_key(id)).await?.ok_or(BusinessError::NotFound)?;
    business.may_manage(&request.actor)?;
    Ok(Reply::ok(&ManagedBusiness::from(business.value.clone())).etag(business.version))
}

/// Replace the profile of a business. Needs If-Match, so that nobody overwrites what they have not seen. Name, website and
/// main category of a published business wait for an admin (`pending`); the rest changes at once.
#[utoipa::path(put, path = "/businesses/{business_id}/profile", tag = "directory", operation_id = "editBusiness", params(("business_id" = BusinessId, Path)), request_body = ProfileInput, responses((status = 200, body = ManagedBusiness)))]
async fn edit(
    request: VersionRequired<SignedIn>,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(input): Json<ProfileInput>,
) -> HandlerResult {
    edit_to(&app, &request, id, |_| Ok(input.clone())).await
}

/// Change a part of the profile of a business: a JSON Merge Patch (RFC 7396) of what it was registered with, and of what waits for
/// an admin. Lists are replaced as a whole. Needs If-Match.
#[utoipa::path(patch, path = "/businesses/{business_id}/profile", tag = "directory", operation_id = "patchBusiness", params(("business_id" = BusinessId, Path)),
    request_body(content = Object, description = "Members of a ProfileInput", example = json!({ "phone": "+49 89 123456", "website": null })), responses((status = 200, body = ManagedBusiness)))]
async fn patch(
    request: VersionRequired<SignedIn>,
    State(app): State<App>,
    Path(id): Path<BusinessId>,
    Json(patch): Json<MergePatch>,
) -> HandlerResult {
    edit_to(&app, &request, id, |business| patch.apply(&business.wanted_by(&request.actor))).await
}

/// Gives a business the profile that is wanted of it as it is now.
async fn edit_to(
    app: &App,
    request: &SignedIn,
    id: BusinessId,
    wanted: impl Fn(&Business) -> Result<ProfileInput, Problem> + Send + Sync,
) -> HandlerResult {
    struct Loaded {
        before: Stored<Business>,
        tree: Stored<Tree>,
        profile: Profile,
        wish: SlugWish,
        exact: bool,
        owners: Vec<Option<Stored<SlugOwner>>>,
    }
    let load = |_| async {
        let table = app.work.table();
        let (before, tree) = editing::load(table, id).await?;
        before.require(&request.actor, StaffRole::Manager)?;
        let input = wanted(&before)?;
        let exact = input.slug.as_deref().map(SlugWish::exactly).transpose()?;
        let profile = app.deps.time_zones.completed(input.into_profile())?;
        let (wish, exact) = match exact {
            Some(wish) => (wish, true),
            None => (SlugWish::near(&profile, &id.to_string()), false),
        };
        let owners = wish.owners(table).await?;
        Ok(Loaded { before, tree, profile, wish, exact, owners })
    };
    let decide = |loaded: Loaded, context: &DecisionContext| {
        let Loaded { before, tree, profile, wish, exact, owners } = loaded;
        request.require_version(before.version)?;
        let added: Vec<_> = profile.categories.iter().filter(|id| !before.profile.categories.contains(id)).copied().collect();
        check_categories(&tree, &added)?;
        // The slug follows the name; what else is edited leaves the page where it is.
        let renamed = profile.name.trim() != before.profile.name && !before.holds_back(&context.actor);
        let (slug, owner) = if exact || renamed { wish.choose(id, &owners)? } else { (before.slug.clone(), None) };
        let decision = before.value.clone().edit(&context.actor, slug, profile, context.now)?;
        let reply = shown(&before, &decision);
        Ok(storage::save(Some(&before), owner, &tree, decision)?.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

/// Remove a business for good. For its owners and for admins.
#[utoipa::path(delete, path = "/businesses/{business_id}/profile", tag = "directory", operation_id = "removeBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn remove(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.remove(&context.actor, context.now)).await
}

/// Ask for publication.
#[utoipa::path(post, path = "/businesses/{business_id}/submit", tag = "directory", operation_id = "submitBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn submit(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.submit(&context.actor, context.now)).await
}

/// Withdraw a request for publication.
#[utoipa::path(post, path = "/businesses/{business_id}/withdraw", tag = "directory", operation_id = "withdrawBusiness", params(("business_id" = BusinessId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn withdraw(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<BusinessId>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.withdraw(&context.actor, context.now)).await
}

/// Give a user a role in a business. For its owners. 404 for a user who does not exist or whose account is closed.
#[utoipa::path(put, path = "/businesses/{business_id}/staff/{user_id}", tag = "directory", operation_id = "setBusinessStaff", params(("business_id" = BusinessId, Path), ("user_id" = UserId, Path)), request_body = StaffInput, responses((status = 200, body = ManagedBusiness)))]
async fn set_staff(
    request: Versioned<SignedIn>,
    State(app): State<App>,
    Path((id, user)): Path<(BusinessId, UserId)>,
    Json(input): Json<StaffInput>,
) -> HandlerResult {
    // Only an owner may learn whether there is such a user.
    storage::business(app.work.table(), id).await?.require(&request.actor, StaffRole::Owner)?;
    let account = app.deps.accounts.account(user).await?;
    if account.is_none_or(|account| account.disabled) {
        return Err(Problem::not_found(format!("user {user}")).into());
    }
    let load = |_| async {
        let table = app.work.table();
        Ok((editing::load(table, id).await?, memberships(table, user).await?))
    };
    type Loaded = ((Stored<Business>, Stored<Tree>), Option<Stored<MembershipCount>>);
    let decide = |((before, tree), count): Loaded, context: &DecisionContext| {
        let decision = before.value.clone().set_staff(&context.actor, user, Some(input.role), context.now)?;
        request.check_version(before.version)?;
        let joins = before.role_of(user).is_none() && decision.state().role_of(user).is_some();
        let joined = if joins { storage::joined(count.as_ref(), user)? } else { Changes::none() };
        let reply = shown(&before, &decision);
        Ok(storage::save(Some(&before), None, &tree, decision)?.and(joined).reply(reply))
    };
    app.work.handle_request(&request, load, decide).await
}

/// Take away a user's role in a business. For its owners, and for whoever leaves.
#[utoipa::path(delete, path = "/businesses/{business_id}/staff/{user_id}", tag = "directory", operation_id = "removeBusinessStaff", params(("business_id" = BusinessId, Path), ("user_id" = UserId, Path)), responses((status = 200, body = ManagedBusiness)))]
async fn remove_staff(request: Versioned<SignedIn>, State(app): State<App>, Path((id, user)): Path<(BusinessId, UserId)>) -> HandlerResult {
    change(&app, &request, id, |business, context| business.set_staff(&context.actor, user, None, context.now)).await
}
