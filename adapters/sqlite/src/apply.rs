//! What a commit does to the rows. All conditions are checked before anything is written, so a
//! refused commit leaves no trace in the transaction that it shares with others.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use std::sync::Arc;

use contracts::Envelope;
use kernel::Timestamp;
use ports::Position;
use ports::store::{
    Body, Cause, CommitError, Expect, FailedWrite, IndexEntry, Item, Key, NewItem, Refusal, StoreError, TableSchema, Write, add_to,
};
use rusqlite::{Connection, Row, Statement};

use crate::recent::{Change, Copy};
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

/// What the commits of a transaction have done.
#[derive(Default)]
pub struct Done {
    pub changes: Vec<Change>,
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
    /// What the writes of the commit in hand will do.
    plans: Vec<Plan>,
    /// What the commits of the transaction in hand have done so far.
    done: Done,
    data_version: Statement<'c>,
    seen_data_version: i64,
}

struct TableStatements<'c> {
    connection: &'c Connection,
    name: &'static str,
    indexes: u8,
    /// Version, expiry, and the entries in the indexes.
    look: Statement<'c>,
    /// Version, expiry and body.
    read: Statement<'c>,
    insert: Statement<'c>,
    /// By what they change; prepared when first needed.
    updates: BTreeMap<Changed, Statement<'c>>,
    delete: Statement<'c>,
    sweep: Statement<'c>,
}

enum Plan {
    Insert {
        version: u64,
    },
    /// There is a row. Only what changes is written: an index that is not named is not touched.
    Update {
        version: u64,
        changed: Changed,
    },
    Move {
        version: u64,
        expires_at: Option<Timestamp>,
        body: Body,
    },
    Delete,
    Nothing,
}

/// What an update changes besides version and body: bit 0 is the expiry, bit n is index n.
type Changed = u8;
const EXPIRY: Changed = 1;

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
            table.apply_put(cause, &plan)?;
            if matches!(plan, Plan::Update { .. }) {
                self.done.changes.push(Change { table: changes.table, key: cause.key.clone(), copy: None });
            }
        }
        for (write, plan) in changes.writes.iter().zip(self.plans.drain(..)) {
            table.apply(write, &plan)?;
            self.done.changes.extend(change(changes.table, write, plan));
        }
        let mut last = None;
        for NewEvent { time, kind, envelope, text } in &changes.events {
            self.append.execute((time, kind, text))?;
            let position = self.connection.last_insert_rowid().unsigned_abs();
            self.done.events.push((position, envelope.clone()));
            last = Some(position);
        }
        Ok(last)
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
        Ok(Self {
            connection,
            name,
            indexes: *indexes,
            look: connection.prepare(&format!("SELECT version, expires_at{columns} FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            read: connection.prepare(&format!("SELECT version, expires_at, body FROM \"{name}\" WHERE pk = ?1 AND sk = ?2"))?,
            insert: connection.prepare(&format!(
                "INSERT INTO \"{name}\" (pk, sk, version, body, expires_at{columns}) VALUES (?1, ?2, ?3, ?4, ?5{values})"
            ))?,
            updates: BTreeMap::new(),
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
                    Ok(body) => Some(Plan::Move { version: found.version + 1, expires_at: found.expires_at, body }),
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
        let expiry = if expires_at == new.expires_at.map(Timestamp::as_millis) { 0 } else { EXPIRY };
        Ok(Some(Plan::Update { version, changed: expiry | changed_entries(row, self.indexes, &new.indexes)? }))
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
        let key = write.key();
        match plan {
            Plan::Insert { .. } | Plan::Update { .. } => match write {
                Write::Put { item, .. } => self.apply_put(item, plan),
                Write::Delete { .. } | Write::Check { .. } | Write::Add { .. } => Ok(()),
            },
            Plan::Move { version, body, .. } => {
                let statement = self.update(0)?;
                statement.execute((&*key.pk, &*key.sk, to_sql(*version), body.as_str())).map(|_| ())
            }
            Plan::Delete => self.delete.execute((&*key.pk, &*key.sk)).map(|_| ()),
            Plan::Nothing => Ok(()),
        }
    }

    fn apply_put(&mut self, new: &NewItem, plan: &Plan) -> Result<(), rusqlite::Error> {
        let indexes = self.indexes;
        let (statement, version, changed) = match plan {
            Plan::Insert { version } => (&mut self.insert, version, Changed::MAX),
            Plan::Update { version, changed } => (self.update(*changed)?, version, *changed),
            Plan::Move { .. } | Plan::Delete | Plan::Nothing => return Ok(()),
        };
        statement.raw_bind_parameter(1, &*new.key.pk)?;
        statement.raw_bind_parameter(2, &*new.key.sk)?;
        statement.raw_bind_parameter(3, to_sql(*version))?;
        statement.raw_bind_parameter(4, new.body.as_str())?;
        let mut place = 5;
        if changed & EXPIRY != 0 {
            statement.raw_bind_parameter(place, new.expires_at.map(Timestamp::as_millis))?;
            place += 1;
        }
        for index in (1..=indexes).filter(|index| changed & (1 << index) != 0) {
            let entry = new.indexes.iter().find(|entry| entry.index == index);
            statement.raw_bind_parameter(place, entry.map(|entry| &*entry.pk))?;
            statement.raw_bind_parameter(place + 1, entry.map(|entry| &*entry.sk))?;
            place += 2;
        }
        statement.raw_execute().map(|_| ())
    }

    /// The statement that changes version, body, and what is named.
    fn update(&mut self, changed: Changed) -> Result<&mut Statement<'c>, rusqlite::Error> {
        match self.updates.entry(changed) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(vacant) => {
                let expiry = if changed & EXPIRY == 0 { "" } else { ", expires_at = ?" };
                let named = (1..=self.indexes).filter(|index| changed & (1 << index) != 0);
                let entries: String = named.map(|n| format!(", x{n}p = ?, x{n}s = ?")).collect();
                let sql = format!("UPDATE \"{}\" SET version = ?3, body = ?4{expiry}{entries} WHERE pk = ?1 AND sk = ?2", self.name);
                Ok(vacant.insert(self.connection.prepare(&sql)?))
            }
        }
    }
}

/// What readers shall see instead of what they may remember.
fn change(table: usize, write: &Write, plan: Plan) -> Option<Change> {
    let copy = match (plan, write) {
        (Plan::Insert { version } | Plan::Update { version, .. }, Write::Put { item, .. }) => {
            Some(Copy { version, expires_at: item.expires_at, body: item.body.clone() })
        }
        (Plan::Move { version, expires_at, body }, _) => Some(Copy { version, expires_at, body }),
        (Plan::Delete, _) => None,
        (Plan::Insert { .. } | Plan::Update { .. } | Plan::Nothing, _) => return None,
    };
    Some(Change { table, key: write.key().clone(), copy })
}

/// The indexes in which the row, as `look` selects it, has another entry than these.
fn changed_entries(row: &Row<'_>, indexes: u8, entries: &[IndexEntry]) -> Result<Changed, rusqlite::Error> {
    let mut changed = 0;
    for index in 1..=indexes {
        let column = 2 * usize::from(index);
        let entry = entries.iter().find(|entry| entry.index == index);
        let (pk, sk) = (row.get_ref(column)?.as_str_or_null()?, row.get_ref(column + 1)?.as_str_or_null()?);
        if pk != entry.map(|entry| &*entry.pk) || sk != entry.map(|entry| &*entry.sk) {
            changed |= 1 << index;
        }
    }
    Ok(changed)
}

fn to_sql(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
