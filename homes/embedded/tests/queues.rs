//! The queues of a home with a log, held to the cases that all queues are held to.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use contracts::{Envelope, MailQueued};
use kernel::{Actor, Backoff, Code, Duration, EventId, MailId, Problem};
use memory::MemoryStores;
use ports::store::{Commit, TableSchema};
use ports::{Clock, Entropy as _, Queues, SystemClock, SystemEntropy};
use shell::queues::{self, LogQueues};
use shell::{
    Authenticated, Authenticator, Consumer, Delivery, Host, HostConfig, LimitsConfig, RetryPolicy, Running, Runtime, Service, UnitOfWork,
};
use suite::dead_letters::QueueHome;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

const NAME: &str = "tallies";
const TABLE: TableSchema = TableSchema { name: "tallies", indexes: 0 };
const QUICK: RetryPolicy = RetryPolicy { tries: 2, backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_millis(1) } };
const PATIENCE: Duration = Duration::from_secs(60);

struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(&self, _: &str) -> Result<Authenticated, Problem> {
        Err(Problem::new(Code::InvalidToken, "nobody signs in here"))
    }
}

/// A host whose one consumer hands on what it takes, unless it is broken.
struct Home {
    queues: LogQueues,
    stores: MemoryStores,
    broken: Arc<AtomicBool>,
    taken: Mutex<mpsc::UnboundedReceiver<EventId>>,
    _running: Running,
}

async fn home() -> Home {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = MemoryStores::new(clock.clone());
    let runtime = Runtime::new(clock, Arc::new(SystemEntropy));
    let work = UnitOfWork::new(&runtime, queues::TABLE, stores.table(queues::TABLE));
    let (sender, taken) = mpsc::unbounded_channel();
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = broken.clone();
    let handle = move |delivery: Delivery| {
        let result = if breaks.load(Ordering::SeqCst) { Err(Problem::unavailable("broken on purpose")) } else { Ok(delivery.envelope.id) };
        let sender = sender.clone();
        async move { result.map(|id| sender.send(id).unwrap()) }
    };
    let consumer = Consumer::new(NAME, Arc::new(handle))
        .on::<contracts::MailQueued>(|handle, delivery, _| Box::pin(handle(delivery.clone())))
        .retry(QUICK);
    let service = Service::new(&UnitOfWork::new(&runtime, TABLE, stores.table(TABLE))).consumer(consumer);
    let config = HostConfig {
        work: work.clone(),
        log: stores.log(),
        authenticator: Arc::new(Nobody),
        limits: LimitsConfig::default(),
        holder: "one".into(),
        pages: Router::new(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = Host::new(config, vec![service]).unwrap().start(listener).await.unwrap();
    Home { queues: LogQueues::new(work, stores.log()), stores, broken, taken: Mutex::new(taken), _running: running }
}

impl Home {
    async fn publish(&self) -> EventId {
        let mut chance = [0; 16];
        SystemEntropy.fill(&mut chance);
        let id = EventId(u128::from_le_bytes(chance));
        let envelope = Envelope {
            id,
            time: SystemClock.now(),
            sequence: 100,
            causation_id: "test".into(),
            correlation_id: "test".into(),
            traceparent: None,
            actor: Actor::System,
            event: MailQueued { mail_id: MailId(id.0), attempt: 1 }.into(),
        };
        self.stores.table(TABLE).commit(Commit { events: vec![envelope], ..Commit::default() }).await.unwrap();
        id
    }
}

impl QueueHome for Home {
    fn queues(&self) -> &dyn Queues {
        &self.queues
    }

    fn consumer(&self) -> &str {
        NAME
    }

    async fn give_up(&self, count: usize) -> BTreeSet<EventId> {
        self.broken.store(true, Ordering::SeqCst);
        let mut events = BTreeSet::new();
        for _ in 0..count {
            events.insert(self.publish().await);
        }
        let all_dead = async {
            loop {
                let status = self.queues.status(NAME).await.unwrap();
                if (status.backlog, status.waiting, status.dead) == (0, 0, count as u64) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all_dead).await.unwrap();
        assert_eq!(self.stores.log().head().await.unwrap(), count as u64);
        self.broken.store(false, Ordering::SeqCst);
        events
    }

    async fn come_again(&self, count: usize) -> BTreeSet<EventId> {
        let mut taken = self.taken.lock().await;
        let mut events = BTreeSet::new();
        for _ in 0..count {
            events.insert(tokio::time::timeout(PATIENCE, taken.recv()).await.unwrap().unwrap());
        }
        events
    }
}

suite::dead_letters_tests!(home);
