//! A copy of the file while it is in use.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::errors::BackupError;
use crate::{check, file};

pub async fn to(source: &Path, target: &Path) -> Result<(), BackupError> {
    let (source, target) = (source.to_owned(), target.to_owned());
    match tokio::task::spawn_blocking(move || copy(&source, &target)).await {
        Ok(result) => result,
        Err(error) => Err(BackupError::Io(std::io::Error::other(error))),
    }
}

/// The target appears under its name only when it is whole, checked and on the disk.
fn copy(source: &Path, target: &Path) -> Result<(), BackupError> {
    if target.try_exists()? {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = target.with_file_name(name);
    remove(&partial)?;
    let finished = fill(source, &partial).and_then(|()| {
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, target)?;
        Ok(File::open(folder(target))?.sync_all()?)
    });
    if finished.is_err() {
        remove(&partial)?;
    }
    finished
}

fn fill(source: &Path, partial: &Path) -> Result<(), BackupError> {
    let from = file::open_reader(source)?;
    // Password hashes and addresses are in it.
    File::options().write(true).create_new(true).mode(0o600).open(partial)?;
    let mut into = Connection::open(partial)?;
    // All pages in one step are one read transaction: commits go on, and the copy does not see them.
    let step = Backup::new(&from, &mut into)?.step(-1)?;
    if step != StepResult::Done {
        return Err(BackupError::Damaged(format!("it ended as {step:?}")));
    }
    if let Some(damage) = check::damage(&into)? {
        return Err(BackupError::Damaged(damage));
    }
    // One file without a log beside it: what was copied is moved or opened as it is.
    into.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    into.close().map_err(|(_, error)| BackupError::Sqlite(error))
}

fn remove(partial: &Path) -> Result<(), BackupError> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn folder(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}
