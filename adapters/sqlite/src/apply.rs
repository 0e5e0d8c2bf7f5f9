//! What a commit does to the rows. All conditions are checked before anything is written, so a
//! refused commit leaves no trace in the transaction that it shares with others.

use kernel::Timestamp;
use ports::Position;
use ports::store::{
    Body, Cause, CommitError, Expect, FailedWrite, IndexEntry, Item, Key, NewItem, Refusal, StoreError, TableSchema, Write, add_to,
};
use rusqlite::{Connection, Row, Statement};

use crate::table::{is_expired, item};
use crate::writer::{Changes, NewEvent};

/// Why a task was not done.
pub enum Refused {
    /// The others of its transaction go on.
    ByRule(CommitError),
    /// The transaction is lost.
    ByFile(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::ByFile(error)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::ByRule(error.into())
    }
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
    /// What the writes of the commit in hand will do.
    plans: Vec<Plan>,
}

struct TableStatements<'c> {
    indexes: u8,
    /// Version, expiry, and the entries in the indexes.
    look: Statement<'c>,
    /// Version, expiry and body.
    read: Statement<'c>,
    insert: Statement<'c>,
    replace: Statement<'c>,
    rewrite: Statement<'c>,
    delete: Statement<'c>,
    sweep: Statement<'c>,
}

