//! The state of the consumers in a home with a log: how far each has read, what it tries again, what it
//! has given up. Kept as items, so every store can hold it; the same items serve the dispatcher, the
//! command line and the admin API.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Envelope;
use kernel::{Code, Cursor, Page, Problem, Timestamp};
use ports::store::{Bounds, EVENT_BYTES_MAX, Key, Query, Record, Stored, TableSchema};
use ports::{Content, DeadLetter, DeadLetterId, EventLog, LoggedEvent, Position, QueueStatus, Queues, Unreadable};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::changes::{Changes, DecisionContext};
use crate::checkpoint::partition;
pub use crate::checkpoint::{LEASE_FOR, settled_through};
use crate::unit_of_work::UnitOfWork;

/// The shell's own table.
pub const TABLE: TableSchema = TableSchema { name: "shell", indexes: 0 };

/// A delivery that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailedDelivery {
    pub consumer: String,
    pub position: Position,
    /// The event as the log has it, or the beginning of its text if that is no JSON. It is read only when it is needed:
    /// one that cannot be read must not hide the other failures.
    pub(crate) event: Box<RawValue>,
    /// The name of the replay that it belongs to, if that wants effects again which have happened (`Delivery::replay`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    pub first_failed_at: Timestamp,
    /// When it is tried again; absent for a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    pub error: String,
}

/// An order to deliver a part of the log to one consumer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub consumer: String,
    pub after: Position,
    pub through: Position,
    /// Names the run if effects shall happen although they have happened before.
    pub again: Option<String>,
}

impl FailedDelivery {
    /// The event. If it could not be read when it failed, the log or the program may have been mended since.
    pub(crate) async fn event(&self, log: &dyn EventLog) -> Result<LoggedEvent, Problem> {
        let stored = LoggedEvent::parse(self.position, self.event.get());
        if stored.envelope.is_ok() {
            return Ok(stored);
        }
        Ok(log.at(self.position).await?.unwrap_or(stored))
    }

    fn id(&self) -> DeadLetterId {
        DeadLetterId(self.position.to_string())
    }

    fn shown(self) -> DeadLetter {
        let id = self.id();
        let content = match Envelope::from_json(self.event.get()) {
            Ok(envelope) => Content::Event(Box::new(envelope)),
            Err(_) => Content::Unreadable(beginning(&serde_json::from_str(self.event.get()).unwrap_or(self.event.get().to_owned()))),
        };
        DeadLetter { id, content, attempts: Some(self.attempts), since: self.first_failed_at, error: Some(self.error) }
    }

    fn dead_key(consumer: &str, position: Position) -> Key {
        Key::new(partition(consumer), format!("dead#{position:020}"))
    }
}

impl Record for FailedDelivery {
    fn key(&self) -> Key {
        match self.next_at {
            // The next to be tried comes first.
            Some(next_at) => Key::new(partition(&self.consumer), format!("retry#{next_at}#{:020}", self.position)),
            None => Self::dead_key(&self.consumer, self.position),
        }
    }
}

impl Replay {
    pub fn key_of(consumer: &str) -> Key {
        Key::new(partition(consumer), "replay")
    }
}

impl Record for Replay {
    fn key(&self) -> Key {
        Self::key_of(&self.consumer)
    }
}

/// Waiting and dead deliveries are counted up to so many.
const COUNTED_MAX: usize = 1000;
/// What is kept and shown of an event that is no JSON.
const UNREADABLE_CHARS_MAX: usize = 2000;

/// The queues of a home with a log. A dead letter's id is the position of its event.
pub struct LogQueues {
    work: UnitOfWork,
    log: Arc<dyn EventLog>,
}

impl LogQueues {
    /// `work` is on `TABLE`.
    pub fn new(work: UnitOfWork, log: Arc<dyn EventLog>) -> Self {
        Self { work, log }
    }

    async fn count(&self, consumer: &str, prefix: &str) -> Result<u64, Problem> {
        let query = Query::table(partition(consumer)).prefix(prefix).limit(COUNTED_MAX);
        Ok(self.work.table().list::<serde::de::IgnoredAny>(query).await?.items.len() as u64)
    }

    async fn move_dead(&self, consumer: &str, id: &DeadLetterId, redrive: bool) -> Result<(), Problem> {
        let missing = || Problem::not_found(format_args!("dead letter {id} of {consumer}"));
        let position = id.0.parse().map_err(|_| missing())?;
        let key = FailedDelivery::dead_key(consumer, position);
        let load = async |_| self.work.table().get::<FailedDelivery>(&key).await?.ok_or_else(missing);
        let decide = |failed: Stored<FailedDelivery>, context: &DecisionContext| {
            let changes = Changes::none().delete(failed.key(), failed.version);
            if redrive { changes.derived(&FailedDelivery { attempts: 0, next_at: Some(context.now), ..failed.value }) } else { Ok(changes) }
        };
        self.work.run_job("queues", load, decide).await?;
        tracing::info!(consumer, position, redrive, "a dead letter was moved");
        Ok(())
    }
}

