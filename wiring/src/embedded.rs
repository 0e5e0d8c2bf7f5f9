//! The embedded home: one process, SQLite, files on disk, the built-in issuer, the test gateway.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use catalog::{Imported, ImportedProduct};
use disk::DiskBlobs;
use kernel::{BusinessId, Currency, Duration, Email, Problem, UserId};
use ports::store::{Store, TableSchema};
use ports::{Blobs, Clock, EventLog, PaymentGateway as _, SystemClock, SystemEntropy};
use shell::{Desk, Host, HostConfig, Passwords, Service, Signer, TokenVerifier, World, queues};
use sqlite::Sqlite;
use test_gateway::TestGateway;

use crate::config::{Config, ConfigError, Environment, Transport, private_directory};
use crate::{secrets, start_page, test_gateway_pages, upkeep};

/// The shop's own business: the seller of all products until the directory knows others.
pub const HOUSE: BusinessId = BusinessId(1);

const UPKEEP: TableSchema = TableSchema { name: "upkeep", indexes: 0 };
const TABLES: [TableSchema; 9] = [
    queues::TABLE,
    UPKEEP,
    identity::TABLE,
    catalog::TABLE,
    inventory::TABLE,
    cart::TABLE,
    orders::TABLE,
    payments::TABLE,
    notifications::TABLE,
];
/// One attempt to hand a mail to the mail server.
const SMTP_WITHIN: Duration = Duration::from_secs(30);

enum State {
    Disk {
        database: Arc<Sqlite>,
        gateway: Arc<TestGateway>,
        files: Arc<dyn Blobs>,
    },
    /// For describing the services: nothing is kept.
    Memory {
        stores: memory::MemoryStores,
        gateway: Arc<TestGateway>,
    },
}

