//! Registration, signing in and out, links in mails, passwords.

use axum::extract::State;
use axum::http::HeaderMap;
use contracts::Decision;
use kernel::{Code, Email, Problem, Timestamp, UserId};
use ports::Enrolled;
use ports::reads::LinkPurpose;
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, OpenApiRouter, SignedIn, Unrecorded};
use shell::{Changes, DecisionContext, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::ToSchema;

use super::at_pool;
use super::cookie::{self, Carrier};
use crate::App;
use crate::credentials::{Proof, password_problem};
use crate::gate::Gate;
use crate::password::check_password;
use crate::session::{Lifetimes, Origin, Presented, Session, SessionError};
use crate::sign_in::{self, confirm_password, take, user_by_password};
use crate::storage;
use crate::tokens::{Link, REFRESH_TOKEN_CHARS_MAX, RefreshToken, TOKEN_CHARS_MAX, Tokens, short_hash};
use crate::user::{Follower, Name, Registration, User};
use crate::views::MailView;

/// There is more to do for an address that is known. This is longer than that takes.
const ANSWERED_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

pub(super) fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        register: [TooManyAttempts],
        sign_in: [InvalidCredentials, Forbidden, TooManyAttempts],
        refresh: [Forbidden],
        sign_out: [Forbidden],
        sign_out_everywhere,
        verify_email: [AlreadyExists, Conflict, TooManyAttempts],
        resend_verification: [TooManyAttempts],
        forgot_password: [TooManyAttempts],
        reset_password: [TooManyAttempts],
        change_password: [Conflict, IllegalTransition, TooManyAttempts],
    )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ann@example.com", "password": "a long and quiet river", "name": "Ann Lee" }))]
