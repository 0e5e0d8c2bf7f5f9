//! The list of all services, and how each is built. Nothing is made that the wanted service does not use, so a function for one
//! service opens only what that one needs.

use kernel::Duration;
use ports::store::TableSchema;
use shell::Service;
use shell::ServiceRole::{Api, Events, Tick};
use std::sync::Arc;

use crate::builder::{BuildError, Builder, Readable};
use crate::config::{Config, ConfigError, Gateway};
use crate::platform::Platform;
use crate::start_page;

struct Entry {
    name: &'static str,
    /// Absent for a service that keeps nothing.
    table: Option<TableSchema>,
    build: fn(&mut Builder<'_>) -> Result<Service, BuildError>,
}

const SERVICES: &[Entry] = &[
    Entry::with_table(identity::TABLE, identity),
    Entry::with_table(directory::TABLE, directory),
    Entry::with_table(catalog::TABLE, catalog),
    Entry::with_table(inventory::TABLE, inventory),
    Entry::with_table(cart::TABLE, cart),
    Entry::with_table(orders::TABLE, orders),
    Entry::with_table(payments::TABLE, payments),
    Entry::with_table(reviews::TABLE, reviews),
    Entry::with_table(notifications::TABLE, notifications),
    Entry { name: privacy::NAME, table: None, build: privacy },
    Entry::with_table(search::TABLE, search),
];

impl Entry {
    /// Its name is its table's.
    const fn with_table(table: TableSchema, build: fn(&mut Builder<'_>) -> Result<Service, BuildError>) -> Self {
        Self { name: table.name, table: Some(table), build }
    }

    fn build(&self, config: &Config, platform: &dyn Platform) -> Result<Service, BuildError> {
        let mut builder = Builder::new(config, platform, self.table);
        let service = (self.build)(&mut builder)?;
        Ok(builder.finish(service))
    }
}

/// The tables of all services.
pub fn tables() -> Vec<TableSchema> {
    SERVICES.iter().filter_map(|entry| entry.table).collect()
}

/// All services that the home has everything for.
pub fn services(config: &Config, platform: &dyn Platform) -> Result<Vec<Service>, ConfigError> {
    let build = |entry: &Entry| match entry.build(config, platform) {
        Ok(service) => Some(Ok(service)),
        Err(BuildError::Lacks(_)) => None,
        Err(BuildError::Config(error)) => Some(Err(error)),
    };
    SERVICES.iter().filter_map(build).collect()
}

/// The service of that name.
pub fn service(config: &Config, platform: &dyn Platform, name: &str) -> Result<Service, ConfigError> {
    let entry = SERVICES.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<_> = SERVICES.iter().map(|entry| entry.name).collect();
        ConfigError(format!("there is no service {name}; there are: {}", known.join(", ")))
    })?;
    entry.build(config, platform).map_err(|error| match error {
        BuildError::Config(error) => error,
        BuildError::Lacks(_) => ConfigError(format!("{name} cannot be built: {error}")),
    })
}

fn identity(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let defaults = identity::Config::default();
    let registrations_per_client = defaults.registrations_per_client.filter(|_| b.config().limits.rate_limit);
    let config = identity::Config { registrations_per_client, ..defaults };
    Ok(identity::service(&b.work()?, b.signer()?, credentials(b)?, config))
}

fn directory(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let config = b.config();
    let directory_config = directory::Config {
        public_url: config.shop.public_url.clone(),
        time_zone: config.shop.time_zone.clone(),
        region: config.shop.region.clone(),
        lead_price: config.money(config.directory.lead_price),
    };
    let deps = directory::Deps { accounts: b.read::<identity::Reads>(), time_zones: time_zones(b)?, signer: b.signer()? };
    Ok(directory::service(&b.work()?, deps, directory_config))
}

