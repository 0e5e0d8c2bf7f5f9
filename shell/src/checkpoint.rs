//! How far a consumer has come, and which process may say so.
//!
//! Position and lease are one item. Every save is written under the version that the process wrote last, and renews the
//! lease; taking the lease over is a write, too. So the version is a fencing token: a process that has lost its lease,
//! however late it finds out, cannot overwrite what its successor saves. Under load the lease costs nothing beside the
//! saves; an idle process writes once in half of `LEASE_FOR`.

use kernel::{Duration, Problem, Timestamp};
use ports::Position;
use ports::store::{Expect, Key, Record};
use serde::{Deserialize, Serialize};

use crate::lease::{Lease, put_once};
use crate::unit_of_work::UnitOfWork;

/// So long after the death of a process its consumers may wait for another. Longer than a store may hang.
pub const LEASE_FOR: Duration = Duration::from_secs(10);

/// Everything up to `position` is settled: done, waiting for another try, or dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub consumer: String,
    pub position: Position,
    /// Absent when the last process stopped in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

impl Checkpoint {
    fn key_of(queue: &str) -> Key {
        Key::new(partition(queue), "cursor")
    }
}

/// Under which all of a consumer's queue is kept.
pub(crate) fn partition(consumer: &str) -> String {
    format!("queue#{consumer}")
}

impl Record for Checkpoint {
    fn key(&self) -> Key {
        Self::key_of(&self.consumer)
    }
}

/// The log's position up to which everything is settled for a consumer: done, waiting for another try,
/// or dead.
pub async fn settled_through(work: &UnitOfWork, queue: &str) -> Result<Position, Problem> {
    Ok(work.table().get::<Checkpoint>(&Checkpoint::key_of(queue)).await?.map_or(0, |checkpoint| checkpoint.position))
}

/// The right to deliver to a consumer and to move its checkpoint.
pub(crate) struct Leadership {
    queue: String,
    holder: String,
    position: Position,
    version: u64,
    until: Timestamp,
}

impl Leadership {
    /// Takes the lease, if no other process has it, and reads the position afresh.
    pub async fn take(work: &UnitOfWork, queue: &str, holder: &str) -> Result<Option<Self>, Problem> {
        let now = work.now();
        let (expect, position, lease) = match work.table().get::<Checkpoint>(&Checkpoint::key_of(queue)).await? {
            Some(found) => (Expect::Version(found.version), found.value.position, found.value.lease),
            None => (Expect::Absent, 0, None),
        };
        if !Lease::is_free_for(lease.as_ref(), holder, now) {
            return Ok(None);
        }
        let mut taken = Self { queue: queue.into(), holder: holder.into(), position, version: 0, until: now.plus(LEASE_FOR) };
        let version = put_once(work, &taken.checkpoint(position, Some(taken.until)), expect).await?;
        Ok(version.map(|version| {
            taken.version = version;
            taken
        }))
    }

    pub fn position(&self) -> Position {
        self.position
    }

    /// Afterwards another process may be delivering.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }

    pub fn is_save_due(&self, position: Position, now: Timestamp) -> bool {
        position != self.position || self.until.since(now) <= LEASE_FOR / 2
    }

    /// Saves the position and renews the lease. False if the lease is lost.
    pub async fn save(&mut self, work: &UnitOfWork, position: Position) -> Result<bool, Problem> {
        let until = work.now().plus(LEASE_FOR);
        let Some(version) = put_once(work, &self.checkpoint(position, Some(until)), Expect::Version(self.version)).await? else {
            return Ok(false);
        };
        (self.position, self.version, self.until) = (position, version, until);
        Ok(true)
    }

    /// Saves the position and leaves the consumer to whoever comes first. False if the lease was lost before.
    pub async fn release(self, work: &UnitOfWork, position: Position) -> Result<bool, Problem> {
        Ok(put_once(work, &self.checkpoint(position, None), Expect::Version(self.version)).await?.is_some())
    }

    fn checkpoint(&self, position: Position, until: Option<Timestamp>) -> Checkpoint {
        let lease = until.map(|until| Lease { holder: self.holder.clone(), until });
        Checkpoint { consumer: self.queue.clone(), position, lease }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::{Clock, FixedEntropy, ManualClock};
    use std::sync::Arc;

    #[tokio::test]
    async fn who_has_lost_the_lease_cannot_move_the_checkpoint() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
        let stores = memory::MemoryStores::new(clock.clone() as Arc<dyn Clock>);
        let runtime = crate::Runtime::new(clock.clone(), Arc::new(FixedEntropy::new(1)));
        let work = UnitOfWork::new(&runtime, crate::queues::TABLE, stores.table(crate::queues::TABLE));
        let take = async |holder: &str| Leadership::take(&work, "tallies", holder).await.unwrap();
        let mut one = take("one").await.unwrap();
        assert!(one.save(&work, 7).await.unwrap());
        clock.advance(LEASE_FOR - Duration::from_millis(1));
        assert!(take("two").await.is_none() && one.holds_at(clock.now()));
        assert!(one.save(&work, 8).await.unwrap(), "renewed");
        clock.advance(Duration::from_millis(1));
        assert!(take("two").await.is_none(), "the renewal counts");
        clock.advance(LEASE_FOR);
        assert!(!one.holds_at(clock.now()));
        assert!(one.save(&work, 9).await.unwrap(), "nobody has taken it: late, but no harm is done");
        clock.advance(LEASE_FOR);
        let mut two = take("two").await.unwrap();
        assert_eq!(two.position(), 9);
        assert!(!one.save(&work, 11).await.unwrap() && take("one").await.is_none());
        assert!(two.save(&work, 10).await.unwrap());
        assert!(!one.release(&work, 11).await.unwrap());
        assert_eq!(settled_through(&work, "tallies").await.unwrap(), 10);
        let mut again = take("two").await.unwrap();
        assert!(!two.save(&work, 11).await.unwrap(), "it was started again under its name");
        assert!(again.save(&work, 12).await.unwrap() && again.release(&work, 12).await.unwrap());
        assert_eq!(take("one").await.unwrap().position(), 12, "given back, it is free at once");
    }

    #[tokio::test]
    async fn of_two_that_take_it_at_once_one_gets_it() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
        let stores = memory::MemoryStores::new(clock.clone() as Arc<dyn Clock>);
        let runtime = crate::Runtime::new(clock, Arc::new(FixedEntropy::new(1)));
        let work = UnitOfWork::new(&runtime, crate::queues::TABLE, stores.table(crate::queues::TABLE));
        let free = Checkpoint { consumer: "tallies".into(), position: 3, lease: None };
        assert_eq!(put_once(&work, &free, Expect::Absent).await.unwrap(), Some(1));
        assert_eq!(put_once(&work, &free, Expect::Absent).await.unwrap(), None);
        let both = [put_once(&work, &free, Expect::Version(1)).await.unwrap(), put_once(&work, &free, Expect::Version(1)).await.unwrap()];
        assert_eq!(both, [Some(2), None]);
    }
}