#[async_trait]
impl Queues for LogQueues {
    async fn status(&self, consumer: &str) -> Result<QueueStatus, Problem> {
        let position = settled_through(&self.work, consumer).await?;
        let backlog = self.log.head().await?.saturating_sub(position);
        let (waiting, dead) = (self.count(consumer, "retry#").await?, self.count(consumer, "dead#").await?);
        Ok(QueueStatus { consumer: consumer.into(), position: Some(position), backlog, waiting, dead })
    }

    async fn dead_letters(&self, consumer: &str, limit: usize, after: Option<Cursor>) -> Result<Page<DeadLetter>, Problem> {
        let query = Query::table(partition(consumer)).prefix("dead#").limit(limit).after(after);
        Ok(self.work.table().list::<FailedDelivery>(query).await?.map(|failed| failed.value.shown()))
    }

    async fn redrive(&self, consumer: &str, id: &DeadLetterId) -> Result<(), Problem> {
        self.move_dead(consumer, id, true).await
    }

    async fn redrive_some(&self, consumer: &str, limit: usize) -> Result<usize, Problem> {
        let query = Query::table(partition(consumer)).prefix("dead#").limit(limit);
        let mut redriven = 0;
        for failed in self.work.table().list::<FailedDelivery>(query).await?.items {
            match self.move_dead(consumer, &failed.id(), true).await {
                Ok(()) => redriven += 1,
                // Somebody else was faster.
                Err(problem) if problem.code == Code::NotFound => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(redriven)
    }

    /// The log still holds the event.
    async fn drop_dead_letter(&self, consumer: &str, id: &DeadLetterId) -> Result<(), Problem> {
        self.move_dead(consumer, id, false).await
    }
}

/// An event as JSON, whatever the log holds.
pub(crate) fn stored_event(event: &LoggedEvent) -> Result<Box<RawValue>, Problem> {
    let stored = match &event.envelope {
        Ok(envelope) => envelope.stored_json().and_then(RawValue::from_string),
        Err(Unreadable { text, .. }) if text.len() <= EVENT_BYTES_MAX => {
            RawValue::from_string(text.clone()).or_else(|_| to_raw_value(&beginning(text)))
        }
        Err(Unreadable { text, .. }) => to_raw_value(&beginning(text)),
    };
    stored.map_err(Problem::internal)
}

fn beginning(text: &str) -> String {
    text.chars().take(UNREADABLE_CHARS_MAX).collect()
}

pub(crate) async fn retries(work: &UnitOfWork, consumer: &str, limit: usize) -> Result<Vec<Stored<FailedDelivery>>, Problem> {
    let query = Query::table(partition(consumer)).bounds(Bounds::Prefix("retry#".into())).limit(limit);
    Ok(work.table().list::<FailedDelivery>(query).await?.items)
}

/// Delivers everything after a position to one consumer again. Effects that have happened are not
/// repeated, unless `again` is set: that is for rebuilding what can be rebuilt.
pub async fn replay(work: &UnitOfWork, log: &dyn EventLog, consumer: &str, after: Position, again: bool) -> Result<(), Problem> {
    let through = log.head().await?;
    let key = Replay::key_of(consumer);
    let load = async |_| work.table().get::<Replay>(&key).await;
    work.run_job("queues", load, |running, context| match running {
        Some(_) => Err(Problem::new(Code::Conflict, format!("a replay to {consumer} is running already"))),
        None => Changes::create(contracts::Decision::changed(Replay {
            consumer: consumer.into(),
            after,
            through,
            again: again.then(|| format!("again{}", context.secret(0))),
        })),
    })
    .await?;
    Ok(())
}

/// Remembers a failed delivery: to be tried at `next_at`, or dead. `before` is what was remembered of
/// it until now.
pub(crate) async fn park(work: &UnitOfWork, failed: &FailedDelivery, before: Option<&FailedDelivery>) -> Result<(), Problem> {
    let load = async |_| Ok(());
    work.run_job("dispatcher", load, |(), _| {
        let changes = Changes::none().derived(failed)?;
        Ok(match before.map(FailedDelivery::key).filter(|key| *key != failed.key()) {
            Some(key) => changes.delete_derived(key),
            None => changes,
        })
    })
    .await?;
    Ok(())
}

/// A delivery that had failed has succeeded.
pub(crate) async fn settle(work: &UnitOfWork, failed: &FailedDelivery) -> Result<(), Problem> {
    let load = async |_| Ok(());
    work.run_job("dispatcher", load, |(), _| Ok(Changes::none().delete_derived(failed.key()))).await?;
    Ok(())
}
