//! Hands events to one consumer. Deliveries run side by side; the checkpoint follows the oldest one that
//! is not settled, so a slow delivery holds up nobody, and a crash repeats only what is harmless to repeat.
//!
//! Of several processes on one store, the one that holds the consumer's lease delivers, new events as well as retries and
//! replays; the others look every `LOOK_EVERY` whether it is free. What a consumer does to the outside before its commit
//! (a mail) happens once, but for two cases: the process ends between the effect and the commit, or it stands still in
//! between for longer than the lease. Then it is repeated.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use contracts::Decision;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use kernel::{Backoff, Duration, Problem, Timestamp};
use ports::store::{Record as _, Stored};
use ports::{EventLog, LogPage, LoggedEvent, Position};
use tokio::sync::watch;

use crate::changes::{Changes, DecisionContext};
use crate::checkpoint::Leadership;
use crate::consumer::Consumer;
use crate::deliver::deliver;
use crate::metering::OPERATION;
use crate::queues::{self, FailedDelivery, Replay};
use crate::telemetry::{ConsumerLabels, EventLabels};
use crate::unit_of_work::UnitOfWork;

/// Deliveries at once.
const IN_FLIGHT_MAX: usize = 256;
/// Settled positions kept behind a slow delivery before reading pauses.
const WINDOW_MAX: usize = 50_000;
const READ_AT_ONCE: usize = 128;
/// How often retries, replays and other processes' events are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The checkpoint is saved this often under load; what was settled since is repeated after a crash.
const SAVE_EVERY: Duration = Duration::from_millis(500);
/// How long accepted deliveries may take at shutdown.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// Between tries to record an outcome.
const RECORD_BACKOFF: Backoff = Backoff { first: Duration::from_millis(50), max: Duration::from_secs(2) };

/// What a delivery needs besides the event.
struct Worker {
    work: UnitOfWork,
    log: Arc<dyn EventLog>,
    consumer: Consumer,
}

/// What has ended.
enum Ended {
    Logged(Position),
    Retry(Position),
    Replay,
}

pub(crate) struct Dispatcher {
    worker: Arc<Worker>,
    /// Names this process among those that share the store.
    holder: String,
    /// None while another process delivers to the consumer.
    leadership: Option<Leadership>,
    running: FuturesUnordered<BoxFuture<'static, Ended>>,
    in_flight: BTreeSet<Position>,
    retrying: HashSet<Position>,
    is_replaying: bool,
    /// Everything up to here has been read from the log.
    read: Position,
    save_tried_at: Timestamp,
}

impl Dispatcher {
    pub fn new(work: UnitOfWork, log: Arc<dyn EventLog>, consumer: Consumer, holder: String) -> Self {
        let save_tried_at = work.now();
        Self {
            worker: Arc::new(Worker { work, log, consumer }),
            holder,
            leadership: None,
            running: FuturesUnordered::new(),
            in_flight: BTreeSet::new(),
            retrying: HashSet::new(),
            is_replaying: false,
            read: 0,
            save_tried_at,
        }
    }

