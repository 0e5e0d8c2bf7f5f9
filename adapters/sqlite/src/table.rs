//! One table as a `Store`: reads in place, commits by way of the writer.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Timestamp;
use ports::Store;
use ports::store::{
    Body, Cause, Commit, CommitError, Consistency, Item, Key, PAGE_BYTES_MAX, Query, QueryPage, Start, StoreError, TableSchema, check_keys,
    encode_start,
};
use rusqlite::{Connection, Row, params_from_iter};

use crate::Shared;
use crate::recent::Copy;
use crate::writer::{Changes, NewEvent, Task};

pub struct SqliteTable {
    shared: Arc<Shared>,
    schema: TableSchema,
    /// Its place among the schemas that the file was opened with.
    place: usize,
    find: String,
}

impl SqliteTable {
    pub fn new(shared: Arc<Shared>, schema: TableSchema, place: usize) -> Self {
        let find = format!("SELECT version, expires_at, body FROM \"{}\" WHERE pk = ?1 AND sk = ?2", schema.name);
        Self { shared, schema, place, find }
    }

    fn find(&self, connection: &Connection, key: &Key, now: i64) -> Result<Option<Item>, rusqlite::Error> {
        let mut statement = connection.prepare_cached(&self.find)?;
        let mut rows = statement.query((&key.pk, &key.sk))?;
        match rows.next()? {
            Some(row) if !is_expired(row.get(1)?, now) => Ok(Some(item(row, key.clone(), 0)?)),
            Some(_) | None => Ok(None),
        }
    }
}

#[async_trait]
impl Store for SqliteTable {
    async fn get(&self, key: &Key, _: Consistency) -> Result<Option<Item>, StoreError> {
        let now = self.shared.clock.now().as_millis();
        if let Some(copy) = self.shared.memory.recent.get(self.place, key) {
            return Ok(fresh(copy, key, now));
        }
        let epoch = self.shared.memory.recent.epoch();
        let item = self.shared.readers.read(|connection| self.find(connection, key, now))?;
        if let Some(item) = &item {
            self.shared.memory.recent.remember(self.place, item, epoch);
        }
        Ok(item)
    }

    async fn get_many(&self, keys: &[Key], _: Consistency) -> Result<Vec<Option<Item>>, StoreError> {
        check_keys(keys)?;
        let now = self.shared.clock.now().as_millis();
        let known: Option<Vec<_>> = keys.iter().map(|key| self.shared.memory.recent.get(self.place, key)).collect();
        if let Some(known) = known {
            return Ok(known.into_iter().zip(keys).map(|(copy, key)| fresh(copy, key, now)).collect());
        }
        let epoch = self.shared.memory.recent.epoch();
        let items: Vec<Option<Item>> = self.shared.readers.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let items = keys.iter().map(|key| self.find(connection, key, now)).collect::<Result<_, _>>()?;
            transaction.commit()?;
            Ok(items)
        })?;
        for item in items.iter().flatten() {
            self.shared.memory.recent.remember(self.place, item, epoch);
        }
        Ok(items)
    }

    async fn query(&self, query: &Query) -> Result<QueryPage, StoreError> {
        let start = query.check(self.schema.indexes)?;
        let now = self.shared.clock.now().as_millis();
        let (sql, parameters) = select(self.schema.name, query, start);
        self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            page(query, statement.query(params_from_iter(parameters))?, now)
        })
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check(&self.schema)?;
        // Everything is serialized here, on one of many threads, not on the one that writes.
        let cause = commit.cause.as_ref().map(Cause::to_item).transpose()?;
        let events = commit.events.into_iter().map(NewEvent::of).collect::<Result<_, _>>()?;
        let task = Task::Commit(Changes { table: self.place, cause, writes: commit.writes, events });
        self.shared.writer.run(task).await.map(|_| ())
    }
}

fn fresh(copy: Copy, key: &Key, now: i64) -> Option<Item> {
    (!is_expired(copy.expires_at.map(Timestamp::as_millis), now)).then(|| copy.item(key.clone()))
}

