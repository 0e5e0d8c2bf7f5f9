//! What can go wrong, and what SQLite's codes mean to a caller.

use std::path::PathBuf;

use ports::store::StoreError;
use rusqlite::ErrorCode;

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0} is not a file of this application")]
    Foreign(PathBuf),
    #[error("{path} has version {found} of the layout, this program knows version {known}: use a newer program")]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("a table cannot be named {0:?} or have {1} indexes")]
    Schema(&'static str, u8),
    #[error("{0} cannot keep a write-ahead log")]
    Journal(PathBuf),
    #[error(transparent)]
    Damaged(#[from] CheckError),
    #[error("{path}: {source}")]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("the writer cannot start: {0}")]
    Writer(String),
}

/// What a look for damage has found.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("{path} is damaged: {damage}")]
    Damaged { path: PathBuf, damage: String },
    #[error("the file cannot be checked: {0}")]
    Failed(String),
}

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    #[error("the copy cannot be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("the copy failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// What may pass is worth another try: a file that is busy, a disk that is full. Anything else is not.
pub fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unavailable(error.to_string()),
        _ if is_of_disk(&error) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

/// The disk is full or does not answer. SQLite tells a disk without room by both codes, depending on the file.
pub fn is_of_disk(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}
