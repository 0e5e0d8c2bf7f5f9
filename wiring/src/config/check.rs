//! What makes a configuration unfit, and what is only odd about it. One list for `souk serve` and `souk config check`.

use std::net::SocketAddr;

use axum::http::Uri;
use kernel::Email;
use shell::SigningKey;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{Config, ConfigError, Environment, Gateway, Transport};

/// No shop is there: `.example` is for documents (RFC 2606).
const EXAMPLE_DOMAIN: &str = "@souk.example";
/// Of 32 random bytes, about 30 are different; fewer than half is no accident.
const KEY_BYTES_DIFFERENT_MIN: usize = 16;
const PUBLIC_URL_BYTES_MAX: usize = 200;

type Checked = Result<(), ConfigError>;

fn refuse(text: impl Into<String>) -> Checked {
    Err(ConfigError(text.into()))
}

/// Everything that a shop cannot run with, in any home.
pub fn check(config: &Config) -> Checked {
    check_shop(config)?;
    check_amounts(config)?;
    check_mail(config)?;
    check_log(&config.log)?;
    config.limits.cors_origins.iter().try_for_each(|origin| check_origin(origin))?;
    if let Some(key) = &config.secrets.signing_key
        && SigningKey::from_hex(key).is_none()
    {
        return refuse("secrets.signing_key must be 64 hexadecimal digits");
    }
    match config.environment {
        Environment::Development => Ok(()),
        Environment::Production => check_production(config),
    }
}

/// What works and is probably not meant.
pub fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.environment == Environment::Development && config.mail.transport == Transport::Capture && is_public(&config.listen) {
        warnings.push(format!(
            "{} can be reached from other machines, and /mailbox shows them every mail with its links for passwords: \
             listen on 127.0.0.1, or set environment = \"production\"",
            config.listen
        ));
    }
    warnings
}

/// A name is taken for what it usually is, `localhost`.
fn is_public(listen: &str) -> bool {
    listen.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_loopback())
}

fn check_shop(config: &Config) -> Checked {
    check_public_url(&config.shop.public_url)?;
    if !["en", "de"].contains(&config.shop.locale.as_str()) {
        return refuse("shop.locale must be en or de");
    }
    if !hours::is_time_zone(&config.shop.time_zone) {
        return refuse("shop.time_zone must be an IANA name such as Europe/Berlin");
    }
    if !hours::is_region(&config.shop.region) {
        return refuse("shop.region must be a country whose holidays are known, such as DE, or a federal state of Germany, such as DE-BY");
    }
    let is_country = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if !config.shipping.countries.iter().all(is_country) {
        return refuse("shipping.countries must hold ISO 3166-1 alpha-2 codes such as DE");
    }
    Ok(())
}

/// It stands in mails and pages as it is, so it has nothing but what a scheme, a host and a path need.
fn check_public_url(url: &str) -> Checked {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte);
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).filter(|host| !host.is_empty());
    let fits = rest.is_some_and(|rest| rest.bytes().all(plain)) && host.is_some();
    if !fits || url.ends_with('/') || url.len() > PUBLIC_URL_BYTES_MAX {
        return refuse(
            "shop.public_url must be http:// or https:// with a host, and perhaps a port and a path, and end without a slash: \
             https://shop.example",
        );
    }
    Ok(())
}

fn check_amounts(config: &Config) -> Checked {
    if config.directory.lead_price < 0 {
        return refuse("directory.lead_price cannot be negative");
    }
    if config.shop.tax_rate.0 > 10_000 {
        return refuse("shop.tax_rate is in basis points, at most 10000");
    }
    if config.shipping.flat < 0 || config.shipping.free_from.is_some_and(|amount| amount < 0) {
        return refuse("shipping costs cannot be negative");
    }
    if config.orders.payment_deadline_minutes == 0 {
        return refuse("orders.payment_deadline_minutes must be at least 1");
    }
    if config.orders.guest_payment_deadline_minutes == 0 {
        return refuse("orders.guest_payment_deadline_minutes must be at least 1");
    }
    let limits = &config.limits;
    let rates = [limits.requests_per_second, limits.burst, limits.account_requests_per_second, limits.account_burst];
    let places = [limits.client_concurrent_requests, limits.client_connections];
    if limits.rate_limit && (rates.contains(&0) || places.contains(&0)) {
        return refuse("the limits per client and per account must be at least 1; set limits.rate_limit = false to have none");
    }
    Ok(())
}

fn check_mail(config: &Config) -> Checked {
    let mail = &config.mail;
    if mail.transport == Transport::Smtp && mail.url.is_none() {
        return refuse("mail.transport is smtp, so mail.url must say where the mail server is");
    }
    if mail.url.as_deref().is_some_and(|url| !url.starts_with("smtp://") && !url.starts_with("smtps://")) {
        return refuse("mail.url must start with smtp:// or smtps://");
    }
    if sender(&mail.from).is_none() {
        return refuse(format!("mail.from {:?} is neither an address nor a name with an address: Souk <shop@example.com>", mail.from));
    }
    Ok(())
}

