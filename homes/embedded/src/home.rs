//! The home itself: what it keeps on disk, and what it gives to the services.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use catalog::{Imported, ImportedProduct};
use disk::DiskBlobs;
use kernel::{BusinessId, Currency, Duration, Email, Problem, UserId};
use ports::store::{Store, TableSchema};
use ports::{Blobs, Clock, EventLog, Mail, MailError, Mailer, Search, SystemClock, SystemEntropy};
use shell::queues::{self, LogQueues};
use shell::{Host, HostConfig, Passwords, Runtime, Service, Signer, UnitOfWork};
use sqlite::Sqlite;
use tantivy_search::TantivySearch;
use test_gateway::TestGateway;
use wiring::{Config, ConfigError, Platform, TABLES, Transport};

use crate::secrets::{private_directory, signing_key};
use crate::{api_page, upkeep};

const UPKEEP: TableSchema = TableSchema { name: "upkeep", indexes: 0 };
/// One `souk serve` runs on a data directory, so the next one may go on at once with the leases of one that was killed.
const HOLDER: &str = "souk serve";
/// One attempt to hand a mail to the mail server.
const SMTP_WITHIN: Duration = Duration::from_secs(30);

enum State {
    Disk {
        database: Arc<Sqlite>,
        /// The test gateway's own file.
        book: Sqlite,
        gateway: Arc<TestGateway>,
        files: Arc<dyn Blobs>,
    },
    /// For describing the services: nothing is kept.
    Memory { stores: memory::MemoryStores, gateway: Arc<TestGateway> },
}

/// Souk on one machine.
pub struct Home {
    config: Config,
    runtime: Arc<Runtime>,
    state: State,
    signer: Arc<Signer>,
    passwords: Arc<Passwords>,
}

impl Home {
    /// Opens the data directory, and makes what is missing.
    pub fn open(config: &Config) -> Result<Self, ConfigError> {
        private_directory(&config.data)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let unusable = |error: &dyn std::fmt::Display| ConfigError(format!("{}: {error}", config.data.display()));
        let database = Sqlite::open(config.database(), &tables(), clock.clone()).map_err(|error| unusable(&error))?;
        let book = Sqlite::open(config.data.join("gateway.db"), &[test_gateway::TABLE], clock.clone()).map_err(|error| unusable(&error))?;
        let gateway = TestGateway::new(book.table(&test_gateway::TABLE), clock.clone(), gateway_options(config));
        let files = DiskBlobs::open(config.data.join("files")).map_err(|error| unusable(&error))?;
        let key = signing_key(config, &SystemEntropy)?;
        let state = State::Disk { database: Arc::new(database), book, gateway: Arc::new(gateway), files: Arc::new(files) };
        Self::assemble(config, state, &key, clock)
    }

