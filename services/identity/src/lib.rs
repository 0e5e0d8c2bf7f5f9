//! Accounts: who somebody is, how they prove it, what they may do; their profile and address book.
//! Signs the access tokens that the other services trust, or has a user pool make them.

mod addresses;
mod admins;
mod attempts;
mod consumer;
mod credentials;
#[cfg(test)]
mod formats;
mod gate;
mod http;
mod membership;
mod operator;
mod password;
mod personal_data;
mod reads;
mod session;
mod sign_in;
mod staff;
mod storage;
mod tokens;
mod user;
mod views;

use std::sync::Arc;

use kernel::Duration;
use shell::{Service, Signer, UnitOfWork};

pub use attempts::{AttemptLimit, Beyond};
pub use credentials::Credentials;
pub use operator::{create_admin, create_customer, opens, set_password, verified_account};
pub use reads::{Links, Reads};
pub use storage::TABLE;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub access_token_lifetime: Duration,
    /// Each refresh begins it anew.
    pub refresh_token_lifetime: Duration,
    /// After so long a session ends, however often it is refreshed.
    pub session_lifetime: Duration,
    /// Tries of a client at one account, right or wrong, until a right one.
    pub sign_ins_per_client: AttemptLimit,
    /// Tries of all clients at one account that have not signed in to it before.
    pub sign_ins_per_account: AttemptLimit,
    /// Tries to confirm the password by whoever is signed in or holds a mailed link, until a right one.
    pub confirmations_per_account: AttemptLimit,
    /// Wrong passwords per client address, which many people may share.
    pub failures_per_client: AttemptLimit,
    /// Requests of a client that may send a mail to one address.
    pub mails_per_client: AttemptLimit,
    /// Requests that may send a mail to one address, of all clients that have not signed in to its account before.
    pub mails_per_address: AttemptLimit,
    /// Accounts that a client address may register; none where the shop limits no rates.
    pub registrations_per_client: Option<AttemptLimit>,
}

impl Default for Config {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let days = |count: u64| minutes(count * 24 * 60);
        Self {
            access_token_lifetime: minutes(10),
            refresh_token_lifetime: days(30),
            session_lifetime: days(180),
            sign_ins_per_client: AttemptLimit { most: 10, within: minutes(15), beyond: Beyond::Closed },
            sign_ins_per_account: AttemptLimit { most: 100, within: minutes(60), beyond: Beyond::Pauses },
            confirmations_per_account: AttemptLimit { most: 10, within: minutes(15), beyond: Beyond::Closed },
            failures_per_client: AttemptLimit { most: 50, within: minutes(15), beyond: Beyond::Closed },
            mails_per_client: AttemptLimit { most: 4, within: minutes(60), beyond: Beyond::Closed },
            mails_per_address: AttemptLimit { most: 20, within: minutes(60), beyond: Beyond::Pauses },
            registrations_per_client: Some(AttemptLimit { most: 20, within: minutes(60), beyond: Beyond::Closed }),
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub work: UnitOfWork,
    pub signer: Arc<Signer>,
    pub credentials: Credentials,
    pub config: Arc<Config>,
}

impl App {
    pub fn entropy(&self) -> &dyn ports::Entropy {
        &*self.work.runtime().entropy
    }
}

/// The signer makes the links of mails, and the tokens unless a user pool does.
pub fn service(work: &UnitOfWork, signer: Arc<Signer>, credentials: impl Into<Credentials>, config: Config) -> Service {
    let app = App { work: work.clone(), signer, credentials: credentials.into(), config: Arc::new(config) };
    Service::new(work).root_routes(http::root_routes(&app)).routes(http::routes(app)).consumer(consumer::consumer(work.clone()))
}
