//! The layout of the file.
//!
//! Every table has the columns of all five indexes, so that a service can begin to use one more
//! without a change of its rows; only declared indexes are built. An index holds the rows that have
//! an entry, and ends with the key of the item, which makes places unique and cursors exact.

use std::path::Path;
use std::time::Duration;

use ports::store::{INDEXES_MAX, TableSchema};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::errors::{CheckError, OpenError};
use crate::sizes;

/// "Souk" in ASCII: tells our files from others'.
const APPLICATION_ID: i64 = 0x536F_756B;
/// 2: rows know their size.
const LAYOUT_VERSION: i64 = 2;
/// Rows of one or two kilobytes fit without overflow pages.
const PAGE_BYTES: i64 = 8192;
/// How long to wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection of the writer. Makes or completes the layout.
pub fn open(path: &Path, schemas: &[TableSchema]) -> Result<Connection, OpenError> {
    for schema in schemas {
        check_schema(schema)?;
    }
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => CheckError::Damaged { path: path.to_owned(), damage: source.to_string() }.into(),
        _ => OpenError::Sqlite { path: path.to_owned(), source },
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    check_owner(&connection, path, failed)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(failed)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(OpenError::Journal(path.to_owned()));
    }
    // A commit is answered when it would survive a loss of power.
    connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
    connection.pragma_update(None, "cache_size", -32_768).map_err(failed)?;
    connection.pragma_update(None, "temp_store", "memory").map_err(failed)?;
    // The log is moved into the file by a commit that finds it this long: rarely, and in one go.
    connection.pragma_update(None, "wal_autocheckpoint", 16_000).map_err(failed)?;
    connection.pragma_update(None, "journal_size_limit", 256 * 1024 * 1024).map_err(failed)?;
    lay_out(&mut connection, schemas).map_err(failed)?;
    Ok(connection)
}

/// A connection that reads. The file and its log exist already.
pub fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

fn check_schema(schema: &TableSchema) -> Result<(), OpenError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-';
    let name_ok = (1..=60).contains(&schema.name.len()) && schema.name.bytes().all(plain) && schema.name != "log";
    let reserved = schema.name.starts_with("sqlite_");
    if name_ok && !reserved && schema.indexes <= INDEXES_MAX { Ok(()) } else { Err(OpenError::Schema(schema.name, schema.indexes)) }
}

/// Nothing is written to a file that is not ours or that a newer program has laid out.
fn check_owner(connection: &Connection, path: &Path, failed: impl Fn(rusqlite::Error) -> OpenError) -> Result<(), OpenError> {
    let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, found) = (read("application_id").map_err(&failed)?, read("user_version").map_err(&failed)?);
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&failed)?;
    let untouched = application == 0 && found == 0 && objects == 0;
    if application != APPLICATION_ID && !untouched {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if found > LAYOUT_VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: LAYOUT_VERSION });
    }
    Ok(())
}

fn lay_out(connection: &mut Connection, schemas: &[TableSchema]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS log (position INTEGER PRIMARY KEY, time INTEGER NOT NULL, type TEXT NOT NULL, envelope TEXT NOT NULL)",
    )?;
    for TableSchema { name, indexes } in schemas {
        let columns: String = (1..=INDEXES_MAX).map(|n| format!("x{n}p TEXT, x{n}s TEXT, ")).collect();
        transaction.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS \"{name}\" (pk TEXT NOT NULL, sk TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER, \
             size INTEGER NOT NULL, body TEXT NOT NULL, {columns}PRIMARY KEY (pk, sk));
             CREATE INDEX IF NOT EXISTS \"{name}_expiry\" ON \"{name}\" (expires_at) WHERE expires_at IS NOT NULL;"
        ))?;
        if !has_column(&transaction, name, "size")? {
            sizes::add(&transaction, name)?;
        }
        for n in 1..=INDEXES_MAX {
            if !has_column(&transaction, name, &format!("x{n}p"))? {
                transaction.execute_batch(&format!(
                    "ALTER TABLE \"{name}\" ADD COLUMN x{n}p TEXT; ALTER TABLE \"{name}\" ADD COLUMN x{n}s TEXT;"
                ))?;
            }
        }
        for n in 1..=*indexes {
            transaction.execute_batch(&format!(
                "CREATE INDEX IF NOT EXISTS \"{name}_x{n}\" ON \"{name}\" (x{n}p, x{n}s, pk, sk) WHERE x{n}p IS NOT NULL"
            ))?;
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LAYOUT_VERSION)?;
    transaction.commit()
}

fn has_column(connection: &Connection, table: &str, column: &str) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2", [table, column], |row| row.get(0))
}
