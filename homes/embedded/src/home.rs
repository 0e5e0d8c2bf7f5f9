//! The home itself: what it keeps on disk, and what it gives to the services.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use disk::DiskBlobs;
use home_test_gateway::Bank;
use kernel::{Duration, Problem};
use ports::store::{Store, TableSchema};
use ports::{Blobs, Clock, EventLog, Mail, MailError, Mailer, PaymentGateway, Search, SystemClock, SystemEntropy};
use shell::queues::{self, LogQueues};
use shell::{Host, HostConfig, Passwords, RootRoutes, Runtime, Service, Signer, UnitOfWork};
use sqlite::Sqlite;
use tantivy_search::{Synonyms, TantivySearch};
use wiring::{Config, ConfigError, Operator, Platform, TimeZoneSource, Transport};

use crate::secrets::{keep_from_others, private_directory, private_file, signing_key};
use crate::{api_page, upkeep};

const UPKEEP: TableSchema = TableSchema { name: "upkeep", indexes: 0 };
/// One `souk serve` runs on a data directory, so the next one may go on at once with the leases of one that was killed.
const HOLDER: &str = "souk serve";
/// One attempt to hand a mail to the mail server.
const SMTP_WITHIN: Duration = Duration::from_secs(30);

/// The start waits so long for the check of the database.
const CHECKED_WITHIN: Duration = Duration::from_secs(1);
const BOOK: &str = "gateway.db";
const FILES: &str = "files";

enum State {
    Disk {
        database: Arc<Sqlite>,
        /// The test gateway's own file.
        book: Sqlite,
        files: Arc<dyn Blobs>,
    },
    /// For describing the services: nothing is kept.
    Memory { stores: memory::MemoryStores },
}

/// Souk on one machine.
pub struct Home {
    config: Config,
    runtime: Arc<Runtime>,
    state: State,
    bank: Bank,
    signer: Arc<Signer>,
    passwords: Arc<Passwords>,
}

impl Home {
    /// Opens the data directory, and makes what is missing.
    pub fn open(config: &Config) -> Result<Self, ConfigError> {
        check_config(config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let unusable = |error: &dyn std::fmt::Display| ConfigError(format!("{}: {error}", config.data.display()));
        private_directory(&config.data)?;
        // SQLite would say that it cannot, and not why.
        tempfile::tempfile_in(&config.data).map_err(|error| unusable(&error))?;
        keep_private(&config.data)?;
        let database = Sqlite::open(config.database(), &tables(), clock.clone()).map_err(|error| unusable(&error))?;
        let book = Sqlite::open(config.data.join(BOOK), &[home_test_gateway::TABLE], clock.clone()).map_err(|error| unusable(&error))?;
        let bank = Bank::new(config, book.table(&home_test_gateway::TABLE), clock.clone());
        let files = DiskBlobs::open(config.data.join(FILES)).map_err(|error| unusable(&error))?;
        let key = signing_key(config, &SystemEntropy)?;
        let state = State::Disk { database: Arc::new(database), book, files: Arc::new(files) };
        Self::assemble(config, state, bank, &key, clock)
    }

    /// Opens a data directory that holds a shop, and makes none: a mistyped name is not an empty shop.
    pub fn open_existing(config: &Config) -> Result<Self, ConfigError> {
        if !config.database().is_file() {
            let data = config.data.display();
            return Err(ConfigError(format!("there is no shop in {data}: souk serve, demo, import and admin create make one")));
        }
        Self::open(config)
    }

    /// Names a database that is damaged, as far as it can be read in a short time.
    pub async fn check_database(&self) -> Result<(), ConfigError> {
        match &self.state {
            State::Disk { database, .. } => database.check(CHECKED_WITHIN).await.map_err(|error| ConfigError(error.to_string())),
            State::Memory { .. } => Ok(()),
        }
    }

    /// A home that keeps nothing, to ask its services what they are.
    pub fn in_memory(config: &Config) -> Result<Self, ConfigError> {
        Self::over(config, memory::MemoryStores::new(Arc::new(SystemClock)))
    }

    /// The same home over stores that its maker may snapshot and restore.
    pub fn over(config: &Config, stores: memory::MemoryStores) -> Result<Self, ConfigError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bank = Bank::new(config, stores.table(home_test_gateway::TABLE), clock.clone());
        Self::assemble(config, State::Memory { stores }, bank, &shell::SigningKey([0; 32]), clock)
    }

