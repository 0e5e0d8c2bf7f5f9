//! Passwords and tokens that somebody else keeps and makes: a user pool such as Amazon Cognito's.
//! Souk keeps the accounts; the pool follows them.

use async_trait::async_trait;
use kernel::{Email, Role, Timestamp, UserId};

/// What a sign-in or a refresh at the pool gave.
#[derive(Clone, PartialEq, Eq)]
pub struct PoolTokens {
    pub user: UserId,
    pub access_token: String,
    /// The one that was presented, if the pool gave no other.
    pub refresh_token: String,
    pub expires_in_secs: u64,
    /// In whole seconds, by the pool's clock.
    pub issued_at: Timestamp,
    /// The groups that the user was in then, as far as they are roles.
    pub roles: Vec<Role>,
}

/// Whom a registration met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    pub user: UserId,
    /// The address was proved before: nothing has been changed.
    pub proved: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The password is wrong, the token does not count, or the pool does not let this user in.
    #[error("the user pool refuses it")]
    Refused,
    /// The pool's own rules for passwords.
    #[error("the user pool takes no such password: {0}")]
    Password(String),
    /// Trying again can help: the pool is away or busy.
    #[error("the user pool is unavailable: {0}")]
    Unavailable(String),
    /// The pool is not set up as it must be, or has not the user it should have.
    #[error("the user pool does not fit: {0}")]
    Misfit(String),
}

/// All operations may be repeated: they end in the same state.
#[async_trait]
pub trait UserPool: Send + Sync {
    /// Makes a user of the address with this password. One that the pool has already gets the password,
    /// and loses its sessions, unless the address is proved. Takes about as long in all cases.
    async fn enrol(&self, email: &Email, name: &str, password: &str) -> Result<Enrolled, PoolError>;

    /// Tokens for a password. `None` is nobody, who is refused after about as long. The tokens are not
    /// made before the second `not_before`: those made earlier would not count.
    async fn sign_in(&self, user: Option<UserId>, password: &str, not_before: Timestamp) -> Result<PoolTokens, PoolError>;

    /// Whether it is the password. No session begins.
    async fn confirm(&self, user: Option<UserId>, password: &str) -> Result<(), PoolError>;

    async fn refresh(&self, refresh_token: &str) -> Result<PoolTokens, PoolError>;

    /// Ends the session of a refresh token. One that does not count is no error.
    async fn sign_out(&self, refresh_token: &str) -> Result<(), PoolError>;

    /// Ends all sessions of the user.
    async fn end_sessions(&self, user: UserId) -> Result<(), PoolError>;

    async fn set_password(&self, user: UserId, password: &str) -> Result<(), PoolError>;

    async fn set_profile(&self, user: UserId, email: &Email, email_verified: bool, name: &str) -> Result<(), PoolError>;

    /// The groups of the pool have the names of the roles.
    async fn set_roles(&self, user: UserId, gained: &[Role], lost: &[Role]) -> Result<(), PoolError>;

    async fn set_enabled(&self, user: UserId, enabled: bool) -> Result<(), PoolError>;

    /// A user who is gone already is no error.
    async fn remove(&self, user: UserId) -> Result<(), PoolError>;
}

/// The public keys of an issuer of tokens.
#[async_trait]
pub trait PublicKeys: Send + Sync {
    /// A JSON Web Key Set (RFC 7517), as the issuer publishes it; or why it cannot be had.
    async fn fetch(&self) -> Result<String, String>;
}

/// The user of a pool's `sub` claim. Pools name their users by UUIDs, which are 128 bits as our ids are:
/// the one is the other, written otherwise.
pub fn user_of_subject(subject: &str) -> Option<UserId> {
    let parts: Vec<&str> = subject.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digits = parts.concat();
    let is_uuid = lengths == [8, 4, 4, 4, 12] && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_uuid { u128::from_str_radix(&digits, 16).ok().map(UserId) } else { None }
}

/// The other way, in lower case as pools write it.
pub fn subject_of_user(user: UserId) -> String {
    let digits = format!("{:032x}", user.0);
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_and_users_are_one_to_one() {
        let subject = "7f6b8c1e-0d2a-4c3b-9e5f-001122334455";
        let user = user_of_subject(subject).unwrap();
        assert_eq!(user, UserId(0x7f6b_8c1e_0d2a_4c3b_9e5f_0011_2233_4455));
        assert_eq!(subject_of_user(user), subject);
        assert_eq!(user.to_string().parse(), Ok(user), "any 128 bits have our form too");
        for bad in ["", "7f6b8c1e0d2a4c3b9e5f001122334455", "7f6b8c1e-0d2a-4c3b-9e5f-00112233445g", "-7f6b8c1-0d2a-4c3b-9e5f-001122334455"]
        {
            assert_eq!(user_of_subject(bad), None, "{bad}");
        }
    }
}
