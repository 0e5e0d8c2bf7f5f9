//! What a commit does to the rows. All conditions are checked before anything is written, so a
//! refused commit leaves no trace in the transaction that it shares with others.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use std::sync::Arc;

use contracts::Envelope;
use kernel::Timestamp;
use ports::Position;
use ports::store::units::{WriteMeter, body_bytes, entry_bytes, frame_bytes, index_entry_bytes};
use ports::store::{
    Body, Bound, CommitError, Expect, FailedWrite, ITEM_BYTES_MAX, IdempotencyRecord, IndexEntry, Key, NewItem, RECORD_VERSION, Refusal,
    StoreError, TableSchema, Write, add_to,
};
use rusqlite::{Connection, Row, Statement};

use crate::recent::{Change, Copy};
use crate::table::{is_expired, item, size};
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

enum Plan {
    Insert {
        version: u64,
        size_bytes: usize,
    },
    /// There is a row. Only what changes is written: an index that is not named is not touched.
    Update {
        version: u64,
        size_bytes: usize,
        changed: Changed,
    },
    Move(Copy),
    Delete,
    Nothing,
}

/// An item to be put.
struct Put<'a> {
    item: &'a NewItem,
    version: u64,
    size_bytes: usize,
}

/// Why an item is looked at, and who charges for it.
enum Looks<'m> {
    ToCheck(&'m mut WriteMeter),
    ToDelete(&'m mut WriteMeter),
}

/// What an update changes besides version, size and body: bit 0 is the expiry, bit n is index n.
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

    /// The position of the last event, if there are events, and the write units.
    pub fn commit(&mut self, changes: &Changes, now: i64) -> Result<(Option<Position>, f64), Refused> {
        let table = &mut self.tables[changes.table];
        let commit = &changes.commit;
        if let Some(cause) = commit.idempotency()
            && let Some(body) = table.read_body(&cause.key, now)?
        {
            let record: IdempotencyRecord = body.read()?;
            return Err(Refused::ByRule(CommitError::Repeated(Box::new(record))));
        }
        self.plans.clear();
        let mut meter = commit.meter();
        let mut failed = Vec::new();
        for (index, (write, bytes)) in commit.writes.iter().zip(&commit.put_bytes).enumerate() {
            match table.decide(write, *bytes, now, &mut meter)? {
                Ok(plan) => self.plans.push(plan),
                Err(refusal) => failed.push(FailedWrite { index, refusal }),
            }
        }
        if !failed.is_empty() {
            return Err(Refused::ByRule(CommitError::Conflict(failed)));
        }
        if let Some(cause) = commit.idempotency() {
            // An expired record of the same cause may still be there.
            let put = Put { item: cause, version: RECORD_VERSION, size_bytes: commit.record_bytes };
            let plan = table.plan_put(&put, Expect::Anything, now, &mut meter)?.unwrap_or(Plan::Nothing);
            table.apply_put(cause, &plan)?;
            if !matches!(plan, Plan::Nothing) {
                self.done.changes.push(Change { table: changes.table, key: cause.key.clone(), copy: None });
            }
        }
        for (write, plan) in commit.writes.iter().zip(self.plans.drain(..)) {
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
        Ok((last, meter.units()))
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

    /// `put_bytes`: the size of what is put.
    fn decide(&mut self, write: &Write, put_bytes: usize, now: i64, meter: &mut WriteMeter) -> Result<Result<Plan, Refusal>, Refused> {
        let plan = match write {
            Write::Put { item, expect } => {
                let put = Put { item, version: expect.version_after(), size_bytes: put_bytes };
                self.plan_put(&put, *expect, now, meter)?
            }
            Write::Delete { key, expect } => self.look_at(key, *expect, now, Looks::ToDelete(meter))?.then_some(Plan::Delete),
            Write::Check { key, expect } => self.look_at(key, *expect, now, Looks::ToCheck(meter))?.then_some(Plan::Nothing),
            Write::Add { key, deltas, bounds } => return self.plan_add(key, deltas, bounds, now, meter),
        };
        Ok(plan.ok_or(Refusal::Expectation))
    }

    /// How to put the item, if it is as expected.
    fn plan_put(&mut self, put: &Put<'_>, expect: Expect, now: i64, meter: &mut WriteMeter) -> Result<Option<Plan>, rusqlite::Error> {
        let Put { item: new, version, size_bytes } = *put;
        self.look.raw_bind_parameter(1, &*new.key.pk)?;
        self.look.raw_bind_parameter(2, &*new.key.sk)?;
        let mut rows = self.look.raw_query();
        let Some(row) = rows.next()? else {
            meter.write(None, Some(size_bytes));
            new.indexes.iter().for_each(|entry| meter.entry(index_entry_bytes(&new.key, &entry.pk, &entry.sk)));
            return Ok(expect.holds(None).then_some(Plan::Insert { version, size_bytes }));
        };
        let found = row.get::<_, i64>(0)?.unsigned_abs();
        let expires_at: Option<i64> = row.get(1)?;
        if !expect.holds((!is_expired(expires_at, now)).then_some(found)) {
            return Ok(None);
        }
        let expiry = if expires_at == new.expires_at.map(Timestamp::as_millis) { 0 } else { EXPIRY };
        let changed = expiry | changed_entries(row, self.indexes, &new.indexes)?;
        meter.write(Some(size(row, 2)?), Some(size_bytes));
        for index in (1..=self.indexes).filter(|index| changed & (1 << index) != 0) {
            let old = entry(row, index, 3)?;
            let new = new.indexes.iter().find(|entry| entry.index == index).map(|entry| (&*entry.pk, &*entry.sk));
            old.into_iter().chain(new).for_each(|(pk, sk)| meter.entry(index_entry_bytes(&put.item.key, pk, sk)));
        }
        Ok(Some(Plan::Update { version, size_bytes, changed }))
    }

    /// Whether the item is as expected.
    fn look_at(&mut self, key: &Key, expect: Expect, now: i64, looks: Looks<'_>) -> Result<bool, rusqlite::Error> {
        let mut rows = self.look.query((&*key.pk, &*key.sk))?;
        let row = rows.next()?;
        let bytes = row.map(|row| size(row, 2)).transpose()?;
        match (looks, row) {
            (Looks::ToCheck(meter), _) => meter.check(bytes),
            (Looks::ToDelete(meter), Some(row)) => {
                meter.write(bytes, None);
                for index in 1..=self.indexes {
                    entry(row, index, 3)?.into_iter().for_each(|(pk, sk)| meter.entry(index_entry_bytes(key, pk, sk)));
                }
            }
            (Looks::ToDelete(meter), None) => meter.write(None, None),
        }
        let Some(row) = row else { return Ok(expect.holds(None)) };
        let version = row.get::<_, i64>(0)?.unsigned_abs();
        Ok(expect.holds((!is_expired(row.get(1)?, now)).then_some(version)))
    }

    /// How to move the counters. Their item stays at its places in the indexes.
    fn plan_add(
        &mut self,
        key: &Key,
        deltas: &[(&'static str, i64)],
        bounds: &[Bound],
        now: i64,
        meter: &mut WriteMeter,
    ) -> Result<Result<Plan, Refusal>, Refused> {
        let mut rows = self.read.query((&*key.pk, &*key.sk))?;
        let Some(row) = rows.next()?.filter(|row| !row.get(1).is_ok_and(|at| is_expired(at, now))) else {
            return Ok(Err(Refusal::Expectation));
        };
        let found = item(row, key.clone(), 0)?;
        let body = match add_to(&found, deltas, bounds)? {
            Ok(body) => body,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let version = found.version + 1;
        let mut size_bytes = frame_bytes(key, version, found.expires_at) + body_bytes(body.as_str());
        for index in 1..=self.indexes {
            size_bytes += entry(row, index, 4)?.map_or(0, |(pk, sk)| entry_bytes(pk, sk));
        }
        if size_bytes > ITEM_BYTES_MAX {
            return Err(StoreError::Invalid(format!("an item that grows to {size_bytes} bytes")).into());
        }
        meter.write(Some(found.size_bytes), Some(size_bytes));
        Ok(Ok(Plan::Move(Copy { version, expires_at: found.expires_at, size_bytes, body })))
    }

    /// The body of an item that has not expired.
    fn read_body(&mut self, key: &Key, now: i64) -> Result<Option<Body>, rusqlite::Error> {
        let mut rows = self.read.query((&*key.pk, &*key.sk))?;
        match rows.next()? {
            Some(row) if !is_expired(row.get(1)?, now) => item(row, key.clone(), 0).map(|item| Some(item.body)),
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
            Plan::Move(Copy { version, size_bytes, body, .. }) => {
                let statement = self.update(0)?;
                statement.execute((&*key.pk, &*key.sk, to_sql(*version), size_to_sql(*size_bytes), body.as_str())).map(|_| ())
            }
            Plan::Delete => self.delete.execute((&*key.pk, &*key.sk)).map(|_| ()),
            Plan::Nothing => Ok(()),
        }
    }

    fn apply_put(&mut self, new: &NewItem, plan: &Plan) -> Result<(), rusqlite::Error> {
        let indexes = self.indexes;
        let (statement, version, size_bytes, changed) = match plan {
            Plan::Insert { version, size_bytes } => (&mut self.insert, version, size_bytes, Changed::MAX),
            Plan::Update { version, size_bytes, changed } => (self.update(*changed)?, version, size_bytes, *changed),
            Plan::Move(_) | Plan::Delete | Plan::Nothing => return Ok(()),
        };
        statement.raw_bind_parameter(1, &*new.key.pk)?;
        statement.raw_bind_parameter(2, &*new.key.sk)?;
        statement.raw_bind_parameter(3, to_sql(*version))?;
        statement.raw_bind_parameter(4, size_to_sql(*size_bytes))?;
        statement.raw_bind_parameter(5, new.body.as_str())?;
        let mut place = 6;
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

    /// The statement that changes version, size, body, and what is named.
    fn update(&mut self, changed: Changed) -> Result<&mut Statement<'c>, rusqlite::Error> {
        match self.updates.entry(changed) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(vacant) => {
                let expiry = if changed & EXPIRY == 0 { "" } else { ", expires_at = ?" };
                let named = (1..=self.indexes).filter(|index| changed & (1 << index) != 0);
                let entries: String = named.map(|n| format!(", x{n}p = ?, x{n}s = ?")).collect();
                let sql =
                    format!("UPDATE \"{}\" SET version = ?3, size = ?4, body = ?5{expiry}{entries} WHERE pk = ?1 AND sk = ?2", self.name);
                Ok(vacant.insert(self.connection.prepare(&sql)?))
            }
        }
    }
}

/// What readers shall see instead of what they may remember.
fn change(table: usize, write: &Write, plan: Plan) -> Option<Change> {
    let copy = match (plan, write) {
        (Plan::Insert { version, size_bytes } | Plan::Update { version, size_bytes, .. }, Write::Put { item, .. }) => {
            Some(Copy { version, expires_at: item.expires_at, size_bytes, body: item.body.clone() })
        }
        (Plan::Move(copy), _) => Some(copy),
        (Plan::Delete, _) => None,
        (Plan::Insert { .. } | Plan::Update { .. } | Plan::Nothing, _) => return None,
    };
    Some(Change { table, key: write.key().clone(), copy })
}

/// The indexes in which the row, as `look` selects it, has another entry than these.
fn changed_entries(row: &Row<'_>, indexes: u8, entries: &[IndexEntry]) -> Result<Changed, rusqlite::Error> {
    let mut changed = 0;
    for index in 1..=indexes {
        let new = entries.iter().find(|entry| entry.index == index).map(|entry| (&*entry.pk, &*entry.sk));
        if entry(row, index, 3)? != new {
            changed |= 1 << index;
        }
    }
    Ok(changed)
}

/// Where the entry in an index stands in a row whose entries begin at column `first`.
fn entry_column(index: u8, first: usize) -> usize {
    first + 2 * (usize::from(index) - 1)
}

/// The row's place in an index, if it is in it.
fn entry<'r>(row: &'r Row<'_>, index: u8, first: usize) -> Result<Option<(&'r str, &'r str)>, rusqlite::Error> {
    let column = entry_column(index, first);
    let (pk, sk) = (row.get_ref(column)?.as_str_or_null()?, row.get_ref(column + 1)?.as_str_or_null()?);
    Ok(pk.zip(sk))
}

fn size_to_sql(size_bytes: usize) -> i64 {
    i64::try_from(size_bytes).unwrap_or(i64::MAX)
}

fn to_sql(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