    fn assemble(config: &Config, state: State, bank: Bank, key: &shell::SigningKey, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let fatal = |problem: Problem| ConfigError(problem.detail);
        let runtime = Runtime::new(clock, Arc::new(SystemEntropy));
        let signer = Arc::new(Signer::new(&config.shop.public_url, key).map_err(fatal)?);
        let passwords = Arc::new(Passwords::default());
        Ok(Self { config: config.clone(), runtime, state, bank, signer, passwords })
    }

    /// Held while the shop runs. Leases would keep two of them from delivering an event twice, but the search index takes
    /// one writer, and `HOLDER` is one name.
    pub fn lock(&self) -> Result<File, ConfigError> {
        let path = self.config.data.join("serve.lock");
        let failed = |error: std::io::Error| ConfigError(format!("{}: {error}", path.display()));
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(ConfigError(format!("another souk serve is running on {}", self.config.data.display())))
            }
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn synonyms(&self) -> Result<Synonyms, ConfigError> {
        let Some(file) = &self.config.search.synonyms else {
            return Synonyms::embedded().map_err(|error| ConfigError(format!("the synonyms: {error}")));
        };
        let unfit = |error: &dyn std::fmt::Display| ConfigError(format!("search.synonyms, {}: {error}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| unfit(&error))?;
        Synonyms::with(&text).map_err(|error| unfit(&error))
    }

    fn work(&self, schema: TableSchema) -> UnitOfWork {
        wiring::work(self, schema)
    }

    /// All services, without the home's own housekeeping.
    pub fn services(&self) -> Result<Vec<Service>, ConfigError> {
        wiring::services(&self.config, self)
    }

    /// What people who run the shop do beside its API.
    pub fn operator(&self) -> Operator<'_> {
        Operator::new(&self.config, self)
    }

    pub fn shell_work(&self) -> UnitOfWork {
        self.work(queues::TABLE)
    }

    pub fn log(&self) -> Arc<dyn EventLog> {
        match &self.state {
            State::Disk { database, .. } => database.log(),
            State::Memory { stores, .. } => stores.log(),
        }
    }

    /// What the consumers' queues hold.
    pub fn queues(&self) -> LogQueues {
        LogQueues::new(self.shell_work(), self.log())
    }

    /// The names of all consumers.
    pub fn consumers(&self) -> Result<Vec<&'static str>, ConfigError> {
        Ok(consumers_of(&self.services()?))
    }

    /// Everything together, ready to be started.
    pub fn host(&self) -> Result<Host, ConfigError> {
        let mut services = self.services()?;
        if let State::Disk { database, .. } = &self.state {
            let consumers = consumers_of(&services);
            services.push(upkeep::service(&self.work(UPKEEP), database.clone(), consumers));
        }
        let authenticator = wiring::authenticator(self)?;
        let config = HostConfig {
            work: self.shell_work(),
            log: self.log(),
            authenticator,
            limits: self.config.limits.clone(),
            holder: HOLDER.into(),
            pages: api_page::routes(),
        };
        Host::new(config, services).map_err(|problem| ConfigError(problem.detail))
    }

    /// Waits for the last commits; nothing may be asked of the home afterwards.
    pub async fn close(self) -> Result<(), Problem> {
        match self.state {
            State::Disk { database, book, .. } => {
                database.close().await?;
                Ok(book.close().await?)
            }
            State::Memory { .. } => Ok(()),
        }
    }
}

impl Platform for Home {
    fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    fn store(&self, schema: TableSchema) -> Arc<dyn Store> {
        match &self.state {
            State::Disk { database, .. } => database.table(&schema),
            State::Memory { stores, .. } => stores.table(schema),
        }
    }

    fn files(&self) -> Result<Arc<dyn Blobs>, ConfigError> {
        Ok(match &self.state {
            State::Disk { files, .. } => files.clone(),
            State::Memory { .. } => Arc::new(memory::MemoryBlobs::default()),
        })
    }

