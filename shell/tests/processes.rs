//! Several processes on one store: one of them delivers, and another takes over when it ends, however it ends.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use common::{TABLE, count, load, mail, subscribed, tally_delivery, until};
use contracts::Envelope;
use kernel::{Actor, Backoff, Code, Duration, EventId, MailId, Problem, Timestamp};
use memory::MemoryStores;
use ports::store::{Body, Commit, Expect, Key, NewItem, TableSchema, Write};
use ports::{Clock as _, Entropy, FixedEntropy, ManualClock, SystemEntropy};
use serde_json::json;
use shell::queues::{self, LEASE_FOR};
use shell::{
    Authenticated, Authenticator, Consumer, Delivery, Host, HostConfig, LimitsConfig, RetryPolicy, Running, Runtime, Service, UnitOfWork,
};
use tokio::net::TcpListener;
use tokio::sync::Notify;

const NAME: &str = "tallies";
const FOREIGN: TableSchema = TableSchema { name: "foreign", indexes: 0 };
const QUICK: RetryPolicy = RetryPolicy { tries: 5, backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_millis(4) } };

struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(&self, _: &str) -> Result<Authenticated, Problem> {
        Err(Problem::new(Code::InvalidToken, "nobody signs in here"))
    }
}

/// One store, and a clock that only the test moves.
struct Store {
    clock: Arc<ManualClock>,
    stores: MemoryStores,
    work: UnitOfWork,
    queues: UnitOfWork,
}

impl Store {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_790_000_000_000)));
        let stores = MemoryStores::new(clock.clone());
        let runtime = Runtime::new(clock.clone(), Arc::new(SystemEntropy));
        let work = UnitOfWork::new(&runtime, TABLE, stores.table(TABLE));
        let queues = UnitOfWork::new(&runtime, queues::TABLE, stores.table(queues::TABLE));
        Self { clock, stores, work, queues }
    }

    async fn start(&self, holder: &str, consumer: Consumer<impl Clone + Send + Sync + 'static>) -> Running {
        let config = HostConfig {
            work: self.queues.clone(),
            log: self.stores.log(),
            authenticator: Arc::new(Nobody),
            limits: LimitsConfig::default(),
            holder: holder.into(),
            pages: axum::Router::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Host::new(config, vec![Service::new(&self.work).consumer(consumer)]).unwrap().start(listener).await.unwrap()
    }

    async fn publish(&self, n: u128) {
        let envelope = Envelope {
            id: EventId(n),
            time: self.clock.now(),
            sequence: 100,
            correlation_id: "test".into(),
            causation_id: "test".into(),
            traceparent: None,
            actor: Actor::System,
            event: mail(n).into(),
        };
        self.stores.table(FOREIGN).commit(Commit { events: vec![envelope], ..Commit::default() }).await.unwrap();
    }

    async fn count(&self, n: u128) -> u32 {
        count(&self.work, &MailId(n).to_string()).await
    }
}

/// The outside, which keeps no inbox: it counts what it is sent.
#[derive(Default)]
struct Outside {
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    times: HashMap<String, u32>,
    /// Sends whose process ended before their commit: only these may come again.
    cut_off: HashMap<String, u32>,
    total: u128,
    last_sender: String,
    /// What a process holds as long as something of it runs.
    alive: HashMap<String, Weak<()>>,
}

struct Sending {
    outside: Arc<Outside>,
    name: String,
    is_committed: bool,
}

impl Outside {
    fn send(self: &Arc<Self>, name: &str, sender: &str) -> Sending {
        let mut sent = self.sent.lock().unwrap();
        *sent.times.entry(name.into()).or_default() += 1;
        sent.total += 1;
        sent.last_sender = sender.into();
        Sending { outside: self.clone(), name: name.into(), is_committed: false }
    }

    fn total(&self) -> u128 {
        self.sent.lock().unwrap().total
    }

    fn is_gone(&self, process: &str) -> bool {
        self.sent.lock().unwrap().alive.get(process).unwrap().strong_count() == 0
    }

    fn last_sender(&self) -> String {
        self.sent.lock().unwrap().last_sender.clone()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_committed {
            *self.outside.sent.lock().unwrap().cut_off.entry(self.name.clone()).or_default() += 1;
        }
    }
}

/// As mails are sent: what is known to be sent is not sent again; the rest is sent, and then that is committed.
async fn send_once(work: &UnitOfWork, outside: &Arc<Outside>, process: &str, delivery: &Delivery) -> Result<(), Problem> {
    let name = delivery.envelope.event.subject();
    if load(work, &name).await?.is_some() {
        return Ok(());
    }
    if delivery.attempt == 1 && name.as_bytes().last().is_some_and(|last| last % 5 == 0) {
        return Err(Problem::unavailable("some fail at first"));
    }
    let mut sending = outside.send(&name, process);
    tokio::time::sleep(Duration::from_millis(1)).await;
    tally_delivery(work, delivery).await?;
    sending.is_committed = true;
    Ok(())
}

