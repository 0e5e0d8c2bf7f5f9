//! The thread that writes. What waits is done together: one transaction and one flush of the disk
//! for up to `GROUP_MAX` commits, however they were refused or granted one by one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ports::store::{CommitError, StoreError, TableSchema};
use ports::{Clock, Position};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::Memory;
use crate::apply::{Done, Refused, Statements};
use crate::errors::{OpenError, is_of_disk, store_error};
use crate::log;
use crate::recent::NOTICE_EVERY;
use crate::task::{Answer, Answered, Task};

/// Commits that may wait. More than the writer does in a tenth of a second would only wait longer.
const QUEUE_MAX: usize = 1024;
const GROUP_MAX: usize = 256;

// Nearly every message is a task; a box for each would cost more than the space.
#[allow(clippy::large_enum_variant)]
enum Message {
    Do(Task, oneshot::Sender<Answer>),
    Stop,
}

/// The handle to the thread. When the last one is dropped, the thread does what waits and ends.
pub struct Writer {
    queue: SyncSender<Message>,
    appended: watch::Receiver<Position>,
    /// Whether the disk refused the last write. Leases are written every few seconds, so this does not last.
    refused: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub fn start(connection: Connection, schemas: &[TableSchema], clock: Arc<dyn Clock>, memory: Arc<Memory>) -> Result<Self, OpenError> {
        let failed = |error: &dyn std::fmt::Display| OpenError::Writer(error.to_string());
        let head = log::head(&connection).map_err(|error| failed(&error))?;
        let (queue, messages) = sync_channel(QUEUE_MAX);
        let (appended_sender, appended) = watch::channel(head);
        let (ready_sender, ready) = sync_channel(1);
        let schemas = schemas.to_vec();
        let refused = Arc::new(AtomicBool::new(false));
        let shared = (clock, memory, refused.clone());
        let work = move || {
            serve(&connection, &schemas, shared, appended_sender, &messages, &ready_sender);
            // What is left in the queue is dropped with it, and so its callers learn that it was not done.
            drop(messages);
            finish(connection);
        };
        let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(work).map_err(|error| failed(&error))?;
        ready.recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        Ok(Self { queue, appended, refused, thread: Mutex::new(Some(thread)) })
    }

    pub async fn run(&self, task: Task) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Message::Do(task, answer)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Unavailable("overloaded".into()),
            TrySendError::Disconnected(_) => closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(closed().into()))
    }

    pub async fn maintain(&self, task: Task) -> Result<usize, StoreError> {
        match self.run(task).await {
            Ok(Answered::Deleted { rows }) => Ok(rows),
            Ok(Answered::Committed { .. }) => Err(StoreError::Failed("the writer answered another task".into())),
            Err(CommitError::Store(error)) => Err(error),
            Err(other) => Err(StoreError::Failed(other.to_string())),
        }
    }

    /// Fails while the disk refuses writes.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("the disk refused the last write".into()));
        }
        Ok(())
    }

    pub fn appended(&self) -> watch::Receiver<Position> {
        self.appended.clone()
    }

    /// Ends the thread after everything that waits. A second call has nothing to do.
    pub async fn close(&self) -> Result<(), StoreError> {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        let queue = self.queue.clone();
        let join = move || {
            // Nobody listens when the thread has ended by itself.
            let _ = queue.send(Message::Stop);
            thread.join()
        };
        match tokio::task::spawn_blocking(join).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(StoreError::Failed("the writer ended in a panic".into())),
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the file is closed".into())
}

/// Leaves one file without a log. If another process reads, it does so when it closes.
fn finish(connection: Connection) {
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = moved.and_then(|()| connection.close().map_err(|(_, error)| error)) {
        tracing::warn!(%error, "the log stays beside the file until it is opened again");
    }
}

