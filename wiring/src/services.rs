//! Builds the services from what a home brings: any one of them, or all. Nothing is made that the
//! wanted service does not use, so a function for one service opens only what that one needs.

use std::sync::Arc;

use kernel::Duration;
use ports::store::{Store, TableSchema};
use ports::{Blobs, PaymentGateway as _, PublicKeys};
use shell::{Authenticator, Passwords, Runtime, Service, Signer, TokenVerifier, UnitOfWork};
use test_gateway::TestGateway;

use crate::config::{Config, ConfigError, Environment};
use crate::{start_page, test_gateway_pages};

/// The tables of all services.
pub const TABLES: [TableSchema; 9] = [
    identity::TABLE,
    directory::TABLE,
    catalog::TABLE,
    inventory::TABLE,
    cart::TABLE,
    orders::TABLE,
    payments::TABLE,
    reviews::TABLE,
    notifications::TABLE,
];

/// What a home brings. Each is asked for only when a service that is built needs it.
pub trait Platform {
    fn runtime(&self) -> &Arc<Runtime>;
    fn store(&self, schema: TableSchema) -> Arc<dyn Store>;
    fn files(&self) -> Result<Arc<dyn Blobs>, ConfigError>;
    /// For tokens, and for links in mails.
    fn signer(&self) -> Result<Arc<Signer>, ConfigError>;
    fn passwords(&self) -> Arc<Passwords>;
    /// Where passwords are kept and who makes the tokens: the accounts and the signer, or a user pool.
    fn credentials(&self) -> Result<identity::Credentials, ConfigError> {
        Ok(self.passwords().into())
    }
    /// The user pool whose tokens count instead of our own.
    fn pool_issuer(&self) -> Result<Option<PoolIssuer>, ConfigError> {
        Ok(None)
    }
    fn gateway(&self) -> Result<Arc<TestGateway>, ConfigError>;
    fn mail_delivery(&self) -> Result<notifications::Delivery, ConfigError>;
    fn time_zones(&self) -> Result<directory::TimeZoneMap, ConfigError>;
}

/// A user pool that makes access tokens.
pub struct PoolIssuer {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    pub client_id: String,
    pub keys: Arc<dyn PublicKeys>,
}

/// All services.
pub fn services(config: &Config, platform: &dyn Platform) -> Result<Vec<Service>, ConfigError> {
    TABLES.iter().map(|table| service(config, platform, table.name)).collect()
}

/// The service of that name, which is also its table's.
pub fn service(config: &Config, platform: &dyn Platform, name: &str) -> Result<Service, ConfigError> {
    let wiring = Wiring { config, platform };
    match name {
        "identity" => wiring.identity(),
        "directory" => wiring.directory(),
        "catalog" => wiring.catalog(),
        "inventory" => Ok(wiring.inventory()),
        "cart" => Ok(wiring.cart()),
        "orders" => wiring.orders(),
        "payments" => wiring.payments(),
        "reviews" => wiring.reviews(),
        "notifications" => wiring.notifications(),
        unknown => {
            let known: Vec<_> = TABLES.iter().map(|table| table.name).collect();
            Err(ConfigError(format!("there is no service {unknown}; there are: {}", known.join(", "))))
        }
    }
}

/// Verifies the tokens of the user pool, or of the built-in issuer where there is none, and looks at the account.
/// With a pool the signing key is not needed: most functions in the cloud have no right to read it.
pub fn authenticator(platform: &dyn Platform) -> Result<Arc<dyn Authenticator>, ConfigError> {
    let accounts = Arc::new(identity::Reads::new(&work(platform, identity::TABLE)));
    let clock = platform.runtime().clock.clone();
    Ok(Arc::new(match platform.pool_issuer()? {
        Some(pool) => TokenVerifier::trusting_none(accounts, clock).trust_pool(pool.issuer, pool.client_id, pool.keys),
        None => {
            let signer = platform.signer()?;
            TokenVerifier::new(signer.issuer(), signer.jwks(), accounts, clock)
        }
    }))
}

/// The desk of the service that owns the table.
pub fn work(platform: &dyn Platform, schema: TableSchema) -> UnitOfWork {
    UnitOfWork::new(platform.runtime(), schema, platform.store(schema))
}

struct Wiring<'a> {
    config: &'a Config,
    platform: &'a dyn Platform,
}

