//! The commit loop: load, decide, commit; on a conflict again.

use std::sync::Arc;

use contracts::{Decision, Envelope};
use kernel::{Actor, Backoff, Duration, EventId, Problem, Timestamp};
use ports::store::{
    Commit, CommitError, Consistency, IdempotencyRecord, Key, Query, Record, Store, Stored, StoredResponse, TableSchema, Write,
};

use crate::changes::{Changes, DecisionContext, JobOutcome, Outcome};
use crate::delivery::Delivery;
use crate::http::{Failure, HandlerResult, Reply, RequestContext, key_reused};
use crate::runtime::Runtime;
use crate::stamp::stamped;
use crate::table::Table;
use crate::trace;
use crate::watch::Watch;

/// How often a rule is asked before the caller is told to come back later.
const ATTEMPTS_MAX: u32 = 24;
/// Conflicts after which a rule is asked again without a pause.
const AT_ONCE: u32 = 2;
const CONFLICT_BACKOFF: Backoff = Backoff { first: Duration::from_millis(4), max: Duration::from_millis(64) };
/// Items that `delete_listed` deletes in one commit. With a write that follows from each it has twice as many.
const DELETED_AT_ONCE: usize = 40;
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

enum Ended<T> {
    Done(T),
    Repeated(Box<IdempotencyRecord>),
}

/// Which run of the commit loop this is: the state is loaded again after every conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt(u32);

impl Attempt {
    pub fn is_first(self) -> bool {
        self.0 == 0
    }
}

/// Loads what a rule decides about.
pub trait Load<S>: Fn(Attempt) -> Self::Loading {
    type Loading: Future<Output = Result<S, Problem>> + Send;
}

impl<S, L, F> Load<S> for L
where
    L: Fn(Attempt) -> F,
    F: Future<Output = Result<S, Problem>> + Send,
{
    type Loading = F;
}

/// Decides: the state and the context in, the outcome out. It never waits, and it may run again.
pub trait Rule<S, O>: Fn(S, &DecisionContext) -> Result<O, Problem> {}

impl<S, O, R: Fn(S, &DecisionContext) -> Result<O, Problem>> Rule<S, O> for R {}

impl UnitOfWork {
    /// For the service that owns the table, over its store.
    pub fn new(runtime: &Arc<Runtime>, schema: TableSchema, store: Arc<dyn Store>) -> Self {
        let table = Table::new(schema.name, store, runtime.telemetry.clone());
        Self { runtime: runtime.clone(), schema, table }
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
        Watch::new(self.runtime.watchers.clone(), self.schema.name, key.clone())
    }

    /// Changes one item: loads it, refuses an If-Match of another version, asks the rule, and answers with the view and
    /// its ETag. `view` shows what the rule leaves.
    ///
    /// Errors: those of `load` and `rule`, and `precondition_failed`.
    pub async fn update<T, E>(
        &self,
        request: &RequestContext,
        load: impl Load<Stored<T>>,
        rule: impl Fn(T, &DecisionContext) -> Result<Decision<T>, E>,
        view: impl Fn(&T, &DecisionContext) -> Reply,
    ) -> HandlerResult
    where
        T: Record + Send,
        E: Into<Problem>,
    {
        let rule = |item: Stored<T>, context: &DecisionContext| {
            request.check_version(item.version)?;
            let version = item.version;
            let decision = rule(item.value, context).map_err(Into::into)?;
            let reply = view(decision.state(), context).etag(version + u64::from(decision.is_changed()));
            Ok(Changes::update(version, decision)?.reply(reply))
        };
        self.handle_request(request, load, rule).await
    }

    /// Makes a new item out of what is loaded, and answers with the view and its ETag.
    ///
    /// Errors: those of `load` and `rule`.
    pub async fn create<S, T, E>(
        &self,
        request: &RequestContext,
        load: impl Load<S>,
        rule: impl Fn(S, &DecisionContext) -> Result<Decision<T>, E>,
        view: impl Fn(&T) -> Reply,
    ) -> HandlerResult
    where
        S: Send,
        T: Record,
        E: Into<Problem>,
    {
        let rule = |state: S, context: &DecisionContext| {
            let decision = rule(state, context).map_err(Into::into)?;
            let reply = view(decision.state()).etag(1);
            Ok(Changes::create(decision)?.reply(reply))
        };
        self.handle_request(request, load, rule).await
    }

