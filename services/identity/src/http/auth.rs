//! Registration, signing in and out, links in mails, passwords.

use axum::extract::State;
use contracts::Decision;
use kernel::{Code, Email, Problem, Timestamp, UserId};
use ports::Enrolled;
use ports::reads::LinkPurpose;
use ports::store::Stored;
use serde::Deserialize;
use shell::http::{Json, OpenApiRouter, SignedIn};
use shell::{Changes, DecisionContext, HandlerResult, Outcome, Reply, RequestContext};
use utoipa::ToSchema;

use super::{at_pool, without_record};
use crate::App;
use crate::attempts::Attempts;
use crate::credentials::{Proof, Purpose, password_problem};
use crate::password::check_password;
use crate::session::{Lifetimes, Presented, Session, SessionError};
use crate::sign_in::{account_subject, confirm_password, mail_subject, user_by_password};
use crate::storage;
use crate::tokens::{Link, REFRESH_TOKEN_CHARS_MAX, RefreshToken, TOKEN_CHARS_MAX, Tokens, short_hash};
use crate::user::{Name, Registration, User};
use crate::views::MailView;

pub(super) fn routes() -> OpenApiRouter<App> {
    shell::routes!(
        register,
        sign_in,
        refresh,
        sign_out,
        sign_out_everywhere,
        verify_email,
        resend_verification,
        forgot_password,
        reset_password,
        change_password
    )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    email: Email,
    #[schema(min_length = 10, max_length = 128)]
    password: String,
    #[schema(inline)]
    name: Name,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    email: Email,
    #[schema(max_length = 128)]
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshTokenBody {
    #[schema(max_length = 4096)]
    refresh_token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyEmail {
    /// From the link in the mail.
    #[schema(max_length = 200)]
    token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmailBody {
    email: Email,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetPassword {
    /// From the link in the mail.
    #[schema(max_length = 200)]
    token: String,
    #[schema(min_length = 10, max_length = 128)]
    new_password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    #[schema(max_length = 128)]
    current_password: String,
    #[schema(min_length = 10, max_length = 128)]
    new_password: String,
}

/// Create an account. The answer does not reveal whether the address has one already.
#[utoipa::path(post, path = "/auth/register", tag = "identity", operation_id = "register", request_body = Register, responses((status = 202, body = MailView)))]
async fn register(request: RequestContext, State(app): State<App>, Json(body): Json<Register>) -> HandlerResult {
    check_password(&body.password, &body.email).map_err(|error| error.at("password"))?;
    // Hashed for known addresses as well, so that both take as long.
    let password_hash = app.credentials.hash(&body.password, app.entropy()).await?;
    let registration = Registration { email: body.email.clone(), name: body.name.clone(), password_hash };
    let enrol = || async {
        let Some(pool) = app.credentials.pool() else { return Ok(None) };
        pool.enrol(&body.email, &body.name, &body.password).await.map(Some).map_err(|error| password_problem(error, "password"))
    };
    mail(&app, &without_record(&request), &body.email, enrol, |user, enrolled, context| match (user, enrolled) {
        (Some(user), Some(Enrolled { user: other, .. })) if other != user.id => {
            Err(Problem::internal(format_args!("the user pool knows {} as {other}", user.id)))
        }
        (Some(user), _) => storage::update_user(&user, user.value.clone().register_again(registration.clone(), context.now)),
        // Somebody else's user of a shared pool: their password is not ours to set.
        (None, Some(Enrolled { proved: true, .. })) => Ok(Changes::none()),
        (None, Some(Enrolled { user, .. })) => storage::create_user(User::register(user, registration.clone(), context.now)),
        (None, None) => storage::create_user(User::register(context.id(0), registration.clone(), context.now)),
    })
    .await
}

/// Sign in by password.
#[utoipa::path(post, path = "/auth/sign-in", tag = "identity", operation_id = "signIn", request_body = SignIn, responses((status = 200, body = Tokens)))]
async fn sign_in(request: RequestContext, State(app): State<App>, Json(body): Json<SignIn>) -> HandlerResult {
    let (user, proof) = user_by_password(&app, &request, &body.email, &body.password, Purpose::SignIn).await?;
    if let Proof::Session(tokens) = &proof {
        at_pool::adopt_roles(&app, &user, tokens).await?;
    }
    let attempts = storage::attempts_key(&account_subject(&body.email));
    // If the user has changed since, the session carries an epoch that has ended.
    let decide = |(), context: &DecisionContext| {
        let cleared = Changes::none().delete_derived(attempts.clone());
        match &proof {
            Proof::Password => start_session(&app, &user, cleared, context),
            Proof::Session(tokens) => Ok(cleared.reply(Reply::ok(&Tokens::from(tokens)).no_store())),
        }
    };
    app.work.handle_request(&without_record(&request), |_| async { Ok(()) }, decide).await
}

/// Exchange a refresh token for the next pair of tokens. It works once; used again it ends the
/// session, unless it is the same request sent again with the same Idempotency-Key.
#[utoipa::path(post, path = "/auth/refresh", tag = "identity", operation_id = "refreshTokens", request_body = RefreshTokenBody, responses((status = 200, body = Tokens)))]
async fn refresh(request: RequestContext, State(app): State<App>, Json(body): Json<RefreshTokenBody>) -> HandlerResult {
    let refresh_token = limited(&body.refresh_token, REFRESH_TOKEN_CHARS_MAX)?;
    if let Some(pool) = app.credentials.pool() {
        return at_pool::refresh(&app, pool, refresh_token).await;
    }
    let token = RefreshToken::read(&app.signer, refresh_token)?;
    let presented = Presented { generation: token.generation, retry: request.idempotency_key.as_deref().map(short_hash) };
    let table = app.work.table();
    let load = |_| storage::user_and_session(table, token.user, token.session);
    let decide = |state: Option<(Stored<User>, Stored<Session>)>, context: &DecisionContext| {
        let (user, session) = state.ok_or(SessionError::Ended)?;
        let decision = session.value.refresh(&user, presented.clone(), lifetimes(&app), context.now)?;
        let tokens = Tokens::make(&app.signer, &app.config, &user, decision.state(), context.now)?;
        Ok(Changes::update(session.version, decision)?.reply(Reply::ok(&tokens).no_store()))
    };
    let answer = app.work.handle_request(&without_record(&request), load, decide).await;
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
async fn sign_out(request: RequestContext, State(app): State<App>, Json(body): Json<RefreshTokenBody>) -> HandlerResult {
    let refresh_token = limited(&body.refresh_token, REFRESH_TOKEN_CHARS_MAX)?;
    if let Some(pool) = app.credentials.pool() {
        return at_pool::sign_out(pool, refresh_token).await;
    }
    let Ok(token) = RefreshToken::read(&app.signer, refresh_token) else {
        // As RFC 7009 has it: a token that does not count is signed out already.
        return Ok(Reply::no_content());
    };
    let key = storage::session_key(token.user, token.session);
    let decide = |session: Option<Stored<Session>>, _: &DecisionContext| match session {
        Some(session) => Ok(Changes::update(session.version, session.value.revoke())?.reply(Reply::no_content())),
        None => Ok(Reply::no_content().into()),
    };
    app.work.handle_request(&without_record(&request), |_| app.work.table().get(&key), decide).await
}

/// End all sessions, and all access tokens at once.
#[utoipa::path(post, path = "/auth/sign-out-everywhere", tag = "identity", operation_id = "signOutEverywhere", responses((status = 204)))]
async fn sign_out_everywhere(request: SignedIn, State(app): State<App>) -> HandlerResult {
    let id = request.user_id;
    let decide = |user: Stored<User>, context: &DecisionContext| {
        let decision = user.value.clone().sign_out_everywhere(context.now);
        Ok(storage::update_user(&user, decision)?.reply(Reply::no_content()))
    };
    let load = |_| async {
        let user = storage::user(app.work.table(), id).await?;
        app.credentials.follow(&user, user.value.clone().sign_out_everywhere(app.work.now()).state()).await?;
        Ok(user)
    };
    app.work.handle_request(&request, load, decide).await
}

/// Follow the link of a verification mail.
#[utoipa::path(post, path = "/auth/verify-email", tag = "identity", operation_id = "verifyEmail", request_body = VerifyEmail, responses((status = 204)))]
async fn verify_email(request: RequestContext, State(app): State<App>, Json(body): Json<VerifyEmail>) -> HandlerResult {
    verify(&app, &request, &body.token).await
}

pub(super) async fn verify(app: &App, request: &RequestContext, token: &str) -> HandlerResult {
    let link = link(app, LinkPurpose::VerifyEmail, token)?;
    let table = app.work.table();
    let load = |_| async {
        let user = storage::user(table, link.user).await?;
        let email_free = storage::pending_email_free(table, &user).await?;
        let verified = user.value.clone().verify_email(link.serial, email_free, app.work.now())?;
        app.credentials.follow(&user, verified.state()).await?;
        Ok((user, email_free))
    };
    let decide = |(user, email_free): (Stored<User>, bool), context: &DecisionContext| {
        let decision = user.value.clone().verify_email(link.serial, email_free, context.now)?;
        Ok(storage::update_user(&user, decision)?.reply(Reply::no_content()))
    };
    app.work.handle_request(&without_record(request), load, decide).await
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
async fn reset_password(request: RequestContext, State(app): State<App>, Json(body): Json<ResetPassword>) -> HandlerResult {
    reset(&app, &request, &body.token, &body.new_password).await
}

pub(super) async fn reset(app: &App, request: &RequestContext, token: &str, new_password: &str) -> HandlerResult {
    let (link, user) = reset_link(app, token).await?;
    check_password(new_password, &user.email).map_err(|error| error.at("new_password"))?;
    let rule = |user: User, hash, now| Ok(user.reset_password(link.serial, hash, now)?);
    set_password(app, request, link.user, new_password, rule, |_, changes, _| Ok(changes.reply(Reply::no_content()))).await
}

/// Sets a password by a rule, which is given its hash, and forgets the attempts at the former one.
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
        let attempts = storage::attempts_key(&account_subject(&user.email));
        answer(&changed, storage::update_user(&user, decision)?.delete_derived(attempts), context)
    };
    app.work.handle_request(&without_record(request), load, decide).await
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
async fn change_password(request: SignedIn, State(app): State<App>, Json(body): Json<ChangePassword>) -> HandlerResult {
    let id = request.user_id;
    let user = storage::user(app.work.table(), id).await?;
    check_password(&body.new_password, &user.email).map_err(|error| error.at("new_password"))?;
    let proved = confirm_password(&app, &request, &user, "current_password", &body.current_password).await?;
    let rule = |user: User, hash, now| {
        unchanged_password(&proved, &user)?;
        Ok(user.change_password(hash, now)?)
    };
    let answer = |user: &User, changes: Changes, context: &DecisionContext| match app.credentials.pool() {
        None => start_session(&app, user, changes, context),
        Some(_) => Ok(changes.reply(Reply::no_content())),
    };
    let changed = set_password(&app, &request, id, &body.new_password, rule, answer).await?;
    match app.credentials.pool() {
        None => Ok(changed),
        Some(pool) => at_pool::sign_in_again(&app, pool, id, &body.new_password).await,
    }
}

/// What was proved by a password counts as long as it is the password.
pub(super) fn unchanged_password(proved: &User, user: &User) -> Result<(), Problem> {
    if proved.password_hash == user.password_hash {
        return Ok(());
    }
    Err(Problem::new(Code::Conflict, "the password has been changed in the meantime"))
}

fn start_session(app: &App, user: &User, changes: Changes, context: &DecisionContext) -> Result<Outcome, Problem> {
    let session = Session::start(context.id(9), user, lifetimes(app), context.now);
    let tokens = Tokens::make(&app.signer, &app.config, user, session.state(), context.now)?;
    Ok(changes.and(Changes::create(session)?).reply(Reply::ok(&tokens).no_store()))
}

/// For commands that ask nobody else.
async fn nothing() -> Result<(), Problem> {
    Ok(())
}

/// A command that may send a mail to the address, and answers the same whether it does or not. One
/// commit either way: the attempt is counted in it. `ask` is a call to the outside; it is made for known
/// and unknown addresses, but not beyond the limit.
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
    let table = app.work.table();
    let subject = mail_subject(email);
    let limit = app.config.mails_per_address;
    let load = |_| {
        let asked = ask();
        async {
            let attempts = table.get::<Attempts>(&storage::attempts_key(&subject)).await?;
            Attempts::check(attempts.as_deref(), limit, app.work.now())?;
            let answer = asked.await?;
            Ok((attempts, storage::user_by_email(table, email).await?, answer))
        }
    };
    let decide = |(attempts, user, answer), context: &DecisionContext| {
        let counted = storage::take_attempt(attempts, &subject, limit, context.now)?;
        Ok(decide(user, answer, context)?.and(counted).reply(Reply::ok(&MailView::SENT).status(202)))
    };
    app.work.handle_request(request, load, decide).await
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
