//! What the operator does from the command line, before there is anybody who could do it.

use contracts::Decision;
use kernel::{Code, Email, Problem, Role, UserId};
use ports::Enrolled;
use ports::store::{Record, Stored};
use shell::{DecisionContext, UnitOfWork};

use crate::admins::Admins;
use crate::credentials::{Credentials, Purpose, password_problem, pool_problem};
use crate::password::check_password;
use crate::storage;
use crate::user::{Name, Registration, User, UserError};

/// Makes an admin with a verified address. An account that has the address already becomes one, and
/// keeps its password if its address is verified.
pub async fn create_admin(work: &UnitOfWork, credentials: impl Into<Credentials>, email: Email, password: &str) -> Result<UserId, Problem> {
    create(work, &credentials.into(), email, "Admin", password, Some(Role::Admin)).await
}

/// Makes an account with a verified address and no further role. A verified account that has the
/// address already stays as it is.
pub async fn create_customer(
    work: &UnitOfWork,
    credentials: impl Into<Credentials>,
    email: Email,
    name: &str,
    password: &str,
) -> Result<UserId, Problem> {
    create(work, &credentials.into(), email, name, password, None).await
}

/// Whose account with a verified address this is, if it is anybody's.
pub async fn verified_account(work: &UnitOfWork, email: &Email) -> Result<Option<UserId>, Problem> {
    let user = storage::user_by_email(work.table(), email).await?;
    Ok(user.filter(|user| user.email_verified).map(|user| user.id))
}

/// Whether somebody who knows the password can sign in.
pub async fn opens(work: &UnitOfWork, credentials: impl Into<Credentials>, email: &Email, password: &str) -> Result<bool, Problem> {
    let credentials: Credentials = credentials.into();
    match storage::user_by_email(work.table(), email).await? {
        Some(user) if user.may_sign_in() => Ok(credentials.prove(Some(&user.value), password, Purpose::Confirm).await?.is_some()),
        Some(_) | None => Ok(false),
    }
}

/// Sets the password of an account. All its sessions end.
///
/// Errors: `NotFound` without an account, and whatever keeps it from being used.
pub async fn set_password(
    work: &UnitOfWork,
    credentials: impl Into<Credentials>,
    email: &Email,
    password: &str,
) -> Result<UserId, Problem> {
    let credentials: Credentials = credentials.into();
    check_password(password, email).map_err(|error| error.at("password"))?;
    let hash = credentials.hash(password, &*work.runtime().entropy).await?;
    let load = |_| async {
        let found = storage::user_by_email(work.table(), email).await?;
        let user = found.ok_or_else(|| Problem::new(Code::NotFound, format!("nobody has an account with the address {email}")))?;
        let changed = user.value.clone().change_password(hash.clone(), work.now())?;
        credentials.set_password(user.id, "password", password).await?;
        credentials.follow(&user, changed.state()).await?;
        Ok(user)
    };
    let decide = |user: Stored<User>, context: &DecisionContext| {
        let decision = user.value.clone().change_password(hash.clone(), context.now)?;
        Ok::<_, Problem>(storage::update_user(&user, decision)?.with(user.id))
    };
    work.run_job("operator.set-password", load, decide).await
}

async fn create(
    work: &UnitOfWork,
    credentials: &Credentials,
    email: Email,
    name: &str,
    password: &str,
    role: Option<Role>,
) -> Result<UserId, Problem> {
    check_password(password, &email).map_err(|error| error.at("password"))?;
    let name = Name::new(name).map_err(|error| Problem::field("name", error.to_string()))?;
    let password_hash = credentials.hash(password, &*work.runtime().entropy).await?;
    let registration = Registration { email: email.clone(), name: name.clone(), password_hash };
    let table = work.table();
    let load = |_| async {
        let admins = table.get::<Admins>(&Admins::default().key()).await?;
        let enrolled = match credentials.pool() {
            Some(pool) => Some(pool.enrol(&email, &name, password).await.map_err(|error| password_problem(error, "password"))?),
            None => None,
        };
        Ok((storage::user_by_email(table, &email).await?, enrolled, admins))
    };
    type Loaded = (Option<Stored<User>>, Option<Enrolled>, Option<Stored<Admins>>);
    let decide = |(before, enrolled, admins): Loaded, context: &DecisionContext| {
        let id = enrolled.map_or(context.id(0), |enrolled| enrolled.user);
        if let (Some(before), Some(_)) = (&before, enrolled)
            && before.id != id
        {
            return Err(Problem::new(Code::Conflict, format!("the user pool knows {} as {id}", before.id)));
        }
        let decision = trusted(before.as_ref().map(|user| user.value.clone()), id, &registration, role, context)?;
        match before {
            Some(before) => storage::update_user_and_admins(&before, admins, decision),
            None => {
                let followed = storage::follow_admins(admins, decision.state())?;
                Ok(storage::create_user(decision)?.and(followed))
            }
        }
    };
    work.run_job("identity.create_user", load, decide).await?;
    let id = storage::owner(table, &email).await?.ok_or_else(|| Problem::internal("the new account is not found"))?;
    if let Some(pool) = credentials.pool() {
        let user = storage::user(table, id).await?;
        pool.set_profile(id, &user.email, user.email_verified, &user.name).await.map_err(pool_problem)?;
        credentials.enforce(&user).await?;
    }
    Ok(id)
}

/// The account with a verified address and the role. Nobody is mailed a link.
fn trusted(
    before: Option<User>,
    id: UserId,
    registration: &Registration,
    role: Option<Role>,
    context: &DecisionContext,
) -> Result<Decision<User>, UserError> {
    let registered = match before {
        Some(user) if user.email_verified => Decision::unchanged(user),
        Some(user) => user.register_again(registration.clone(), context.now),
        None => User::register(id, registration.clone(), context.now),
    };
    // The events of a registration are left out: they would have a link mailed.
    let changed = registered.is_changed();
    let account = registered.into_state();
    let account = if changed { Decision::changed(account) } else { Decision::unchanged(account) };
    account.then(User::trust)?.then(|user| {
        let roles = user.roles.iter().copied().chain(role).collect();
        user.set_roles(roles, None, context.id(1), context.now)
    })
}