fn catalog(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let deps = catalog::Deps { blobs: b.files(&[Api])?, stock: b.read::<inventory::Reads>() };
    Ok(catalog::service(&b.work()?, deps, catalog_config(b.config())))
}

fn inventory(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let default_threshold = i64::from(b.config().inventory.low_stock_threshold);
    Ok(inventory::service(&b.work()?, inventory::Config { default_threshold }))
}

fn cart(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let config = cart::Config { currency: b.config().shop.currency };
    let deps = cart::Deps { catalog: b.read::<catalog::Reads>(), inventory: b.read::<inventory::Reads>() };
    Ok(cart::service(&b.work()?, deps, config))
}

fn orders(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let deps = orders::Deps {
        carts: b.read::<cart::Reads>(),
        catalog: b.read::<catalog::Reads>(),
        accounts: b.read::<identity::Reads>(),
        stock: b.read::<inventory::Reads>(),
        check_method: b.method_check()?,
        tokens: orders::GuestTokens::new(b.signer()?),
    };
    let config = b.config();
    let pricing = orders::Pricing {
        currency: config.shop.currency,
        prices_include_tax: config.shop.prices_include_tax,
        shipping: orders::ShippingPrice {
            flat: config.money(config.shipping.flat),
            free_from: config.shipping.free_from.map(|amount| config.money(amount)),
        },
        countries: config.shipping.countries.clone(),
        payment_deadline: config.payment_deadline(),
        guest_payment_deadline: config.guest_payment_deadline(),
    };
    let unpaid = orders::UnpaidLimits { per_person: config.orders.unpaid_per_person, per_client: config.orders.unpaid_per_client };
    let return_origins = config.limits.cors_origins.clone();
    let features = [
        (config.payments.gateway == Gateway::Test, orders::Feature::TestPayments),
        (config.reviews.unverified == reviews::Unverified::Accept, orders::Feature::UnverifiedReviews),
        (config.directory.lead_price > 0, orders::Feature::PaidLeads),
    ];
    let shop = orders::Shop {
        name: config.shop.name.clone(),
        public_url: config.shop.public_url.clone(),
        locale: config.shop.locale.clone(),
        time_zone: config.shop.time_zone.clone(),
        support_email: config.shop.support_email.clone(),
        imprint: config.shop.imprint.clone(),
        payment_methods: b.payment_methods()?,
        features: features.into_iter().filter_map(|(has, feature)| has.then_some(feature)).collect(),
    };
    Ok(orders::service(&b.work()?, deps, orders::Config { pricing, unpaid, return_origins, shop }))
}

fn payments(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let config = &b.config().payments;
    let options = payments::GuardOptions {
        breaker: payments::breaker::Limits {
            failures: config.breaker_failures,
            open: Duration::from_secs(config.breaker_open_secs),
            ..Default::default()
        },
        call: Duration::from_millis(config.timeout_ms),
    };
    let guarded = payments::GuardedGateway::new(b.gateway(&[Api, Events, Tick])?, b.runtime().clock.clone(), options);
    Ok(payments::service(&b.work()?, Arc::new(guarded)).root_routes(b.gateway_pages()?))
}

fn reviews(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let deps = reviews::Deps {
        accounts: b.read::<identity::Reads>(),
        directory: b.read::<directory::Reads>(),
        products: b.read::<catalog::Reads>(),
        orders: b.read::<orders::Reads>(),
    };
    let section = &b.config().reviews;
    let config = reviews::Config {
        moderation: section.moderation,
        unverified: section.unverified,
        remind_after: (section.remind_after_days > 0).then(|| Duration::from_secs(u64::from(section.remind_after_days) * 24 * 3600)),
    };
    Ok(reviews::service(&b.work()?, deps, config))
}

