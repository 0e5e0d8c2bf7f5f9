//! What a commit does to the rows. The plan checks all conditions before anything is written, so a
//! refused commit leaves no trace in the transaction that it shares with others.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use contracts::Envelope;
use kernel::Timestamp;
use ports::Position;
use ports::store::{
    Change, Changed, CommitError, ExistingItem, ExistingItems, IndexEntry, Key, NewItem, Plan, TableSchema, entry_of, plan,
};
use rusqlite::{Connection, Statement};

use crate::recent::{CachedItem, Written};
use crate::row;
use crate::task::{NewEvent, TableCommit};

/// Why a task was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The others of its transaction go on.
    #[error(transparent)]
    ByRule(#[from] CommitError),
    /// The transaction is lost.
    #[error(transparent)]
    ByFile(#[from] rusqlite::Error),
}

/// What the commits of a transaction have done.
#[derive(Default)]
pub struct Done {
    pub written: Vec<Written>,
    pub events: Vec<(Position, Arc<Envelope>)>,
}

/// Prepared once, for as long as the writer lives.
pub struct Statements<'c> {
    begin: Statement<'c>,
    end: Statement<'c>,
    append: Statement<'c>,
    oldest: Statement<'c>,
    prune: Statement<'c>,
    tables: Vec<TableStatements<'c>>,
    connection: &'c Connection,
    /// What the commits of the transaction in hand have done so far.
    done: Done,
    data_version: Statement<'c>,
    seen_data_version: i64,
}

struct TableStatements<'c> {
    connection: &'c Connection,
    name: &'static str,
    indexes: u8,
    /// Version, expiry, size, and the entries in the indexes.
    look: Statement<'c>,
    /// Version, expiry, size, body, and the entries in the indexes.
    read: Statement<'c>,
    insert: Statement<'c>,
    /// By what they change; prepared when first needed.
    updates: BTreeMap<Changed, Statement<'c>>,
    delete: Statement<'c>,
    sweep: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub fn prepare(connection: &'c Connection, schemas: &[TableSchema]) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            end: connection.prepare("COMMIT")?,
            append: connection.prepare("INSERT INTO log (time, type, envelope) VALUES (?1, ?2, ?3)")?,
            oldest: connection
                .prepare("SELECT position, time FROM log WHERE position < (SELECT max(position) FROM log) ORDER BY position LIMIT ?1")?,
            prune: connection.prepare("DELETE FROM log WHERE position <= ?1")?,
            tables: schemas.iter().map(|schema| TableStatements::prepare(connection, schema)).collect::<Result<_, _>>()?,
            connection,
            done: Done::default(),
            data_version: connection.prepare("PRAGMA data_version")?,
            seen_data_version: 0,
        })
    }

    /// Whether another connection has written since the last look.
    pub fn others_wrote(&mut self) -> Result<bool, rusqlite::Error> {
        let version = self.data_version.query_row([], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.seen_data_version, version) != version)
    }

    /// What the transaction has done, to be published when it is durable.
    pub fn take_done(&mut self) -> Done {
        std::mem::take(&mut self.done)
    }

    /// Takes the lock for writing at once, so that what is checked stays so until the end.
    pub fn begin(&mut self) -> Result<(), rusqlite::Error> {
        self.begin.raw_execute().map(|_| ())
    }

    pub fn end(&mut self) -> Result<(), rusqlite::Error> {
        self.end.raw_execute().map(|_| ())
    }

    /// The position of the last event, if there are events, and the write units.
    pub fn commit(&mut self, commit: &TableCommit, now: Timestamp) -> Result<(Option<Position>, f64), Refused> {
        let table = &mut self.tables[commit.table];
        let Plan { changes, units } = plan(&commit.commit, now, table)?;
        for change in changes {
            table.apply(&change)?;
            let (key, item) = cached(change);
            self.done.written.push(Written { table: commit.table, key: key.clone(), item });
        }
        let mut last = None;
        for NewEvent { time, kind, envelope, text } in &commit.events {
            self.append.execute((time, kind, text))?;
            let position = self.connection.last_insert_rowid().unsigned_abs();
            self.done.events.push((position, envelope.clone()));
            last = Some(position);
        }
        Ok((last, units))
    }

    pub fn sweep(&mut self, limit: usize, now: Timestamp) -> Result<usize, Refused> {
        let mut swept = 0;
        for table in &mut self.tables {
            swept += table.sweep.execute((now.as_millis(), limit as i64))?;
        }
        Ok(swept)
    }

    pub fn prune(&mut self, before: i64, keep_after: i64, limit: usize) -> Result<usize, Refused> {
        let mut rows = self.oldest.query([limit as i64])?;
        let mut last = 0;
        while let Some(row) = rows.next()? {
            let (position, time): (i64, i64) = (row.get(0)?, row.get(1)?);
            if position > keep_after || time >= before {
                break;
            }
            last = position;
        }
        drop(rows);
        Ok(self.prune.execute([last])?)
    }
}

