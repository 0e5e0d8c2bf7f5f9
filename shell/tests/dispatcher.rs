//! The real host on the memory adapter: retries, dead letters, restarts, replays, schedules, shutdown.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use common::{TABLE, count, mail, subscribed, tally_delivery, until};
use contracts::Envelope;
use kernel::{Actor, Backoff, Code, Duration, EventId, MailId, Problem, Timestamp};
use memory::MemoryStores;
use ports::store::{Commit, Consistency, Expect, Item, Key, NewItem, Query, TableSchema, Write};
use ports::{Clock, Content, DeadLetter, DeadLetterId, EventLog, ManualClock, QueueStatus, Queues as _, SystemClock, SystemEntropy};
use shell::queues::{self, FailedDelivery, LogQueues};
use shell::{
    Authenticated, Authenticator, Delivery, Host, HostConfig, LimitsConfig, RetryPolicy, RootRoutes, Running, Runtime, Schedule, Service,
    UnitOfWork,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(&self, _: &str) -> Result<Authenticated, Problem> {
        Err(Problem::new(Code::InvalidToken, "nobody signs in here"))
    }
}

/// Stores that outlive their hosts.
struct Home {
    stores: MemoryStores,
    log: Arc<dyn EventLog>,
    work: UnitOfWork,
    queues: UnitOfWork,
}

const NAME: &str = "tallies";
const FOREIGN: TableSchema = TableSchema { name: "foreign", indexes: 0 };
const QUICK: RetryPolicy = RetryPolicy { tries: 5, backoff: Backoff { first: Duration::from_millis(1), max: Duration::from_millis(4) } };

impl Home {
    fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let stores = MemoryStores::new(clock.clone());
        let runtime = Runtime::new(clock, Arc::new(SystemEntropy));
        let work = UnitOfWork::new(&runtime, TABLE, stores.table(TABLE));
        let queues = UnitOfWork::new(&runtime, queues::TABLE, stores.table(queues::TABLE));
        Self { log: stores.log(), stores, work, queues }
    }

    async fn start(&self, holder: &str, service: Service) -> (Running, std::net::SocketAddr) {
        let limits = LimitsConfig { rate_limit: false, queue_depth: 10, ..LimitsConfig::default() };
        let config = HostConfig {
            work: self.queues.clone(),
            log: self.log.clone(),
            authenticator: Arc::new(Nobody),
            limits,
            holder: holder.into(),
            pages: axum::Router::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Host::new(config, vec![service]).unwrap().start(listener).await.unwrap(), address)
    }

    async fn consume<F>(&self, retry: RetryPolicy, handle: impl Fn(Delivery) -> F + Send + Sync + 'static) -> Running
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let consumer = subscribed(NAME, handle).retry(retry);
        self.start("one", Service::new(&self.work).consumer(consumer)).await.0
    }

    async fn publish(&self, n: u128) {
        let events = vec![self.envelope(n).await];
        self.stores.table(FOREIGN).commit(Commit { events, ..Commit::default() }).await.unwrap();
    }

    async fn envelope(&self, n: u128) -> Envelope {
        let time = self.work.now();
        let id = EventId(n << 64 | u128::from(self.log.head().await.unwrap()));
        let cause = "test".to_owned();
        Envelope {
            id,
            time,
            sequence: 100,
            correlation_id: cause.clone(),
            causation_id: cause,
            traceparent: None,
            actor: Actor::System,
            event: mail(n).into(),
        }
    }

    fn operator(&self) -> LogQueues {
        LogQueues::new(self.queues.clone(), self.log.clone())
    }

    async fn status(&self) -> QueueStatus {
        self.operator().status(NAME).await.unwrap()
    }

    async fn dead(&self) -> Vec<DeadLetter> {
        self.operator().dead_letters(NAME, 100, None).await.unwrap().items
    }

    async fn waiting(&self) -> Vec<FailedDelivery> {
        let page =
            self.queues.table().list::<FailedDelivery>(Query::table(format!("queue#{NAME}")).prefix("retry#").limit(10)).await.unwrap();
        page.items.into_iter().map(|failed| failed.value).collect()
    }

    async fn count(&self, n: u128) -> u32 {
        count(&self.work, &MailId(n).to_string()).await
    }
}

