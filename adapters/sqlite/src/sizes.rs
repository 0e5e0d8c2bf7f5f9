//! Files of the first layout: their rows do not know their size yet. It is worked out once.

use kernel::Timestamp;
use ports::store::units::item_bytes;
use ports::store::{Body, IndexEntry, Key};
use rusqlite::{Connection, Row};

const ROWS_AT_ONCE: usize = 1000;

/// Adds the column and fills it, in the transaction that is open.
pub fn add(connection: &Connection, table: &str) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!("ALTER TABLE \"{table}\" ADD COLUMN size INTEGER NOT NULL DEFAULT 0"))?;
    let mut select = connection.prepare(&format!(
        "SELECT rowid, pk, sk, version, expires_at, body, x1p, x1s, x2p, x2s, x3p, x3s, x4p, x4s FROM \"{table}\" \
         WHERE rowid > ?1 ORDER BY rowid LIMIT {ROWS_AT_ONCE}"
    ))?;
    let mut update = connection.prepare(&format!("UPDATE \"{table}\" SET size = ?2 WHERE rowid = ?1"))?;
    let mut last = i64::MIN;
    loop {
        let sizes: Vec<(i64, i64)> = select.query_map([last], sized)?.collect::<Result<_, _>>()?;
        let Some((rowid, _)) = sizes.last() else { return Ok(()) };
        last = *rowid;
        for size in sizes {
            update.execute(size)?;
        }
    }
}

fn sized(row: &Row<'_>) -> Result<(i64, i64), rusqlite::Error> {
    let mut entries = Vec::new();
    for index in 1..=4_u8 {
        let column = 4 + 2 * usize::from(index);
        if let (Some(pk), Some(sk)) = (row.get::<_, Option<String>>(column)?, row.get::<_, Option<String>>(column + 1)?) {
            entries.push(IndexEntry::new(index, pk, sk));
        }
    }
    let key = Key { pk: row.get(1)?, sk: row.get(2)? };
    let version = row.get::<_, i64>(3)?.unsigned_abs();
    let expires_at = row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis);
    let body = Body::from_stored(row.get_ref(5)?.as_str()?);
    let bytes = item_bytes(&key, version, &body, &entries, expires_at);
    Ok((row.get(0)?, i64::try_from(bytes).unwrap_or(i64::MAX)))
}