/// The life of the thread.
fn serve(
    connection: &Connection,
    schemas: &[TableSchema],
    (clock, memory, refused): (Arc<dyn Clock>, Arc<Memory>, Arc<AtomicBool>),
    appended: watch::Sender<Position>,
    messages: &Receiver<Message>,
    ready: &SyncSender<Result<(), rusqlite::Error>>,
) {
    // `start` waits for what is sent here.
    let (statements, prepared) = match Statements::prepare(connection, schemas) {
        Ok(statements) => (Some(statements), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let heard = ready.send(prepared).is_ok();
    if let Some(statements) = statements.filter(|_| heard) {
        Thread { connection, statements, clock, memory, refused, appended }.serve(messages);
    }
}

struct Thread<'c> {
    connection: &'c Connection,
    statements: Statements<'c>,
    clock: Arc<dyn Clock>,
    memory: Arc<Memory>,
    refused: Arc<AtomicBool>,
    appended: watch::Sender<Position>,
}

impl Thread<'_> {
    fn serve(mut self, messages: &Receiver<Message>) {
        let mut stopping = false;
        while !stopping {
            let first = match messages.recv_timeout(NOTICE_EVERY) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.notice_others();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Do(task, answer) => group.push((task, answer)),
                    Message::Stop => stopping = true,
                }
                next = if stopping || group.len() == GROUP_MAX { None } else { messages.try_recv().ok() };
            }
            self.serve_group(group);
        }
    }

    /// Another process's writes make every copy doubtful.
    fn notice_others(&mut self) {
        match self.statements.others_wrote() {
            Ok(false) => {}
            Ok(true) => self.memory.forget(),
            Err(error) => {
                tracing::error!(%error, "it is not known whether another process has written");
                self.memory.forget();
            }
        }
    }

    fn serve_group(&mut self, group: Vec<(Task, oneshot::Sender<Answer>)>) {
        let (tasks, senders): (Vec<Task>, Vec<_>) = group.into_iter().unzip();
        let answers = match self.transact(&tasks) {
            Ok(answers) => answers,
            // One that cannot be written must not take the others with it.
            Err(_) if tasks.len() > 1 => tasks.iter().map(|task| self.transact_alone(task)).collect(),
            Err(error) => vec![Err(CommitError::Store(store_error(error)))],
        };
        for (sender, answer) in senders.into_iter().zip(answers) {
            // A caller that has gone away learns from the idempotency record what became of its commit.
            let _ = sender.send(answer);
        }
    }

    fn transact_alone(&mut self, task: &Task) -> Answer {
        match self.transact(std::slice::from_ref(task)) {
            Ok(mut answers) => answers.pop().unwrap_or_else(|| Err(StoreError::Failed("a task without an answer".into()).into())),
            Err(error) => Err(CommitError::Store(store_error(error))),
        }
    }

    /// All tasks in one transaction. An error means that none of them was done.
    fn transact(&mut self, tasks: &[Task]) -> Result<Vec<Answer>, rusqlite::Error> {
        let done = self.try_transact(tasks);
        match &done {
            // What is refused by a rule has written nothing.
            Ok(answers) if answers.iter().any(Result::is_ok) => self.refused.store(false, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) if is_of_disk(error) => self.refused.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
        if let Err(error) = &done {
            tracing::error!(%error, tasks = tasks.len(), "a transaction failed");
            self.statements.take_done();
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        done
    }

    fn try_transact(&mut self, tasks: &[Task]) -> Result<Vec<Answer>, rusqlite::Error> {
        self.statements.begin()?;
        self.notice_others();
        let now = self.clock.now();
        let mut head = None;
        let mut answers = Vec::with_capacity(tasks.len());
        for task in tasks {
            let done = match task {
                Task::Commit(commit) => self.statements.commit(commit, now).map(|(position, units)| {
                    head = position.or(head);
                    Answered::Committed { units }
                }),
                Task::Sweep { limit } => self.statements.sweep(*limit, now).map(|rows| Answered::Deleted { rows }),
                Task::Prune { before, keep_after, limit } => {
                    self.statements.prune(*before, *keep_after, *limit).map(|rows| Answered::Deleted { rows })
                }
            };
            answers.push(match done {
                Ok(answered) => Ok(answered),
                Err(Refused::ByRule(refusal)) => Err(refusal),
                Err(Refused::ByFile(error)) => return Err(error),
            });
        }
        let publication = self.memory.recent.publish();
        self.statements.end()?;
        let Done { written, events } = self.statements.take_done();
        for written in written {
            publication.change(written);
        }
        drop(publication);
        self.memory.tail.append(events);
        if tasks.iter().any(|task| matches!(task, Task::Prune { .. })) {
            self.memory.tail.forget();
        }
        if let Some(head) = head {
            self.appended.send_replace(head);
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Duration;
    use ports::ManualClock;
    use ports::store::{Body, Commit, Expect, Key, NewItem, Write};
    use serde_json::json;

    use super::*;
    use crate::readers::Readers;
    use crate::recent::Recent;
    use crate::tail::Tail;
    use crate::{Shared, Sqlite, file};

    const SHELF: TableSchema = TableSchema { name: "shelf", indexes: 0 };

    /// A limit on the pages of the file stands for the disk: SQLite answers the same to both.
    #[tokio::test]
    async fn a_full_disk_is_unavailable_until_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("souk.db");
        let connection = file::open(&path, &[SHELF]).unwrap();
        connection.pragma_update(None, "max_page_count", 40).unwrap();
        let clock = Arc::new(ManualClock::new(kernel::Timestamp::from_millis(1_790_000_000_000)));
        let memory = Arc::new(Memory { recent: Recent::new(), tail: Tail::new() });
        let writer = Writer::start(connection, &[SHELF], clock.clone(), memory.clone()).unwrap();
        let readers = Readers::new(&path);
        let sqlite = Sqlite { shared: Arc::new(Shared { clock: clock.clone(), schemas: vec![SHELF], readers, memory, writer }) };
        let (store, log) = (sqlite.table(&SHELF), sqlite.log());
        let expires_at = Some(clock.now().plus(Duration::from_secs(60)));
        let put = |n: u32| {
            let body = Body::of(&json!({ "text": "x".repeat(20_000) })).unwrap();
            let item = NewItem { key: Key::new("p", n.to_string()), body, indexes: vec![], expires_at };
            store.commit(Commit { writes: vec![Write::Put { item, expect: Expect::Absent }], ..Commit::default() })
        };
        let mut count = 0;
        let refused = loop {
            match put(count).await {
                Ok(_) => count += 1,
                Err(refused) => break refused,
            }
        };
        assert!(count > 1 && matches!(refused, CommitError::Store(StoreError::Unavailable(_))), "{count} {refused:?}");
        assert!(matches!(log.check().await, Err(StoreError::Unavailable(_))));
        assert!(log.head().await.is_ok(), "what is there can be read");
        clock.advance(Duration::from_secs(60));
        sqlite.sweep(100).await.unwrap();
        put(count).await.unwrap();
        log.check().await.unwrap();
    }
}