#[tokio::test]
async fn five_failures_make_a_dead_letter_that_can_be_redriven_or_dropped() {
    let home = Home::new();
    let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (work, breaks, tried) = (home.work.clone(), broken.clone(), tries.clone());
    let running = home
        .consume(QUICK, move |delivery| {
            let (work, breaks, tried) = (work.clone(), breaks.clone(), tried.clone());
            async move {
                if breaks.load(Ordering::SeqCst) {
                    let before = tried.fetch_add(1, Ordering::SeqCst);
                    assert!(before % 2 == 0, "every second failure is a panic");
                    return Err(Problem::unavailable("broken on purpose"));
                }
                tally_delivery(&work, &delivery).await
            }
        })
        .await;
    home.publish(1).await;
    until("the delivery is dead", async || !home.dead().await.is_empty()).await;
    let dead = home.dead().await;
    let id = |n: u64| DeadLetterId(n.to_string());
    assert_eq!((dead.len(), dead[0].attempts, &dead[0].id), (1, Some(5), &id(1)));
    assert!(dead[0].error.as_ref().unwrap().contains("broken on purpose"), "{:?}", dead[0].error);
    assert!(matches!(&dead[0].content, Content::Event(envelope) if envelope.event.kind() == "mail.queued"));
    assert_eq!(tries.load(Ordering::SeqCst), 5);
    until("the checkpoint is saved behind it", async || home.status().await.position == Some(1)).await;
    let status = home.status().await;
    assert_eq!((status.waiting, status.dead, status.backlog), (0, 1, 0));

    broken.store(false, Ordering::SeqCst);
    home.operator().redrive(NAME, &id(1)).await.unwrap();
    until("the redrive succeeds", async || home.count(1).await == 1).await;
    until("nothing waits", async || home.status().await.waiting == 0).await;
    assert!(home.dead().await.is_empty());

    broken.store(true, Ordering::SeqCst);
    home.publish(2).await;
    until("the second delivery is dead", async || !home.dead().await.is_empty()).await;
    home.operator().drop_dead_letter(NAME, &id(2)).await.unwrap();
    assert!(home.dead().await.is_empty());
    assert_eq!(home.operator().redrive(NAME, &id(2)).await.unwrap_err().code, Code::NotFound);
    assert_eq!(home.operator().drop_dead_letter(NAME, &id(9)).await.unwrap_err().code, Code::NotFound);
    running.stop().await.unwrap();
    assert_eq!(home.count(2).await, 0);
}

