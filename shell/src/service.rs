//! A service as a value: the hosts, the API document, the manifest and the cloud stack are
//! all derived from it.

use std::fmt;
use std::sync::Arc;

use contracts::Envelope;
use futures::future::BoxFuture;
use kernel::{Duration, Problem};
use ports::store::TableSchema;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{Operation, described};
use crate::root_routes::RootRoutes;
use crate::unit_of_work::UnitOfWork;

/// An event handed to a consumer.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub envelope: Arc<Envelope>,
    pub consumer: &'static str,
    /// 1 for the first try.
    pub attempt: u32,
    /// Set when an operator wants the effect again, although it has happened: the name of that replay.
    pub replay: Option<String>,
    /// Which of several commits that the event leads to; 0 for the only one.
    pub(crate) part: u32,
}

impl Delivery {
    /// For a consumer that makes several commits of one event: each has an inbox record, ids and events of its own.
    /// The number of a part must be the same whenever the event comes again.
    #[must_use]
    pub fn part(&self, part: u32) -> Self {
        Self { part, ..self.clone() }
    }

    pub(crate) fn inbox_id(&self) -> String {
        let mut id = format!("{}#{}", self.consumer, self.envelope.id);
        for suffix in self.replay.iter().cloned().chain((self.part > 0).then(|| self.part.to_string())) {
            id.extend(["#", &suffix]);
        }
        id
    }
}

type Handler = Arc<dyn Fn(Delivery) -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;
type Tick = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;

/// How a failing delivery is tried again: exponentially longer, with jitter, then a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all.
    pub tries: u32,
    pub first_delay: Duration,
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 5, first_delay: Duration::from_millis(200), max_delay: Duration::from_secs(60) }
    }
}

/// A named reader of events with its own cursor, retries and dead letters.
#[derive(Clone)]
pub struct Consumer {
    pub name: &'static str,
    pub types: &'static [&'static str],
    pub retry: RetryPolicy,
    pub(crate) handle: Handler,
    /// What the counters call a delivery.
    pub(crate) operation: Arc<str>,
}

impl Consumer {
    pub fn new<H, F>(name: &'static str, types: &'static [&'static str], handle: H) -> Self
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let handle: Handler = Arc::new(move |delivery| Box::pin(handle(delivery)));
        Self { name, types, retry: RetryPolicy::default(), handle, operation: format!("event > {name}").into() }
    }

    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }
}

/// Work that is due every so often, run by one process at a time.
#[derive(Clone)]
pub struct Schedule {
    pub name: &'static str,
    pub every: Duration,
    pub(crate) run: Tick,
    /// What the counters call a tick.
    pub(crate) operation: Arc<str>,
}

impl Schedule {
    pub fn new<H, F>(name: &'static str, every: Duration, run: H) -> Self
    where
        H: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        Self { name, every, run: Arc::new(move || Box::pin(run())), operation: format!("tick {name}").into() }
    }
}

/// The ways in which a service is run. On AWS each is a function with rights of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceRole {
    /// Answers requests.
    Api,
    /// Takes events.
    Events,
    /// Runs schedules.
    Tick,
}

impl ServiceRole {
    pub const ALL: &'static [Self] = &[Self::Api, Self::Events, Self::Tick];
}

/// What a home may offer besides stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    EventLog,
    Files,
    Gateway,
    Mail,
    Queues,
    SearchIndex,
    SigningKey,
    TimeZones,
    UserPool,
}

/// A resource that a service asks its home for, and the roles that use it: only these get the right to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Need {
    pub resource: Resource,
    pub roles: &'static [ServiceRole],
}

/// Everything that a host must know to run a service.
pub struct Service {
    pub name: &'static str,
    /// Absent for a service that keeps nothing.
    pub table: Option<TableSchema>,
    pub(crate) routes: OpenApiRouter,
    pub(crate) root_routes: axum::Router,
    pub consumers: Vec<Consumer>,
    pub schedules: Vec<Schedule>,
    /// All routes, for the manifest, by path and method.
    pub operations: Vec<Operation>,
    /// The services whose data it reads, as recorded by who built it.
    pub reads: Vec<&'static str>,
    pub needs: Vec<Need>,
}

impl Service {
    pub fn new(work: &UnitOfWork) -> Self {
        let table = work.schema();
        Self { table: Some(table), ..Self::without_table(table.name) }
    }

    pub fn without_table(name: &'static str) -> Self {
        Self {
            name,
            table: None,
            routes: OpenApiRouter::new(),
            root_routes: axum::Router::new(),
            consumers: Vec::new(),
            schedules: Vec::new(),
            operations: Vec::new(),
            reads: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// Routes below `/api/v1`, described in the API document.
    #[must_use]
    pub fn routes(mut self, routes: OpenApiRouter) -> Self {
        let paths = &routes.get_openapi().paths.paths;
        let operations = paths.iter().flat_map(|(path, item)| described(item).map(move |(method, _)| (method, format!("/api/v1{path}"))));
        let operations: Vec<_> = operations.collect();
        self.routes = self.routes.merge(routes);
        self.list(operations)
    }

    /// Routes at the root: pages and files.
    #[must_use]
    pub fn root_routes(mut self, routes: RootRoutes) -> Self {
        let (router, operations) = routes.into_parts();
        self.root_routes = self.root_routes.merge(router);
        self.list(operations)
    }

    fn list(mut self, operations: Vec<(&'static str, String)>) -> Self {
        self.operations.extend(operations.into_iter().map(|(method, path)| Operation::new(method, path)));
        self.operations.sort_by(|one, other| (&one.path, one.method).cmp(&(&other.path, other.method)));
        self
    }

    #[must_use]
    pub fn consumer(mut self, consumer: Consumer) -> Self {
        self.consumers.push(consumer);
        self
    }

    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}
