//! One table as a `Store`: reads in place, commits by way of the writer.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Timestamp;
use ports::Store;
use ports::store::units::{IndexPageMeter, index_entry_bytes, page_units, read_units};
use ports::store::{
    Commit, CommitError, Consistency, Item, Key, Metered, PAGE_BYTES_MAX, Query, QueryPage, Start, StoreError, TableSchema, check_keys,
    encode_start,
};
use rusqlite::{Connection, params_from_iter};

use crate::Shared;
use crate::recent::CachedItem;
use crate::row::{is_expired, item};
use crate::task::{Answered, TableCommit, Task};

pub struct SqliteTable {
    shared: Arc<Shared>,
    schema: TableSchema,
    /// Its place among the schemas that the file was opened with.
    place: usize,
    find: String,
}

impl SqliteTable {
    pub fn new(shared: Arc<Shared>, schema: TableSchema, place: usize) -> Self {
        let find = format!("SELECT version, expires_at, size, body FROM \"{}\" WHERE pk = ?1 AND sk = ?2", schema.name);
        Self { shared, schema, place, find }
    }

    /// The item, expired or not.
    fn find(&self, connection: &Connection, key: &Key) -> Result<Option<Item>, rusqlite::Error> {
        let mut statement = connection.prepare_cached(&self.find)?;
        let mut rows = statement.query((&key.pk, &key.sk))?;
        rows.next()?.map(|row| item(row, key.clone(), 0)).transpose()
    }
}

#[async_trait]
impl Store for SqliteTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Item>>, StoreError> {
        let now = self.shared.clock.now();
        if let Some(copy) = self.shared.memory.recent.get(self.place, key) {
            return Ok(fresh(copy.map(|copy| copy.item(key.clone())), consistency, now));
        }
        let epoch = self.shared.memory.recent.epoch();
        let item = self.shared.readers.read(|connection| self.find(connection, key))?;
        self.shared.memory.recent.remember(self.place, key, item.as_ref(), epoch);
        Ok(fresh(item, consistency, now))
    }

    async fn get_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<Vec<Option<Item>>>, StoreError> {
        check_keys(keys)?;
        let now = self.shared.clock.now();
        let recent = &self.shared.memory.recent;
        let epoch = recent.epoch();
        let known: Option<Vec<Option<CachedItem>>> = keys.iter().map(|key| recent.get(self.place, key)).collect();
        let items: Vec<Option<Item>> = match known {
            Some(copies) => copies.into_iter().zip(keys).map(|(copy, key)| copy.map(|copy| copy.item(key.clone()))).collect(),
            None => {
                let items: Vec<Option<Item>> = self.shared.readers.read(|connection| {
                    let transaction = connection.unchecked_transaction()?;
                    let items = keys.iter().map(|key| self.find(connection, key)).collect::<Result<_, _>>()?;
                    transaction.commit()?;
                    Ok(items)
                })?;
                for (key, item) in keys.iter().zip(&items) {
                    recent.remember(self.place, key, item.as_ref(), epoch);
                }
                items
            }
        };
        Ok(items.into_iter().map(|item| fresh(item, consistency, now)).collect())
    }

    async fn query(&self, query: &Query) -> Result<Metered<QueryPage>, StoreError> {
        let start = query.check(self.schema.indexes)?;
        let now = self.shared.clock.now();
        let (sql, parameters) = select(self.schema.name, query, start);
        self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            page(query, statement.query(params_from_iter(parameters))?, now)
        })
    }

    async fn commit(&self, commit: Commit) -> Result<Metered<()>, CommitError> {
        // Everything is serialized and measured here, on one of many threads, not on the one that writes.
        let commit = TableCommit::of(self.place, commit.prepare(&self.schema)?);
        match self.shared.writer.run(Task::Commit(Box::new(commit))).await? {
            Answered::Committed { units } => Ok(Metered::new((), units)),
            Answered::Deleted { .. } => Err(StoreError::Failed("the writer answered another task".into()).into()),
        }
    }
}

/// The item as readers see it: an expired one is read, though not shown.
fn fresh(item: Option<Item>, consistency: Consistency, now: Timestamp) -> Metered<Option<Item>> {
    let units = read_units(item.as_ref().map_or(0, |item| item.size_bytes), consistency);
    Metered::new(item.filter(|item| !is_expired(item.expires_at, now)), units)
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
    let sql = format!("SELECT {sk}, pk, sk, version, expires_at, size, body FROM \"{table}\" WHERE {conditions} ORDER BY {order}");
    (sql, parameters)
}

/// Fills one page. Expired items are passed over, but count as read, for their bytes and for the limit.
fn page(query: &Query, mut rows: rusqlite::Rows<'_>, now: Timestamp) -> Result<Metered<QueryPage>, rusqlite::Error> {
    let (mut items, mut next) = (Vec::with_capacity(query.limit.min(100)), None);
    let (mut read, mut read_bytes, mut index) = (0, 0, IndexPageMeter::default());
    let mut last: Option<Start> = None;
    while let Some(row) = rows.next()? {
        let item = item(row, Key { pk: row.get(1)?, sk: row.get(2)? }, 3)?;
        let is_full = read == query.limit || read_bytes + item.size_bytes > PAGE_BYTES_MAX;
        if let Some(last) = last.as_ref().filter(|_| is_full) {
            next = Some(encode_start(query, last));
            break;
        }
        read += 1;
        read_bytes += item.size_bytes;
        let sk: String = row.get(0)?;
        index.read(index_entry_bytes(&item.key, &query.pk, &sk), item.size_bytes);
        last = Some(Start { sk, key: item.key.clone() });
        if !is_expired(item.expires_at, now) {
            items.push(item);
        }
    }
    let units = if query.index.is_some() { index.units() } else { page_units(read_bytes) };
    Ok(Metered::new(QueryPage { items, next }, units))
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
