//! Accounts for admins; support may look.

use axum::extract::State;
use contracts::Decision;
use kernel::{BusinessId, Line, Page, Problem, Role, Timestamp, UserId, WantedWords};
use ports::store::{Query as TableQuery, Stored};
use serde::Deserialize;
use shell::http::{Admin, Json, Listing, OpenApiRouter, Paging, Path, Staff, Versioned};
use shell::{DecisionContext, HandlerResult, Outcome, Reply, Table, filter_pages};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::admins::Admins;
use crate::storage::{self, RoleMember};
use crate::user::{Reason, Status, User, UserError};
use crate::views::UserView;

/// Filters that no index serves are applied to what an index gives: a request reads at most so many
/// pages for them, and answers with fewer items and a cursor rather than read on.
const PAGES_MAX: usize = 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        users,
        user,
        disable: [Conflict, IllegalTransition],
        enable: [IllegalTransition],
        set_roles: [Conflict, IllegalTransition],
    )
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct UserFilter {
    role: Option<Role>,
    status: Option<Status>,
    /// The beginning of the e-mail address. Not together with the next ones.
    #[param(inline)]
    email: Option<Line<0, 254>>,
    /// Words of the name, the e-mail address or the telephone number, in any order and any case.
    #[param(inline)]
    q: Option<Line<1, 100>>,
    /// Registered then or later.
    created_from: Option<Timestamp>,
    /// Registered before.
    created_until: Option<Timestamp>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "complaints" }))]
struct Disable {
    #[schema(inline)]
    reason: Reason,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "roles": ["support"] }))]
struct SetRoles {
    /// Every user is a customer, named or not.
    #[schema(max_items = 10)]
    roles: Vec<Role>,
    /// For the role business. Absent: those the user has, or a new one if there are none.
    #[schema(max_items = 20)]
    businesses: Option<Vec<BusinessId>>,
}

/// List users, the newest first; by address if its beginning is given. A page may hold fewer than its limit and still have a next
/// one.
#[utoipa::path(get, path = "/admin/users", tag = "identity", operation_id = "listUsers", params(UserFilter, Paging), responses((status = 200, body = Page<UserView>)))]
async fn users(_: Staff, State(app): State<App>, listing: Listing<UserFilter>) -> HandlerResult {
    let (table, filter) = (app.work.table(), &listing.filter);
    if filter.looks_closer() {
        if filter.email.is_some() {
            return Err(Problem::field("email", "cannot be combined with q, created_from or created_until").into());
        }
        let words = filter.q.as_deref().map(WantedWords::of);
        let fits = |user: &User| filter.fits(user) && filter.fits_closely(user, words.as_ref());
        let all = TableQuery::index(storage::USERS, "users").descending().after(listing.cursor);
        let page = table.filter::<User>(all, listing.limit.get(), fits).await?;
        return Ok(Reply::ok(&page.map(|user| UserView::of(&user))));
    }
    let users = |missing, next| {
        let query = filter.query().limit(missing).after(next);
        async move { if filter.by_role() { members(table, query).await } else { Ok(table.list::<User>(query).await?.map(|user| user.value)) } }
    };
    let page = filter_pages(listing.limit.get(), PAGES_MAX, listing.cursor, users, |user| filter.fits(&user).then_some(user)).await?;
    Ok(Reply::ok(&page.map(|user| UserView::of(&user))))
}

/// Get a user.
#[utoipa::path(get, path = "/admin/users/{user_id}", tag = "identity", operation_id = "getUser", params(("user_id" = UserId, Path)), responses((status = 200, body = UserView)))]
async fn user(_: Versioned<Staff>, State(app): State<App>, Path(id): Path<UserId>) -> HandlerResult {
    let user = storage::user(app.work.table(), id).await?;
    Ok(Reply::ok(&UserView::of(&user)).etag(user.version))
}

/// Disable a user. Their sessions and tokens end at once.
#[utoipa::path(post, path = "/admin/users/{user_id}/disable", tag = "identity", operation_id = "disableUser", params(("user_id" = UserId, Path)), request_body = Disable, responses((status = 200, body = UserView)))]
async fn disable(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<UserId>, Json(body): Json<Disable>) -> HandlerResult {
    change(&app, &request, id, |user, now, _| user.disable(body.reason.clone(), now)).await
}

