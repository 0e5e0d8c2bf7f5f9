//! Runs schedules. A lease in the store sees to it that, of several processes, one runs a tick.

use kernel::{Duration, Problem, Timestamp};
use ports::store::{Key, Record, Stored};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::changes::Changes;
use crate::consumer::Schedule;
use crate::deliver;
use crate::metering::OPERATION;
use crate::unit_of_work::UnitOfWork;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    schedule: String,
    holder: String,
    until: Timestamp,
}

impl Lease {
    fn key_of(schedule: &str) -> Key {
        Key::new(format!("lease#{schedule}"), "lease")
    }
}

impl Record for Lease {
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
    let key = Lease::key_of(schedule);
    let load = async |_| work.table().get::<Lease>(&key).await;
    let taken = std::sync::atomic::AtomicBool::new(false);
    work.run_job("lease", load, |lease: Option<Stored<Lease>>, context| {
        let mine = |until: Timestamp| contracts::Decision::changed(Lease { schedule: schedule.into(), holder: holder.into(), until });
        let until = context.now.plus(lease_for);
        let (changes, held) = match lease {
            None => (Changes::create(mine(until))?, true),
            Some(lease) if lease.holder == holder && lease.until > context.now.plus(lease_for / 2) => (Changes::none(), true),
            Some(lease) if lease.holder == holder || lease.until <= context.now => (Changes::update(lease.version, mine(until))?, true),
            Some(_) => (Changes::none(), false),
        };
        taken.store(held, std::sync::atomic::Ordering::Relaxed);
        Ok(changes)
    })
    .await?;
    Ok(taken.into_inner())
}

async fn release(work: &UnitOfWork, schedule: &str, holder: &str) -> Result<(), Problem> {
    let key = Lease::key_of(schedule);
    let load = async |_| work.table().get::<Lease>(&key).await;
    work.run_job("lease", load, |lease: Option<Stored<Lease>>, _| match lease {
        Some(lease) if lease.holder == holder => Ok(Changes::none().delete(lease.key(), lease.version)),
        Some(_) | None => Ok(Changes::none()),
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
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