enum Plan {
    Insert {
        version: u64,
    },
    /// There is a row; all of it changes.
    Replace {
        version: u64,
    },
    /// Only version and body change: the indexes are not touched.
    Rewrite {
        version: u64,
    },
    Move {
        version: u64,
        body: Body,
    },
    Delete,
    Nothing,
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
            plans: Vec::new(),
        })
    }

    /// Takes the lock for writing at once, so that what is checked stays so until the end.
    pub fn begin(&mut self) -> Result<(), rusqlite::Error> {
        self.begin.raw_execute().map(|_| ())
    }

    pub fn end(&mut self) -> Result<(), rusqlite::Error> {
        self.end.raw_execute().map(|_| ())
    }

    /// The position of the last event, if there are events.
    pub fn commit(&mut self, changes: &Changes, now: i64) -> Result<Option<Position>, Refused> {
        let table = &mut self.tables[changes.table];
        if let Some(cause) = &changes.cause
            && let Some(found) = table.read(&cause.key, now)?
        {
            let record: Cause = found.body.read()?;
            return Err(Refused::ByRule(CommitError::Repeated(Box::new(record))));
        }
        self.plans.clear();
        let mut failed = Vec::new();
        for (index, write) in changes.writes.iter().enumerate() {
            match table.decide(write, now)? {
                Ok(plan) => self.plans.push(plan),
                Err(refusal) => failed.push(FailedWrite { index, refusal }),
            }
        }
        if !failed.is_empty() {
            return Err(Refused::ByRule(CommitError::Conflict(failed)));
        }
        if let Some(cause) = &changes.cause {
            // An expired record of the same cause may still be there.
            let plan = table.plan_put(cause, Expect::Anything, 1, now)?.unwrap_or(Plan::Nothing);
            table.apply_put(&plan, cause)?;
        }
        for (write, plan) in changes.writes.iter().zip(&self.plans) {
            table.apply(write, plan)?;
        }
        for NewEvent { time, kind, envelope } in &changes.events {
            self.append.execute((time, kind, envelope))?;
        }
        Ok(if changes.events.is_empty() { None } else { Some(self.connection.last_insert_rowid().unsigned_abs()) })
    }

    pub fn sweep(&mut self, limit: usize, now: i64) -> Result<usize, Refused> {
        let mut swept = 0;
        for table in &mut self.tables {
            swept += table.sweep.execute((now, limit as i64))?;
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

impl<'c> TableStatements<'c> {
    fn prepare(connection: &'c Connection, schema: &TableSchema) -> Result<Self, rusqlite::Error> {
        let TableSchema { name, indexes } = schema;
        let columns: String = (1..=*indexes).map(|n| format!(", x{n}p, x{n}s")).collect();
        let values: String = (6..6 + 2 * indexes).map(|n| format!(", ?{n}")).collect();
        let changes: String = (1..=*indexes).map(|n| format!(", x{n}p = ?{}, x{n}s = ?{}", 4 + 2 * n, 5 + 2 * n)).collect();
        Ok(Self {
            indexes: *indexes,
            look: connection.prepare(&format!("SELECT version, expires_at{columns} FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            read: connection.prepare(&format!("SELECT version, expires_at, body FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            insert: connection.prepare(&format!(
                "INSERT INTO \"{name}\" (pk, sk, version, expires_at, body{columns}) VALUES (?1, ?2, ?3, ?4, ?5{values})"
            ))?,
            replace: connection
                .prepare(&format!("UPDATE \"{name}\" SET version = ?3, expires_at = ?4, body = ?5{changes} WHERE pk = ?1 AND sk = ?2"))?,
            rewrite: connection.prepare(&format!("UPDATE \"{name}\" SET version = ?3, body = ?4 WHERE pk = ?1 AND sk = ?2"))?,
            delete: connection.prepare(&format!("DELETE FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            sweep: connection.prepare(&format!(
                "DELETE FROM \"{name}\" WHERE (pk, sk) IN \
                 (SELECT pk, sk FROM \"{name}\" WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)"
            ))?,
        })
    }

    fn decide(&mut self, write: &Write, now: i64) -> Result<Result<Plan, Refusal>, Refused> {
        let plan = match write {
            Write::Put { item, expect } => self.plan_put(item, *expect, expect.version_after(), now)?,
            Write::Delete { key, expect } => self.check(key, *expect, now)?.then_some(Plan::Delete),
            Write::Check { key, expect } => self.check(key, *expect, now)?.then_some(Plan::Nothing),
            Write::Add { key, deltas, bounds } => match self.read(key, now)? {
                None => None,
                Some(found) => match add_to(&found, deltas, bounds)? {
                    Ok(body) => Some(Plan::Move { version: found.version + 1, body }),
                    Err(refusal) => return Ok(Err(refusal)),
                },
            },
        };
        Ok(plan.ok_or(Refusal::Expectation))
    }

    /// How to put the item, if it is as expected.
    fn plan_put(&mut self, new: &NewItem, expect: Expect, version: u64, now: i64) -> Result<Option<Plan>, rusqlite::Error> {
        self.look.raw_bind_parameter(1, &*new.key.pk)?;
        self.look.raw_bind_parameter(2, &*new.key.sk)?;
        let mut rows = self.look.raw_query();
        let Some(row) = rows.next()? else {
            return Ok(expect.holds(None).then_some(Plan::Insert { version }));
        };
        let found = row.get::<_, i64>(0)?.unsigned_abs();
        let expires_at: Option<i64> = row.get(1)?;
        if !expect.holds((!is_expired(expires_at, now)).then_some(found)) {
            return Ok(None);
        }
        let same = expires_at == new.expires_at.map(Timestamp::as_millis) && same_entries(row, self.indexes, &new.indexes)?;
        Ok(Some(if same { Plan::Rewrite { version } } else { Plan::Replace { version } }))
    }

    fn check(&mut self, key: &Key, expect: Expect, now: i64) -> Result<bool, rusqlite::Error> {
        if expect == Expect::Anything {
            return Ok(true);
        }
        let mut rows = self.look.query((&*key.pk, &*key.sk))?;
        let version = match rows.next()? {
            Some(row) if !is_expired(row.get(1)?, now) => Some(row.get::<_, i64>(0)?.unsigned_abs()),
            Some(_) | None => None,
        };
        Ok(expect.holds(version))
    }

    fn read(&mut self, key: &Key, now: i64) -> Result<Option<Item>, rusqlite::Error> {
        let mut rows = self.read.query((&*key.pk, &*key.sk))?;
        match rows.next()? {
            Some(row) if !is_expired(row.get(1)?, now) => item(row, key.clone(), 0).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    fn apply(&mut self, write: &Write, plan: &Plan) -> Result<(), rusqlite::Error> {
        match (write, plan) {
            (Write::Put { item, .. }, plan) => self.apply_put(plan, item),
            (write, Plan::Delete) => {
                let key = write.key();
                self.delete.execute((&*key.pk, &*key.sk)).map(|_| ())
            }
            (write, Plan::Move { version, body }) => self.rewrite(write.key(), *version, body),
            (_, Plan::Nothing | Plan::Insert { .. } | Plan::Replace { .. } | Plan::Rewrite { .. }) => Ok(()),
        }
    }

    fn apply_put(&mut self, plan: &Plan, new: &NewItem) -> Result<(), rusqlite::Error> {
        let (statement, version) = match plan {
            Plan::Insert { version } => (&mut self.insert, version),
            Plan::Replace { version } => (&mut self.replace, version),
            Plan::Rewrite { version } => return self.rewrite(&new.key, *version, &new.body),
            Plan::Move { .. } | Plan::Delete | Plan::Nothing => return Ok(()),
        };
        statement.raw_bind_parameter(1, &*new.key.pk)?;
        statement.raw_bind_parameter(2, &*new.key.sk)?;
        statement.raw_bind_parameter(3, to_sql(*version))?;
        statement.raw_bind_parameter(4, new.expires_at.map(Timestamp::as_millis))?;
        statement.raw_bind_parameter(5, new.body.as_str())?;
        for index in 1..=self.indexes {
            let entry = new.indexes.iter().find(|entry| entry.index == index);
            let column = 4 + 2 * usize::from(index);
            statement.raw_bind_parameter(column, entry.map(|entry| &*entry.pk))?;
            statement.raw_bind_parameter(column + 1, entry.map(|entry| &*entry.sk))?;
        }
        statement.raw_execute().map(|_| ())
    }

    fn rewrite(&mut self, key: &Key, version: u64, body: &Body) -> Result<(), rusqlite::Error> {
        self.rewrite.execute((&*key.pk, &*key.sk, to_sql(version), body.as_str())).map(|_| ())
    }
}

/// Whether the row, as `look` selects it, has just these entries.
fn same_entries(row: &Row<'_>, indexes: u8, entries: &[IndexEntry]) -> Result<bool, rusqlite::Error> {
    for index in 1..=indexes {
        let column = 2 * usize::from(index);
        let entry = entries.iter().find(|entry| entry.index == index);
        let (pk, sk) = (row.get_ref(column)?.as_str_or_null()?, row.get_ref(column + 1)?.as_str_or_null()?);
        if pk != entry.map(|entry| &*entry.pk) || sk != entry.map(|entry| &*entry.sk) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn to_sql(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
