//! `Prefer: wait`: the answer comes once the order has settled or, to who knows it, has changed; or after that time.

use kernel::{Duration, OrderId, Problem, Timestamp};
use ports::store::Stored;
use shell::{RequestContext, Watch};

use crate::order::Order;
use crate::{App, storage};

/// A watch looks up twice a second, and a waiting order changes a few times: more looks are not needed.
const LOOKS_PER_SECOND: u64 = 2;
const CHANGES_MAX: u64 = 3;

/// Begun before the command or the read, so that no change falls in between.
pub struct Waiting<'a> {
    app: &'a App,
    order: OrderId,
    until: Option<(Watch, Timestamp, Duration)>,
}

impl<'a> Waiting<'a> {
    pub fn begin(app: &'a App, request: &RequestContext, order: OrderId) -> Self {
        let watch = |wait| (app.work.watch(&storage::key(order)), app.work.now().plus(wait), wait);
        Self { app, order, until: request.wait.filter(|wait| !wait.is_zero()).map(watch) }
    }

    /// The order once it has settled, or as it stands after the wait; `None` if the client does not want to wait.
    pub async fn end(self) -> Result<Option<Stored<Order>>, Problem> {
        self.until(|order| order.is_settled()).await
    }

    /// The order once it is another than that of the version; otherwise like `end`.
    pub async fn changed(self, version: u64) -> Result<Option<Stored<Order>>, Problem> {
        self.until(|order| order.version != version).await
    }

    async fn until(self, is_over: impl Fn(&Stored<Order>) -> bool) -> Result<Option<Stored<Order>>, Problem> {
        let Some((mut watch, until, wait)) = self.until else { return Ok(None) };
        // The order as it stands now is read here, so that is nothing to look up for.
        watch.catch_up();
        let mut order = storage::order(self.app.work.table(), self.order).await?;
        for _ in 0..wait.as_secs() * LOOKS_PER_SECOND + CHANGES_MAX {
            if is_over(&order) || !watch.changed(until.since(self.app.work.now())).await {
                break;
            }
            order = storage::order(self.app.work.table(), self.order).await?;
        }
        Ok(Some(order))
    }
}
