//! Proving who one is by a password. Attempts are counted before the password is looked at, so that many guesses at
//! once are no way around the limits; failures also per client address. Unknown addresses are treated alike in all of it.

use kernel::{Code, Email, Problem, UserId};
use ports::store::{Key, Stored};
use shell::{Changes, RequestContext};

use crate::App;
use crate::attempts::{AttemptLimit, Attempts};
use crate::credentials::{Proof, Purpose};
use crate::gate::Gate;
use crate::storage;
use crate::user::User;

/// The user whose password this is. The caller notes in its commit that the gate was passed.
pub async fn user_by_password(
    app: &App,
    request: &RequestContext,
    gate: &Gate,
    email: &Email,
    password: &str,
) -> Result<(Stored<User>, Proof), Problem> {
    let table = app.work.table();
    let client = format!("client:{}", request.client);
    let limit = app.config.failures_per_client;
    let client_key = storage::attempts_key(&client);
    let failures = table.get::<Attempts>(&client_key).await?;
    Attempts::check(failures.as_deref(), limit, app.work.now())?;
    let load = |_| gate.load(table, app.work.now());
    app.work.run_job("identity.count_attempt", load, |counted, context| gate.take(counted, context.now)).await?;

    let user = storage::user_by_email(table, email).await?.filter(|user| user.may_sign_in());
    let proof = app.credentials.prove(user.as_deref(), password, Purpose::SignIn).await?;
    if let Some(proved) = user.zip(proof) {
        return Ok(proved);
    }
    let load = |_| table.get::<Attempts>(&client_key);
    app.work
        .run_job("identity.count_failure", load, |failures, context| storage::count_attempt(failures, &client, limit, context.now))
        .await?;
    Err(Problem::new(Code::InvalidCredentials, "the address or the password is wrong"))
}

/// Proves once more that an account is one's own. These attempts count apart from those to sign in, since whoever makes them
/// holds a token or a mailed link already. `field` is the password's name in the request: a wrong one must not look like a
/// token that has expired. The caller forgets the attempts in its commit.
pub async fn confirm_password(app: &App, user: &User, field: &str, password: &str) -> Result<(), Problem> {
    let subject = confirm_subject(user.id);
    take(app, &subject, app.config.confirmations_per_account).await?;
    let user = Some(user).filter(|user| user.may_sign_in());
    match app.credentials.prove(user, password, Purpose::Confirm).await? {
        Some(_) => Ok(()),
        None => Err(Problem::field(field, "is wrong")),
    }
}

/// Where the attempts to confirm a password are counted.
pub fn confirm_key(user: UserId) -> Key {
    storage::attempts_key(&confirm_subject(user))
}

fn confirm_subject(user: UserId) -> String {
    format!("confirm:{user}")
}

/// Counts an attempt, or refuses it.
pub async fn take(app: &App, subject: &str, limit: AttemptLimit) -> Result<(), Problem> {
    let key = storage::attempts_key(subject);
    let load = |_| app.work.table().get::<Attempts>(&key);
    let decide = |attempts: Option<Stored<Attempts>>, context: &shell::DecisionContext| -> Result<Changes, Problem> {
        Attempts::check(attempts.as_deref(), limit, context.now)?;
        storage::count_attempt(attempts, subject, limit, context.now)
    };
    app.work.run_job("identity.count_attempt", load, decide).await?;
    Ok(())
}
