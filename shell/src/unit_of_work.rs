//! The commit loop: load, decide, commit; on a conflict again.

use std::sync::Arc;

use contracts::Envelope;
use kernel::{Actor, Duration, EventId, Problem, Timestamp};
use ports::store::{Commit, CommitError, Consistency, IdempotencyRecord, Key, TableSchema, Write};

use crate::changes::{Changes, DecisionContext, Outcome, stamped};
use crate::http::{Failure, Reply, RequestContext, key_reused};
use crate::runtime::Runtime;
use crate::service::Delivery;
use crate::table::Table;
use crate::trace;
use crate::watch::Watch;

/// How often a rule is asked before the caller is told to come back later.
const RUNS_MAX: u32 = 24;
/// How long an idempotency record answers repetitions.
const REQUEST_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long an inbox record stops a second effect; longer than any queue keeps a message.
pub const INBOX_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a service is handed: its own table and the commit loop. Cheap to clone.
#[derive(Clone)]
pub struct UnitOfWork {
    runtime: Arc<Runtime>,
    schema: TableSchema,
    table: Table,
}

/// The beginning of a commit: who wants it, because of what, with which chance.
struct Origin<'a> {
    causation_id: &'a str,
    correlation_id: &'a str,
    actor: Actor,
    seed: [u8; 16],
    begun_at: Timestamp,
    /// The marker that makes a repetition harmless. Its response is filled in by the loop.
    marker: Option<IdempotencyRecord>,
    keeps: Keeps,
}

/// When the marker is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Even if nothing has changed: a request's answer must stay the same.
    Always,
    WithChanges,
    /// Only if no write of the commit is guarded, and so tells a repetition by itself.
    WithoutGuards,
}

enum Ended {
    Done { reply: Reply, changed: bool },
    Repeated(Box<IdempotencyRecord>),
}

impl UnitOfWork {
    pub(crate) fn new(runtime: Arc<Runtime>, schema: TableSchema, table: Table) -> Self {
        Self { runtime, schema, table }
    }

    pub fn schema(&self) -> TableSchema {
        self.schema
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// For showing things; a rule takes the time from its `DecisionContext`.
    pub fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    /// To be made before the item is read.
    pub fn watch(&self, key: &Key) -> Watch {
        Watch::new(self.runtime.clone(), self.schema.name, key.clone())
    }

    /// Runs an HTTP command. `load` and `decide` run again on a conflict, so both must be repeatable.
    /// With an Idempotency-Key the first answer is kept for 24 hours and returned to every repetition.
    pub async fn handle_request<S, F>(
        &self,
        request: &RequestContext,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Outcome, Problem>,
    ) -> Result<Reply, Failure>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        let expires_at = self.now().plus(REQUEST_KEPT);
        let marker =
            request.cause_id().map(|id| IdempotencyRecord { id, fingerprint: request.fingerprint.clone(), response: None, expires_at });
        if let Some(marker) = &marker
            && let Some(item) = self.table.item(&IdempotencyRecord::key(&marker.id), Consistency::Strong).await?
        {
            return repeated(request, item.body.read().map_err(Problem::from)?);
        }
        self.answer(request, marker, load, decide).await
    }

