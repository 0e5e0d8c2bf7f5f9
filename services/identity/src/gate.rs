//! Attempts at one account are counted twice: by the client that makes them, with a small limit, and by all together, with
//! a large one whose pauses grow. A client that has signed in to the account before passes the second, so that no
//! stranger keeps the owner out. Unknown addresses are treated alike.

use kernel::{Email, Problem, Timestamp};
use ports::store::{Key, Stored};
use shell::http::Client;
use shell::{Changes, Table};

use crate::App;
use crate::attempts::{AttemptLimit, Attempts};
use crate::storage;

/// Where the attempts of one client at one account are counted. The names are keyed hashes: the store does not tell who came
/// from where.
pub struct Gate {
    of_client: (String, AttemptLimit),
    of_all: (String, AttemptLimit),
    /// Where it is kept that the client is known.
    sign_ins: String,
}

pub struct Counted {
    of_client: Option<Stored<Attempts>>,
    of_all: Option<Stored<Attempts>>,
    is_known: bool,
}

impl Gate {
    /// Before a password is looked at.
    pub fn sign_in(app: &App, email: &Email, client: Client) -> Self {
        let config = &app.config;
        Self::new(app, "sign-in", email, client, config.sign_ins_per_client, config.sign_ins_per_account)
    }

    /// Before a mail is sent to the address.
    pub fn mail(app: &App, email: &Email, client: Client) -> Self {
        let config = &app.config;
        Self::new(app, "mail", email, client, config.mails_per_client, config.mails_per_address)
    }

    fn new(app: &App, purpose: &str, email: &Email, client: Client, per_client: AttemptLimit, per_account: AttemptLimit) -> Self {
        let client = client.to_string();
        let name = |purpose: &str, client: &str| app.signer.mac(&format!("attempts:{purpose}:{email}:{client}"));
        Self {
            of_client: (name(purpose, &client), per_client),
            of_all: (name(purpose, ""), per_account),
            sign_ins: name("sign-in", &client),
        }
    }

    pub async fn load(&self, table: &Table, now: Timestamp) -> Result<Counted, Problem> {
        let mut keys = vec![storage::attempts_key(&self.of_client.0), storage::attempts_key(&self.of_all.0)];
        if self.sign_ins != self.of_client.0 {
            keys.push(self.known_key());
        }
        let mut found = table.get_many::<Attempts>(&keys).await?.into_iter();
        let (of_client, of_all) = (found.next().flatten(), found.next().flatten());
        let is_known = found.next().flatten().as_ref().or(of_client.as_ref()).is_some_and(|attempts| attempts.is_known(now));
        Ok(Counted { of_client, of_all, is_known })
    }

    pub fn check(&self, counted: &Counted, now: Timestamp) -> Result<(), Problem> {
        Attempts::check(counted.of_client.as_deref(), self.of_client.1, now)?;
        if !counted.is_known {
            Attempts::check(counted.of_all.as_deref(), self.of_all.1, now)?;
        }
        Ok(())
    }

    /// Counts an attempt in the commit, or refuses it.
    pub fn take(&self, counted: Counted, now: Timestamp) -> Result<Changes, Problem> {
        self.check(&counted, now)?;
        let by_client = storage::count_attempt(counted.of_client, &self.of_client.0, self.of_client.1, now)?;
        if counted.is_known {
            return Ok(by_client);
        }
        Ok(by_client.and(storage::count_attempt(counted.of_all, &self.of_all.0, self.of_all.1, now)?))
    }

    /// The client has proved that the account is theirs.
    pub fn passed(&self, now: Timestamp) -> Result<Changes, Problem> {
        Changes::none().derived(&Attempts::known(self.sign_ins.clone(), now))
    }

    pub fn known_key(&self) -> Key {
        storage::attempts_key(&self.sign_ins)
    }
}