    /// A home that keeps nothing, to ask its services what they are.
    pub fn in_memory(config: &Config) -> Result<Self, ConfigError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stores = memory::MemoryStores::new(clock.clone());
        let gateway = TestGateway::new(stores.table(test_gateway::TABLE), clock.clone(), gateway_options(config));
        let state = State::Memory { stores, gateway: Arc::new(gateway) };
        Self::assemble(config, state, &shell::SigningKey([0; 32]), clock)
    }

    fn assemble(config: &Config, state: State, key: &shell::SigningKey, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let fatal = |problem: Problem| ConfigError(problem.detail);
        let runtime = Runtime::new(clock, Arc::new(SystemEntropy));
        let signer = Arc::new(Signer::new(&config.shop.public_url, key).map_err(fatal)?);
        let passwords = Arc::new(Passwords::default());
        Ok(Self { config: config.clone(), runtime, state, signer, passwords })
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

    fn work(&self, schema: TableSchema) -> UnitOfWork {
        wiring::work(self, schema)
    }

    /// All services, with search, which only a home with a disk of its own has; without the home's own housekeeping.
    pub fn services(&self) -> Result<Vec<Service>, ConfigError> {
        let mut services = wiring::services(&self.config, self)?;
        services.push(wiring::search(&self.config, self, self.search_index()?, self.log())?);
        Ok(services)
    }

    fn search_index(&self) -> Result<Arc<dyn Search>, ConfigError> {
        let index = match &self.state {
            State::Disk { .. } => TantivySearch::open(&self.config.data.join("search")),
            State::Memory { .. } => TantivySearch::in_memory(),
        };
        index.map(|index| Arc::new(index) as Arc<dyn Search>).map_err(|error| ConfigError(format!("the search index: {error}")))
    }

    /// Where a rebuild of the search index is asked for.
    pub fn search_work(&self) -> UnitOfWork {
        self.work(search::TABLE)
    }

    /// Builds the search index anew in this process; no other may be serving.
    pub async fn rebuild_search(&self) -> Result<u64, Problem> {
        let index = self.search_index().map_err(|error| Problem::unavailable(error.0))?;
        wiring::rebuild_search(&self.config, self, index, self.log()).await
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

    pub fn currency(&self) -> Currency {
        self.config.shop.currency
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

    /// Writes a product into the catalog and its first stock into the inventory, where the file gives one.
    pub async fn import_product(&self, product: &ImportedProduct) -> Result<Imported, Problem> {
        let imported = catalog::import_product(&self.work(catalog::TABLE), BusinessId::HOUSE, product).await?;
        let inventory = self.work(inventory::TABLE);
        for variant in &imported.variants {
            let Some(on_hand) = variant.quantity else { continue };
            let count = inventory::StockCount {
                variant_id: variant.variant_id,
                product_id: imported.product_id,
                seller_id: Some(BusinessId::HOUSE),
                sku: variant.sku.clone(),
                title: variant.title.clone(),
                on_hand,
                backorder: variant.backorder,
                threshold: i64::from(self.config.inventory.low_stock_threshold),
                overwrite: false,
            };
            inventory::set_stock(&inventory, count).await?;
        }
        Ok(imported)
    }

    /// Writes the places of a file into the directory; tells after each commit how many are done.
    pub async fn import_businesses(&self, places: Vec<directory::Place>, progress: impl Fn(usize)) -> Result<directory::Report, Problem> {
        directory::import(&self.work(directory::TABLE), &time_zones(), places, progress).await
    }

    pub async fn create_admin(&self, email: Email, password: &str) -> Result<UserId, Problem> {
        identity::create_admin(&self.work(identity::TABLE), &self.passwords, email, password).await
    }

    /// A verified account without further roles.
    pub async fn create_customer(&self, email: Email, name: &str, password: &str) -> Result<UserId, Problem> {
        identity::create_customer(&self.work(identity::TABLE), &self.passwords, email, name, password).await
    }

    /// 100 bits of chance, easy to type.
    pub fn new_password(&self) -> String {
        let mut chance = [0; 20];
        self.runtime.entropy.fill(&mut chance);
        chance.iter().map(|byte| char::from(b"abcdefghjkmnpqrstuvwxyz23456789z"[usize::from(byte % 32)])).collect()
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

    fn gateway(&self) -> Result<Arc<TestGateway>, ConfigError> {
        Ok(match &self.state {
            State::Disk { gateway, .. } | State::Memory { gateway, .. } => gateway.clone(),
        })
    }

    fn mail_delivery(&self) -> Result<notifications::Delivery, ConfigError> {
        if matches!(self.state, State::Memory { .. }) {
            // The services are described as they are in a shop that sends its mail.
            return Ok(notifications::Delivery::Send(Arc::new(NoMailer)));
        }
        match (self.config.mail.transport, &self.config.mail.url) {
            (Transport::Capture, _) => Ok(notifications::Delivery::Capture),
            (Transport::Smtp, Some(url)) => {
                let mailer = smtp::SmtpMailer::new(url, SMTP_WITHIN).map_err(|error| ConfigError(format!("mail.url: {error}")))?;
                Ok(notifications::Delivery::Send(Arc::new(mailer)))
            }
            (Transport::Ses, _) => Err(ConfigError("mail.transport is ses, which is for a shop on AWS; here it is smtp".into())),
            (Transport::Smtp, None) => Err(ConfigError("mail.transport is smtp, so mail.url must say where the mail server is".into())),
        }
    }

    fn time_zones(&self) -> Result<directory::TimeZoneMap, ConfigError> {
        Ok(time_zones())
    }
}

/// They are in the binary, so that there is one file to start.
fn time_zones() -> directory::TimeZoneMap {
    directory::TimeZoneMap::new(|| Ok(tzf_dist::load_lite_tzb().into()))
}

/// For the home that keeps nothing: it sends nothing either.
struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        Err(MailError::Permanent("this home only describes its services".into()))
    }
}

/// The services' tables, and those of the home.
fn tables() -> Vec<TableSchema> {
    [&TABLES[..], &[search::TABLE, queues::TABLE, UPKEEP]].concat()
}

fn consumers_of(services: &[Service]) -> Vec<&'static str> {
    services.iter().flat_map(|service| service.consumers.iter().map(|consumer| consumer.name)).collect()
}

fn gateway_options(config: &Config) -> test_gateway::Options {
    test_gateway::Options { action_page: format!("{}/test-gateway/actions", config.shop.public_url), ..test_gateway::Options::default() }
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
