//! Unpaid orders end at their deadline.

use kernel::Problem;
use shell::Changes;

use crate::{App, storage};

/// Orders per tick. The next tick goes on with the rest.
const BATCH: usize = 500;

pub async fn expire(app: &App) -> Result<(), Problem> {
    let table = app.desk.table();
    for due in storage::due(table, app.desk.now(), BATCH).await?.items {
        let id = due.value.id;
        let expired = app.desk.step(
            "tick:orders.expire",
            || storage::order(table, id),
            |order, moment| Changes::update(order.version, order.value.expire(moment.now)?),
        );
        expired.await?;
    }
    Ok(())
}