/// The columns are the sort key in the listing, the key, and what `item` reads.
fn select(table: &str, query: &Query, start: Option<Start>) -> (String, Vec<String>) {
    let (pk, sk, place) = match query.index {
        None => ("pk".to_owned(), "sk".to_owned(), "sk".to_owned()),
        Some(n) => (format!("x{n}p"), format!("x{n}s"), format!("(x{n}s, pk, sk)")),
    };
    let (least, most) = query.sk_range();
    let (after, direction) = if query.descending { ("<", " DESC") } else { (">", "") };
    let mut parameters = vec![query.pk.clone()];
    let mut conditions = format!("{pk} = ?1");
    let mut bind = |condition: String, values: Vec<String>| {
        conditions.push_str(" AND ");
        conditions.push_str(&condition);
        parameters.extend(values);
    };
    // A cursor lies inside the range, so it takes the place of one of its ends.
    let (from_cursor, to_cursor) = (start.is_some() && !query.descending, start.is_some() && query.descending);
    if !from_cursor {
        bind(format!("{sk} >= ?"), vec![least.to_owned()]);
    }
    if let Some(most) = most.filter(|_| !to_cursor) {
        bind(format!("{sk} <= ?"), vec![most]);
    }
    match (start, query.index) {
        (None, _) => {}
        (Some(start), None) => bind(format!("{place} {after} ?"), vec![start.sk]),
        (Some(start), Some(_)) => bind(format!("{place} {after} (?, ?, ?)"), vec![start.sk, start.key.pk, start.key.sk]),
    }
    let order = match query.index {
        None => format!("sk{direction}"),
        Some(_) => format!("{sk}{direction}, pk{direction}, sk{direction}"),
    };
    let sql = format!("SELECT {sk}, pk, sk, version, expires_at, body FROM \"{table}\" WHERE {conditions} ORDER BY {order}");
    (sql, parameters)
}

/// Fills one page. Expired items are passed over, but count as read.
fn page(query: &Query, mut rows: rusqlite::Rows<'_>, now: i64) -> Result<QueryPage, rusqlite::Error> {
    let mut items = Vec::with_capacity(query.limit.min(100));
    let mut read_bytes = 0;
    let mut last: Option<Start> = None;
    while let Some(row) = rows.next()? {
        let item = item(row, Key { pk: row.get(1)?, sk: row.get(2)? }, 3)?;
        read_bytes += item.size_bytes();
        if let Some(last) = last.as_ref().filter(|_| items.len() == query.limit || read_bytes > PAGE_BYTES_MAX) {
            return Ok(QueryPage { items, next: Some(encode_start(query, last)) });
        }
        last = Some(Start { sk: row.get(0)?, key: item.key.clone() });
        if !is_expired(item.expires_at.map(Timestamp::as_millis), now) {
            items.push(item);
        }
    }
    Ok(QueryPage { items, next: None })
}

/// Reads version, expiry and body from column `first` on.
pub fn item(row: &Row<'_>, key: Key, first: usize) -> Result<Item, rusqlite::Error> {
    Ok(Item {
        key,
        version: row.get::<_, i64>(first)?.unsigned_abs(),
        expires_at: row.get::<_, Option<i64>>(first + 1)?.map(Timestamp::from_millis),
        body: Body::from_stored(row.get_ref(first + 2)?.as_str()?),
    })
}

pub fn is_expired(expires_at: Option<i64>, now: i64) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::store::Bounds;

    /// A listing walks along an index: it neither sorts nor scans.
    #[test]
    fn every_query_follows_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let schema = TableSchema { name: "orders", indexes: 2 };
        let connection = crate::file::open(&folder.path().join("souk.db"), &[schema]).unwrap();
        let bounds = [
            Bounds::All,
            Bounds::Prefix("a".into()),
            Bounds::Between("a".into(), "b".into()),
            Bounds::AtLeast("a".into()),
            Bounds::AtMost("b".into()),
        ];
        for ask in [Query::table("p"), Query::index(2, "p")] {
            for bounds in &bounds {
                for start in [None, Some(Start { sk: "a".into(), key: Key::new("p", "a") })] {
                    for descending in [false, true] {
                        let query = Query { descending, ..ask.clone().bounds(bounds.clone()) };
                        let (sql, parameters) = select("orders", &query, start.clone());
                        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                        let plan = statement.query_map(params_from_iter(parameters), |row| row.get::<_, String>(3)).unwrap();
                        let plan: Vec<String> = plan.collect::<Result<_, _>>().unwrap();
                        let index = if query.index.is_some() {
                            "USING INDEX orders_x2 (x2p=?"
                        } else {
                            "USING INDEX sqlite_autoindex_orders_1 (pk=?"
                        };
                        assert_eq!(plan.len(), 1, "{sql}: {plan:?}");
                        assert!(plan[0].starts_with("SEARCH") && plan[0].contains(index), "{sql}: {plan:?}");
                        assert!(matches!(bounds, Bounds::All) || plan[0].contains('<') || plan[0].contains('>'), "{sql}: {plan:?}");
                    }
                }
            }
        }
    }
}