/// The address of `Souk <shop@example.com>` or `shop@example.com`.
fn sender(from: &str) -> Option<Email> {
    let Some((name, address)) = from.trim().strip_suffix('>').and_then(|from| from.rsplit_once('<')) else {
        return from.parse().ok();
    };
    let name = name.trim();
    let quoted = name.len() >= 2 && name.starts_with('"') && name.ends_with('"');
    let inner = if quoted { &name[1..name.len() - 1] } else { name };
    // RFC 5322 wants quotes around these.
    let plain = |letter: char| !letter.is_control() && !"\"\\".contains(letter) && (quoted || !"()<>[]:;@,.".contains(letter));
    if inner.chars().all(plain) { address.parse().ok() } else { None }
}

/// A word that is no level would be the name of a target, and then nothing else is logged.
fn check_log(filter: &str) -> Checked {
    let words = filter.split(',').map(str::trim);
    let misspelt = words.filter(|word| !word.contains('=')).find(|word| word.parse::<LevelFilter>().is_err());
    if let Some(word) = misspelt {
        return refuse(format!(
            "log: {word:?} is no level; there are error, warn, info, debug, trace and off, also by target: shell=debug,info"
        ));
    }
    filter.parse::<Targets>().map(|_| ()).or_else(|error| refuse(format!("log: {error}")))
}

/// What browsers send as `Origin`: anything else would never match.
fn check_origin(origin: &str) -> Checked {
    let uri: Option<Uri> = origin.parse().ok();
    let known = origin.starts_with("https://") || origin.starts_with("http://");
    let bare = uri.is_some_and(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        !authority.is_empty() && !authority.contains('@') && origin.split_once("://").is_some_and(|(_, rest)| rest == authority)
    });
    if known && bare && origin.to_lowercase() == origin {
        return Ok(());
    }
    let why = if origin == "*" { "; every origin at once is not supported, list those of your web apps" } else { "" };
    refuse(format!("limits.cors_origins: {origin:?} is no origin such as https://shop.example or http://localhost:3000{why}"))
}

fn check_production(config: &Config) -> Checked {
    let (shop, mail) = (&config.shop, &config.mail);
    if mail.transport == Transport::Capture {
        return refuse("mail.transport = \"capture\" shows everybody's mail to everybody: production needs smtp, or ses on AWS");
    }
    if config.payments.gateway == Gateway::Test && !config.payments.allow_test_gateway {
        return refuse("the test gateway takes no real money: set payments.allow_test_gateway = true for a rehearsal");
    }
    if !shop.public_url.starts_with("https://") {
        return refuse("shop.public_url must be https:// in production; a proxy ends TLS");
    }
    let from = sender(&mail.from);
    let addresses =
        [("shop.admin_email", Some(&shop.admin_email)), ("shop.support_email", Some(&shop.support_email)), ("mail.from", from.as_ref())];
    if let Some((setting, _)) =
        addresses.iter().find(|(_, address)| address.is_some_and(|address| address.as_str().ends_with(EXAMPLE_DOMAIN)))
    {
        return refuse(format!("{setting} is still an address of {EXAMPLE_DOMAIN}, which reaches nobody"));
    }
    if shop.imprint.trim().is_empty() {
        return refuse("shop.imprint is empty: mails of a shop have to say who runs it");
    }
    if let Some(url) = &mail.url
        && shows_password(url)
    {
        return refuse("mail.url would send the password in clear to another machine: use smtps://, or smtp:// with ?tls=required");
    }
    let key = config.secrets.signing_key.as_deref().and_then(SigningKey::from_hex);
    if key.is_some_and(|key| is_weak(&key)) {
        return refuse("secrets.signing_key can be guessed: make one with openssl rand -hex 32");
    }
    Ok(())
}

/// Without `tls=required`, whoever is on the way can talk the two out of TLS.
fn shows_password(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return true };
    let password = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let guarded = uri.scheme_str() == Some("smtps") || uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "tls=required"));
    password && !here && !guarded
}

fn is_weak(key: &SigningKey) -> bool {
    let different: std::collections::BTreeSet<u8> = key.0.iter().copied().collect();
    different.len() < KEY_BYTES_DIFFERENT_MIN
}

#[cfg(test)]
mod tests {
    use kernel::TaxRate;

    use super::super::MailSection;
    use super::*;

    const KEY: &str = "8f1d3c5ba97e02468ace13579bdf0246fedcba98765432100123456789abcdef";