    /// Runs the command of a request. `load` and `rule` run again on a conflict, so both must be repeatable.
    /// With an Idempotency-Key the first answer is kept for 24 hours and returned to every repetition.
    pub async fn handle_request<S: Send>(
        &self,
        request: &RequestContext,
        load: impl Load<S>,
        rule: impl Rule<S, Outcome>,
    ) -> HandlerResult {
        let expires_at = self.now().plus(REQUEST_KEPT);
        let fingerprint = request.fingerprint.clone();
        let marker = request.record_id().map(|id| IdempotencyRecord { id, fingerprint, response: None, expires_at });
        if let Some(marker) = &marker
            && let Some(item) = self.table.item(&IdempotencyRecord::key(&marker.id), Consistency::Strong).await?
        {
            return repeated(request, item.body.read().map_err(Problem::from)?);
        }
        self.answer(request, marker, load, rule).await
    }

    /// Like `handle_request`, for a rule that recognizes a repeated request by itself: it finds what the first one made
    /// under a key that both name, and answers from it. No answer is kept, so the commit may be a single write. The item
    /// keeps `RequestContext::request_fingerprint`, by which the rule refuses an Idempotency-Key that comes with
    /// another request.
    pub async fn handle_request_once<S: Send>(
        &self,
        request: &RequestContext,
        load: impl Load<S>,
        rule: impl Rule<S, Outcome>,
    ) -> HandlerResult {
        self.answer(request, None, load, rule).await
    }

    async fn answer<S: Send>(
        &self,
        request: &RequestContext,
        marker: Option<IdempotencyRecord>,
        load: impl Load<S>,
        rule: impl Rule<S, Outcome>,
    ) -> HandlerResult {
        let origin = Origin {
            causation_id: &request.request_id,
            correlation_id: &request.request_id,
            actor: request.actor.clone(),
            seed: self.runtime.entropy.bytes(),
            begun_at: self.now(),
            marker,
            keeps: Keeps::Always,
        };
        match self.run(&origin, load, rule, Reply::stored).await? {
            Ended::Done(reply) => Ok(reply),
            Ended::Repeated(record) => repeated(request, *record),
        }
    }

    /// Handles a delivered event. Delivered again, it changes nothing: the inbox record is in the
    /// same commit. An event that changes nothing leaves no record.
    pub async fn handle_event<S: Send>(&self, delivery: &Delivery, load: impl Load<S>, rule: impl Rule<S, Changes>) -> Result<(), Problem> {
        self.handle(delivery, Keeps::WithChanges, load, rule).await
    }

    /// Like `handle_event`, for state that recognizes a repeated event by itself: whatever a rule makes of the event
    /// once, it makes nothing of it afterwards, however late it comes again (a lifecycle without a way back, an item that
    /// is put only where there is none and outlives every queue). The inbox record is left out where a
    /// guarded write is in the commit, which halves the price of a single write and saves one more.
    pub async fn handle_event_guarded<S: Send>(
        &self,
        delivery: &Delivery,
        load: impl Load<S>,
        rule: impl Rule<S, Changes>,
    ) -> Result<(), Problem> {
        self.handle(delivery, Keeps::WithoutGuards, load, rule).await
    }

    async fn handle<S: Send>(
        &self,
        delivery: &Delivery,
        keeps: Keeps,
        load: impl Load<S>,
        rule: impl Rule<S, Changes>,
    ) -> Result<(), Problem> {
        let id = delivery.inbox_id();
        let causation_id = format!("event:{}", delivery.envelope.id);
        let hash = blake3::hash(id.as_bytes());
        let mut seed = [0; 16];
        seed.copy_from_slice(&hash.as_bytes()[..16]);
        let origin = Origin {
            causation_id: &causation_id,
            correlation_id: &delivery.envelope.correlation_id,
            actor: Actor::System,
            seed,
            begun_at: delivery.envelope.time,
            marker: Some(IdempotencyRecord { id, fingerprint: None, response: None, expires_at: self.now().plus(INBOX_KEPT) }),
            keeps,
        };
        let rule = |state: S, context: &DecisionContext| Ok(rule(state, context)?.with(()));
        self.run(&origin, load, rule, |()| Reply::no_content().stored()).await?;
        Ok(())
    }