    fn signer(&self) -> Result<Arc<Signer>, ConfigError> {
        Ok(self.signer.clone())
    }

    fn passwords(&self) -> Arc<Passwords> {
        self.passwords.clone()
    }

    fn gateway(&self) -> Result<Arc<dyn PaymentGateway>, ConfigError> {
        Ok(self.bank.gateway.clone())
    }

    fn gateway_pages(&self) -> Result<RootRoutes, ConfigError> {
        Ok(self.bank.pages())
    }

    fn mailer(&self) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
        if matches!(self.state, State::Memory { .. }) {
            // The services are described as they are in a shop that sends its mail.
            return Ok(Some(Arc::new(NoMailer)));
        }
        mailer(&self.config)
    }

    /// They are in the binary, so that there is one file to start.
    fn time_zones(&self) -> Result<TimeZoneSource, ConfigError> {
        Ok(Box::new(|| Ok(tzf_dist::load_lite_tzb().into())))
    }

    fn search_index(&self) -> Result<Option<Arc<dyn Search>>, ConfigError> {
        let synonyms = self.synonyms()?;
        let index = match &self.state {
            State::Disk { .. } => TantivySearch::with(Some(&self.config.data.join("search")), synonyms),
            State::Memory { .. } => TantivySearch::with(None, synonyms),
        };
        index.map(|index| Some(Arc::new(index) as Arc<dyn Search>)).map_err(|error| ConfigError(format!("the search index: {error}")))
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        Some(self.log())
    }
}

/// What this home cannot run with, beside what no home can. Must be called inside a Tokio runtime.
pub fn check_config(config: &Config) -> Result<(), ConfigError> {
    mailer(config).map(|_| ())
}

fn mailer(config: &Config) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
    match (config.mail.transport, &config.mail.url) {
        (Transport::Capture, _) => Ok(None),
        (Transport::Smtp, Some(url)) => {
            let mailer = smtp::SmtpMailer::new(url, SMTP_WITHIN).map_err(|error| ConfigError(format!("mail.url: {error}")))?;
            Ok(Some(Arc::new(mailer)))
        }
        (Transport::Ses, _) => Err(ConfigError("mail.transport is ses, which is for a shop on AWS; here it is smtp".into())),
        (Transport::Smtp, None) => Err(ConfigError("mail.transport is smtp, so mail.url must say where the mail server is".into())),
    }
}

/// For the home that keeps nothing: it sends nothing either.
struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        Err(MailError::Permanent("this home only describes its services".into()))
    }
}

/// Password hashes, addresses, enquiries: only the owner reads them, also in a directory that others may enter.
fn keep_private(data: &Path) -> Result<(), ConfigError> {
    for name in ["souk.db", BOOK] {
        private_file(&data.join(name))?;
        for beside in ["-wal", "-shm"] {
            let path = data.join(format!("{name}{beside}"));
            keep_from_others(&path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
        }
    }
    for name in [FILES, "search"] {
        let path = data.join(name);
        private_directory(&path)?;
        keep_from_others(&path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// The services' tables, and those of the home.
fn tables() -> Vec<TableSchema> {
    [&wiring::tables()[..], &[queues::TABLE, UPKEEP]].concat()
}

fn consumers_of(services: &[Service]) -> Vec<&'static str> {
    services.iter().flat_map(|service| service.consumers.iter().map(|consumer| consumer.name)).collect()
}

/// Copies the database while it may be in use.
pub async fn backup(config: &Config, file: &Path) -> Result<(), ConfigError> {
    if !config.database().is_file() {
        return Err(ConfigError(format!("{} does not exist: there is nothing to back up", config.database().display())));
    }
    let failed = |error: &dyn std::fmt::Display| ConfigError(format!("{}: {error}", file.display()));
    let database = Sqlite::open(config.database(), &tables(), Arc::new(SystemClock)).map_err(|error| failed(&error))?;
    database.backup(file).await.map_err(|error| failed(&error))?;
    database.close().await.map_err(|error| failed(&error))
}
