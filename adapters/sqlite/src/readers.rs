//! Connections for reading, one for each thread that reads at the same time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ports::store::StoreError;
use rusqlite::Connection;

use crate::errors::store_error;
use crate::file;

/// So many connections are kept for later; a thread that finds none opens one more.
const IDLE_MAX: usize = 32;

pub struct Readers {
    path: PathBuf,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Some(Vec::new())) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads in place, on the thread of the async task: a point read takes a few microseconds, less
    /// than handing it to another thread, and a page is bounded.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let idle =
            self.with_idle(|idle| idle.as_mut().map(Vec::pop)).ok_or_else(|| StoreError::Unavailable("the file is closed".into()))?;
        let connection = match idle {
            Some(connection) => connection,
            None => file::open_reader(&self.path).map_err(store_error)?,
        };
        let result = read(&connection);
        self.with_idle(|idle| match idle {
            Some(idle) if idle.len() < IDLE_MAX => idle.push(connection),
            Some(_) | None => drop(connection),
        });
        result.map_err(store_error)
    }

    pub fn close(&self) {
        self.with_idle(Option::take);
    }

    fn with_idle<T>(&self, use_idle: impl FnOnce(&mut Option<Vec<Connection>>) -> T) -> T {
        use_idle(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
