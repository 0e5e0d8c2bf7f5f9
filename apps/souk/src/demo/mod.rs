//! `souk demo`: a small market to look around in, with goods and their pictures, businesses and their people, orders on
//! their way, reviews and enquiries. Loading it again changes nothing.

mod client;
mod pictures;
mod story;

use std::collections::HashMap;

use catalog::ImportedProduct;
use home_embedded::Home;
use kernel::{Email, Problem};
use tokio::net::TcpListener;
use wiring::{Config, Environment, Operator, Transport};

use crate::import;
use crate::import_businesses;
use crate::output::{CliError, say};

const PRODUCTS: &str = include_str!("../../demo/products.csv");
/// Of a town that is on no map.
const BUSINESSES: &str = include_str!("../../demo/businesses.csv");
/// Where the pictures of the demo would be if they were not drawn: its end says what and of which shape.
const PICTURES: &str = "https://pictures.souk.example/";

/// For development on this machine only; `souk demo` refuses a production configuration, and production refuses them.
pub struct Account {
    pub email: &'static str,
    name: &'static str,
    pub password: &'static str,
}

const CUSTOMER_PASSWORD: &str = "souk-demo-customer";
const BUSINESS_PASSWORD: &str = "souk-demo-business";
const ADMIN: Account = Account { email: "admin@souk.example", name: "Admin", password: "souk-demo-admin" };
const CUSTOMER: Account = Account { email: "customer@souk.example", name: "Demo Customer", password: CUSTOMER_PASSWORD };
const OWNER: Account = Account { email: "olga@souk.example", name: "Olga Baker", password: BUSINESS_PASSWORD };
const STAFF: Account = Account { email: "timo@souk.example", name: "Timo Counter", password: BUSINESS_PASSWORD };
const BEN: Account = Account { email: "ben@souk.example", name: "Ben Miller", password: CUSTOMER_PASSWORD };
const CLARA: Account = Account { email: "clara@souk.example", name: "Clara Novak", password: CUSTOMER_PASSWORD };
const ACCOUNTS: [Account; 6] = [ADMIN, CUSTOMER, OWNER, STAFF, BEN, CLARA];

pub async fn load(config: &Config) -> Result<(), CliError> {
    if config.environment == Environment::Production {
        return Err(CliError::Input("the demo accounts have known passwords: not in production".into()));
    }
    // Its people have no mailboxes, and it asks for more at once than a person would.
    let mut config = config.clone();
    config.mail.transport = Transport::Capture;
    config.limits.rate_limit = false;
    (config.orders.unpaid_per_person, config.orders.unpaid_per_client) = (0, 0);
    let home = Home::open(&config)?;
    let lock = home.lock();
    let result = match lock {
        Ok(_alone) => fill(&home).await,
        Err(error) => Err(CliError::Input(format!("{error}; stop it, load the demo, and start it again"))),
    };
    home.close().await?;
    result
}

/// Refuses to open a shop whose demo accounts can be signed in to by everybody who has read this file.
pub async fn refuse_accounts(operator: &Operator<'_>) -> Result<(), CliError> {
    for Account { email, password, .. } in ACCOUNTS {
        let address: Email = email.parse().map_err(CliError::failed)?;
        if operator.opens(&address, password).await? {
            return Err(CliError::Input(format!(
                "{email} has the password of the demo, which everybody knows: souk admin set-password --email {email} sets another one"
            )));
        }
    }
    Ok(())
}

async fn fill(home: &Home) -> Result<(), CliError> {
    let operator = home.operator();
    for account in ACCOUNTS {
        let address = account.email.parse().map_err(CliError::failed)?;
        if account.email == ADMIN.email {
            operator.create_admin(address, account.password).await?;
        } else {
            operator.create_customer(address, account.name, account.password).await?;
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(CliError::failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(CliError::failed)?);
    let running = home.host()?.start(listener).await?;
    let filled = play(&operator, url).await;
    running.stop().await?;
    filled?;
    say("accounts:")?;
    let of = |account: &Account| match account.email {
        email if email == ADMIN.email => "admin",
        email if email == OWNER.email => "owner of a business",
        email if email == STAFF.email => "works there",
        _ => "customer",
    };
    ACCOUNTS.iter().try_for_each(|account| say(&format!("  {:<22} password {:<20} {}", account.email, account.password, of(account))))
}

/// Everything that its people do goes through the API, as if they sat before it.
async fn play(operator: &Operator<'_>, url: String) -> Result<(), CliError> {
    let shop = in_background(move || story::open(&url)).await?;
    let drawn = draw(operator, story::GOODS.iter().map(|goods| goods.picture)).await?;

    let products = catalog::parse(PRODUCTS.as_bytes(), operator.config().shop.currency).map_err(CliError::failed)?;
    let products: Result<Vec<ImportedProduct>, _> = products.collect();
    let products = products.map_err(|row| CliError::Failed(format!("the demo file has a mistake: {row}")))?;
    let addresses = products.iter().flat_map(ImportedProduct::picture_addresses);
    let pictures = draw(operator, addresses.filter_map(|address| address.strip_prefix(PICTURES))).await?;
    let here = |address: &str| pictures.get(address.strip_prefix(PICTURES)?).cloned();
    let report = import::write(operator, products.into_iter().map(|product| Ok(product.with_pictures(here))), None).await?;
    if let Some(row) = report.refused.first() {
        return Err(CliError::Failed(format!("the demo file has a mistake: {row}")));
    }
    say(&format!("demo products: {} created, {} unchanged", report.created, report.unchanged))?;
    let businesses = import_businesses::write_text(operator, BUSINESSES).await?;
    say(&format!("demo businesses: {} created, {} unchanged", businesses.created, businesses.unchanged))?;
    let told = in_background(move || shop.tell(&drawn)).await?;
    say(if told { "demo story: owners, staff, goods of theirs, orders, reviews and enquiries created" } else { "demo story: unchanged" })
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> Result<T, CliError> + Send + 'static) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work).await.map_err(CliError::failed)?
}

/// The pictures of these names, `cup/moroccan-mint-tea.png`, drawn where they are not here yet.
async fn draw<'a>(operator: &Operator<'_>, names: impl Iterator<Item = &'a str>) -> Result<HashMap<String, String>, CliError> {
    let shelf = operator.pictures()?;
    let mut drawn = HashMap::new();
    for name in names {
        let address = format!("{PICTURES}{name}");
        let here = match shelf.find(&address).await? {
            Some(here) => here,
            None => {
                let (shape, thing) = name.split_once('/').unwrap_or((name, name));
                let picture = pictures::draw(shape, thing).ok_or_else(|| Problem::internal(format!("nobody can draw {name}")))?;
                shelf.keep(&address, Some("image/png"), picture).await?
            }
        };
        drawn.insert(name.to_owned(), here);
    }
    Ok(drawn)
}
