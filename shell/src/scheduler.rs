//! Runs schedules. A lease in the store sees to it that, of several processes, one runs a tick.

use kernel::{Duration, Problem};
use ports::store::{Expect, Key, Record, Stored};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::changes::Changes;
use crate::consumer::Schedule;
use crate::deliver;
use crate::lease::{Lease, put_once};
use crate::metering::OPERATION;
use crate::unit_of_work::UnitOfWork;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduleLease {
    pub schedule: String,
    #[serde(flatten)]
    pub lease: Lease,
}

impl ScheduleLease {
    fn key_of(schedule: &str) -> Key {
        Key::new(format!("lease#{schedule}"), "lease")
    }
}

impl Record for ScheduleLease {
    fn key(&self) -> Key {
        Self::key_of(&self.schedule)
    }
}

/// Runs one schedule until `stop`. `holder` names this process.
pub(crate) async fn run(work: UnitOfWork, schedule: Schedule, holder: String, mut stop: watch::Receiver<bool>) {
    // A renewal outlasts two ticks, so that a holder that is alive keeps its lease.
    let lease_for = schedule.every * 2 + Duration::from_secs(5);
    loop {
        tokio::select! {
            () = tokio::time::sleep(schedule.every) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let tick = OPERATION.scope(schedule.operation.clone(), async {
            if hold(&work, schedule.name, &holder, lease_for).await? { deliver::tick(work.runtime(), &schedule).await } else { Ok(()) }
        });
        if let Err(problem) = tick.await {
            tracing::error!(schedule = schedule.name, %problem, "a tick failed; the next one tries again");
        }
    }
    if let Err(problem) = release(&work, schedule.name, &holder).await {
        tracing::warn!(schedule = schedule.name, %problem, "the lease was not given back; it runs out by itself");
    }
}

/// Takes or renews the lease; false if another process holds it. A renewal is written only when half
/// of the time is gone, which spares a write per tick.
async fn hold(work: &UnitOfWork, schedule: &str, holder: &str, lease_for: Duration) -> Result<bool, Problem> {
    let now = work.now();
    let found = work.table().get::<ScheduleLease>(&ScheduleLease::key_of(schedule)).await?;
    let lease = found.as_ref().map(|found| &found.lease);
    if !Lease::is_free_for(lease, holder, now) {
        return Ok(false);
    }
    if lease.is_some_and(|lease| lease.holder == holder && lease.until > now.plus(lease_for / 2)) {
        return Ok(true);
    }
    let expect = found.as_ref().map_or(Expect::Absent, |found| Expect::Version(found.version));
    let lease = Lease { holder: holder.into(), until: now.plus(lease_for) };
    Ok(put_once(work, &ScheduleLease { schedule: schedule.into(), lease }, expect).await?.is_some())
}

async fn release(work: &UnitOfWork, schedule: &str, holder: &str) -> Result<(), Problem> {
    let key = ScheduleLease::key_of(schedule);
    let load = async |_| work.table().get::<ScheduleLease>(&key).await;
    work.run_job("lease", load, |found: Option<Stored<ScheduleLease>>, _| match found {
        Some(found) if found.lease.holder == holder => Ok(Changes::none().delete(found.key(), found.version)),
        Some(_) | None => Ok(Changes::none()),
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Timestamp;
    use ports::{Clock, FixedEntropy, ManualClock};
    use std::sync::Arc;

    #[tokio::test]
    async fn one_process_holds_the_lease_and_another_takes_it_over() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
        let stores = memory::MemoryStores::new(clock.clone() as Arc<dyn Clock>);
        let runtime = crate::Runtime::new(clock.clone(), Arc::new(FixedEntropy::new(1)));
        let work = UnitOfWork::new(&runtime, crate::queues::TABLE, stores.table(crate::queues::TABLE));
        let lease = Duration::from_secs(10);
        assert!(hold(&work, "tick", "one", lease).await.unwrap());
        assert!(!hold(&work, "tick", "two", lease).await.unwrap());
        clock.advance(Duration::from_secs(6));
        assert!(hold(&work, "tick", "one", lease).await.unwrap(), "renewed");
        clock.advance(Duration::from_secs(6));
        assert!(!hold(&work, "tick", "two", lease).await.unwrap(), "the renewal counts");
        clock.advance(Duration::from_secs(10));
        assert!(hold(&work, "tick", "two", lease).await.unwrap(), "the first one fell silent");
        assert!(!hold(&work, "tick", "one", lease).await.unwrap());
        release(&work, "tick", "two").await.unwrap();
        assert!(hold(&work, "tick", "one", lease).await.unwrap(), "given back at once");
    }
}
