//! The configuration: `souk.toml`, then `SOUK_*` environment variables, then flags, in rising order.
//! `souk serve` works with none of them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use kernel::{Currency, Duration, Email, Money, TaxRate};
use serde::{Deserialize, Serialize};
use shell::LimitsConfig;

mod check;

/// How strict Souk is with itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Mails may be captured and shown to anybody, payments may be play money.
    Development,
    /// What only fits development is refused.
    Production,
}

/// Everything that can be set. Unknown keys are refused, so that a typing error is not a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub environment: Environment,
    /// Address or name, and port.
    pub listen: String,
    /// The directory that holds everything: the database, files, secrets.
    pub data: PathBuf,
    /// The least level of what is logged, also by target: `info`, `debug`, `shell=debug,info`.
    pub log: String,
    pub shop: ShopSection,
    pub shipping: ShippingSection,
    pub orders: OrdersSection,
    pub inventory: InventorySection,
    pub directory: DirectorySection,
    pub reviews: ReviewsSection,
    pub search: SearchSection,
    pub payments: PaymentsSection,
    pub mail: MailSection,
    pub limits: LimitsConfig,
    pub secrets: SecretsSection,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopSection {
    pub name: String,
    /// Where people open the shop: the start of every link in a mail, and the issuer of tokens. In development it is
    /// where the shop listens, unless it is set.
    pub public_url: String,
    pub admin_email: Email,
    pub support_email: Email,
    /// One line at the foot of every mail.
    pub imprint: String,
    /// `en` or `de`.
    pub locale: String,
    /// The IANA time zone of businesses that name none.
    pub time_zone: String,
    /// Whose holidays count for businesses whose address does not say: `DE`, or a federal state, `DE-BY`.
    pub region: String,
    pub currency: Currency,
    /// Basis points, unless a product says otherwise: 1900 is 19 %.
    pub tax_rate: TaxRate,
    pub prices_include_tax: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippingSection {
    /// Minor units, for an order with something to ship.
    pub flat: i64,
    /// Minor units of goods from which shipping is free.
    pub free_from: Option<i64>,
    /// Where goods are shipped to, as ISO 3166-1 alpha-2; everywhere if none is named.
    pub countries: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersSection {
    /// An order that is not paid by then has expired, and its stock is for sale again.
    pub payment_deadline_minutes: u32,
    /// The same for an order of a guest.
    pub guest_payment_deadline_minutes: u32,
    /// Unpaid orders that an account, or the address of a guest, may have at a time; 0 is no limit.
    pub unpaid_per_person: u32,
    /// Unpaid orders that guests at one client may have at a time; 0 is no limit.
    pub unpaid_per_client: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventorySection {
    /// Available pieces at which the admin is told, unless an item says otherwise.
    pub low_stock_threshold: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySection {
    /// Minor units that a business pays for an enquiry, unless its terms say otherwise; zero makes them free.
    pub lead_price: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSection {
    /// A file of synonyms that is laid over those that the search brings.
    pub synonyms: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gateway {
    /// Play money with documented card numbers.
    Test,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewsSection {
    /// Which reviews a moderator sees before everyone does.
    pub moderation: reviews::Moderation,
    /// Whether people who are not known to be customers may review.
    pub unverified: reviews::Unverified,
    /// After the delivery of an order; 0 for no reminders.
    pub remind_after_days: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentsSection {
    pub gateway: Gateway,
    /// Lets the test gateway run in production, for a rehearsal.
    pub allow_test_gateway: bool,
    /// How long one call to the gateway may take before its outcome counts as unknown.
    pub timeout_ms: u64,
    /// Failures in a row that open the circuit breaker.
    pub breaker_failures: u32,
    /// How long it stays open before a probe.
    pub breaker_open_secs: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Kept, not sent, and shown at `/mailbox`. Development only.
    Capture,
    Smtp,
    /// Amazon SES, for the home on AWS.
    Ses,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSection {
    pub transport: Transport,
    /// `smtps://user:password@mail.example.com` or `smtp://…?tls=required`.
    pub url: Option<String>,
    /// `Souk <shop@example.com>` or a bare address.
    pub from: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsSection {
    /// 32 bytes as 64 hexadecimal digits. Made on first start and kept in the data directory, unless given.
    pub signing_key: Option<String>,
}

impl std::fmt::Debug for SecretsSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsSection").field("signing_key", &self.signing_key.as_ref().map(|_| "(set)")).finish()
    }
}

impl Default for Config {
    #[allow(clippy::expect_used)]
    fn default() -> Self {
        let example = |name: &str| format!("{name}@souk.example").parse().expect("an address");
        Self {
            environment: Environment::Development,
            listen: "127.0.0.1:8080".into(),
            data: "data".into(),
            log: "info".into(),
            shop: ShopSection {
                name: "Souk".into(),
                public_url: "http://127.0.0.1:8080".into(),
                admin_email: example("admin"),
                support_email: example("help"),
                imprint: String::new(),
                locale: "en".into(),
                time_zone: "Europe/Berlin".into(),
                region: "DE".into(),
                currency: Currency::EUR,
                tax_rate: TaxRate(1900),
                prices_include_tax: true,
            },
            shipping: ShippingSection { flat: 490, free_from: Some(5000), countries: Vec::new() },
            orders: OrdersSection {
                payment_deadline_minutes: 30,
                guest_payment_deadline_minutes: 15,
                unpaid_per_person: 3,
                unpaid_per_client: 20,
            },
            directory: DirectorySection { lead_price: 0 },
            reviews: ReviewsSection {
                moderation: reviews::Moderation::Unverified,
                unverified: reviews::Unverified::Accept,
                remind_after_days: 7,
            },
            search: SearchSection { synonyms: None },
            inventory: InventorySection { low_stock_threshold: 3 },
            payments: PaymentsSection {
                gateway: Gateway::Test,
                allow_test_gateway: false,
                timeout_ms: 5000,
                breaker_failures: 5,
                breaker_open_secs: 10,
            },
            mail: MailSection { transport: Transport::Capture, url: None, from: "Souk <shop@souk.example>".into() },
            limits: LimitsConfig::default(),
            secrets: SecretsSection { signing_key: None },
        }
    }
}

/// What flags of the command line set.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// A file other than `souk.toml`; then it must exist.
    pub file: Option<PathBuf>,
    pub listen: Option<String>,
    pub data: Option<PathBuf>,
}

/// A sentence that says what is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Reads all sources and checks that they fit together.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let file = flags.file.clone().unwrap_or_else(|| "souk.toml".into());
        if flags.file.is_some() && !file.is_file() {
            return Err(ConfigError(format!("there is no configuration file {}", file.display())));
        }
        let mut set = Figment::from(Toml::file(&file)).merge(Env::prefixed("SOUK_").split("__"));
        if let Some(listen) = &flags.listen {
            set = set.merge(Serialized::default("listen", listen));
        }
        if let Some(data) = &flags.data {
            set = set.merge(Serialized::default("data", data));
        }
        let has_url = set.contains("shop.public_url");
        let all = Figment::from(Serialized::defaults(Self::default())).merge(set);
        let mut config: Self = all.extract().map_err(|error| ConfigError(error.to_string()))?;
        if config.environment == Environment::Development && !has_url {
            config.shop.public_url = url_of(&config.listen);
        }
        check::check(&config)?;
        Ok(config)
    }

    /// What works and is probably not meant, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(self)
    }

    /// With the address that it listens on, once that is known: port 0 stands for any. Links that would lead to the
    /// address before lead to this one.
    pub fn listening(mut self, address: SocketAddr) -> Self {
        if self.shop.public_url == url_of(&self.listen) {
            self.shop.public_url = url_of(&address.to_string());
        }
        self.listen = address.to_string();
        self
    }

    pub fn guest_payment_deadline(&self) -> Duration {
        Duration::from_secs(u64::from(self.orders.guest_payment_deadline_minutes) * 60)
    }

    pub fn payment_deadline(&self) -> Duration {
        Duration::from_secs(u64::from(self.orders.payment_deadline_minutes) * 60)
    }

    pub fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.shop.currency)
    }

    pub fn database(&self) -> PathBuf {
        self.data.join("souk.db")
    }

    /// For people: everything that is in force, secrets left out.
    pub fn shown(&self) -> serde_json::Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if self.secrets.signing_key.is_some() {
            shown["secrets"]["signing_key"] = "(set)".into();
        }
        if let Some(url) = &self.mail.url {
            shown["mail"]["url"] = without_password(url).into();
        }
        shown
    }
}

/// Where a browser on this machine finds what listens there.
fn url_of(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(any)) if any.ip().is_unspecified() => format!("http://{}:{}", Ipv4Addr::LOCALHOST, any.port()),
        Ok(SocketAddr::V6(any)) if any.ip().is_unspecified() => format!("http://[{}]:{}", Ipv6Addr::LOCALHOST, any.port()),
        Ok(_) | Err(_) => format!("http://{listen}"),
    }
}

fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://(user):(password)@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_follow_where_a_shop_in_development_listens() {
        let folder = tempfile::tempdir().unwrap();
        let own = "[shop]\npublic_url = \"http://127.0.0.1:8080\"\n";
        for (file, listen, bound, expect) in [
            ("", "127.0.0.1:18081", "127.0.0.1:18081", "http://127.0.0.1:18081"),
            ("", "127.0.0.1:0", "127.0.0.1:4711", "http://127.0.0.1:4711"),
            ("", "0.0.0.0:9000", "0.0.0.0:9000", "http://127.0.0.1:9000"),
            ("", "[::]:9000", "[::]:9000", "http://[::1]:9000"),
            (own, "127.0.0.1:18081", "127.0.0.1:18081", "http://127.0.0.1:8080"),
        ] {
            let path = folder.path().join("souk.toml");
            std::fs::write(&path, file).unwrap();
            let flags = Flags { file: Some(path), listen: Some(listen.parse().unwrap()), data: None };
            let config = Config::load(&flags).unwrap().listening(bound.parse().unwrap());
            assert_eq!((config.shop.public_url.as_str(), config.listen), (expect, bound.parse().unwrap()), "{file} {listen}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut config = Config::default();
        config.mail.url = Some("smtps://shop:hush@mail.example".into());
        config.secrets.signing_key = Some("ab".repeat(32));
        for text in [config.shown().to_string(), format!("{:?}", config.secrets)] {
            assert!(!text.contains("abab") && !text.contains("hush"), "{text}");
        }
    }
}
