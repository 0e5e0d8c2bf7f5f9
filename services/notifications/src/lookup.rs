//! What mails need to know of other services.

use kernel::{BusinessId, OrderId, Problem, UserId};
use ports::reads::{Account, OrderSummary};

use crate::App;

/// The read may be a moment behind the event: an order that is not there yet is tried again.
pub async fn order(app: &App, id: OrderId) -> Result<OrderSummary, Problem> {
    app.shared.dependencies.orders.order(id).await?.ok_or_else(|| Problem::not_found(format!("order {id} to write a mail about")))
}

/// The people who own the business and can be written to.
pub async fn owners(app: &App, id: BusinessId) -> Result<Vec<Account>, Problem> {
    people(app, app.shared.dependencies.directory.owners(id).await?).await
}

/// The owners and managers of the business who can be written to.
pub async fn managers(app: &App, id: BusinessId) -> Result<Vec<Account>, Problem> {
    people(app, app.shared.dependencies.directory.managers(id).await?).await
}

async fn people(app: &App, ids: Vec<UserId>) -> Result<Vec<Account>, Problem> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(person(app, id).await?);
    }
    Ok(found)
}

/// Nobody where the account is disabled or erased, or where nobody has proved that the address is theirs.
pub async fn person(app: &App, id: UserId) -> Result<Vec<Account>, Problem> {
    let account = app.shared.dependencies.accounts.account(id).await?;
    Ok(account.into_iter().filter(|account| account.email_verified && !account.disabled).collect())
}

pub async fn business_name(app: &App, id: BusinessId) -> Result<String, Problem> {
    let found = app.shared.dependencies.directory.businesses(&[id]).await?;
    let business = found.into_iter().flatten().next();
    Ok(business.ok_or_else(|| Problem::not_found(format!("business {id} to write a mail about")))?.name)
}
