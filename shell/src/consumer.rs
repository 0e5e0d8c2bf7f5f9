//! What runs without a request: consumers of events and schedules.

use std::sync::Arc;

use contracts::EventData;
use futures::future::BoxFuture;
use kernel::{Backoff, Duration, Problem};

use crate::delivery::Delivery;

type Handled<'a> = BoxFuture<'a, Result<(), Problem>>;
type Handler = Arc<dyn for<'a> Fn(&'a Delivery) -> Handled<'a> + Send + Sync>;
type Tick = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;

/// How a failing delivery is tried again: after growing pauses, and then it is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all.
    pub tries: u32,
    pub backoff: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 5, backoff: Backoff { first: Duration::from_millis(200), max: Duration::from_secs(60) } }
    }
}

/// A named reader of events with its own checkpoint, retries and dead letters. `A` is what its handlers work with;
/// a host needs only what is left of it, `Consumer`.
#[derive(Clone)]
pub struct Consumer<A = ()> {
    pub name: &'static str,
    pub retry: RetryPolicy,
    app: A,
    /// The types of event that it subscribes to, sorted, and for each its handler.
    types: Vec<&'static str>,
    handlers: Vec<Handler>,
    /// What the counters call a delivery.
    pub(crate) operation: Arc<str>,
}

impl<A: Clone + Send + Sync + 'static> Consumer<A> {
    pub fn new(name: &'static str, app: A) -> Self {
        Self {
            name,
            retry: RetryPolicy::default(),
            app,
            types: Vec::new(),
            handlers: Vec::new(),
            operation: format!("event > {name}").into(),
        }
    }

    /// Subscribes to a type of event.
    ///
    /// # Panics
    /// If it is subscribed to already.
    #[must_use]
    pub fn on<E: EventData + 'static>(
        mut self,
        handle: impl for<'a> Fn(&'a A, &'a Delivery, &'a E) -> Handled<'a> + Send + Sync + 'static,
    ) -> Self {
        let (app, handle) = (self.app.clone(), Arc::new(handle));
        let handler = handler(move |delivery| {
            let (app, handle) = (app.clone(), handle.clone());
            Box::pin(async move {
                match E::of(&delivery.envelope.event) {
                    Some(event) => handle(&app, delivery, event).await,
                    None => Err(unwanted(delivery)),
                }
            })
        });
        match self.types.binary_search(&E::KIND) {
            Ok(_) => panic!("{} subscribes to {} twice", self.name, E::KIND),
            Err(place) => {
                self.types.insert(place, E::KIND);
                self.handlers.insert(place, handler);
            }
        }
        self
    }

    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Without the type of what its handlers work with.
    pub(crate) fn erased(self) -> Consumer {
        let Self { name, retry, types, handlers, operation, .. } = self;
        Consumer { name, retry, app: (), types, handlers, operation }
    }
}

impl<A> Consumer<A> {
    /// The types of event that it subscribes to, sorted.
    pub fn types(&self) -> &[&'static str] {
        &self.types
    }

    pub(crate) async fn handle(&self, delivery: &Delivery) -> Result<(), Problem> {
        match self.types.binary_search(&delivery.envelope.event.kind()) {
            Ok(place) => self.handlers[place](delivery).await,
            Err(_) => Err(unwanted(delivery)),
        }
    }
}

fn handler(handle: impl for<'a> Fn(&'a Delivery) -> Handled<'a> + Send + Sync + 'static) -> Handler {
    Arc::new(handle)
}

fn unwanted(delivery: &Delivery) -> Problem {
    Problem::internal(format!("{} does not subscribe to {}", delivery.consumer, delivery.envelope.event.kind()))
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
    pub fn new<A, F>(name: &'static str, every: Duration, app: A, run: impl Fn(A) -> F + Send + Sync + 'static) -> Self
    where
        A: Clone + Send + Sync + 'static,
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        Self { name, every, run: Arc::new(move || Box::pin(run(app.clone()))), operation: format!("tick {name}").into() }
    }
}
