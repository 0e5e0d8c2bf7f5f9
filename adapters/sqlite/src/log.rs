//! The event log.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Envelope;
use kernel::Timestamp;
use ports::store::StoreError;
use ports::{EventLog, LogPage, LoggedEvent, Position, check_log_limit};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use crate::Shared;
use crate::writer::Task;

/// Events that one call looks at, wanted or not.
const SCAN_MAX: usize = 5000;

pub struct SqliteLog {
    pub shared: Arc<Shared>,
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn read(&self, after: Position, types: &[&str], limit: usize) -> Result<LogPage, StoreError> {
        check_log_limit(limit)?;
        if let Some(page) = self.shared.memory.tail.read(after, types, limit) {
            return Ok(page);
        }
        let (found, through) = self.shared.readers.read(|connection| scan(connection, after, types, limit))?;
        let events = found.into_iter().map(|(position, text)| Ok(LoggedEvent { position, envelope: Arc::new(parse(position, &text)?) }));
        Ok(LogPage { events: events.collect::<Result<_, StoreError>>()?, through })
    }

    async fn at(&self, position: Position) -> Result<Option<Envelope>, StoreError> {
        let found: Option<String> = self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT envelope FROM log WHERE position = ?1")?;
            statement.query_row([to_sql(position)], |row| row.get(0)).optional()
        })?;
        found.map(|text| parse(position, &text)).transpose()
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.shared.readers.read(head)
    }

    async fn prune(&self, before: Timestamp, keep_after: Position, limit: usize) -> Result<usize, StoreError> {
        check_log_limit(limit)?;
        self.shared.writer.maintain(Task::Prune { before: before.as_millis(), keep_after: to_sql(keep_after), limit }).await
    }

    fn appended(&self) -> watch::Receiver<Position> {
        self.shared.writer.appended()
    }
}

/// From the file, not from memory: another process may have appended.
pub fn head(connection: &Connection) -> Result<Position, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM log")?;
    statement.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// The wanted envelopes as text, and the last position that was looked at.
fn scan(
    connection: &Connection,
    after: Position,
    types: &[&str],
    limit: usize,
) -> Result<(Vec<(Position, String)>, Position), rusqlite::Error> {
    let mut statement =
        connection.prepare_cached("SELECT position, type, envelope FROM log WHERE position > ?1 ORDER BY position LIMIT ?2")?;
    let mut rows = statement.query((to_sql(after), SCAN_MAX as i64))?;
    let mut found = Vec::new();
    let mut through = after;
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        through = row.get::<_, i64>(0)?.unsigned_abs();
        if types.contains(&row.get_ref(1)?.as_str()?) {
            found.push((through, row.get(2)?));
        }
    }
    Ok((found, through))
}

fn parse(position: Position, text: &str) -> Result<Envelope, StoreError> {
    Envelope::from_json(text).map_err(|error| StoreError::Failed(format!("event {position} cannot be read: {error}")))
}

fn to_sql(position: Position) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