/// Let a disabled user sign in again.
#[utoipa::path(post, path = "/admin/users/{user_id}/enable", tag = "identity", operation_id = "enableUser", params(("user_id" = UserId, Path)), responses((status = 200, body = UserView)))]
async fn enable(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<UserId>) -> HandlerResult {
    change(&app, &request, id, |user, _, _| user.enable()).await
}

/// Set a user's roles.
#[utoipa::path(put, path = "/admin/users/{user_id}/roles", tag = "identity", operation_id = "setRoles", params(("user_id" = UserId, Path)), request_body = SetRoles, responses((status = 200, body = UserView)))]
async fn set_roles(request: Versioned<Admin>, State(app): State<App>, Path(id): Path<UserId>, Json(body): Json<SetRoles>) -> HandlerResult {
    change(&app, &request, id, |user, now, own| user.set_roles(body.roles.clone(), body.businesses.clone(), own, now)).await
}

/// One change of a user by an admin. The rule gets a new business for those who need one.
async fn change(
    app: &App,
    request: &Admin,
    id: UserId,
    rule: impl Fn(User, Timestamp, BusinessId) -> Result<Decision<User>, UserError> + Sync,
) -> HandlerResult {
    let load = |_| async {
        let (user, admins) = storage::user_and_admins(app.work.table(), id).await?;
        request.check_version(user.version)?;
        // A user pool has no businesses, so it does not matter here which.
        let changed = rule(user.value.clone(), app.work.now(), BusinessId(0))?.into_state();
        storage::check_admins(admins.as_ref(), &changed)?;
        app.credentials.follow(&user, &changed).await?;
        app.credentials.enforce(&changed).await?;
        Ok((user, admins))
    };
    let decide = |(user, admins): (Stored<User>, Option<Stored<Admins>>), context: &DecisionContext| -> Result<Outcome, Problem> {
        request.check_version(user.version)?;
        let decision = rule(user.value.clone(), context.now, context.id(0))?;
        let reply = Reply::ok(&UserView::of(decision.state())).etag(user.version + u64::from(decision.is_changed()));
        Ok(storage::update_user_and_admins(&user, admins, decision)?.reply(reply))
    };
    app.work.handle_request(request, load, decide).await
}

impl UserFilter {
    /// The narrowest listing that holds all who are wanted.
    fn query(&self) -> TableQuery {
        match (&self.email, self.role, self.status) {
            (Some(prefix), _, _) => TableQuery::index(storage::EMAILS, "emails").prefix(prefix.to_ascii_lowercase()),
            (None, Some(role), _) if role != Role::Customer => TableQuery::table(storage::role_partition(role)).descending(),
            (None, _, Some(Status::Disabled)) => TableQuery::index(storage::DISABLED, "disabled").descending(),
            (None, _, _) => TableQuery::index(storage::USERS, "users").descending(),
        }
    }

    /// Whether the listing is of memberships rather than of users.
    fn by_role(&self) -> bool {
        self.email.is_none() && self.role.is_some_and(|role| role != Role::Customer)
    }

    /// Whether it asks for what no listing is ordered by.
    fn looks_closer(&self) -> bool {
        self.q.is_some() || self.created_from.is_some() || self.created_until.is_some()
    }

    fn fits_closely(&self, user: &User, words: Option<&WantedWords>) -> bool {
        let texts = [user.name.as_str(), user.email.as_str(), user.telephone.as_str()];
        words.is_none_or(|words| words.are_in(texts))
            && self.created_from.is_none_or(|from| user.created_at >= from)
            && self.created_until.is_none_or(|until| user.created_at < until)
    }

    fn fits(&self, user: &User) -> bool {
        self.role.is_none_or(|role| user.roles.contains(&role)) && self.status.is_none_or(|status| user.status == status)
    }
}

async fn members(table: &Table, query: TableQuery) -> Result<Page<User>, Problem> {
    let page = table.list::<RoleMember>(query).await?;
    let keys: Vec<_> = page.items.iter().map(|member| storage::user_key(member.user_id)).collect();
    if keys.is_empty() {
        return Ok(Page { items: Vec::new(), next: page.next });
    }
    let users = table.get_many_eventual::<User>(&keys).await?;
    Ok(Page { items: users.into_iter().flatten().map(|user| user.value).collect(), next: page.next })
}
