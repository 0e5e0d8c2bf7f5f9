//! The embedded home: all tables and the event log in one SQLite file.
//!
//! One thread writes. It takes every commit that waits, does them in one transaction, and answers
//! when the disk has it. Readers have connections of their own and never wait for the writer.

mod apply;
mod backup;
mod check;
mod errors;
mod file;
mod log;
mod readers;
mod recent;
mod row;
mod sizes;
mod table;
mod tail;
mod task;
mod writer;

use std::path::Path;
use std::sync::Arc;

use ports::store::{StoreError, TableSchema};
use ports::{Clock, EventLog, Store};

pub use errors::{BackupError, CheckError, OpenError};
use readers::Readers;
use recent::Recent;
use tail::Tail;
use task::Task;
use writer::Writer;

/// An open file. Clones are the same.
#[derive(Clone)]
pub struct Sqlite {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    schemas: Vec<TableSchema>,
    readers: Readers,
    memory: Arc<Memory>,
    writer: Writer,
}

/// What the writer keeps of its work for the readers.
struct Memory {
    recent: Recent,
    tail: Tail,
}

impl Memory {
    fn forget(&self) {
        self.recent.forget();
        self.tail.forget();
    }
}

impl Sqlite {
    /// Opens the file, or makes it. Tables and indexes that are new are added.
    pub fn open(path: impl AsRef<Path>, schemas: &[TableSchema], clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let connection = file::open(path, schemas)?;
        let memory = Arc::new(Memory { recent: Recent::new(), tail: Tail::new() });
        let writer = Writer::start(connection, schemas, clock.clone(), memory.clone())?;
        let readers = Readers::new(path);
        Ok(Self { shared: Arc::new(Shared { clock, schemas: schemas.to_vec(), readers, memory, writer }) })
    }

    /// The table of a service.
    ///
    /// # Panics
    /// If the table is not one that the file was opened with: a defect of the wiring.
    #[allow(clippy::expect_used)]
    pub fn table(&self, schema: &TableSchema) -> Arc<dyn Store> {
        let place = self.shared.schemas.iter().position(|known| known == schema).expect("the file is opened with every table's schema");
        Arc::new(table::SqliteTable::new(self.shared.clone(), *schema, place))
    }

    pub fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(log::SqliteLog { shared: self.shared.clone() })
    }

    /// Deletes expired items, at most `limit` (1 to 1000) of each table. Returns how many.
    pub async fn sweep(&self, limit: usize) -> Result<usize, StoreError> {
        if !(1..=1000).contains(&limit) {
            return Err(StoreError::Invalid(format!("a sweep of {limit} items")));
        }
        self.shared.writer.maintain(Task::Sweep { limit }).await
    }

    /// Copies the file as it is at one instant, while it is in use. Refuses a target that exists.
    pub async fn backup(&self, target: impl AsRef<Path>) -> Result<(), BackupError> {
        backup::to(self.shared.readers.path(), target.as_ref()).await
    }

    /// Looks for damage for at most `limit`: a small file is checked as a whole, of a larger one as much as there is time for.
    pub async fn check(&self, limit: std::time::Duration) -> Result<(), CheckError> {
        check::within(self.shared.readers.path(), limit).await
    }

    /// Does the commits that wait, moves everything into the main file and ends the writer.
    /// Afterwards every use is answered with `StoreError::Unavailable`.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.shared.readers.close();
        self.shared.writer.close().await
    }
}
