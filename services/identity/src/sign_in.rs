//! Proving who one is by a password. Attempts are counted per account before the password is looked
//! at, so that many guesses at once are no way around the limit; failures also per client address.
//! Unknown addresses are treated alike in all of it.

use kernel::{Code, Email, Problem};
use ports::store::Stored;
use shell::RequestContext;

use crate::App;
use crate::attempts::Attempts;
use crate::credentials::{Proof, Purpose};
use crate::storage;
use crate::tokens::short_hash;
use crate::user::User;

pub fn account_subject(email: &Email) -> String {
    format!("account:{}", short_hash(email.as_str()))
}

pub fn mail_subject(email: &Email) -> String {
    format!("mail:{}", short_hash(email.as_str()))
}

/// The user whose password this is. The caller clears the attempts of the account in its commit.
pub async fn user_by_password(
    app: &App,
    request: &RequestContext,
    email: &Email,
    password: &str,
    purpose: Purpose,
) -> Result<(Stored<User>, Proof), Problem> {
    let table = app.work.table();
    let client = format!("client:{}", request.client);
    let limit = app.config.failures_per_client;
    let client_key = storage::attempts_key(&client);
    let failures = table.get::<Attempts>(&client_key).await?;
    Attempts::check(failures.as_deref(), limit, app.work.now())?;
    take_account_attempt(app, email).await?;

    let user = storage::user_by_email(table, email).await?.filter(|user| user.may_sign_in());
    let proof = app.credentials.prove(user.as_deref(), password, purpose).await?;
    if let Some(proved) = user.zip(proof) {
        return Ok(proved);
    }
    let load = |_| table.get::<Attempts>(&client_key);
    app.work
        .run_job("identity.count_failure", load, |failures, context| storage::count_attempt(failures, &client, limit, context.now))
        .await?;
    Err(Problem::new(Code::InvalidCredentials, "the address or the password is wrong"))
}

/// The same for somebody who is signed in and must prove it once more. `field` is the password's
/// name in the request: a wrong one must not look like a token that has expired.
pub async fn confirm_password(
    app: &App,
    request: &RequestContext,
    user: &User,
    field: &str,
    password: &str,
) -> Result<Stored<User>, Problem> {
    match user_by_password(app, request, &user.email, password, Purpose::Confirm).await {
        Ok((user, _)) => Ok(user),
        Err(problem) if problem.code == Code::InvalidCredentials => Err(Problem::field(field, "is wrong")),
        Err(problem) => Err(problem),
    }
}

async fn take_account_attempt(app: &App, email: &Email) -> Result<(), Problem> {
    let subject = account_subject(email);
    let key = storage::attempts_key(&subject);
    let limit = app.config.sign_ins_per_account;
    let load = |_| app.work.table().get::<Attempts>(&key);
    app.work
        .run_job("identity.count_attempt", load, |attempts, context| storage::take_attempt(attempts, &subject, limit, context.now))
        .await?;
    Ok(())
}