    /// Delivers until `stop`, whenever no other process does, then finishes what it has begun and leaves the consumer to
    /// others. `behind` hears of the backlog.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, behind: impl Fn(u64) + Send + Sync) {
        let mut appended = self.worker.log.appended();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut more = true;
        loop {
            if more && self.has_room() {
                more = self.read_on().await.unwrap_or_else(|problem| {
                    tracing::error!(consumer = self.name(), %problem, "the log could not be read");
                    false
                });
            }
            let may_read = more && self.has_room();
            let mut looking = false;
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(ended) = self.running.next(), if !self.running.is_empty() => self.settled(ended),
                _ = appended.changed(), if !may_read => more = true,
                _ = look.tick() => looking = true,
                () = std::future::ready(()), if may_read => {}
            }
            self.save().await;
            if looking {
                more = true;
                self.look_around(&behind).await;
            }
        }
        self.finish().await;
    }

    fn name(&self) -> &'static str {
        self.worker.consumer.name
    }

    fn now(&self) -> Timestamp {
        self.worker.work.now()
    }

    fn leads(&self) -> bool {
        self.leadership.as_ref().is_some_and(|leadership| leadership.holds_at(self.now()))
    }

    fn has_room(&self) -> bool {
        let window = self.in_flight.first().map_or(0, |oldest| self.read - oldest);
        self.running.len() < IN_FLIGHT_MAX && window < WINDOW_MAX as u64 && self.leads()
    }

    /// Starts the next deliveries. Returns whether there may be more to read.
    async fn read_on(&mut self) -> Result<bool, Problem> {
        let page = self.worker.read(self.read).await?;
        let progressed = page.through > self.read;
        self.read = page.through;
        for event in page.events {
            self.in_flight.insert(event.position);
            let worker = self.worker.clone();
            self.start(async move {
                worker.attempt(&event, None, None).await;
                Ended::Logged(event.position)
            });
        }
        Ok(progressed)
    }

    fn start(&self, work: impl Future<Output = Ended> + Send + 'static) {
        self.running.push(OPERATION.scope(self.worker.consumer.operation.clone(), work).boxed());
    }

    fn settled(&mut self, ended: Ended) {
        match ended {
            Ended::Logged(position) => {
                self.in_flight.remove(&position);
            }
            Ended::Retry(position) => {
                self.retrying.remove(&position);
            }
            Ended::Replay => self.is_replaying = false,
        }
    }

    async fn look_around(&mut self, behind: &(impl Fn(u64) + Sync)) {
        if self.leadership.is_none()
            && let Err(problem) = self.take_over().await
        {
            tracing::error!(consumer = self.name(), %problem, "it is not known which process delivers");
        }
        if self.leads() {
            if let Err(problem) = self.take_retries().await {
                tracing::error!(consumer = self.name(), %problem, "the retries could not be read");
            }
            if let Err(problem) = self.take_replay().await {
                tracing::error!(consumer = self.name(), %problem, "it is not known whether there is a replay");
            }
        }
        let settled = self.leadership.as_ref().map(|_| self.settled_through());
        if let Ok(backlog) = self.worker.backlog(settled).await {
            let labels = ConsumerLabels { consumer: self.name() };
            let gauge = self.worker.work.runtime().telemetry.backlog.get_or_create(&labels).clone();
            gauge.set(i64::try_from(backlog).unwrap_or(i64::MAX));
            behind(backlog);
        }
    }

    /// Begins where the process before has stopped, unless that is at work.
    async fn take_over(&mut self) -> Result<(), Problem> {
        let Worker { work, consumer, .. } = &*self.worker;
        if let Some(leadership) = Leadership::take(work, consumer.name, &self.holder).await? {
            tracing::debug!(consumer = self.name(), position = leadership.position(), "this process delivers from here on");
            self.read = leadership.position();
            self.leadership = Some(leadership);
        }
        Ok(())
    }

    /// Another process delivers now: what is in flight is its to repeat, and none of it may be recorded any more.
    fn step_down(&mut self) {
        tracing::warn!(consumer = self.name(), "the lease is lost; another process delivers");
        self.leadership = None;
        self.running.clear();
        self.in_flight.clear();
        self.retrying.clear();
        self.is_replaying = false;
    }

    async fn take_retries(&mut self) -> Result<(), Problem> {
        let now = self.now();
        for failed in queues::retries(&self.worker.work, self.worker.consumer.name, IN_FLIGHT_MAX).await? {
            let due = failed.next_at.is_some_and(|next| next <= now);
            if due && self.running.len() < IN_FLIGHT_MAX && self.retrying.insert(failed.position) {
                let worker = self.worker.clone();
                self.start(async move {
                    worker.retry(&failed).await;
                    Ended::Retry(failed.position)
                });
            }
        }
        Ok(())
    }

    async fn take_replay(&mut self) -> Result<(), Problem> {
        if self.is_replaying {
            return Ok(());
        }
        if let Some(replay) = self.worker.work.table().get::<Replay>(&Replay::key_of(self.worker.consumer.name)).await? {
            self.is_replaying = true;
            let worker = self.worker.clone();
            self.start(async move {
                if let Err(problem) = worker.replay(replay).await {
                    tracing::error!(consumer = worker.consumer.name, %problem, "the replay did not go on");
                }
                Ended::Replay
            });
        }
        Ok(())
    }

    fn settled_through(&self) -> Position {
        self.in_flight.first().map_or(self.read, |oldest| oldest - 1)
    }

    /// Saves the position and renews the lease, when it is time.
    async fn save(&mut self) {
        let (now, position) = (self.now(), self.settled_through());
        let Some(leadership) = &mut self.leadership else { return };
        if now.since(self.save_tried_at) < SAVE_EVERY || !leadership.is_save_due(position, now) {
            return;
        }
        self.save_tried_at = now;
        match leadership.save(&self.worker.work, position).await {
            Ok(true) => {}
            Ok(false) => self.step_down(),
            Err(problem) => tracing::warn!(consumer = self.name(), %problem, "the checkpoint was not saved; it is tried again"),
        }
    }

    async fn finish(mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let drained = tokio::time::timeout(DRAIN_WITHIN, async {
            while !self.running.is_empty() {
                tokio::select! {
                    Some(ended) = self.running.next() => self.settled(ended),
                    _ = look.tick() => self.save().await,
                }
            }
        });
        if drained.await.is_err() {
            tracing::warn!(consumer = self.name(), "some deliveries did not finish in time; they are repeated");
        }
        // Nothing may go on here once another process may begin.
        self.running.clear();
        let position = self.settled_through();
        let Some(leadership) = self.leadership.take() else { return };
        match leadership.release(&self.worker.work, position).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(consumer = self.name(), "the lease was lost at the end"),
            Err(problem) => tracing::warn!(consumer = self.name(), %problem, "the checkpoint was not saved; the lease runs out by itself"),
        }
    }
}

impl Worker {
    async fn read(&self, after: Position) -> Result<LogPage, Problem> {
        Ok(self.log.read(after, self.consumer.types(), READ_AT_ONCE).await?)
    }

