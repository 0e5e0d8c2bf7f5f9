//! What the operator does from the command line, before there is anybody who could do it.

use contracts::Decision;
use kernel::{Email, Problem, Role, UserId};
use ports::store::{Record, Stored};
use shell::{Desk, Moment, Passwords};

use crate::admins::Admins;
use crate::password::check_password;
use crate::storage;
use crate::user::{Registration, User, UserError};

/// Makes an admin with a verified address. An account that has the address already becomes one, and
/// keeps its password if its address is verified.
pub async fn create_admin(desk: &Desk, passwords: &Passwords, email: Email, password: &str) -> Result<UserId, Problem> {
    create(desk, passwords, email, "Admin", password, Some(Role::Admin)).await
}

/// Makes an account with a verified address and no further role. A verified account that has the
/// address already stays as it is.
pub async fn create_customer(desk: &Desk, passwords: &Passwords, email: Email, name: &str, password: &str) -> Result<UserId, Problem> {
    create(desk, passwords, email, name, password, None).await
}

async fn create(
    desk: &Desk,
    passwords: &Passwords,
    email: Email,
    name: &str,
    password: &str,
    role: Option<Role>,
) -> Result<UserId, Problem> {
    check_password(password, &email).map_err(|error| error.at("password"))?;
    let registration = Registration { email: email.clone(), name: name.to_owned(), password_hash: passwords.hash(password).await? };
    let table = desk.table();
    let load = || async {
        let admins = table.find::<Admins>(&Admins::default().key()).await?;
        Ok((storage::user_by_email(table, &email).await?, admins))
    };
    let decide = |(before, admins): (Option<Stored<User>>, Option<Stored<Admins>>), moment: &Moment| {
        let decision = trusted(before.as_ref().map(|user| user.value.clone()), &registration, role, moment)?;
        match before {
            Some(before) => storage::update_user_and_admins(&before, admins, decision),
            None => {
                let followed = storage::follow_admins(admins, &decision.state)?;
                Ok(storage::create_user(decision)?.and(followed))
            }
        }
    };
    desk.step("operator.create-user", load, decide).await?;
    storage::owner(table, &email).await?.ok_or_else(|| Problem::internal("the new account is not found"))
}

/// The account with a verified address and the role. Nobody is mailed a link.
fn trusted(before: Option<User>, registration: &Registration, role: Option<Role>, moment: &Moment) -> Result<Decision<User>, UserError> {
    let registered = match before {
        Some(user) => user.register_again(registration.clone(), moment.now)?,
        None => User::register(moment.id(0), registration.clone(), moment.now)?,
    };
    let trusted = registered.state.trust()?;
    let roles = trusted.state.roles.iter().copied().chain(role).collect();
    let decision = trusted.state.set_roles(roles, None, moment.id(1), moment.now)?;
    Ok(Decision { changed: registered.changed || trusted.changed || decision.changed, events: trusted.events, ..decision })
}