/// Souk on one machine.
pub struct Home {
    config: Config,
    world: Arc<World>,
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
        let database = Sqlite::open(config.database(), &TABLES, clock.clone()).map_err(|error| unusable(&error))?;
        let gateway = TestGateway::open(&config.data.join("test-gateway.db"), clock.clone(), gateway_options(config))
            .map_err(|error| unusable(&error))?;
        let files = DiskBlobs::open(config.data.join("files")).map_err(|error| unusable(&error))?;
        let key = secrets::signing_key(config, &SystemEntropy)?;
        let state = State::Disk { database: Arc::new(database), gateway: Arc::new(gateway), files: Arc::new(files) };
        Self::assemble(config, state, &key, clock)
    }

    /// A home that keeps nothing, to ask its services what they are.
    pub fn in_memory(config: &Config) -> Result<Self, ConfigError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let gateway = TestGateway::in_memory(clock.clone()).map_err(|error| ConfigError(error.to_string()))?;
        let state = State::Memory { stores: memory::MemoryStores::new(clock.clone()), gateway: Arc::new(gateway) };
        Self::assemble(config, state, &shell::SigningKey([0; 32]), clock)
    }

    fn assemble(config: &Config, state: State, key: &shell::SigningKey, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let fatal = |problem: Problem| ConfigError(problem.detail);
        let world = World::new(clock, Arc::new(SystemEntropy));
        let signer = Arc::new(Signer::new(&config.shop.public_url, key).map_err(fatal)?);
        let passwords = Arc::new(Passwords::default());
        Ok(Self { config: config.clone(), world, state, signer, passwords })
    }

    /// Held while the shop runs: two of them on one directory would deliver every event twice.
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

    fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        match &self.state {
            State::Disk { database, .. } => database.table(&schema),
            State::Memory { stores, .. } => stores.table(schema),
        }
    }

    fn desk(&self, schema: TableSchema) -> Desk {
        self.world.desk(schema, self.table(schema))
    }

    pub fn shell_desk(&self) -> Desk {
        self.desk(queues::TABLE)
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

    /// The names of all consumers.
    pub fn consumers(&self) -> Result<Vec<&'static str>, ConfigError> {
        Ok(consumers_of(&self.services()?))
    }

    /// Everything together, ready to be started.
    pub fn host(&self) -> Result<Host, ConfigError> {
        let mut services = self.services()?;
        if let State::Disk { database, .. } = &self.state {
            let consumers = consumers_of(&services);
            services.push(upkeep::service(&self.desk(UPKEEP), database.clone(), consumers));
        }
        let accounts = Arc::new(self.identity_reads());
        let authenticator = Arc::new(TokenVerifier::new(self.signer.issuer(), self.signer.jwks(), accounts, self.world.clock.clone()));
        let mut holder = [0; 8];
        self.world.entropy.fill(&mut holder);
        let holder = format!("{}-{:016x}", std::process::id(), u64::from_le_bytes(holder));
        let config = HostConfig { desk: self.shell_desk(), log: self.log(), authenticator, limits: self.config.limits.clone(), holder };
        Host::new(config, services).map_err(|problem| ConfigError(problem.detail))
    }

    fn identity_reads(&self) -> identity::Reads {
        identity::Reads::new(self.desk(identity::TABLE), self.signer.clone())
    }

    fn services(&self) -> Result<Vec<Service>, ConfigError> {
        let config = &self.config;
        let (gateway, files) = match &self.state {
            State::Disk { gateway, files, .. } => (gateway.clone(), files.clone()),
            State::Memory { gateway, .. } => (gateway.clone(), Arc::new(memory::MemoryBlobs::default()) as Arc<dyn Blobs>),
        };
        let guarded = Arc::new(payments::GuardedGateway::new(gateway.clone(), self.world.clock.clone(), guard_options(config)));
        let accounts = Arc::new(self.identity_reads());
        let catalog_reads = Arc::new(catalog::Reads::new(&self.desk(catalog::TABLE), self.catalog_settings()));
        let inventory_reads = Arc::new(inventory::Reads::new(&self.desk(inventory::TABLE)));
        let cart_reads = Arc::new(cart::Reads::new(&self.desk(cart::TABLE)));
        let order_reads = Arc::new(orders::Reads::new(&self.desk(orders::TABLE)));
        let orders_desk = self.desk(orders::TABLE);

        let identity = identity::service(
            &self.desk(identity::TABLE),
            self.signer.clone(),
            self.passwords.clone(),
            identity::IdentityConfig::default(),
        );
        let catalog = catalog::service(&self.desk(catalog::TABLE), self.catalog_settings(), files);
        let inventory = inventory::service(
            &self.desk(inventory::TABLE),
            inventory::InventoryConfig { hold: config.hold(), default_threshold: i64::from(config.inventory.low_stock_threshold) },
        );
        let cart = cart::service(
            &self.desk(cart::TABLE),
            catalog_reads.clone(),
            inventory_reads,
            cart::CartConfig { currency: config.shop.currency },
        );
        let orders = orders::service(
            &orders_desk,
            orders::OrdersDeps {
                carts: cart_reads,
                catalog: catalog_reads,
                accounts: accounts.clone(),
                check_method: method_check(&guarded),
            },
            self.orders_config(),
        );
        let payments = payments::service(&self.desk(payments::TABLE), guarded).root_routes(test_gateway_pages::routes(
            gateway,
            self.world.clock.clone(),
            config.environment == Environment::Development,
        ));
        let notifications = notifications::service(
            &self.desk(notifications::TABLE),
            notifications::Dependencies { orders: order_reads, identity: accounts, delivery: self.delivery()? },
            self.mail_config(),
        );
        let notifications = notifications.root_routes(start_page::routes(config));
        Ok(vec![identity, catalog, inventory, cart, orders, payments, notifications])
    }

    fn catalog_settings(&self) -> catalog::Settings {
        catalog::Settings { currency: self.config.shop.currency, tax_rate: self.config.shop.tax_rate, house_seller: HOUSE }
    }

    fn orders_config(&self) -> orders::OrdersConfig {
        let config = &self.config;
        orders::OrdersConfig {
            currency: config.shop.currency,
            prices_include_tax: config.shop.prices_include_tax,
            shipping: orders::ShippingPrice {
                flat: config.money(config.shipping.flat),
                free_from: config.shipping.free_from.map(|amount| config.money(amount)),
            },
            payment_deadline: config.payment_deadline(),
        }
    }

    fn delivery(&self) -> Result<notifications::Delivery, ConfigError> {
        match (self.config.mail.transport, &self.config.mail.url) {
            (Transport::Capture, _) => Ok(notifications::Delivery::Capture),
            (Transport::Smtp, Some(url)) => {
                let mailer = smtp::SmtpMailer::new(url, SMTP_WITHIN).map_err(|error| ConfigError(format!("mail.url: {error}")))?;
                Ok(notifications::Delivery::Send(Arc::new(mailer)))
            }
            (Transport::Smtp, None) => Err(ConfigError("mail.transport is smtp, so mail.url must say where the mail server is".into())),
        }
    }

    fn mail_config(&self) -> notifications::ShopConfig {
        let shop = &self.config.shop;
        notifications::ShopConfig {
            name: shop.name.clone(),
            public_url: shop.public_url.clone(),
            admin_email: shop.admin_email.clone(),
            from: self.config.mail.from.clone(),
            support_email: shop.support_email.clone(),
            imprint: shop.imprint.clone(),
            locale: if shop.locale == "de" { notifications::Locale::De } else { notifications::Locale::En },
            mailbox: true,
            ..notifications::ShopConfig::default()
        }
    }

    /// Writes a product into the catalog and its first stock into the inventory, where the file gives one.
    pub async fn import_product(&self, product: &ImportedProduct) -> Result<Imported, Problem> {
        let imported = catalog::import_product(&self.desk(catalog::TABLE), HOUSE, product).await?;
        let inventory = self.desk(inventory::TABLE);
        for variant in &imported.variants {
            let Some(on_hand) = variant.quantity else { continue };
            let count = inventory::StockCount {
                variant_id: variant.variant_id,
                product_id: imported.product_id,
                seller_id: Some(HOUSE),
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

    pub async fn create_admin(&self, email: Email, password: &str) -> Result<UserId, Problem> {
        identity::create_admin(&self.desk(identity::TABLE), &self.passwords, email, password).await
    }

    /// A verified account without further roles.
    pub async fn create_customer(&self, email: Email, name: &str, password: &str) -> Result<UserId, Problem> {
        identity::create_customer(&self.desk(identity::TABLE), &self.passwords, email, name, password).await
    }

    /// 100 bits of chance, easy to type.
    pub fn new_password(&self) -> String {
        let mut chance = [0; 20];
        self.world.entropy.fill(&mut chance);
        chance.iter().map(|byte| char::from(b"abcdefghjkmnpqrstuvwxyz23456789z"[usize::from(byte % 32)])).collect()
    }

    /// Waits for the last commits; nothing may be asked of the home afterwards.
    pub async fn close(self) -> Result<(), Problem> {
        match self.state {
            State::Disk { database, .. } => Ok(database.close().await?),
            State::Memory { .. } => Ok(()),
        }
    }
}

fn method_check(gateway: &Arc<payments::GuardedGateway>) -> orders::MethodCheck {
    let gateway = gateway.clone();
    Arc::new(move |method| gateway.check_method(method))
}

fn consumers_of(services: &[Service]) -> Vec<&'static str> {
    services.iter().flat_map(|service| service.consumers.iter().map(|consumer| consumer.name)).collect()
}

fn gateway_options(config: &Config) -> test_gateway::Options {
    test_gateway::Options { action_page: format!("{}/test-gateway/actions", config.shop.public_url), ..test_gateway::Options::default() }
}

fn guard_options(config: &Config) -> payments::GuardOptions {
    payments::GuardOptions {
        breaker: payments::breaker::Limits {
            failures: config.payments.breaker_failures,
            open: Duration::from_secs(config.payments.breaker_open_secs),
            ..Default::default()
        },
        call: Duration::from_millis(config.payments.timeout_ms),
    }
}

/// Copies the database while it may be in use.
pub async fn backup(config: &Config, file: &Path) -> Result<(), ConfigError> {
    if !config.database().is_file() {
        return Err(ConfigError(format!("{} does not exist: there is nothing to back up", config.database().display())));
    }
    let failed = |error: &dyn std::fmt::Display| ConfigError(format!("{}: {error}", file.display()));
    let database = Sqlite::open(config.database(), &TABLES, Arc::new(SystemClock)).map_err(|error| failed(&error))?;
    database.backup(file).await.map_err(|error| failed(&error))?;
    database.close().await.map_err(|error| failed(&error))
}