/// Another version of the program has left something in the log.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_dead_letter_and_keeps_nothing_back() {
    let home = Home::new();
    let work = home.work.clone();
    let consumer = subscribed(NAME, move |delivery| {
        let work = work.clone();
        async move { tally_delivery(&work, &delivery).await }
    });
    home.publish(1).await;
    home.stores.append_text("mail.queued", r#"{"id": 2, "type": "mail.queued""#);
    home.stores.append_text("mail.vanished", "{}");
    for n in 4..=20 {
        home.publish(n).await;
    }
    let (running, address) = home.start("one", common::service(&home.work).consumer(consumer.retry(QUICK))).await;
    until("all behind it is settled", async || home.status().await.position == Some(20)).await;
    assert_eq!(home.count(1).await + home.count(4).await + home.count(20).await, 3);
    let status = home.status().await;
    assert_eq!((status.backlog, status.waiting, status.dead), (0, 0, 1));
    let dead = home.dead().await.remove(0);
    assert_eq!((&dead.id, dead.attempts), (&DeadLetterId("2".into()), Some(1)), "trying again is of no use");
    assert!(matches!(&dead.content, Content::Unreadable(text) if text.starts_with(r#"{"id": 2"#)), "{:?}", dead.content);
    assert!(dead.error.unwrap().contains("cannot be read"));
    until("requests are let in", async || post(address, "/api/v1/tallies/mine").await.starts_with("HTTP/1.1 201")).await;

    let redrive = async || home.operator().redrive(NAME, &dead.id).await.unwrap();
    redrive().await;
    until("it still cannot be read", async || home.status().await.dead == 1).await;
    queues::replay(&home.queues, &*home.log, NAME, 0, true).await.unwrap();
    until("a replay goes on behind it", async || home.count(20).await == 2).await;
    until("nothing waits", async || home.status().await.waiting == 0).await;
    assert_eq!(home.status().await.dead, 1);

    home.stores.replace_text(2, &home.envelope(2).await.stored_json().unwrap());
    redrive().await;
    until("it is delivered once it can be read", async || home.count(2).await == 1).await;
    until("nothing is left", async || home.status().await.waiting == 0).await;
    assert!(home.dead().await.is_empty());

    home.stores.append_text("mail.queued", "not even JSON");
    until("the next one is dead", async || home.status().await.dead == 1).await;
    let dead = home.dead().await.remove(0);
    assert_eq!(dead.content, Content::Unreadable("not even JSON".into()));
    home.operator().drop_dead_letter(NAME, &dead.id).await.unwrap();
    assert!(home.dead().await.is_empty());
    running.stop().await.unwrap();
}

/// The whole answer.
async fn post(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn retries_wait_as_their_policy_says() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_790_000_000_000)));
    let home = Home::with_clock(clock.clone());
    let retry = RetryPolicy { tries: 4, backoff: Backoff { first: Duration::from_secs(10), max: Duration::from_secs(20) } };
    let running = home.consume(retry, |_| async { Err(Problem::unavailable("always")) }).await;
    home.publish(1).await;
    for (attempt, longest) in [(1, 10), (2, 20), (3, 20)] {
        until("the failure is recorded", async || home.waiting().await.first().is_some_and(|failed| failed.attempts == attempt)).await;
        let failed = home.waiting().await.remove(0);
        let wait = failed.next_at.unwrap().since(clock.now());
        let longest = Duration::from_secs(longest);
        assert!(wait >= longest / 2 && wait <= longest, "after try {attempt}: {wait:?}");
        assert_eq!(home.status().await.waiting, 1);
        clock.advance(wait);
    }
    until("four tries are the end", async || home.dead().await.len() == 1).await;
    assert_eq!(home.dead().await[0].attempts, Some(4));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_slow_delivery_holds_up_nobody_and_the_checkpoint_stays_behind_it() {
    let home = Home::new();
    let (work, gate) = (home.work.clone(), Arc::new(Notify::new()));
    let opened = gate.clone();
    let running = home
        .consume(QUICK, move |delivery| {
            let (work, gate) = (work.clone(), gate.clone());
            async move {
                if delivery.envelope.event.subject() == MailId(2).to_string() {
                    gate.notified().await;
                }
                tally_delivery(&work, &delivery).await
            }
        })
        .await;
    for n in 1..=5 {
        home.publish(n).await;
    }
    until("the others are done", async || home.count(1).await + home.count(3).await + home.count(4).await + home.count(5).await == 4).await;
    until("the checkpoint is saved", async || home.status().await.position > Some(0)).await;
    let status = home.status().await;
    assert_eq!((status.position, status.backlog), (Some(1), 4));
    assert_eq!(home.count(2).await, 0);
    opened.notify_one();
    until("the checkpoint follows", async || home.status().await.position == Some(5)).await;
    assert_eq!(home.count(2).await, 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_restart_repeats_what_was_not_settled_and_effects_happen_once() {
    let home = Home::new();
    for n in 1..=3 {
        home.publish(n).await;
    }
    let work = home.work.clone();
    // The effect has happened, but the process dies before the delivery is settled.
    let host = home
        .consume(QUICK, move |delivery| {
            let work = work.clone();
            async move {
                tally_delivery(&work, &delivery).await?;
                if delivery.envelope.event.subject() == MailId(2).to_string() { std::future::pending().await } else { Ok(()) }
            }
        })
        .await;
    until("all effects have happened", async || home.count(1).await + home.count(2).await + home.count(3).await == 3).await;
    until("the checkpoint is saved", async || home.status().await.position == Some(1)).await;
    drop(host);

    let (work, seen) = (home.work.clone(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let sees = seen.clone();
    let running = home
        .consume(QUICK, move |delivery| {
            let work = work.clone();
            sees.lock().unwrap().push(delivery.envelope.event.subject());
            async move { tally_delivery(&work, &delivery).await }
        })
        .await;
    until("all is settled", async || home.status().await.position == Some(3)).await;
    running.stop().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [MailId(2).to_string(), MailId(3).to_string()]);
    for n in 1..=3 {
        assert_eq!(home.count(n).await, 1, "{n}");
    }
}

#[tokio::test]
async fn a_replay_has_effects_again_only_when_told_so() {
    let home = Home::new();
    let (work, deliveries) = (home.work.clone(), Arc::new(AtomicU32::new(0)));
    let counted = deliveries.clone();
    let running = home
        .consume(QUICK, move |delivery| {
            let (work, counted) = (work.clone(), counted.clone());
            async move {
                tally_delivery(&work, &delivery).await?;
                counted.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        })
        .await;
    home.publish(1).await;
    home.publish(2).await;
    until("both are delivered", async || deliveries.load(Ordering::SeqCst) == 2).await;

    queues::replay(&home.queues, &*home.log, NAME, 0, false).await.unwrap();
    until("both are delivered again", async || deliveries.load(Ordering::SeqCst) == 4).await;
    assert_eq!((home.count(1).await, home.count(2).await), (1, 1));

    // Starting the next one is refused until the one before has been put away.
    until("the second replay starts", async || queues::replay(&home.queues, &*home.log, NAME, 1, true).await.is_ok()).await;
    until("the second one has an effect", async || home.count(2).await == 2).await;
    running.stop().await.unwrap();
    assert_eq!(home.count(1).await, 1, "the replay began after it");
    assert_eq!(home.count(2).await, 2);
}

#[tokio::test]
async fn what_fails_in_a_replay_is_tried_again_as_a_part_of_it() {
    let home = Home::new();
    let (work, failed) = (home.work.clone(), Arc::new(AtomicBool::new(false)));
    let running = home
        .consume(QUICK, move |delivery| {
            let (work, failed) = (work.clone(), failed.clone());
            async move {
                if delivery.replay.is_some() && !failed.swap(true, Ordering::SeqCst) {
                    return Err(Problem::unavailable("broken on purpose"));
                }
                tally_delivery(&work, &delivery).await
            }
        })
        .await;
    home.publish(1).await;
    until("it is delivered", async || home.count(1).await == 1).await;
    queues::replay(&home.queues, &*home.log, NAME, 0, true).await.unwrap();
    until("the second try has an effect again", async || home.count(1).await == 2).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_replay_that_another_process_has_taken_on_is_left_to_it() {
    let home = Home::new();
    let (table, replayed) = (home.stores.table(queues::TABLE), Arc::new(AtomicU32::new(0)));
    let (shared, counted) = (table.clone(), replayed.clone());
    let key = Key::new(format!("queue#{NAME}"), "replay");
    let taken = key.clone();
    let running = home
        .consume(QUICK, move |delivery| {
            let (table, counted, key) = (shared.clone(), counted.clone(), taken.clone());
            async move {
                if delivery.replay.is_some() && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    let Item { version, body, .. } = table.get(&key, Consistency::Strong).await?.value.unwrap();
                    let item = NewItem { key, body, indexes: Vec::new(), expires_at: None };
                    let writes = vec![Write::Put { item, expect: Expect::Version(version) }];
                    table.commit(Commit { writes, ..Commit::default() }).await.unwrap();
                }
                Ok(())
            }
        })
        .await;
    home.publish(1).await;
    queues::replay(&home.queues, &*home.log, NAME, 0, true).await.unwrap();
    until("the replay is done", async || table.get(&key, Consistency::Strong).await.unwrap().value.is_none()).await;
    running.stop().await.unwrap();
    assert_eq!(replayed.load(Ordering::SeqCst), 2);
    let metrics = home.queues.runtime().telemetry.render();
    assert!(!metrics.contains("store_conflicts_total{"), "{metrics}");
}

#[tokio::test]
async fn of_two_hosts_one_runs_the_schedule() {
    let home = Home::new();
    let (ones, twos) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let service = |ticks: &Arc<AtomicU32>| {
        let ticks = ticks.clone();
        let schedule = Schedule::new("tallies.tick", Duration::from_millis(10), ticks, |ticks| {
            ticks.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(()))
        });
        Service::new(&home.work).schedule(schedule)
    };
    let (one, _) = home.start("one", service(&ones)).await;
    until("the first host ticks", async || ones.load(Ordering::SeqCst) > 0).await;
    let (two, _) = home.start("two", service(&twos)).await;
    let before = ones.load(Ordering::SeqCst);
    until("the first host goes on", async || ones.load(Ordering::SeqCst) > before + 10).await;
    assert_eq!(twos.load(Ordering::SeqCst), 0);
    one.stop().await.unwrap();
    until("the second host takes over", async || twos.load(Ordering::SeqCst) > 0).await;
    two.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_finishes_open_requests_and_running_deliveries() {
    let home = Home::new();
    let (gate, entered) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let (work, held, inside) = (home.work.clone(), gate.clone(), entered.clone());
    let consumer = subscribed(NAME, move |delivery| {
        let (work, held, inside) = (work.clone(), held.clone(), inside.clone());
        async move {
            inside.fetch_add(1, Ordering::SeqCst);
            held.notified().await;
            tally_delivery(&work, &delivery).await
        }
    });
    let (held, inside) = (gate.clone(), entered.clone());
    let slow = RootRoutes::new().get("/slow", move || async move {
        inside.fetch_add(1, Ordering::SeqCst);
        held.notified().await;
        "finished"
    });
    let (running, address) = home.start("one", Service::new(&home.work).consumer(consumer).root_routes(slow)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    home.publish(1).await;
    until("both are at work", async || entered.load(Ordering::SeqCst) == 2).await;
    let stopping = tokio::spawn(running.stop());
    until("nobody is let in any more", async || TcpStream::connect(address).await.is_err()).await;
    assert!(!stopping.is_finished());
    gate.notify_waiters();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    stopping.await.unwrap().unwrap();
    assert_eq!((home.count(1).await, home.status().await.position), (1, Some(1)));
}
