//! The one thread that owns the book's connection. It carries out what is waiting as one
//! transaction, so that many operations share one fsync, and answers after it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ports::GatewayError;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// Operations that may wait; more are told that the gateway is busy.
const QUEUE_MAX: usize = 8192;
/// Operations in one transaction.
const GROUP_MAX: usize = 512;

/// Called once the transaction is durable; dropped if it failed.
type Answer = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&Connection) -> rusqlite::Result<Answer> + Send>;

pub(crate) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// `gather` is how long the thread waits for company once operations come several at a time.
    pub(crate) fn start(connection: Connection, gather: Duration) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("test-gateway".into()).spawn(move || run(&connection, &queue, gather))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Carries out `operation` in the next group. If the group fails, the outcome counts as unknown:
    /// a failing fsync does not say what reached the disk.
    pub(crate) async fn call<T, F>(&self, operation: F) -> Result<T, GatewayError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = operation(connection)?;
            // A caller that went away does not want the answer.
            Ok(Box::new(move || drop(sender.send(result))))
        });
        let jobs = self.jobs.as_ref().ok_or_else(|| GatewayError::Unavailable("the test gateway is closing".into()))?;
        jobs.try_send(job).map_err(|_| GatewayError::Unavailable("the test gateway is busy".into()))?;
        receiver.await.map_err(|_| GatewayError::Unknown("the test gateway could not keep its book".into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the test gateway's thread panicked");
        }
    }
}

fn run(connection: &Connection, queue: &Receiver<Job>, gather: Duration) {
    let mut company = false;
    while let Ok(first) = queue.recv() {
        if company {
            std::thread::sleep(gather);
        }
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP_MAX - 1));
        company = group.len() > 1;
        match carry_out(connection, group) {
            Ok(answers) => answers.into_iter().for_each(|answer| answer()),
            Err(error) => tracing::error!(%error, "the test gateway could not keep its book"),
        }
    }
}

/// A group that only reads costs no fsync: the transaction is deferred.
fn carry_out(connection: &Connection, group: Vec<Job>) -> rusqlite::Result<Vec<Answer>> {
    let transaction = connection.unchecked_transaction()?;
    let answers = group.into_iter().map(|job| job(&transaction)).collect::<rusqlite::Result<Vec<_>>>()?;
    transaction.commit()?;
    Ok(answers)
}
