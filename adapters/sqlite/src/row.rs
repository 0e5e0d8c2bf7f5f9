//! Rows as items.

use kernel::Timestamp;
use ports::store::{Body, ExistingItem, INDEXES_MAX, Item, Key};
use rusqlite::Row;

/// Reads version, expiry, size and body from column `first` on.
pub fn item(row: &Row<'_>, key: Key, first: usize) -> Result<Item, rusqlite::Error> {
    Ok(Item {
        key,
        version: version(row, first)?,
        expires_at: expires_at(row, first + 1)?,
        size_bytes: size(row, first + 2)?,
        body: Body::from_stored(row.get_ref(first + 3)?.as_str()?),
    })
}

/// Reads version, expiry, size, the body if it was selected, and the entries in the indexes.
pub fn existing<'r>(row: &'r Row<'_>, with_body: bool, indexes: u8) -> Result<ExistingItem<'r>, rusqlite::Error> {
    let body = if with_body { Some(row.get_ref(3)?.as_str()?) } else { None };
    let first = if with_body { 4 } else { 3 };
    let mut entries = [None; INDEXES_MAX as usize];
    for (index, entry) in entries.iter_mut().take(usize::from(indexes)).enumerate() {
        let column = first + 2 * index;
        let (pk, sk) = (row.get_ref(column)?.as_str_or_null()?, row.get_ref(column + 1)?.as_str_or_null()?);
        *entry = pk.zip(sk);
    }
    Ok(ExistingItem { version: version(row, 0)?, expires_at: expires_at(row, 1)?, size_bytes: size(row, 2)?, entries, body })
}

pub fn is_expired(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

fn version(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

fn expires_at(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, rusqlite::Error> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

fn size(row: &Row<'_>, column: usize) -> Result<usize, rusqlite::Error> {
    let size: i64 = row.get(column)?;
    usize::try_from(size).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, size))
}
