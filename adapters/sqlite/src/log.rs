//! The event log.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Timestamp;
use ports::store::StoreError;
use ports::{EventLog, LogPage, LoggedEvent, Position, check_log_limit};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use crate::Shared;
use crate::task::Task;

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
        self.shared.readers.read(|connection| scan(connection, after, types, limit))
    }

    async fn at(&self, position: Position) -> Result<Option<LoggedEvent>, StoreError> {
        self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT envelope FROM log WHERE position = ?1")?;
            statement.query_row([to_sql(position)], |row| Ok(logged(position, row.get_ref(0)?))).optional()
        })
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.shared.readers.read(head)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.shared.writer.check()?;
        self.head().await.map(|_| ())
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

/// An event that cannot be read keeps back no other: what is in its columns is up to whoever wrote the file.
fn scan(connection: &Connection, after: Position, types: &[&str], limit: usize) -> Result<LogPage, rusqlite::Error> {
    let mut statement =
        connection.prepare_cached("SELECT position, type, envelope FROM log WHERE position > ?1 ORDER BY position LIMIT ?2")?;
    let mut rows = statement.query((to_sql(after), SCAN_MAX as i64))?;
    let mut page = LogPage { events: Vec::new(), through: after };
    while page.events.len() < limit {
        let Some(row) = rows.next()? else { break };
        page.through = row.get::<_, i64>(0)?.unsigned_abs();
        if row.get_ref(1)?.as_str().is_ok_and(|kind| types.contains(&kind)) {
            page.events.push(logged(page.through, row.get_ref(2)?));
        }
    }
    Ok(page)
}

fn logged(position: Position, envelope: ValueRef<'_>) -> LoggedEvent {
    let text = match envelope {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => "".into(),
    };
    LoggedEvent::parse(position, &text)
}

fn to_sql(position: Position) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
