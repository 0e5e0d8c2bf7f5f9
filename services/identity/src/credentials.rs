//! Where passwords are kept and who makes the tokens: this service itself, or a user pool. The accounts
//! with their rules, addresses and roles are this service's either way, and the pool follows them: it is
//! told before the commit what a rule will decide, so that nothing is committed that it does not know.

use std::sync::Arc;

use kernel::{Code, Problem, Role, UserId};
use ports::{Entropy, PoolError, PoolTokens, UserPool};
use shell::Passwords;

use crate::user::{Status, User};

#[derive(Clone)]
pub enum Credentials {
    /// Hashed in the account; tokens are signed here, sessions are items.
    Own(Arc<Passwords>),
    Pool(Arc<dyn UserPool>),
}

impl From<Arc<Passwords>> for Credentials {
    fn from(passwords: Arc<Passwords>) -> Self {
        Self::Own(passwords)
    }
}

impl From<&Arc<Passwords>> for Credentials {
    fn from(passwords: &Arc<Passwords>) -> Self {
        Self::Own(passwords.clone())
    }
}

impl From<Arc<dyn UserPool>> for Credentials {
    fn from(pool: Arc<dyn UserPool>) -> Self {
        Self::Pool(pool)
    }
}

/// Whether a password is asked for to sign in, or only once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    SignIn,
    Confirm,
}

/// What a right password is worth.
pub enum Proof {
    /// A session may begin here.
    Password,
    /// One has begun in the pool.
    Session(PoolTokens),
}

const ROLES: [Role; 4] = [Role::Customer, Role::Business, Role::Support, Role::Admin];

impl Credentials {
    pub fn pool(&self) -> Option<&dyn UserPool> {
        match self {
            Self::Own(_) => None,
            Self::Pool(pool) => Some(&**pool),
        }
    }

    /// What is kept in the account in place of the password. A pool's accounts keep a mark: another
    /// password has another mark.
    pub async fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<String, Problem> {
        match self {
            Self::Own(passwords) => passwords.hash(password).await,
            Self::Pool(_) => Ok(format!("pool:{:032x}", u128::from_le_bytes(entropy.bytes()))),
        }
    }

    /// Whether it is the user's password; `None` if not. Takes as long for nobody.
    pub async fn prove(&self, user: Option<&User>, password: &str, purpose: Purpose) -> Result<Option<Proof>, Problem> {
        match self {
            Self::Own(passwords) => {
                let hash = user.map_or(passwords.dummy_hash(), |user| &user.password_hash);
                Ok(passwords.verify(hash, password).await?.then_some(Proof::Password))
            }
            Self::Pool(pool) => {
                let id = user.map(|user| user.id);
                let proved = match purpose {
                    Purpose::SignIn => {
                        let not_before = user.map_or(kernel::Timestamp::MIN, |user| user.tokens_valid_from);
                        pool.sign_in(id, password, not_before).await.map(Proof::Session)
                    }
                    Purpose::Confirm => pool.confirm(id, password).await.map(|()| Proof::Password),
                };
                match proved {
                    Ok(proof) => Ok(Some(proof)),
                    Err(PoolError::Refused) => Ok(None),
                    Err(error) => Err(pool_problem(error)),
                }
            }
        }
    }

    /// Sets a password at the pool; without one, the account's hash is all there is.
    pub async fn set_password(&self, user: UserId, field: &str, password: &str) -> Result<(), Problem> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Pool(pool) => pool.set_password(user, password).await.map_err(|error| password_problem(error, field)),
        }
    }

    /// Lets the pool follow what has changed in an account, or is about to.
    pub async fn follow(&self, before: &User, after: &User) -> Result<(), Problem> {
        let Self::Pool(pool) = self else { return Ok(()) };
        match after.status {
            Status::Erased => return pool.remove(after.id).await.map_err(pool_problem),
            Status::Active | Status::Disabled => {}
        }
        if (&before.email, before.email_verified, &before.name) != (&after.email, after.email_verified, &after.name) {
            pool.set_profile(after.id, &after.email, after.email_verified, &after.name).await.map_err(pool_problem)?;
        }
        if before.epoch != after.epoch {
            pool.end_sessions(after.id).await.map_err(pool_problem)?;
        }
        Ok(())
    }

    /// Sets in the pool everything that an admin may set, changed or not, so that doing it again mends
    /// what went wrong between the two.
    pub async fn enforce(&self, user: &User) -> Result<(), Problem> {
        let Self::Pool(pool) = self else { return Ok(()) };
        let (gained, lost): (Vec<Role>, Vec<Role>) = ROLES.into_iter().partition(|role| user.roles.contains(role));
        pool.set_enabled(user.id, user.may_sign_in()).await.map_err(pool_problem)?;
        pool.set_roles(user.id, &gained, &lost).await.map_err(pool_problem)
    }
}

pub fn pool_problem(error: PoolError) -> Problem {
    match error {
        PoolError::Refused => Problem::new(Code::InvalidToken, "the session has ended; sign in again"),
        PoolError::Unavailable(_) => Problem::unavailable(error),
        PoolError::Password(_) | PoolError::Misfit(_) => Problem::internal(error),
    }
}

/// `field` is the password's name in the request.
pub fn password_problem(error: PoolError, field: &str) -> Problem {
    match error {
        PoolError::Password(reason) => Problem::field(field, reason),
        PoolError::Refused | PoolError::Unavailable(_) | PoolError::Misfit(_) => pool_problem(error),
    }
}
