//! The state of the consumers: how far each has read, what it tries again, what it has given up.
//! Kept as items, so every store can hold it; the same functions serve the dispatcher, the command
//! line and the admin API.

use contracts::Envelope;
use kernel::{Code, Cursor, Page, Problem, Timestamp};
use ports::store::{Bounds, Expect, Key, Query, Record, Stored, TableSchema, Write};
use ports::{EventLog, Position};
use serde::{Deserialize, Serialize};

use crate::changes::Changes;
use crate::desk::Desk;

/// The shell's own table.
pub const TABLE: TableSchema = TableSchema { name: "shell", indexes: 0 };

/// Everything up to `position` is settled: done, waiting for another try, or dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadUpTo {
    pub consumer: String,
    pub position: Position,
}

/// A delivery that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Letter {
    pub consumer: String,
    pub position: u64,
    #[schema(value_type = Object)]
    pub envelope: Envelope,
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

fn queue(consumer: &str) -> String {
    format!("queue#{consumer}")
}

impl ReadUpTo {
    pub fn key_of(consumer: &str) -> Key {
        Key::new(queue(consumer), "cursor")
    }
}

impl Record for ReadUpTo {
    fn key(&self) -> Key {
        Self::key_of(&self.consumer)
    }
}

impl Letter {
    fn dead_key(consumer: &str, position: Position) -> Key {
        Key::new(queue(consumer), format!("dead#{position:020}"))
    }
}

impl Record for Letter {
    fn key(&self) -> Key {
        match self.next_at {
            // The next to be tried comes first.
            Some(next_at) => Key::new(queue(&self.consumer), format!("retry#{next_at}#{:020}", self.position)),
            None => Self::dead_key(&self.consumer, self.position),
        }
    }
}

impl Replay {
    pub fn key_of(consumer: &str) -> Key {
        Key::new(queue(consumer), "replay")
    }
}

impl Record for Replay {
    fn key(&self) -> Key {
        Self::key_of(&self.consumer)
    }
}

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct QueueStatus {
    pub consumer: String,
    /// The log's position up to which everything is settled.
    pub position: u64,
    /// Events after it, wanted or not.
    pub backlog: u64,
    /// Deliveries that wait for another try; counted up to 1000.
    pub waiting: usize,
    /// Deliveries given up; counted up to 1000.
    pub dead: usize,
}

const COUNTED_MAX: usize = 1000;

pub async fn status(desk: &Desk, log: &dyn EventLog, consumer: &str) -> Result<QueueStatus, Problem> {
    let position = settled_through(desk, consumer).await?;
    let count = async |prefix: &str| -> Result<usize, Problem> {
        let query = Query::table(queue(consumer)).prefix(prefix).limit(COUNTED_MAX);
        Ok(desk.table().list::<serde::de::IgnoredAny>(query).await?.items.len())
    };
    let (waiting, dead) = (count("retry#").await?, count("dead#").await?);
    Ok(QueueStatus { consumer: consumer.into(), position, backlog: log.head().await?.saturating_sub(position), waiting, dead })
}

/// The log's position up to which everything is settled for a consumer: done, waiting for another try,
/// or dead.
pub async fn settled_through(desk: &Desk, consumer: &str) -> Result<Position, Problem> {
    Ok(desk.table().find::<ReadUpTo>(&ReadUpTo::key_of(consumer)).await?.map_or(0, |cursor| cursor.position))
}

/// Dead letters, oldest first.
pub async fn dead_letters(desk: &Desk, consumer: &str, limit: usize, cursor: Option<Cursor>) -> Result<Page<Letter>, Problem> {
    let query = Query::table(queue(consumer)).prefix("dead#").limit(limit).after(cursor);
    Ok(desk.table().list::<Letter>(query).await?.map(|letter| letter.value))
}

pub(crate) async fn retries(desk: &Desk, consumer: &str, limit: usize) -> Result<Vec<Stored<Letter>>, Problem> {
    let query = Query::table(queue(consumer)).bounds(Bounds::Prefix("retry#".into())).limit(limit);
    Ok(desk.table().list::<Letter>(query).await?.items)
}

/// Puts a dead letter back in the queue, with all its tries before it.
pub async fn redrive(desk: &Desk, consumer: &str, position: Position) -> Result<(), Problem> {
    move_dead(desk, consumer, position, true).await
}

/// Throws a dead letter away for good. The log still holds the event.
pub async fn drop_letter(desk: &Desk, consumer: &str, position: Position) -> Result<(), Problem> {
    move_dead(desk, consumer, position, false).await
}

async fn move_dead(desk: &Desk, consumer: &str, position: Position, redrive: bool) -> Result<(), Problem> {
    let key = Letter::dead_key(consumer, position);
    let load = async || match desk.table().find::<Letter>(&key).await? {
        Some(letter) => Ok(letter),
        None => Err(Problem::not_found(format_args!("dead letter {position} of {consumer}"))),
    };
    desk.step("queues", load, |letter, moment| {
        let changes = Changes::none().delete(letter.key(), letter.version);
        tracing::info!(consumer, position, redrive, event = %letter.envelope.id, "a dead letter was moved");
        if redrive { changes.derived(&Letter { attempts: 0, next_at: Some(moment.now), ..letter.value.clone() }) } else { Ok(changes) }
    })
    .await?;
    Ok(())
}

/// Delivers everything after a position to one consumer again. Effects that have happened are not
/// repeated, unless `again` is set: that is for rebuilding what can be rebuilt.
pub async fn replay(desk: &Desk, log: &dyn EventLog, consumer: &str, after: Position, again: bool) -> Result<(), Problem> {
    let through = log.head().await?;
    let key = Replay::key_of(consumer);
    let load = async || desk.table().find::<Replay>(&key).await;
    desk.step("queues", load, |running, moment| match running {
        Some(_) => Err(Problem::new(Code::Conflict, format!("a replay to {consumer} is running already"))),
        None => Changes::create(contracts::Decision::changed(Replay {
            consumer: consumer.into(),
            after,
            through,
            again: again.then(|| format!("again{}", moment.secret(0))),
        })),
    })
    .await?;
    Ok(())
}

/// Remembers a failed delivery: to be tried at `next_at`, or dead. `before` is what was remembered of
/// it until now.
pub(crate) async fn park(desk: &Desk, letter: &Letter, before: Option<&Letter>) -> Result<(), Problem> {
    let load = async || Ok(());
    desk.step("dispatcher", load, |(), _| {
        let changes = Changes::none().derived(letter)?;
        Ok(match before.map(Letter::key).filter(|key| *key != letter.key()) {
            Some(key) => changes.delete_derived(key),
            None => changes,
        })
    })
    .await?;
    Ok(())
}

/// A delivery that had failed has succeeded.
pub(crate) async fn settle(desk: &Desk, letter: &Letter) -> Result<(), Problem> {
    let load = async || Ok(());
    desk.step("dispatcher", load, |(), _| Ok(Changes::none().write(Write::Delete { key: letter.key(), expect: Expect::Anything }))).await?;
    Ok(())
}