    pub fn production() -> Config {
        let mut config = Config { environment: Environment::Production, ..Config::default() };
        config.shop.public_url = "https://shop.example".into();
        config.shop.admin_email = "boss@shop.example".parse().unwrap();
        config.shop.support_email = "help@shop.example".parse().unwrap();
        config.shop.imprint = "Shop GmbH, Ring 1, 80331 München".into();
        config.mail = MailSection {
            transport: Transport::Smtp,
            url: Some("smtps://shop:hush@mail.example".into()),
            from: "shop@shop.example".into(),
        };
        config.payments.allow_test_gateway = true;
        config.secrets.signing_key = Some(KEY.into());
        config
    }

    type Change = fn(&mut Config);

    fn refused(config: &Config) -> String {
        check(config).map_or_else(|error| error.0, |()| String::new())
    }

    #[test]
    fn what_can_never_work_is_refused_everywhere() {
        let cases: [(&str, Change); 21] = [
            ("", |_| {}),
            ("list those of your web apps", |config| config.limits.cors_origins = vec!["*".into()]),
            ("cors_origins", |config| config.limits.cors_origins = vec!["example.com".into()]),
            ("cors_origins", |config| config.limits.cors_origins = vec!["https://example.com/".into()]),
            ("cors_origins", |config| config.limits.cors_origins = vec!["https://Example.com".into()]),
            ("", |config| config.limits.cors_origins = vec!["https://example.com".into(), "http://localhost:3000".into()]),
            ("mail.from", |config| config.mail.from = "nope".into()),
            ("mail.from", |config| config.mail.from = "A, B <shop@shop.example>".into()),
            ("", |config| config.mail.from = "\"A, B\" <shop@shop.example>".into()),
            ("mail.url", |config| config.mail.url = Some("http://x".into())),
            ("\"verbose\" is no level", |config| config.log = "verbose".into()),
            ("log", |config| config.log = "blah==".into()),
            ("", |config| config.log = "shell=debug,info".into()),
            ("64 hexadecimal digits", |config| config.secrets.signing_key = Some("abc".into())),
            ("public_url", |config| config.shop.public_url = "https://shop.example/\"><script>".into()),
            ("public_url", |config| config.shop.public_url = "https://".into()),
            ("public_url", |config| config.shop.public_url = "https://shop.example?x=1".into()),
            ("public_url", |config| config.shop.public_url = "https://a@shop.example".into()),
            ("", |config| config.shop.public_url = "https://shop.example:8443/souk".into()),
            ("basis points", |config| config.shop.tax_rate = TaxRate(20_000)),
            ("at least 1", |config| config.limits.burst = 0),
        ];
        for (expect, change) in cases {
            for mut config in [Config::default(), production()] {
                change(&mut config);
                let said = refused(&config);
                assert!(said.contains(expect) && said.is_empty() == expect.is_empty(), "{expect}: {said}");
            }
        }
    }

    #[test]
    fn production_refuses_what_only_fits_development() {
        let cases: [(&str, Change); 14] = [
            ("everybody's mail", |config| config.mail.transport = Transport::Capture),
            ("no real money", |config| config.payments.allow_test_gateway = false),
            ("https://", |config| config.shop.public_url = "http://shop.example".into()),
            ("mail.url", |config| config.mail.url = None),
            ("shop.admin_email", |config| config.shop.admin_email = "admin@souk.example".parse().unwrap()),
            ("shop.support_email", |config| config.shop.support_email = "help@souk.example".parse().unwrap()),
            ("mail.from", |config| config.mail.from = "Souk <shop@souk.example>".into()),
            ("shop.imprint", |config| config.shop.imprint = " ".into()),
            ("in clear", |config| config.mail.url = Some("smtp://u:p@mail.example.com".into())),
            ("in clear", |config| config.mail.url = Some("smtp://u:p@mail.example.com:587?tls=opportunistic".into())),
            ("", |config| config.mail.url = Some("smtp://u:p@mail.example.com:587?tls=required".into())),
            ("", |config| config.mail.url = Some("smtp://u:p@127.0.0.1:25".into())),
            ("", |config| config.mail.url = Some("smtp://mail.example.com:25".into())),
            ("can be guessed", |config| config.secrets.signing_key = Some("0".repeat(64))),
        ];
        for (expect, change) in cases {
            let mut config = production();
            change(&mut config);
            let said = refused(&config);
            assert!(said.contains(expect) && said.is_empty() == expect.is_empty(), "{expect}: {said}");
        }
    }

    #[test]
    fn an_open_mailbox_is_warned_of() {
        let mut config = Config::default();
        assert_eq!(warnings(&config), [""; 0]);
        config.listen = "0.0.0.0:8080".parse().unwrap();
        assert!(warnings(&config)[0].contains("/mailbox"));
        config.mail.transport = Transport::Smtp;
        assert_eq!(warnings(&config), [""; 0]);
    }
}