    /// A step of a schedule, of an import or of the command line. It leaves no record: the state guards itself.
    /// Returns what the rule gives with its changes, or whether anything changed.
    pub async fn run_job<S: Send, J: JobOutcome>(
        &self,
        causation_id: &str,
        load: impl Load<S>,
        rule: impl Rule<S, J>,
    ) -> Result<J::Value, Problem> {
        let origin = Origin {
            causation_id,
            correlation_id: causation_id,
            actor: Actor::System,
            seed: self.runtime.entropy.bytes(),
            begun_at: self.now(),
            marker: None,
            keeps: Keeps::WithChanges,
        };
        let rule = |state: S, context: &DecisionContext| Ok(rule(state, context)?.into_outcome());
        match self.run(&origin, load, rule, |_| Reply::no_content().stored()).await? {
            Ended::Done(value) => Ok(value),
            Ended::Repeated(record) => Err(Problem::internal(format!("a job met the record {}", record.id))),
        }
    }

    /// Deletes all that a listing holds, with the write that follows from each item. Begun again, it goes on with what is
    /// left. An index may still show what is gone, so that each item is read again before it is deleted.
    pub async fn delete_listed<T>(&self, causation_id: &str, listing: Query, follows: impl Fn(&T) -> Option<Write>) -> Result<(), Problem>
    where
        T: Record + Send + Sync,
    {
        for listed in self.table.list_all::<T>(listing).await?.chunks(DELETED_AT_ONCE) {
            let keys: Vec<Key> = listed.iter().map(|item| item.key()).collect();
            let delete = |found: Vec<Option<Stored<T>>>, _: &DecisionContext| {
                Ok(found.iter().flatten().fold(Changes::none(), |changes, item| {
                    follows(item).into_iter().fold(changes.delete(item.key(), item.version), Changes::write)
                }))
            };
            self.run_job(causation_id, |_| self.table.get_many(&keys), delete).await?;
        }
        Ok(())
    }

    async fn run<S: Send, T>(
        &self,
        origin: &Origin<'_>,
        load: impl Load<S>,
        rule: impl Rule<S, Outcome<T>>,
        stored: impl Fn(&T) -> StoredResponse,
    ) -> Result<Ended<T>, Problem> {
        for attempt in 0..ATTEMPTS_MAX {
            let state = load(Attempt(attempt)).await?;
            let context = DecisionContext { now: self.now(), actor: origin.actor.clone(), begun_at: origin.begun_at, seed: origin.seed };
            let Outcome { changes, value } = rule(state, &context)?;
            let changed = !changes.is_empty();
            let marker = match origin.keeps {
                Keeps::Always => origin.marker.clone().map(|marker| IdempotencyRecord { response: Some(stored(&value)), ..marker }),
                Keeps::WithChanges => origin.marker.clone().filter(|_| changed),
                Keeps::WithoutGuards => origin.marker.clone().filter(|_| changed && !changes.writes.iter().any(Write::is_guarded)),
            };
            if !changed && marker.is_none() {
                return Ok(Ended::Done(value));
            }
            let commit = Commit { writes: changes.writes, events: envelopes(changes.events, origin, &context), idempotency: marker };
            let subject = commit.events.first().map(|envelope| envelope.event.subject());
            let keys: Vec<Key> = commit.writes.iter().map(|write| write.key().clone()).collect();
            match self.table.commit(commit).await {
                Ok(()) => {
                    // A delivery says already which event it is about.
                    if let (Keeps::Always, Some(subject)) = (origin.keeps, subject) {
                        tracing::Span::current().record("subject", subject);
                    }
                    self.runtime.watchers.notify(self.schema.name, keys.into_iter());
                    return Ok(Ended::Done(value));
                }
                Err(CommitError::Conflict(failed)) => {
                    let (service, causation_id) = (self.schema.name, origin.causation_id);
                    tracing::debug!(service, causation_id, attempt, ?failed, "the state changed, asking the rule again");
                    self.pause(attempt).await;
                }
                Err(CommitError::Repeated(record)) => return Ok(Ended::Repeated(record)),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(Problem::new(kernel::Code::Overloaded, format!("{} kept changing; try again", self.schema.name)).retry_after(1))
    }

    /// The first conflicts are retried at once; later ones wait, so that those who want the same item do not march
    /// in step.
    async fn pause(&self, attempt: u32) {
        if attempt >= AT_ONCE {
            tokio::time::sleep(CONFLICT_BACKOFF.delay(attempt - AT_ONCE + 1, self.runtime.entropy.chance())).await;
        }
    }
}

fn repeated(request: &RequestContext, record: IdempotencyRecord) -> Result<Reply, Failure> {
    if record.fingerprint != request.fingerprint {
        return Err(key_reused().into());
    }
    let response = record.response.ok_or_else(|| Problem::internal("an idempotency record without a response"))?;
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