    /// Like `handle_request`, for a rule that tells a repeated request by itself: it finds what the first one made under a
    /// key that both give, and answers from it. No answer is kept, so the commit may be a single write. The item
    /// keeps `RequestContext::mark`, by which the rule refuses an Idempotency-Key that comes with another request.
    pub async fn handle_request_once<S, F>(
        &self,
        request: &RequestContext,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Outcome, Problem>,
    ) -> Result<Reply, Failure>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        self.answer(request, None, load, decide).await
    }

    async fn answer<S, F>(
        &self,
        request: &RequestContext,
        marker: Option<IdempotencyRecord>,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Outcome, Problem>,
    ) -> Result<Reply, Failure>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        let origin = Origin {
            causation_id: &request.request_id,
            correlation_id: &request.request_id,
            actor: request.actor.clone(),
            seed: self.runtime.seed(),
            begun_at: self.now(),
            marker,
            keeps: Keeps::Always,
        };
        match self.run(&origin, load, decide).await? {
            Ended::Done { reply, .. } => Ok(reply),
            Ended::Repeated(cause) => repeated(request, *cause),
        }
    }

    /// Handles a delivered event. Delivered again, it changes nothing: the inbox record is in the
    /// same commit. An event that changes nothing leaves no record.
    pub async fn handle_event<S, F>(
        &self,
        delivery: &Delivery,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Changes, Problem>,
    ) -> Result<(), Problem>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        self.handle(delivery, Keeps::WithChanges, load, decide).await
    }

    /// Like `handle_event`, for state that tells a repeated event by itself: whatever a rule makes of the event once, it
    /// makes nothing of it afterwards, however late it comes again (a lifecycle without a way back, an item that
    /// is put only where there is none and outlives every queue). The inbox record is left out where a
    /// guarded write is in the commit, which halves the price of a single write and saves one more.
    pub async fn handle_event_guarded<S, F>(
        &self,
        delivery: &Delivery,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Changes, Problem>,
    ) -> Result<(), Problem>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        self.handle(delivery, Keeps::WithoutGuards, load, decide).await
    }

    async fn handle<S, F>(
        &self,
        delivery: &Delivery,
        keeps: Keeps,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Changes, Problem>,
    ) -> Result<(), Problem>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        let id = delivery.inbox_id();
        let cause = format!("event:{}", delivery.envelope.id);
        let hash = blake3::hash(id.as_bytes());
        let mut seed = [0; 16];
        seed.copy_from_slice(&hash.as_bytes()[..16]);
        let origin = Origin {
            causation_id: &cause,
            correlation_id: &delivery.envelope.correlation_id,
            actor: Actor::System,
            seed,
            begun_at: delivery.envelope.time,
            marker: Some(IdempotencyRecord { id, fingerprint: None, response: None, expires_at: self.now().plus(INBOX_KEPT) }),
            keeps,
        };
        self.run(&origin, load, |state, context| Ok(decide(state, context)?.reply(Reply::no_content()))).await?;
        Ok(())
    }

    /// A step of a schedule, of an import or of the command line. No marker: the state guards itself.
    /// Returns whether anything changed.
    pub async fn run_job<S, F>(
        &self,
        causation_id: &str,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Changes, Problem>,
    ) -> Result<bool, Problem>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        let seed = self.runtime.seed();
        let origin = Origin {
            causation_id,
            correlation_id: causation_id,
            actor: Actor::System,
            seed,
            begun_at: self.now(),
            marker: None,
            keeps: Keeps::WithChanges,
        };
        match self.run(&origin, load, |state, context| Ok(decide(state, context)?.reply(Reply::no_content()))).await? {
            Ended::Done { changed, .. } => Ok(changed),
            Ended::Repeated(_) => Ok(false),
        }
    }

    async fn run<S, F>(
        &self,
        origin: &Origin<'_>,
        load: impl Fn() -> F,
        decide: impl Fn(S, &DecisionContext) -> Result<Outcome, Problem>,
    ) -> Result<Ended, Problem>
    where
        F: Future<Output = Result<S, Problem>> + Send,
        S: Send,
    {
        for run in 0..RUNS_MAX {
            let state = load().await?;
            let context = DecisionContext { now: self.now(), actor: origin.actor.clone(), begun_at: origin.begun_at, seed: origin.seed };
            let Outcome { changes, reply } = decide(state, &context)?;
            let changed = !changes.is_empty();
            let marker = match origin.keeps {
                Keeps::Always => origin.marker.clone().map(|marker| IdempotencyRecord { response: Some(reply.stored()), ..marker }),
                Keeps::WithChanges => origin.marker.clone().filter(|_| changed),
                Keeps::WithoutGuards => origin.marker.clone().filter(|_| changed && !changes.writes.iter().any(Write::is_guarded)),
            };
            if !changed && marker.is_none() {
                return Ok(Ended::Done { reply, changed });
            }
            let commit = Commit { writes: changes.writes, events: envelopes(changes.events, origin, &context), idempotency: marker };
            let keys: Vec<Key> = commit.writes.iter().map(|write| write.key().clone()).collect();
            match self.table.commit(commit).await {
                Ok(()) => {
                    self.runtime.watchers.notify(self.schema.name, keys.into_iter());
                    return Ok(Ended::Done { reply, changed });
                }
                Err(CommitError::Conflict(failed)) => {
                    tracing::debug!(
                        service = self.schema.name,
                        causation_id = origin.causation_id,
                        run,
                        ?failed,
                        "the state changed, asking the rule again"
                    );
                    self.pause(run).await;
                }
                Err(CommitError::Repeated(cause)) => return Ok(Ended::Repeated(cause)),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(Problem::new(kernel::Code::Overloaded, format!("{} kept changing; try again", self.schema.name)).retry_after(1))
    }

    /// The first conflicts are retried at once; later ones wait 1 to 64 ms, with jitter, so that
    /// those who want the same item do not march in step.
    async fn pause(&self, run: u32) {
        if run >= 2 {
            let mut chance = [0; 2];
            self.runtime.entropy.fill(&mut chance);
            let longest = 1_u64 << run.min(6);
            tokio::time::sleep(Duration::from_micros(longest * 1000 * u64::from(u16::from_le_bytes(chance)) / 65_536)).await;
        }
    }
}

fn repeated(request: &RequestContext, cause: IdempotencyRecord) -> Result<Reply, Failure> {
    if cause.fingerprint != request.fingerprint {
        return Err(key_reused().into());
    }
    let response = cause.response.ok_or_else(|| Problem::internal("an idempotency record without a response"))?;
    Ok(Reply::from_stored(response))
}

fn envelopes(events: Vec<(contracts::Event, Option<u64>)>, origin: &Origin<'_>, context: &DecisionContext) -> Vec<Envelope> {
    let traceparent = trace::current();
    let envelope = |(place, (event, version)): (usize, (contracts::Event, Option<u64>))| {
        let n = u8::try_from(place).unwrap_or(u8::MAX);
        Envelope {
            id: EventId(stamped(context.now, &context.chance(b'e', n))),
            time: context.now,
            sequence: version.unwrap_or_else(|| context.now.as_millis().unsigned_abs()) * 100 + u64::from(n),
            causation_id: origin.causation_id.to_owned(),
            correlation_id: origin.correlation_id.to_owned(),
            traceparent,
            actor: origin.actor.clone(),
            event,
        }
    };
    events.into_iter().enumerate().map(envelope).collect()
}
