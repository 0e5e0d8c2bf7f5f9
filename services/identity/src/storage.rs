//! Keys and indexes of identity.
//!
//! | wanted | how |
//! |---|---|
//! | a user; their address book; a session; all of it at once | `user#<id>` / `user`, `addresses`, `session#<id>` |
//! | the user of an address; that no two have the same | `email#<address>` / `owner` |
//! | attempts under a subject | `attempts#<subject>` / `attempts`, expires |
//! | the admins that can act | `admins` / `admins` |
//! | users of a role above customer, by age | `role#<role>` / `<user id>` |
//! | all users, by age | index 1: `users` / `<user id>` |
//! | users whose address begins with … | index 2: `emails` / `<address>` |
//! | disabled users, by age | index 3: `disabled` / `<user id>` |

use contracts::Decision;
use kernel::{Email, Problem, Role, SessionId, Timestamp, UserId};
use ports::store::{IndexEntry, Key, Query, Record, Stored, TableSchema};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};

use crate::addresses::AddressBook;
use crate::admins::Admins;
use crate::attempts::{AttemptLimit, Attempts};
use crate::session::Session;
use crate::user::{Status, User};

pub const TABLE: TableSchema = TableSchema { name: "identity", indexes: 3 };
pub const USERS: u8 = 1;
pub const EMAILS: u8 = 2;
pub const DISABLED: u8 = 3;
/// Who has an address. Put only where there is none, so that an address has one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailOwner {
    pub email: Email,
    pub user_id: UserId,
}

/// That a user has a role, for listings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMember {
    pub role: Role,
    pub user_id: UserId,
}

impl Record for User {
    fn key(&self) -> Key {
        user_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let id = self.id.to_string();
        match self.status {
            Status::Active => vec![IndexEntry::new(USERS, "users", id), IndexEntry::new(EMAILS, "emails", self.email.as_str())],
            Status::Disabled => vec![
                IndexEntry::new(USERS, "users", id.as_str()),
                IndexEntry::new(EMAILS, "emails", self.email.as_str()),
                IndexEntry::new(DISABLED, "disabled", id.as_str()),
            ],
            Status::Erased => vec![IndexEntry::new(USERS, "users", id)],
        }
    }
}