impl ExistingItems for TableStatements<'_> {
    type Error = Refused;

    fn inspect<T>(&mut self, key: &Key, with_body: bool, look: impl FnOnce(Option<ExistingItem<'_>>) -> T) -> Result<T, Refused> {
        let statement = if with_body { &mut self.read } else { &mut self.look };
        statement.raw_bind_parameter(1, &*key.pk)?;
        statement.raw_bind_parameter(2, &*key.sk)?;
        let mut rows = statement.raw_query();
        let found = rows.next()?.map(|row| row::existing(row, with_body, self.indexes)).transpose()?;
        Ok(look(found))
    }
}

impl<'c> TableStatements<'c> {
    fn prepare(connection: &'c Connection, schema: &TableSchema) -> Result<Self, rusqlite::Error> {
        let TableSchema { name, indexes } = schema;
        let columns: String = (1..=*indexes).map(|n| format!(", x{n}p, x{n}s")).collect();
        let values: String = (7..7 + 2 * indexes).map(|n| format!(", ?{n}")).collect();
        Ok(Self {
            connection,
            name,
            indexes: *indexes,
            look: connection.prepare(&format!("SELECT version, expires_at, size{columns} FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            read: connection
                .prepare(&format!("SELECT version, expires_at, size, body{columns} FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            insert: connection.prepare(&format!(
                "INSERT INTO \"{name}\" (pk, sk, version, size, body, expires_at{columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6{values})"
            ))?,
            updates: BTreeMap::new(),
            delete: connection.prepare(&format!("DELETE FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            sweep: connection.prepare(&format!(
                "DELETE FROM \"{name}\" WHERE (pk, sk) IN \
                 (SELECT pk, sk FROM \"{name}\" WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)"
            ))?,
        })
    }

    fn apply(&mut self, change: &Change<'_>) -> Result<(), rusqlite::Error> {
        let indexes = self.indexes;
        match change {
            Change::Insert { item, version, size_bytes } => write(&mut self.insert, item, *version, *size_bytes, true, 1..=indexes),
            Change::Replace { item, version, size_bytes, changed } => {
                let moved = (1..=indexes).filter(|index| changed.entry(*index));
                write(self.update(*changed)?, item, *version, *size_bytes, changed.expiry(), moved)
            }
            Change::SetBody { key, version, size_bytes, body, .. } => {
                let statement = self.update(Changed::NOTHING)?;
                statement.execute((&*key.pk, &*key.sk, to_sql(*version), size_to_sql(*size_bytes), body.as_str())).map(|_| ())
            }
            Change::Delete { key } => self.delete.execute((&*key.pk, &*key.sk)).map(|_| ()),
        }
    }

    /// The statement that changes version, size, body, and what is named.
    fn update(&mut self, changed: Changed) -> Result<&mut Statement<'c>, rusqlite::Error> {
        match self.updates.entry(changed) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(vacant) => {
                let expiry = if changed.expiry() { ", expires_at = ?" } else { "" };
                let moved = (1..=self.indexes).filter(|index| changed.entry(*index));
                let entries: String = moved.map(|n| format!(", x{n}p = ?, x{n}s = ?")).collect();
                let sql =
                    format!("UPDATE \"{}\" SET version = ?3, size = ?4, body = ?5{expiry}{entries} WHERE pk = ?1 AND sk = ?2", self.name);
                Ok(vacant.insert(self.connection.prepare(&sql)?))
            }
        }
    }
}

/// Executes a statement that takes an item's key, version, size and body, and then its expiry and its entries in these indexes.
fn write(
    statement: &mut Statement<'_>,
    item: &NewItem,
    version: u64,
    size_bytes: usize,
    with_expiry: bool,
    indexes: impl Iterator<Item = u8>,
) -> Result<(), rusqlite::Error> {
    statement.raw_bind_parameter(1, &*item.key.pk)?;
    statement.raw_bind_parameter(2, &*item.key.sk)?;
    statement.raw_bind_parameter(3, to_sql(version))?;
    statement.raw_bind_parameter(4, size_to_sql(size_bytes))?;
    statement.raw_bind_parameter(5, item.body.as_str())?;
    let mut parameter = 6;
    if with_expiry {
        statement.raw_bind_parameter(parameter, item.expires_at.map(Timestamp::as_millis))?;
        parameter += 1;
    }
    for index in indexes {
        let entry: Option<&IndexEntry> = entry_of(item, index);
        statement.raw_bind_parameter(parameter, entry.map(|entry| &*entry.pk))?;
        statement.raw_bind_parameter(parameter + 1, entry.map(|entry| &*entry.sk))?;
        parameter += 2;
    }
    statement.raw_execute().map(|_| ())
}

/// What readers shall see of the key from now on; none where they must look at the file.
fn cached(change: Change<'_>) -> (&Key, Option<CachedItem>) {
    match change {
        Change::Insert { item, version, size_bytes } | Change::Replace { item, version, size_bytes, .. } => {
            (&item.key, Some(CachedItem { version, expires_at: item.expires_at, size_bytes, body: item.body.clone() }))
        }
        Change::SetBody { key, version, size_bytes, expires_at, body } => (key, Some(CachedItem { version, expires_at, size_bytes, body })),
        Change::Delete { key } => (key, None),
    }
}

fn size_to_sql(size_bytes: usize) -> i64 {
    i64::try_from(size_bytes).unwrap_or(i64::MAX)
}

fn to_sql(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