fn notifications(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let deps = notifications::Deps {
        orders: b.read::<orders::Reads>(),
        order_tokens: Arc::new(orders::GuestTokens::new(b.signer()?)),
        links: Arc::new(identity::Links::new(b.signer()?)),
        accounts: b.read::<identity::Reads>(),
        directory: b.read::<directory::Reads>(),
        // Requests only say what is to be sent.
        delivery: b.mailer(&[Events])?.map_or(notifications::Delivery::Capture, notifications::Delivery::Send),
    };
    let config = b.config();
    let shop = &config.shop;
    let texts = notifications::Config {
        name: shop.name.clone(),
        public_url: shop.public_url.clone(),
        admin_email: shop.admin_email.clone(),
        from: config.mail.from.clone(),
        support_email: shop.support_email.clone(),
        imprint: shop.imprint.clone(),
        locale: if shop.locale == "de" { notifications::Locale::De } else { notifications::Locale::En },
        mailbox: true,
        ..notifications::Config::default()
    };
    Ok(notifications::service(&b.work()?, deps, texts).root_routes(start_page::routes(config)))
}

fn privacy(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    let part = |service, data| privacy::Part { service, data };
    let parts: Vec<privacy::Part> = vec![
        part("identity", b.read::<identity::Reads>()),
        part("directory", b.read::<directory::Reads>()),
        part("cart", b.read::<cart::Reads>()),
        part("orders", b.read::<orders::Reads>()),
        part("payments", Arc::new(payments::Reads::new(&b.work_of(payments::TABLE), b.read::<orders::Reads>()))),
        part("reviews", b.read::<reviews::Reads>()),
        part("notifications", b.read::<notifications::Reads>()),
    ];
    Ok(privacy::service(b.runtime(), privacy::Deps { accounts: b.read::<identity::Reads>(), parts }))
}

fn search(b: &mut Builder<'_>) -> Result<Service, BuildError> {
    Ok(search::service(&b.work()?, search_deps(b)?, search_config(b.config())))
}

pub(crate) fn search_deps(b: &mut Builder<'_>) -> Result<search::Deps, BuildError> {
    Ok(search::Deps {
        index: b.search_index(&[Api, Events, Tick])?,
        directory: b.read::<directory::Reads>(),
        products: b.read::<catalog::Reads>(),
        reviews: b.read::<reviews::Reads>(),
        log: b.event_log(&[Tick])?,
        shell: b.shell_work(),
    })
}

pub(crate) fn search_config(config: &Config) -> search::Config {
    search::Config { currency: config.shop.currency }
}

pub(crate) fn credentials(b: &mut Builder<'_>) -> Result<identity::Credentials, ConfigError> {
    Ok(b.user_pool(&[Api])?.map_or_else(|| b.passwords().into(), identity::Credentials::Pool))
}

pub(crate) fn time_zones(b: &mut Builder<'_>) -> Result<directory::TimeZoneMap, ConfigError> {
    Ok(directory::TimeZoneMap::new(b.time_zones(&[Api])?))
}

fn catalog_config(config: &Config) -> catalog::Config {
    let shop = &config.shop;
    catalog::Config { public_url: shop.public_url.clone(), shop_name: shop.name.clone(), currency: shop.currency, tax_rate: shop.tax_rate }
}

impl Readable for catalog::Reads {
    const TABLE: TableSchema = catalog::TABLE;

    fn over(work: &shell::UnitOfWork, config: &Config) -> Self {
        Self::new(work, catalog_config(config))
    }
}

impl Readable for directory::Reads {
    const TABLE: TableSchema = directory::TABLE;

    fn over(work: &shell::UnitOfWork, config: &Config) -> Self {
        Self::new(work, &config.shop.time_zone, &config.shop.region)
    }
}

/// Reads that need only the table.
macro_rules! readable {
    ($($service:ident),+) => {$(
        impl Readable for $service::Reads {
            const TABLE: TableSchema = $service::TABLE;

            fn over(work: &shell::UnitOfWork, _: &Config) -> Self {
                Self::new(work)
            }
        }
    )+};
}
readable!(cart, identity, inventory, notifications, orders, reviews);