    /// Events that are not settled. Where another process settles them, its checkpoint tells.
    async fn backlog(&self, settled: Option<Position>) -> Result<u64, Problem> {
        let settled = match settled {
            Some(position) => position,
            None => queues::settled_through(&self.work, self.consumer.name).await?,
        };
        Ok(self.log.head().await?.saturating_sub(settled))
    }

    /// Delivers an event and writes down how that went. As long as the store refuses the note of a failure, the event
    /// stays in flight and the checkpoint cannot pass it.
    async fn attempt(&self, event: &LoggedEvent, replay: Option<&str>, before: Option<&FailedDelivery>) {
        let result = self.deliver(event, replay, before).await;
        for failures in 1.. {
            let Err(problem) = self.record(event, replay, before, result.clone()).await else { return };
            tracing::error!(consumer = self.consumer.name, position = event.position, %problem, "the outcome of a delivery could not be recorded");
            tokio::time::sleep(RECORD_BACKOFF.delay(failures, self.work.runtime().entropy.chance())).await;
        }
    }

    async fn deliver(&self, event: &LoggedEvent, replay: Option<&str>, before: Option<&FailedDelivery>) -> Result<(), Problem> {
        match &event.envelope {
            Ok(envelope) => deliver(self.work.runtime(), &self.consumer, envelope, next_attempt(before), replay.map(str::to_owned)).await,
            Err(unreadable) => Err(Problem::internal(unreadable)),
        }
    }

    async fn retry(&self, failed: &FailedDelivery) {
        match failed.event(&*self.log).await {
            Ok(event) => self.attempt(&event, failed.replay.as_deref(), Some(failed)).await,
            Err(problem) => {
                tracing::error!(consumer = self.consumer.name, position = failed.position, %problem, "the log could not be read")
            }
        }
    }

    /// One step of a replay, which runs beside the new events. A failure joins the retries like any other.
    async fn replay(&self, replay: Stored<Replay>) -> Result<(), Problem> {
        let page = self.read(replay.after).await?;
        let wanted = page.events.iter().filter(|event| event.position <= replay.through);
        futures::future::join_all(wanted.map(|event| self.attempt(event, replay.again.as_deref(), None))).await;
        let done = page.through >= replay.through || page.through == replay.after;
        let load = async |_| self.work.table().get::<Replay>(&replay.key()).await;
        let go_on = |found: Option<Stored<Replay>>, _: &DecisionContext| match found {
            Some(found) if found.version == replay.version && done => Ok(Changes::none().delete(found.key(), found.version)),
            Some(found) if found.version == replay.version => {
                Changes::update(found.version, Decision::changed(Replay { after: page.through, ..found.value }))
            }
            // Another process goes on with it.
            Some(_) | None => Ok(Changes::none()),
        };
        self.work.run_job("replay", load, go_on).await?;
        Ok(())
    }

    /// A failed delivery waits for its next try, or is a dead letter: at once where trying again is of no use.
    async fn record(
        &self,
        event: &LoggedEvent,
        replay: Option<&str>,
        before: Option<&FailedDelivery>,
        result: Result<(), Problem>,
    ) -> Result<(), Problem> {
        let Err(problem) = result else {
            return match before {
                Some(failed) => queues::settle(&self.work, failed).await,
                None => Ok(()),
            };
        };
        let (consumer, now, attempts) = (&self.consumer, self.work.now(), next_attempt(before));
        let may_retry = attempts < consumer.retry.tries && event.envelope.is_ok();
        let next_at = may_retry.then(|| now.plus(consumer.retry.backoff.delay(attempts, self.work.runtime().entropy.chance())));
        let readable = event.envelope.as_ref().ok();
        let (id, subject) = (readable.map(|envelope| envelope.id.to_string()), readable.map(|envelope| envelope.event.subject()));
        let request = readable.map(|envelope| envelope.correlation_id.as_str());
        let position = event.position;
        if next_at.is_some() {
            tracing::warn!(consumer = consumer.name, request, position, event = id, subject, attempts, %problem, "a delivery failed and is tried again");
        } else {
            tracing::error!(consumer = consumer.name, request, position, event = id, subject, attempts, %problem, "a delivery failed for the last time");
            let labels = EventLabels { consumer: consumer.name, outcome: "dead" };
            self.work.runtime().telemetry.dead_letters.get_or_create(&labels).inc();
        }
        let mut error = problem.to_string();
        error.truncate(error.floor_char_boundary(2000));
        let first_failed_at = before.map_or(now, |before| before.first_failed_at);
        let (consumer, event) = (self.consumer.name.to_owned(), queues::stored_event(event)?);
        let replay = replay.map(str::to_owned);
        let failed = FailedDelivery { consumer, position, event, replay, attempts, first_failed_at, next_at, error };
        queues::park(&self.work, &failed, before).await
    }
}

/// 1 for the first.
fn next_attempt(before: Option<&FailedDelivery>) -> u32 {
    before.map_or(1, |before| before.attempts + 1)
}