fn sender(store: &Store, outside: &Arc<Outside>, process: &str) -> Consumer<impl Clone + Send + Sync + use<>> {
    let (work, outside, process, alive) = (store.work.clone(), outside.clone(), process.to_owned(), Arc::new(()));
    outside.sent.lock().unwrap().alive.insert(process.clone(), Arc::downgrade(&alive));
    let handle = move |delivery| {
        let (work, outside, process, alive) = (work.clone(), outside.clone(), process.clone(), alive.clone());
        async move {
            let _alive = alive;
            send_once(&work, &outside, &process, &delivery).await
        }
    };
    subscribed(NAME, handle).retry(QUICK)
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    let seed = std::env::var("SEED").map_or(u64::from_le_bytes(bytes), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    seed
}

/// Every event has its effect once, whenever the process that delivers is killed. It is sent to the outside once, too, unless
/// a kill fell between a send and its commit: then once more for each such kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_loses_nothing_and_doubles_nothing() {
    let chance = FixedEntropy::new(seed());
    let below = |most: u128| {
        let mut bytes = [0; 8];
        chance.fill(&mut bytes);
        u128::from(u64::from_le_bytes(bytes)) % most
    };
    let (store, outside) = (Store::new(), Arc::new(Outside::default()));
    let mut processes: HashMap<String, Running> = HashMap::new();
    for name in ["process 0", "process 1"] {
        processes.insert(name.into(), store.start(name, sender(&store, &outside, name)).await);
    }
    let mut published = 0;
    for kill in 0..8 {
        for _ in 0..=below(60) {
            published += 1;
            store.publish(published).await;
        }
        let goal = (outside.total() + 1 + below(30)).min(published);
        until("the leader is at work", async || {
            store.clock.advance(Duration::from_millis(1));
            outside.total() >= goal || store.count(published).await == 1
        })
        .await;
        for _ in 0..below(40) {
            tokio::task::yield_now().await;
        }
        let leader = outside.last_sender();
        drop(processes.remove(&leader).unwrap());
        until("the leader is dead", async || outside.is_gone(&leader)).await;
        // Nothing but its lease keeps the other one from taking over.
        store.clock.advance(LEASE_FOR);
        until("another process delivers", async || {
            published += 1;
            store.publish(published).await;
            outside.last_sender() != leader
        })
        .await;
        let name = format!("process {}", kill + 2);
        processes.insert(name.clone(), store.start(&name, sender(&store, &outside, &name)).await);
    }
    for n in 1..=published {
        until("every event has its effect", async || {
            store.clock.advance(Duration::from_millis(1));
            store.count(n).await == 1
        })
        .await;
    }
    let status = async || {
        store.clock.advance(Duration::from_millis(100));
        ports::Queues::status(&queues::LogQueues::new(store.queues.clone(), store.stores.log()), NAME).await.unwrap()
    };
    until("all is settled", async || {
        let status = status().await;
        (status.backlog, status.waiting, status.dead) == (0, 0, 0)
    })
    .await;
    for (_, process) in processes {
        process.stop().await.unwrap();
    }
    let sent = outside.sent.lock().unwrap();
    assert_eq!(sent.times.len() as u128, published);
    for (name, times) in &sent.times {
        let cut_off = sent.cut_off.get(name).copied().unwrap_or(0);
        assert!(*times <= 1 + cut_off, "{name} was sent {times} times and cut off {cut_off} times");
    }
    println!("{published} events, {} sends, {} of them cut off", sent.total, sent.cut_off.values().sum::<u32>());
}

/// The clock stands: the lease has not run out.
#[tokio::test]
async fn a_leader_that_stops_hands_over_at_once() {
    let (store, outside) = (Store::new(), Arc::new(Outside::default()));
    let one = store.start("one", sender(&store, &outside, "one")).await;
    store.publish(1).await;
    until("the first is sent", async || store.count(1).await == 1).await;
    let two = store.start("two", sender(&store, &outside, "two")).await;
    for n in 2..20 {
        store.publish(n).await;
    }
    one.stop().await.unwrap();
    store.publish(20).await;
    until("the last is sent", async || store.count(20).await == 1).await;
    assert_eq!(outside.last_sender(), "two");
    two.stop().await.unwrap();
    assert!(outside.sent.lock().unwrap().times.values().all(|times| *times == 1));
}

/// A process finds that another has taken the lease: it drops what it was doing, and comes back when the lease is free.
#[tokio::test]
async fn a_leader_that_has_lost_its_lease_stops_and_may_come_back() {
    let store = Store::new();
    let (work, gate, begun, dropped) =
        (store.work.clone(), Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (opens, begins, drops) = (gate.clone(), begun.clone(), dropped.clone());
    let consumer = subscribed(NAME, move |delivery| {
        let (work, gate, begun) = (work.clone(), opens.clone(), begins.clone());
        let guard = Dropped(drops.clone());
        async move {
            let _guard = guard;
            begun.fetch_add(1, Ordering::SeqCst);
            gate.notified().await;
            tally_delivery(&work, &delivery).await
        }
    });
    let one = store.start("one", consumer).await;
    store.publish(1).await;
    until("the delivery is under way", async || begun.load(Ordering::SeqCst) == 1).await;
    let until_then = store.clock.now().plus(LEASE_FOR * 2);
    let body = json!({ "consumer": NAME, "position": 0, "lease": { "holder": "two", "until": until_then } });
    let key = Key::new(format!("queue#{NAME}"), "cursor");
    let item = NewItem { key, body: Body::of(&body).unwrap(), indexes: vec![], expires_at: None };
    let writes = vec![Write::Put { item, expect: Expect::Anything }];
    store.stores.table(queues::TABLE).commit(Commit { writes, ..Commit::default() }).await.unwrap();
    store.clock.advance(LEASE_FOR);
    until("the delivery is dropped", async || dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!((begun.load(Ordering::SeqCst), store.count(1).await), (1, 0));
    store.clock.advance(LEASE_FOR);
    until("it is begun again", async || begun.load(Ordering::SeqCst) == 2).await;
    gate.notify_one();
    until("it has its effect", async || store.count(1).await == 1).await;
    one.stop().await.unwrap();
}

struct Dropped(Arc<AtomicU32>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