impl Wiring<'_> {
    fn work(&self, schema: TableSchema) -> UnitOfWork {
        work(self.platform, schema)
    }

    fn identity(&self) -> Result<Service, ConfigError> {
        let work = self.work(identity::TABLE);
        Ok(identity::service(&work, self.platform.signer()?, self.platform.credentials()?, identity::IdentityConfig::default()))
    }

    fn directory(&self) -> Result<Service, ConfigError> {
        let shop = &self.config.shop;
        let settings = directory::Settings {
            public_url: shop.public_url.clone(),
            time_zone: shop.time_zone.clone(),
            lead_price: self.config.money(self.config.directory.lead_price),
        };
        let dependencies = directory::Dependencies {
            accounts: Arc::new(identity::Reads::new(&self.work(identity::TABLE))),
            time_zones: self.platform.time_zones()?,
            signer: self.platform.signer()?,
        };
        Ok(directory::service(&self.work(directory::TABLE), dependencies, settings))
    }

    fn catalog(&self) -> Result<Service, ConfigError> {
        let dependencies =
            catalog::Dependencies { blobs: self.platform.files()?, stock: Arc::new(inventory::Reads::new(&self.work(inventory::TABLE))) };
        Ok(catalog::service(&self.work(catalog::TABLE), catalog_settings(self.config), dependencies))
    }

    fn inventory(&self) -> Service {
        let inventory = &self.config.inventory;
        let config = inventory::InventoryConfig { default_threshold: i64::from(inventory.low_stock_threshold) };
        inventory::service(&self.work(inventory::TABLE), config)
    }

    fn cart(&self) -> Service {
        let stock = Arc::new(inventory::Reads::new(&self.work(inventory::TABLE)));
        let config = cart::CartConfig { currency: self.config.shop.currency };
        cart::service(&self.work(cart::TABLE), self.catalog_reads(), stock, config)
    }

    fn orders(&self) -> Result<Service, ConfigError> {
        // Whether a number could be a card is told without a call, so the breaker is not asked.
        let gateway = self.platform.gateway()?;
        let deps = orders::OrdersDeps {
            carts: Arc::new(cart::Reads::new(&self.work(cart::TABLE))),
            catalog: self.catalog_reads(),
            accounts: Arc::new(identity::Reads::new(&self.work(identity::TABLE))),
            check_method: Arc::new(move |method| gateway.check_method(method)),
        };
        Ok(orders::service(&self.work(orders::TABLE), deps, self.orders_config()))
    }

    fn payments(&self) -> Result<Service, ConfigError> {
        let gateway = self.platform.gateway()?;
        let clock = self.platform.runtime().clock.clone();
        let guarded = Arc::new(payments::GuardedGateway::new(gateway.clone(), clock.clone(), self.guard_options()));
        let development = self.config.environment == Environment::Development;
        let pages = test_gateway_pages::routes(gateway, clock, development);
        Ok(payments::service(&self.work(payments::TABLE), guarded).root_routes(pages))
    }

    fn notifications(&self) -> Result<Service, ConfigError> {
        let dependencies = notifications::Dependencies {
            orders: Arc::new(orders::Reads::new(&self.work(orders::TABLE))),
            links: Arc::new(identity::Links::new(self.platform.signer()?)),
            accounts: Arc::new(identity::Reads::new(&self.work(identity::TABLE))),
            directory: Arc::new(directory::Reads::new(&self.work(directory::TABLE), &self.config.shop.time_zone)),
            delivery: self.platform.mail_delivery()?,
        };
        let service = notifications::service(&self.work(notifications::TABLE), dependencies, self.mail_config());
        Ok(service.root_routes(start_page::routes(self.config)))
    }

    fn reviews(&self) -> Result<Service, ConfigError> {
        let deps = reviews::ReviewsDeps {
            accounts: Arc::new(identity::Reads::new(&self.work(identity::TABLE))),
            directory: Arc::new(directory::Reads::new(&self.work(directory::TABLE), &self.config.shop.time_zone)),
            products: self.catalog_reads(),
            orders: Arc::new(orders::Reads::new(&self.work(orders::TABLE))),
        };
        let settings = &self.config.reviews;
        let config = reviews::ReviewsConfig {
            moderation: settings.moderation,
            unverified: settings.unverified,
            remind_after: (settings.remind_after_days > 0).then(|| Duration::from_secs(u64::from(settings.remind_after_days) * 24 * 3600)),
        };
        Ok(reviews::service(&self.work(reviews::TABLE), deps, config))
    }

    fn catalog_reads(&self) -> Arc<catalog::Reads> {
        Arc::new(catalog::Reads::new(&self.work(catalog::TABLE), catalog_settings(self.config)))
    }

    fn orders_config(&self) -> orders::OrdersConfig {
        let config = self.config;
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

    fn guard_options(&self) -> payments::GuardOptions {
        let payments = &self.config.payments;
        payments::GuardOptions {
            breaker: payments::breaker::Limits {
                failures: payments.breaker_failures,
                open: Duration::from_secs(payments.breaker_open_secs),
                ..Default::default()
            },
            call: Duration::from_millis(payments.timeout_ms),
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
}

pub(crate) fn catalog_settings(config: &Config) -> catalog::Settings {
    let shop = &config.shop;
    catalog::Settings { public_url: shop.public_url.clone(), currency: shop.currency, tax_rate: shop.tax_rate }
}