impl Record for Session {
    fn key(&self) -> Key {
        session_key(self.user_id, self.id)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Record for AddressBook {
    fn key(&self) -> Key {
        addresses_key(self.user_id)
    }
}

impl Record for EmailOwner {
    fn key(&self) -> Key {
        email_key(&self.email)
    }
}

impl Record for RoleMember {
    fn key(&self) -> Key {
        role_key(self.role, self.user_id)
    }
}

impl Record for Admins {
    fn key(&self) -> Key {
        Key::new("admins", "admins")
    }
}

impl Record for Attempts {
    fn key(&self) -> Key {
        attempts_key(&self.subject)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.known_until.map_or(self.window_ends_at, |known_until| known_until.max(self.window_ends_at)))
    }
}

pub fn user_key(id: UserId) -> Key {
    Key::new(format!("user#{id}"), "user")
}

pub fn addresses_key(id: UserId) -> Key {
    Key::new(format!("user#{id}"), "addresses")
}

pub fn session_key(user: UserId, session: SessionId) -> Key {
    Key::new(format!("user#{user}"), format!("session#{session}"))
}

pub fn email_key(email: &Email) -> Key {
    Key::new(format!("email#{email}"), "owner")
}

pub fn attempts_key(subject: &str) -> Key {
    Key::new(format!("attempts#{subject}"), "attempts")
}

pub fn role_key(role: Role, user: UserId) -> Key {
    Key::new(role_partition(role), user.to_string())
}

/// Customers have no partition of their own: everyone is one.
pub fn role_partition(role: Role) -> String {
    format!("role#{}", role.as_str())
}

pub async fn user(table: &Table, id: UserId) -> Result<Stored<User>, Problem> {
    table.get(&user_key(id)).await?.ok_or_else(|| Problem::not_found("such user"))
}

pub async fn owner(table: &Table, email: &Email) -> Result<Option<UserId>, Problem> {
    Ok(table.get::<EmailOwner>(&email_key(email)).await?.map(|owner| owner.user_id))
}

pub async fn user_by_email(table: &Table, email: &Email) -> Result<Option<Stored<User>>, Problem> {
    table.find(owner(table, email).await?.map(user_key)).await
}

/// Whether the user may have the address that they want: nobody else has it.
pub async fn pending_email_free(table: &Table, user: &User) -> Result<bool, Problem> {
    match &user.pending_email {
        Some(email) => Ok(owner(table, email).await?.is_none()),
        None => Ok(true),
    }
}

pub async fn user_and_session(table: &Table, user: UserId, session: SessionId) -> Result<Option<(Stored<User>, Stored<Session>)>, Problem> {
    let Some(session) = table.get(&session_key(user, session)).await? else {
        return Ok(None);
    };
    Ok(table.get(&user_key(user)).await?.zip(Some(session)))
}

/// With the admins, for what may make or unmake one.
pub async fn user_and_admins(table: &Table, id: UserId) -> Result<(Stored<User>, Option<Stored<Admins>>), Problem> {
    Ok((user(table, id).await?, table.get(&Admins::default().key()).await?))
}

pub async fn user_and_addresses(table: &Table, id: UserId) -> Result<(Stored<User>, Option<Stored<AddressBook>>), Problem> {
    Ok((user(table, id).await?, table.get(&addresses_key(id)).await?))
}

/// The latest first.
pub fn sessions_of(id: UserId) -> Query {
    Query::table(user_key(id).pk).prefix("session#").descending()
}

pub fn create_user(decision: Decision<User>) -> Result<Changes, Problem> {
    let user = decision.state().clone();
    let owner = EmailOwner { email: user.email.clone(), user_id: user.id };
    let changes = Changes::create(decision)?.and(Changes::create(Decision::changed(owner))?);
    follow_roles(changes, &[], &user)
}

/// The user and what follows from them: who has the address, who has which role.
pub fn update_user(before: &Stored<User>, decision: Decision<User>) -> Result<Changes, Problem> {
    let after = decision.state().clone();
    let mut changes = Changes::update(before.version, decision)?;
    if after.email != before.email {
        changes = changes.delete_derived(email_key(&before.email));
        if after.status != Status::Erased {
            let owner = EmailOwner { email: after.email.clone(), user_id: after.id };
            changes = changes.and(Changes::create(Decision::changed(owner))?);
        }
    }
    follow_roles(changes, &before.roles, &after)
}

fn follow_roles(mut changes: Changes, before: &[Role], user: &User) -> Result<Changes, Problem> {
    for role in [Role::Business, Role::Support, Role::Admin] {
        changes = match (before.contains(&role), user.roles.contains(&role)) {
            (false, true) => changes.derived(&RoleMember { role, user_id: user.id })?,
            (true, false) => changes.delete_derived(role_key(role, user.id)),
            (true, true) | (false, false) => changes,
        };
    }
    Ok(changes)
}

/// The same for what may make or unmake an admin. Refused for the last one.
pub fn update_user_and_admins(before: &Stored<User>, admins: Option<Stored<Admins>>, decision: Decision<User>) -> Result<Changes, Problem> {
    let followed = follow_admins(admins, decision.state())?;
    Ok(update_user(before, decision)?.and(followed))
}

pub fn follow_admins(admins: Option<Stored<Admins>>, user: &User) -> Result<Changes, Problem> {
    let version = admins.as_ref().map(|admins| admins.version);
    let decision = admins.map_or_else(Admins::default, |admins| admins.value).follow(user)?;
    if decision.is_changed() { Changes::put(version, decision) } else { Ok(Changes::none()) }
}

/// Whether `follow_admins` would refuse; asked before the user pool follows.
pub fn check_admins(admins: Option<&Stored<Admins>>, user: &User) -> Result<(), Problem> {
    follow_admins(admins.cloned(), user).map(|_| ())
}

/// Counts an attempt in the commit.
pub fn count_attempt(before: Option<Stored<Attempts>>, subject: &str, limit: AttemptLimit, now: Timestamp) -> Result<Changes, Problem> {
    let version = before.as_ref().map(|attempts| attempts.version);
    Changes::put(version, Attempts::count(before.map(|attempts| attempts.value), subject, limit, now))
}
