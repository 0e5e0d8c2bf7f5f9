//! Hands events to one consumer. Deliveries run side by side; the cursor follows the oldest one that
//! is not settled, so a slow delivery holds up nobody, and a crash repeats only what is harmless to repeat.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use contracts::{Decision, Envelope};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use kernel::{Duration, Problem, Timestamp};
use ports::{EventLog, LoggedEvent, Position};
use tokio::sync::watch;

use crate::changes::Changes;
use crate::consumer::Consumer;
use crate::deliver::deliver;
use crate::metering::OPERATION;
use crate::queues::{self, Checkpoint, FailedDelivery, Replay};
use crate::telemetry::{ConsumerLabels, EventLabels};
use crate::unit_of_work::UnitOfWork;

/// Deliveries at once.
const IN_FLIGHT_MAX: usize = 256;
/// Settled positions kept behind a slow delivery before reading pauses.
const WINDOW_MAX: usize = 50_000;
const READ_AT_ONCE: usize = 128;
/// How often retries, replays and other processes' events are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The cursor is saved this often under load; what lies between is repeated after a crash.
const SAVE_EVERY: Duration = Duration::from_millis(500);
/// How long accepted deliveries may take at shutdown.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

enum Kind {
    Logged(Position),
    Retry(Box<FailedDelivery>),
}

pub(crate) struct Dispatcher {
    work: UnitOfWork,
    log: Arc<dyn EventLog>,
    consumer: Consumer,
    running: FuturesUnordered<BoxFuture<'static, Kind>>,
    in_flight: BTreeSet<Position>,
    retrying: HashSet<Position>,
    /// Everything up to here has been read from the log.
    read: Position,
    saved: Position,
    saved_at: Timestamp,
}

impl Dispatcher {
    pub async fn start(work: UnitOfWork, log: Arc<dyn EventLog>, consumer: Consumer) -> Result<Self, Problem> {
        let saved = work.table().get::<Checkpoint>(&Checkpoint::key_of(consumer.name)).await?.map_or(0, |cursor| cursor.position);
        let saved_at = work.now();
        Ok(Self {
            work,
            log,
            consumer,
            running: FuturesUnordered::new(),
            in_flight: BTreeSet::new(),
            retrying: HashSet::new(),
            read: saved,
            saved,
            saved_at,
        })
    }

    /// Delivers until `stop`, then finishes what it has begun and saves the cursor. `behind` hears of
    /// the backlog.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, behind: impl Fn(u64) + Send + Sync) {
        let mut appended = self.log.appended();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut more = true;
        loop {
            if more && self.has_room() {
                more = self.read_on().await.unwrap_or_else(|problem| {
                    tracing::error!(consumer = self.consumer.name, %problem, "the log could not be read");
                    false
                });
            }
            let may_read = more && self.has_room();
            let mut looking = false;
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(settled) = self.running.next(), if !self.running.is_empty() => self.settled(settled),
                _ = appended.changed(), if !may_read => more = true,
                _ = look.tick() => looking = true,
                () = std::future::ready(()), if may_read => {}
            }
            if looking {
                more = true;
                self.look_around(&behind).await;
            }
            if self.work.now().since(self.saved_at) >= SAVE_EVERY {
                self.save().await;
            }
        }
        let drained = tokio::time::timeout(DRAIN_WITHIN, async {
            while let Some(settled) = self.running.next().await {
                self.settled(settled);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(consumer = self.consumer.name, "some deliveries did not finish in time; they are repeated at the next start");
        }
        self.save().await;
    }

    fn has_room(&self) -> bool {
        let window = self.in_flight.first().map_or(0, |oldest| self.read - oldest);
        self.running.len() < IN_FLIGHT_MAX && window < WINDOW_MAX as u64
    }

    /// Starts the next deliveries. Returns whether there may be more to read.
    async fn read_on(&mut self) -> Result<bool, Problem> {
        let page = self.log.read(self.read, &self.consumer.types(), READ_AT_ONCE).await?;
        let progressed = page.through > self.read;
        self.read = page.through;
        for LoggedEvent { position, envelope } in page.events {
            self.in_flight.insert(position);
            self.deliver(Kind::Logged(position), envelope, 1, None);
        }
        Ok(progressed)
    }

    fn deliver(&mut self, kind: Kind, envelope: Arc<Envelope>, attempt: u32, replay: Option<String>) {
        let (work, consumer) = (self.work.clone(), self.consumer.clone());
        let work = async move {
            let result = deliver(work.runtime(), &consumer, &envelope, attempt, replay).await;
            record_surely(&work, &consumer, &kind, &envelope, attempt, result).await;
            kind
        };
        self.running.push(OPERATION.scope(self.consumer.operation.clone(), work).boxed());
    }

    fn settled(&mut self, kind: Kind) {
        match kind {
            Kind::Logged(position) => {
                self.in_flight.remove(&position);
            }
            Kind::Retry(failed) => {
                self.retrying.remove(&failed.position);
            }
        }
    }

    async fn look_around(&mut self, behind: &(impl Fn(u64) + Sync)) {
        if let Err(problem) = self.take_retries().await {
            tracing::error!(consumer = self.consumer.name, %problem, "the retries could not be read");
        }
        if let Err(problem) = self.replay_some().await {
            tracing::error!(consumer = self.consumer.name, %problem, "the replay did not go on");
        }
        if let Ok(head) = self.log.head().await {
            let backlog = head.saturating_sub(self.settled_through());
            self.work
                .runtime()
                .telemetry
                .backlog
                .get_or_create(&ConsumerLabels { consumer: self.consumer.name })
                .set(i64::try_from(backlog).unwrap_or(i64::MAX));
            behind(backlog);
        }
    }

    async fn take_retries(&mut self) -> Result<(), Problem> {
        let now = self.work.now();
        for failed in queues::retries(&self.work, self.consumer.name, IN_FLIGHT_MAX).await? {
            let due = failed.next_at.is_some_and(|next| next <= now);
            if due && self.running.len() < IN_FLIGHT_MAX && self.retrying.insert(failed.position) {
                let failed = failed.value;
                let (envelope, attempt) = (Arc::new(failed.envelope.clone()), failed.attempts + 1);
                self.deliver(Kind::Retry(Box::new(failed)), envelope, attempt, None);
            }
        }
        Ok(())
    }

    /// A replay runs in steps beside the new events. A failure joins the retries like any other.
    async fn replay_some(&mut self) -> Result<(), Problem> {
        let key = Replay::key_of(self.consumer.name);
        let Some(replay) = self.work.table().get::<Replay>(&key).await? else { return Ok(()) };
        let page = self.log.read(replay.after, &self.consumer.types(), READ_AT_ONCE).await?;
        let wanted = page.events.into_iter().filter(|event| event.position <= replay.through);
        let deliveries = wanted.map(|LoggedEvent { position, envelope }| {
            let (work, consumer, again) = (self.work.clone(), self.consumer.clone(), replay.again.clone());
            let work = async move {
                let result = deliver(work.runtime(), &consumer, &envelope, 1, again).await;
                record(&work, &consumer, &Kind::Logged(position), &envelope, 1, result).await
            };
            OPERATION.scope(self.consumer.operation.clone(), work)
        });
        for recorded in futures::future::join_all(deliveries).await {
            recorded?;
        }
        let done = page.through >= replay.through || page.through == replay.after;
        let load = async |_| Ok(());
        let (version, mut next) = (replay.version, replay.value);
        next.after = page.through;
        self.work
            .run_job("replay", load, |(), _| {
                if done {
                    Ok(Changes::none().delete(key.clone(), version))
                } else {
                    Changes::update(version, Decision::changed(next.clone()))
                }
            })
            .await?;
        Ok(())
    }

    fn settled_through(&self) -> Position {
        self.in_flight.first().map_or(self.read, |oldest| oldest - 1)
    }

    async fn save(&mut self) {
        let position = self.settled_through();
        self.saved_at = self.work.now();
        if position == self.saved {
            return;
        }
        let cursor = Checkpoint { consumer: self.consumer.name.into(), position };
        let load = async |_| Ok(());
        match self.work.run_job("dispatcher", load, |(), _| Changes::none().derived(&cursor)).await {
            Ok(_) => self.saved = position,
            Err(problem) => tracing::warn!(consumer = self.consumer.name, %problem, "the cursor was not saved; it is tried again"),
        }
    }
}

