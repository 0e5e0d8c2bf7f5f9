//! The housekeeping of the embedded home: what has expired is deleted, the log forgets old events.

use std::sync::Arc;

use kernel::{Duration, Problem};
use ports::EventLog;
use ports::store::StoreError;
use shell::{Schedule, Service, UnitOfWork, queues};
use sqlite::Sqlite;

/// Rows per transaction, and transactions per tick: the writer's other work goes on in between.
const SWEEP_ROWS: usize = 500;
const SWEEPS_MAX: usize = 40;
/// Events stay this long, to be replayed.
const LOG_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A service without routes, for its schedule.
pub(crate) fn service(work: &UnitOfWork, database: Arc<Sqlite>, consumers: Vec<&'static str>) -> Service {
    let kept = (work.clone(), database, Arc::new(consumers));
    Service::new(work).schedule(Schedule::new("shell.upkeep", Duration::from_secs(60), kept, async |(work, database, consumers)| {
        tick(&work, &database, &consumers).await
    }))
}

async fn tick(work: &UnitOfWork, database: &Sqlite, consumers: &[&'static str]) -> Result<(), Problem> {
    for _ in 0..SWEEPS_MAX {
        if database.sweep(SWEEP_ROWS).await? < SWEEP_ROWS {
            break;
        }
    }
    let log = database.log();
    let settled = settled_by_all(work, &*log, consumers).await?;
    let before = work.now().minus(LOG_KEPT);
    for _ in 0..SWEEPS_MAX {
        let pruned: Result<usize, StoreError> = log.prune(before, settled, SWEEP_ROWS).await;
        if pruned? < SWEEP_ROWS {
            break;
        }
    }
    Ok(())
}

/// What some consumer has not settled is never forgotten.
async fn settled_by_all(work: &UnitOfWork, log: &dyn EventLog, consumers: &[&'static str]) -> Result<u64, Problem> {
    let mut settled = log.head().await?;
    for consumer in consumers {
        settled = settled.min(queues::settled_through(work, consumer).await?);
    }
    Ok(settled)
}
