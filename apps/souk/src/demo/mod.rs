//! `souk demo`: a small shop to look around in. Loading it again changes nothing.

use home_embedded::Home;
use wiring::{Config, Operator};

use crate::import;
use crate::import_businesses;
use crate::output::{CliError, say};

const PRODUCTS: &str = include_str!("../demo/products.csv");
/// Of a town that is on no map.
const BUSINESSES: &str = include_str!("../demo/businesses.csv");
/// For development on this machine only; `souk demo` refuses a production configuration.
const ACCOUNTS: [(&str, &str, bool); 2] =
    [("admin@souk.example", "souk-demo-admin", true), ("customer@souk.example", "souk-demo-customer", false)];

pub async fn load(config: &Config) -> Result<(), CliError> {
    if config.environment == wiring::Environment::Production {
        return Err(CliError::Input("the demo accounts have known passwords: not in production".into()));
    }
    let home = Home::open(config)?;
    let result = fill(&home.operator()).await;
    home.close().await?;
    result
}

async fn fill(operator: &Operator<'_>) -> Result<(), CliError> {
    let report = import::write(operator, PRODUCTS.as_bytes()).await?;
    if let Some(row) = report.refused.first() {
        return Err(CliError::Failed(format!("the demo file has a mistake in line {}: {}", row.line, row.reason)));
    }
    say(&format!("demo products: {} created, {} unchanged", report.created, report.unchanged))?;
    let businesses = import_businesses::write_text(operator, BUSINESSES).await?;
    say(&format!("demo businesses: {} created, {} unchanged", businesses.created, businesses.unchanged))?;
    for (email, password, admin) in ACCOUNTS {
        let address = email.parse().map_err(CliError::failed)?;
        if admin {
            operator.create_admin(address, password).await?;
        } else {
            operator.create_customer(address, "Demo Customer", password).await?;
        }
        say(&format!("{}: {email}, password: {password}", if admin { "admin" } else { "customer" }))?;
    }
    Ok(())
}