/// As long as the store refuses the note of a failure, the event stays in flight and the cursor
/// cannot pass it.
async fn record_surely(
    work: &UnitOfWork,
    consumer: &Consumer,
    kind: &Kind,
    envelope: &Envelope,
    attempt: u32,
    result: Result<(), Problem>,
) {
    let mut pause = Duration::from_millis(50);
    while let Err(problem) = record(work, consumer, kind, envelope, attempt, result.clone()).await {
        tracing::error!(consumer = consumer.name, event = %envelope.id, %problem, "the outcome of a delivery could not be recorded");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Writes down how a delivery went: a failed one waits for its next try, or is a dead letter.
async fn record(
    work: &UnitOfWork,
    consumer: &Consumer,
    kind: &Kind,
    envelope: &Envelope,
    attempt: u32,
    result: Result<(), Problem>,
) -> Result<(), Problem> {
    let problem = match (result, kind) {
        (Ok(()), Kind::Logged(_)) => return Ok(()),
        (Ok(()), Kind::Retry(failed)) => return queues::settle(work, failed).await,
        (Err(problem), _) => problem,
    };
    let now = work.now();
    let (position, first_failed_at, before) = match kind {
        Kind::Logged(position) => (*position, now, None),
        Kind::Retry(failed) => (failed.position, failed.first_failed_at, Some(&**failed)),
    };
    let next_at = (attempt < consumer.retry.tries).then(|| now.plus(delay(work, consumer, attempt)));
    let subject = envelope.event.subject();
    if next_at.is_some() {
        tracing::warn!(consumer = consumer.name, event = %envelope.id, subject, attempt, %problem, "a delivery failed and is tried again");
    } else {
        tracing::error!(consumer = consumer.name, event = %envelope.id, subject, attempt, %problem, "a delivery failed for the last time: dead failed");
        work.runtime().telemetry.dead_letters.get_or_create(&EventLabels { consumer: consumer.name, outcome: "dead" }).inc();
    }
    let mut error = problem.to_string();
    error.truncate(error.floor_char_boundary(2000));
    let failed = FailedDelivery {
        consumer: consumer.name.into(),
        position,
        envelope: envelope.clone(),
        attempts: attempt,
        first_failed_at,
        next_at,
        error,
    };
    queues::park(work, &failed, before).await
}

fn delay(work: &UnitOfWork, consumer: &Consumer, attempt: u32) -> Duration {
    let mut chance = [0; 2];
    work.runtime().entropy.fill(&mut chance);
    consumer.retry.backoff.delay(attempt, u16::from_le_bytes(chance))
}
