//! Sessions: where somebody is signed in, and the end of that.

use axum::extract::State;
use kernel::{Page, Problem, SessionId, UserId};
use ports::store::Stored;
use shell::http::{Admin, Listing, NoFilter, OpenApiRouter, Paging, Path, SignedIn, Staff, Unrecorded};
use shell::{Changes, DecisionContext, HandlerResult, Reply, RequestContext, filter_pages};

use crate::App;
use crate::session::Session;
use crate::storage;
use crate::user::User;
use crate::views::SessionView;

/// Sessions that have ended are skipped: a request reads at most so many pages for it.
const PAGES_MAX: usize = 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    shell::routes!(sessions, end_session, sessions_of_user, end_session_of_user)
}

/// List your sessions, the latest first. Where a user pool keeps them, none are listed.
#[utoipa::path(get, path = "/me/sessions", tag = "identity", operation_id = "listSessions", params(Paging), responses((status = 200, body = Page<SessionView>)))]
async fn sessions(request: SignedIn, State(app): State<App>, listing: Listing<NoFilter>) -> HandlerResult {
    list(&app, request.user_id, request.session, listing).await
}

/// End one of your sessions. Its access token ends with it; those of the other sessions are refreshed.
#[utoipa::path(delete, path = "/me/sessions/{session_id}", tag = "identity", operation_id = "endSession", params(("session_id" = SessionId, Path)), responses((status = 204)))]
async fn end_session(request: Unrecorded<SignedIn>, State(app): State<App>, Path(id): Path<SessionId>) -> HandlerResult {
    end(&app, &request, request.user_id, id).await
}

/// List a user's sessions, the latest first. Where a user pool keeps them, none are listed.
#[utoipa::path(get, path = "/admin/users/{user_id}/sessions", tag = "identity", operation_id = "listUserSessions", params(("user_id" = UserId, Path), Paging), responses((status = 200, body = Page<SessionView>)))]
async fn sessions_of_user(request: Staff, State(app): State<App>, Path(id): Path<UserId>, listing: Listing<NoFilter>) -> HandlerResult {
    list(&app, id, request.session, listing).await
}

/// End one of a user's sessions. Its access token ends with it; those of the other sessions are refreshed.
#[utoipa::path(delete, path = "/admin/users/{user_id}/sessions/{session_id}", tag = "identity", operation_id = "endUserSession", params(("user_id" = UserId, Path), ("session_id" = SessionId, Path)), responses((status = 204)))]
async fn end_session_of_user(
    request: Unrecorded<Admin>,
    State(app): State<App>,
    Path((user, id)): Path<(UserId, SessionId)>,
) -> HandlerResult {
    end(&app, &request, user, id).await
}

async fn list(app: &App, user: UserId, current: Option<SessionId>, listing: Listing<NoFilter>) -> HandlerResult {
    let (table, now) = (app.work.table(), app.work.now());
    let user = storage::user(table, user).await?;
    let sessions = |missing, next| table.list::<Session>(storage::sessions_of(user.id).limit(missing).after(next));
    let alive = |session: Stored<Session>| session.is_alive(&user, now).then(|| SessionView::of(&session, current));
    Ok(Reply::ok(&filter_pages(listing.limit.get(), PAGES_MAX, listing.cursor, sessions, alive).await?))
}

async fn end(app: &App, request: &RequestContext, user: UserId, id: SessionId) -> HandlerResult {
    let load = |_| async {
        let found = storage::user_and_session(app.work.table(), user, id).await?;
        found.ok_or_else(|| Problem::not_found("such session"))
    };
    let decide = |(user, session): (Stored<User>, Stored<Session>), context: &DecisionContext| {
        let revoked = session.value.revoke();
        if !revoked.is_changed() {
            return Ok(Reply::no_content().into());
        }
        let access = storage::update_user(&user, user.value.clone().revoke_access(context.now))?;
        Ok(Changes::update(session.version, revoked)?.and(access).reply(Reply::no_content()))
    };
    app.work.handle_request(request, load, decide).await
}