struct Register {
    email: Email,
    #[schema(min_length = 10, max_length = 128)]
    password: String,
    #[schema(inline)]
    name: Name,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ann@example.com", "password": "a long and quiet river" }))]
struct SignIn {
    email: Email,
    #[schema(max_length = 128)]
    password: String,
    /// The refresh token comes in an `HttpOnly` cookie instead of in the answer, for web apps on the shop's own host.
    #[serde(default)]
    cookie: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refresh_token": "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl" }))]
struct RefreshTokenBody {
    /// Absent where the client has it in the cookie.
    #[schema(max_length = 4096)]
    refresh_token: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl", "password": "a long and quiet river" }))]
struct VerifyEmail {
    /// From the link in the mail.
    #[schema(max_length = 200)]
    token: String,
    /// That of the account, from clients that are not signed in. Without either the address is verified, but not proven: all
    /// sessions end, and what a guest ordered under the address stays out of the account.
    #[schema(max_length = 128)]
    password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ann@example.com" }))]
struct EmailBody {
    email: Email,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl", "new_password": "three green lanterns" }))]
struct ResetPassword {
    /// From the link in the mail.
    #[schema(max_length = 200)]
    token: String,
    #[schema(min_length = 10, max_length = 128)]
    new_password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "current_password": "a long and quiet river", "new_password": "three green lanterns" }))]
struct ChangePassword {
    #[schema(max_length = 128)]
    current_password: String,
    #[schema(min_length = 10, max_length = 128)]
    new_password: String,
}

/// Create an account. The answer does not reveal whether the address has one already; a mail to it does.
#[utoipa::path(post, path = "/auth/register", tag = "identity", operation_id = "register", request_body = Register, responses((status = 202, body = MailView)))]
async fn register(request: Unrecorded<RequestContext>, State(app): State<App>, Json(body): Json<Register>) -> HandlerResult {
    check_password(&body.password, &body.email).map_err(|error| error.at("password"))?;
    if let Some(limit) = app.config.registrations_per_client {
        take(&app, &format!("registrations:{}", request.client), limit).await?;
    }
    let enrol = || async {
        let enrolled = match app.credentials.pool() {
            Some(pool) => {
                Some(pool.enrol(&body.email, &body.name, &body.password).await.map_err(|error| password_problem(error, "password"))?)
            }
            None => None,
        };
        // Hashed for known addresses as well, so that both take as long.
        let password_hash = app.credentials.hash(&body.password, app.entropy()).await?;
        Ok((enrolled, Registration { email: body.email.clone(), name: body.name.clone(), password_hash }))
    };
    mail(&app, &request, &body.email, enrol, |user, (enrolled, registration), context| match (user, enrolled) {
        (Some(user), Some(Enrolled { user: other, .. })) if other != user.id => {
            Err(Problem::internal(format_args!("the user pool knows {} as {other}", user.id)))
        }
        (Some(user), _) => storage::update_user(&user, user.value.clone().register_again(registration, context.now)),
        // Somebody else's user of a shared pool: their password is not ours to set.
        (None, Some(Enrolled { proved: true, .. })) => Ok(Changes::none()),
        (None, Some(Enrolled { user, .. })) => storage::create_user(User::register(user, registration, context.now)),
        (None, None) => storage::create_user(User::register(context.id(0), registration, context.now)),
    })
    .await
}

/// Sign in by password.
#[utoipa::path(post, path = "/auth/sign-in", tag = "identity", operation_id = "signIn", request_body = SignIn, responses((status = 200, body = Tokens)))]
async fn sign_in(
    request: Unrecorded<RequestContext>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> HandlerResult {
    let carrier = Carrier::wanted(body.cookie, &headers)?;
    let gate = Gate::sign_in(&app, &body.email, request.client);
    let (user, proof) = user_by_password(&app, &request, &gate, &body.email, &body.password).await?;
    if let Proof::Session(tokens) = &proof {
        at_pool::adopt_roles(&app, &user, tokens).await?;
    }
    let origin = Origin::of(&headers, request.client.address());
    // If the user has changed since, the session carries an epoch that has ended.
    let decide = |(), context: &DecisionContext| {
        let passed = gate.passed(context.now)?;
        match &proof {
            Proof::Password => start_session(&app, &user, &origin, carrier, passed, context),
            Proof::Session(tokens) => Ok(passed.reply(cookie::answer(&app, Tokens::from(tokens), carrier))),
        }
    };
    app.work.handle_request(&request, |_| async { Ok(()) }, decide).await
}

/// Exchange a refresh token for the next pair of tokens. It works once; used again it ends the session, unless within 10
/// seconds, or by the same request sent again with the same Idempotency-Key: then the answer is that of the first time.
#[utoipa::path(post, path = "/auth/refresh", tag = "identity", operation_id = "refreshTokens", request_body = RefreshTokenBody, responses((status = 200, body = Tokens)))]
async fn refresh(request: RequestContext, State(app): State<App>, headers: HeaderMap, Json(body): Json<RefreshTokenBody>) -> HandlerResult {
    let (refresh_token, carrier) = cookie::presented(&headers, body.refresh_token)?;
    let refresh_token = limited(&refresh_token, REFRESH_TOKEN_CHARS_MAX)?;
    if let Some(pool) = app.credentials.pool() {
        return at_pool::refresh(&app, pool, refresh_token, carrier).await;
    }
    let token = RefreshToken::read(&app.signer, refresh_token)?;
    let presented = Presented { generation: token.generation, retry: request.idempotency_key.as_deref().map(short_hash) };
    // The session recognizes the repetition by the key, since the store keeps no token.
    let mut unrecorded = request.clone();
    unrecorded.idempotency_key = None;
    let table = app.work.table();
    let load = |_| storage::user_and_session(table, token.user, token.session);
    let decide = |state: Option<(Stored<User>, Stored<Session>)>, context: &DecisionContext| {
        let (user, session) = state.ok_or(SessionError::Ended)?;
        let decision = session.value.refresh(&user, presented.clone(), lifetimes(&app), context.now)?;
        let tokens = Tokens::make(&app.signer, &app.config, &user, decision.state(), context.now)?;
        Ok(Changes::update(session.version, decision)?.reply(cookie::answer(&app, tokens, carrier)))
    };
    let answer = app.work.handle_request(&unrecorded, load, decide).await;
    if answer.as_ref().is_err_and(|failure| failure.problem().code == Code::InvalidToken) {
        revoke_if_reused(&app, &token, &presented).await?;
    }
    answer
}

/// A refusal commits nothing, so the family is revoked in a step of its own. That a token has been
/// used stays true, so nothing is lost if the step has to be made by the next reuse.
async fn revoke_if_reused(app: &App, token: &RefreshToken, presented: &Presented) -> Result<(), Problem> {
    let table = app.work.table();
    let load = |_| storage::user_and_session(table, token.user, token.session);
    let decide = |state: Option<(Stored<User>, Stored<Session>)>, context: &DecisionContext| {
        let Some((user, session)) = state else {
            return Ok(Changes::none());
        };
        match session.value.clone().refresh(&user, presented.clone(), lifetimes(app), context.now) {
            Err(SessionError::Reused) => {
                let access = storage::update_user(&user, user.value.clone().revoke_access(context.now))?;
                Ok(Changes::update(session.version, session.value.revoke())?.and(access))
            }
            Err(SessionError::Ended) | Ok(_) => Ok(Changes::none()),
        }
    };
    if app.work.run_job("identity.revoke_session", load, decide).await? {
        tracing::warn!(user = %token.user, session = %token.session, "a refresh token was used twice; the session is revoked");
    }
    Ok(())
}

/// End the session of a refresh token. Its access token stays valid until it expires.
#[utoipa::path(post, path = "/auth/sign-out", tag = "identity", operation_id = "signOut", request_body = RefreshTokenBody, responses((status = 204)))]
async fn sign_out(
    request: Unrecorded<RequestContext>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<RefreshTokenBody>,
) -> HandlerResult {
    let (refresh_token, _) = cookie::presented(&headers, body.refresh_token)?;
    let refresh_token = limited(&refresh_token, REFRESH_TOKEN_CHARS_MAX)?;
    let done = || cookie::forgotten(&app, Reply::no_content(), &headers);
    if let Some(pool) = app.credentials.pool() {
        at_pool::sign_out(pool, refresh_token).await?;
        return Ok(done());
    }
    let Ok(token) = RefreshToken::read(&app.signer, refresh_token) else {
        // As RFC 7009 has it: a token that does not count is signed out already.
        return Ok(done());
    };
    let key = storage::session_key(token.user, token.session);
    let decide = |session: Option<Stored<Session>>, _: &DecisionContext| match session {
        Some(session) => Ok(Changes::update(session.version, session.value.revoke())?.reply(done())),
        None => Ok(done().into()),
    };
    app.work.handle_request(&request, |_| app.work.table().get(&key), decide).await
}

/// End all sessions, and all access tokens at once.
#[utoipa::path(post, path = "/auth/sign-out-everywhere", tag = "identity", operation_id = "signOutEverywhere", responses((status = 204)))]
async fn sign_out_everywhere(request: SignedIn, State(app): State<App>, headers: HeaderMap) -> HandlerResult {
    let id = request.user_id;
    let decide = |user: Stored<User>, context: &DecisionContext| {
        let decision = user.value.clone().sign_out_everywhere(context.now);
        Ok(storage::update_user(&user, decision)?.reply(cookie::forgotten(&app, Reply::no_content(), &headers)))
    };
    let load = |_| async {
        let user = storage::user(app.work.table(), id).await?;
        app.credentials.follow(&user, user.value.clone().sign_out_everywhere(app.work.now()).state()).await?;
        Ok(user)
    };
    app.work.handle_request(&request, load, decide).await
}

/// Follow the link of a verification mail, signed in or with the password of the account.
#[utoipa::path(post, path = "/auth/verify-email", tag = "identity", operation_id = "verifyEmail", request_body = VerifyEmail, responses((status = 204)))]
async fn verify_email(request: Unrecorded<RequestContext>, State(app): State<App>, Json(body): Json<VerifyEmail>) -> HandlerResult {
    verify(&app, &request, &body.token, body.password.as_deref()).await
}

pub(super) async fn verify(app: &App, request: &RequestContext, token: &str, password: Option<&str>) -> HandlerResult {
    let link = link(app, LinkPurpose::VerifyEmail, token)?;
    let table = app.work.table();
    let found = storage::user(table, link.user).await?;
    let email_free = storage::pending_email_free(table, &found).await?;
    // A dead link asks for no password.
    found.value.clone().verify_email(link.serial, Follower::Somebody, email_free, app.work.now()).map(drop)?;
    let by = match password {
        _ if request.actor.user_id() == Some(link.user) => Follower::Owner,
        Some(password) => {
            confirm_password(app, &found, "password", password).await?;
            Follower::Owner
        }
        None => Follower::Somebody,
    };
    let load = |_| async {
        let user = storage::user(table, link.user).await?;
        let email_free = storage::pending_email_free(table, &user).await?;
        let verified = user.value.clone().verify_email(link.serial, by, email_free, app.work.now())?;
        app.credentials.follow(&user, verified.state()).await?;
        Ok((user, email_free))
    };
    let decide = |(user, email_free): (Stored<User>, bool), context: &DecisionContext| {
        if password.is_some() {
            unchanged_password(&found, &user)?;
        }
        let decision = user.value.clone().verify_email(link.serial, by, email_free, context.now)?;
        let attempts = sign_in::confirm_key(link.user);
        Ok(storage::update_user(&user, decision)?.delete_derived(attempts).reply(Reply::no_content()))
    };
    app.work.handle_request(request, load, decide).await
}

/// Request another verification mail. The answer does not reveal whether one is sent.
#[utoipa::path(post, path = "/auth/verify-email/resend", tag = "identity", operation_id = "resendVerification", request_body = EmailBody, responses((status = 202, body = MailView)))]
async fn resend_verification(request: RequestContext, State(app): State<App>, Json(body): Json<EmailBody>) -> HandlerResult {
    mail(&app, &request, &body.email, nothing, |user, (), context| match user {
        // A pending address is mailed to when it is asked for in the profile, not by strangers.
        Some(user) if user.pending_email.is_none() => {
            storage::update_user(&user, user.value.clone().request_verification(true, context.now))
        }
        Some(_) | None => Ok(Changes::none()),
    })
    .await
}

/// Request a mail to set a new password. The answer does not reveal whether one is sent.
#[utoipa::path(post, path = "/auth/forgot-password", tag = "identity", operation_id = "forgotPassword", request_body = EmailBody, responses((status = 202, body = MailView)))]
async fn forgot_password(request: RequestContext, State(app): State<App>, Json(body): Json<EmailBody>) -> HandlerResult {
    mail(&app, &request, &body.email, nothing, |user, (), context| match user {
        Some(user) => storage::update_user(&user, user.value.clone().request_reset(context.now)),
        None => Ok(Changes::none()),
    })
    .await
}

/// Set a new password with the link from a mail. All sessions end.
#[utoipa::path(post, path = "/auth/reset-password", tag = "identity", operation_id = "resetPassword", request_body = ResetPassword, responses((status = 204)))]
async fn reset_password(request: Unrecorded<RequestContext>, State(app): State<App>, Json(body): Json<ResetPassword>) -> HandlerResult {
    reset(&app, &request, &body.token, &body.new_password).await
}

pub(super) async fn reset(app: &App, request: &RequestContext, token: &str, new_password: &str) -> HandlerResult {
    let (link, user) = reset_link(app, token).await?;
    check_password(new_password, &user.email).map_err(|error| error.at("new_password"))?;
    let rule = |user: User, hash, now| Ok(user.reset_password(link.serial, hash, now)?);
    let answer = |user: &User, changes: Changes, context: &DecisionContext| {
        let passed = Gate::sign_in(app, &user.email, request.client).passed(context.now)?;
        Ok(changes.and(passed).reply(Reply::no_content()))
    };
    set_password(app, request, link.user, new_password, rule, answer).await
}

/// Sets a password by a rule, which is given its hash, and forgets the attempts to confirm the former one.
async fn set_password(
    app: &App,
    request: &RequestContext,
    id: UserId,
    new_password: &str,
    rule: impl Fn(User, String, Timestamp) -> Result<Decision<User>, Problem> + Sync,
    answer: impl Fn(&User, Changes, &DecisionContext) -> Result<Outcome, Problem>,
) -> HandlerResult {
    let hash = app.credentials.hash(new_password, app.entropy()).await?;
    let load = |_| async {
        let user = storage::user(app.work.table(), id).await?;
        let changed = rule(user.value.clone(), hash.clone(), app.work.now())?;
        app.credentials.set_password(id, "new_password", new_password).await?;
        app.credentials.follow(&user, changed.state()).await?;
        Ok(user)
    };
    let decide = |user: Stored<User>, context: &DecisionContext| {
        let decision = rule(user.value.clone(), hash.clone(), context.now)?;
        let changed = decision.state().clone();
        answer(&changed, storage::update_user(&user, decision)?.delete_derived(sign_in::confirm_key(id)), context)
    };
    app.work.handle_request(request, load, decide).await
}

/// A link that would set a password now, and whose it is.
pub(super) async fn reset_link(app: &App, token: &str) -> Result<(Link, Stored<User>), Problem> {
    let link = link(app, LinkPurpose::ResetPassword, token)?;
    let user = storage::user(app.work.table(), link.user).await?;
    user.check_reset(link.serial, app.work.now())?;
    Ok((link, user))
}

/// Whether we made the link, not whether it still works.
pub(super) fn link(app: &App, purpose: LinkPurpose, token: &str) -> Result<Link, Problem> {
    Link::read(&app.signer, purpose, limited(token, TOKEN_CHARS_MAX)?)
}

/// Change the password. All other sessions end; the answer begins a new one.
#[utoipa::path(post, path = "/auth/change-password", tag = "identity", operation_id = "changePassword", request_body = ChangePassword, responses((status = 200, body = Tokens)))]
async fn change_password(
    request: Unrecorded<SignedIn>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<ChangePassword>,
) -> HandlerResult {
    let id = request.user_id;
    let proved = storage::user(app.work.table(), id).await?;
    check_password(&body.new_password, &proved.email).map_err(|error| error.at("new_password"))?;
    confirm_password(&app, &proved, "current_password", &body.current_password).await?;
    let (origin, carrier) = (Origin::of(&headers, request.client.address()), Carrier::used(&headers));
    let rule = |user: User, hash, now| {
        unchanged_password(&proved, &user)?;
        Ok(user.change_password(hash, now)?)
    };
    let answer = |user: &User, changes: Changes, context: &DecisionContext| match app.credentials.pool() {
        None => start_session(&app, user, &origin, carrier, changes, context),
        Some(_) => Ok(changes.reply(Reply::no_content())),
    };
    let changed = set_password(&app, &request, id, &body.new_password, rule, answer).await?;
    match app.credentials.pool() {
        None => Ok(changed),
        Some(pool) => at_pool::sign_in_again(&app, pool, id, &body.new_password, carrier).await,
    }
}

/// What was proved by a password counts as long as it is the password.
pub(super) fn unchanged_password(proved: &User, user: &User) -> Result<(), Problem> {
    if proved.password_hash == user.password_hash {
        return Ok(());
    }
    Err(Problem::new(Code::Conflict, "the password has been changed in the meantime"))
}

fn start_session(
    app: &App,
    user: &User,
    origin: &Origin,
    carrier: Carrier,
    changes: Changes,
    context: &DecisionContext,
) -> Result<Outcome, Problem> {
    let session = Session::start(context.id(9), user, origin.clone(), lifetimes(app), context.now);
    let tokens = Tokens::make(&app.signer, &app.config, user, session.state(), context.now)?;
    Ok(changes.and(Changes::create(session)?).reply(cookie::answer(app, tokens, carrier)))
}

/// For commands that ask nobody else.
async fn nothing() -> Result<(), Problem> {
    Ok(())
}

/// A command that may send a mail to the address, and answers the same whether it does or not, and after the same time. One
/// commit either way: the attempt is counted in it. `ask` is what takes long, such as a call to the outside;
/// it is made for known and unknown addresses, but not beyond the limit.
async fn mail<A, F>(
    app: &App,
    request: &RequestContext,
    email: &Email,
    ask: impl Fn() -> F,
    decide: impl Fn(Option<Stored<User>>, A, &DecisionContext) -> Result<Changes, Problem>,
) -> HandlerResult
where
    F: Future<Output = Result<A, Problem>> + Send,
    A: Send,
{
    let answered_at = tokio::time::Instant::now() + ANSWERED_AFTER;
    let table = app.work.table();
    let gate = Gate::mail(app, email, request.client);
    let load = |_| {
        let asked = ask();
        async {
            let counted = gate.load(table, app.work.now()).await?;
            gate.check(&counted, app.work.now())?;
            let answer = asked.await?;
            Ok((counted, storage::user_by_email(table, email).await?, answer))
        }
    };
    let decide = |(counted, user, answer), context: &DecisionContext| {
        let counted = gate.take(counted, context.now)?;
        Ok(decide(user, answer, context)?.and(counted).reply(Reply::ok(&MailView::SENT).status(202)))
    };
    let answer = app.work.handle_request(request, load, decide).await?;
    tokio::time::sleep_until(answered_at).await;
    Ok(answer)
}

fn lifetimes(app: &App) -> Lifetimes {
    Lifetimes { idle: app.config.refresh_token_lifetime, most: app.config.session_lifetime }
}

fn limited(token: &str, chars_max: usize) -> Result<&str, Problem> {
    if token.len() <= chars_max {
        return Ok(token);
    }
    Err(Problem::new(Code::InvalidToken, "this is no token of ours"))
}
