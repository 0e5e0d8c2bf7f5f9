//! How many orders somebody may leave unpaid. Each of them keeps its stock from others, and placing one costs nothing.
//!
//! Counted is what waits for its payment now: of an account, of a guest's address, and of the client that guests order from.
//! Behind one client may be many people, as in an office or behind a storefront that renders pages: those who pay are not
//! counted. Requests that come at the same moment may exceed the limit by as many as the edge lets in at once.

use kernel::Problem;
use shell::RequestContext;

use crate::order::allow_another;
use crate::{App, storage};

/// What the configuration allows; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpaidLimits {
    /// Of an account, and of a guest's address.
    pub per_person: u32,
    /// Of guests at one client.
    pub per_client: u32,
}

/// Orders of a person that are looked at within the time to pay, of a limit of one. People place few.
const LOOKED_AT: usize = 5;

/// Refuses a draft of somebody who has to pay others first.
pub async fn check(app: &App, request: &RequestContext, email: &kernel::Email) -> Result<(), Problem> {
    let (table, now, limits) = (app.work.table(), app.work.now(), app.config.unpaid);
    let customer = request.actor.user_id();
    if let Some(most) = limit(limits.per_person) {
        let list = customer.map_or_else(|| storage::of_guest(email), storage::of_customer);
        let since = now.minus(app.config.pricing.deadline_of(customer));
        let orders = storage::latest(table, list, since, most.saturating_mul(LOOKED_AT)).await?;
        allow_another(orders.iter().map(|order| &order.value), most, now)?;
    }
    if let Some(most) = limit(limits.per_client).filter(|_| customer.is_none()) {
        let orders = storage::latest_of_client(table, &client(app, request), now, most, most.saturating_mul(LOOKED_AT)).await?;
        allow_another(orders.iter().map(|order| &order.value), most, now)?;
    }
    Ok(())
}

/// Whom the request comes from, by a hash that only the shop can make.
pub fn client(app: &App, request: &RequestContext) -> String {
    app.deps.tokens.hash_of_client(&request.client.address().to_string())
}

fn limit(setting: u32) -> Option<usize> {
    usize::try_from(setting).ok().filter(|most| *most > 0)
}
