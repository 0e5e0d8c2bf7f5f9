//! Looks for damage: pages that were overwritten, or lost.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::errors::CheckError;
use crate::file;

/// What is wrong with the structure of the file, if anything is.
pub fn damage(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then_some(verdict))
}

pub async fn within(path: &Path, limit: Duration) -> Result<(), CheckError> {
    let path = path.to_owned();
    let checked = tokio::task::spawn_blocking(move || check(&path, limit)).await;
    checked.unwrap_or_else(|error| Err(CheckError::Failed(error.to_string())))
}

fn check(path: &Path, limit: Duration) -> Result<(), CheckError> {
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            CheckError::Damaged { path: path.to_owned(), damage: error.to_string() }
        }
        _ => CheckError::Failed(error.to_string()),
    };
    let connection = file::open_reader(path).map_err(failed)?;
    let interrupt = connection.get_interrupt_handle();
    let (done, waits) = channel::<()>();
    let clock = std::thread::spawn(move || {
        if waits.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    });
    let found = damage(&connection);
    drop(done);
    clock.join().map_err(|_| CheckError::Failed("its clock broke".into()))?;
    match found {
        Ok(None) => Ok(()),
        Ok(Some(damage)) => Err(CheckError::Damaged { path: path.to_owned(), damage }),
        // No damage was found in the time that there was.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
