//! Password hashing with argon2id. It takes tens of milliseconds and 19 MiB each, so it runs on the
//! blocking pool, and only a few at a time.

use argon2::password_hash::Error;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use kernel::{Code, Problem};
use tokio::sync::Semaphore;

/// Hashes at once; more wait, so that a flood of sign-ins costs bounded memory.
const AT_ONCE: usize = 2;
/// More than these are refused: they would wait for seconds, and keep others' requests from their places.
const WAITING_MAX: usize = 48;
/// In which most of those that wait have had their turn.
const RETRY_AFTER_SECS: u32 = 2;

/// The hash of a password that no account has, with the parameters of `hash`.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$dIWNEFvnSIJ8zVi+e3ky3w$mCqaz2CXufnV0NM+GKwqixPDHUxdo76t4RfeF5vcXjw";

pub struct Passwords {
    /// Of those at work and those that wait.
    places: Semaphore,
    permits: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_ONCE + WAITING_MAX), permits: Semaphore::new(AT_ONCE) }
    }
}

impl Passwords {
    /// In the PHC string format, with OWASP's parameters (19 MiB, 2 passes). Fails with `Code::Overloaded` while too many wait, as
    /// `verify` does.
    pub async fn hash(&self, password: &str) -> Result<String, Problem> {
        let password = password.to_owned();
        self.run(move || hash(&password)).await
    }

    pub async fn verify(&self, hash: &str, password: &str) -> Result<bool, Problem> {
        let (hash, password) = (hash.to_owned(), password.to_owned());
        self.run(move || match Argon2::default().verify_password(password.as_bytes(), hash.as_str()) {
            Ok(()) => Ok(true),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(Problem::internal(format_args!("a stored password hash cannot be read: {error}"))),
        })
        .await
    }

    /// To verify against when there is no account, so that the answer takes as long.
    pub fn dummy_hash(&self) -> &'static str {
        DUMMY_HASH
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
        let too_many = |_| Problem::new(Code::Overloaded, "too many people are signing in").retry_after(RETRY_AFTER_SECS);
        let _place = self.places.try_acquire().map_err(too_many)?;
        let _permit = self.permits.acquire().await.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
    }
}

fn hash(password: &str) -> Result<String, Problem> {
    let hashed: Result<argon2::PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_dummy_costs_what_a_real_hash_costs() {
        let passwords = Passwords::default();
        let real = passwords.hash("a long and quiet river").await.unwrap();
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(&real), parameters(DUMMY_HASH));
        assert!(passwords.verify(&real, "a long and quiet river").await.unwrap());
        assert!(!passwords.verify(&real, "another river").await.unwrap());
        assert!(!passwords.verify(passwords.dummy_hash(), "a long and quiet river").await.unwrap());
        assert!(passwords.verify("nonsense", "a long and quiet river").await.is_err());
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_at_once() {
        let passwords = Passwords::default();
        let all = futures::future::join_all((0..WAITING_MAX + AT_ONCE + 5).map(|_| passwords.verify("nonsense", "river"))).await;
        let refused: Vec<_> = all.iter().filter_map(|one| one.as_ref().err()).filter(|problem| problem.code == Code::Overloaded).collect();
        assert_eq!(refused.len(), 5);
        assert!(refused.iter().all(|problem| problem.retry_after_secs.is_some()));
        assert!(passwords.hash("a long and quiet river").await.is_ok(), "who comes later has a place");
    }
}
