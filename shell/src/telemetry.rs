//! Counters and histograms, in the Prometheus exposition format at `/metrics`.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StoreLabels {
    pub service: &'static str,
    pub operation: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RouteLabels {
    pub route: Arc<str>,
    pub status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ConsumerLabels {
    pub consumer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EventLabels {
    pub consumer: &'static str,
    pub outcome: &'static str,
}

/// Events that a service has told, by type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EmittedLabels {
    pub service: &'static str,
    pub kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ScheduleLabels {
    pub schedule: &'static str,
}

/// From 50 microseconds to a minute, in steps of about a third.
#[derive(Clone)]
pub(crate) struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(std::iter::successors(Some(0.000_05), |bound| Some(bound * 1.35)).take_while(|bound| *bound < 60.0))
    }
}

type SecondsFamily<L> = Family<L, Histogram, Buckets>;
type Units = Counter<f64, std::sync::atomic::AtomicU64>;

/// Units of reads and of writes.
#[derive(Default)]
struct Taken {
    read: Units,
    write: Units,
}

/// All that a process counts.
pub struct Telemetry {
    registry: Registry,
    pub(crate) reads: Family<StoreLabels, Counter>,
    pub(crate) read_units: Family<StoreLabels, Units>,
    pub(crate) write_units: Family<StoreLabels, Units>,
    /// Of all services and operations.
    taken: Taken,
    pub(crate) commits: Family<StoreLabels, Counter>,
    pub(crate) conflicts: Family<StoreLabels, Counter>,
    pub(crate) events_emitted: Family<EmittedLabels, Counter>,
    pub(crate) requests: Family<RouteLabels, Counter>,
    pub(crate) request_seconds: SecondsFamily<RouteLabels>,
    pub(crate) requests_shed: Counter,
    pub(crate) events: Family<EventLabels, Counter>,
    pub(crate) event_lag_seconds: SecondsFamily<ConsumerLabels>,
    pub(crate) event_seconds: SecondsFamily<ConsumerLabels>,
    pub(crate) schedule_seconds: SecondsFamily<ScheduleLabels>,
    pub(crate) backlog: Family<ConsumerLabels, Gauge>,
    pub(crate) dead_letters: Family<EventLabels, Counter>,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("souk");
        let r = &mut registry;
        Self {
            reads: counted(r, "store_reads", "Calls that read, whatever they brought"),
            read_units: counted(r, "store_read_units", "Read units as DynamoDB bills them"),
            write_units: counted(r, "store_write_units", "Write units as DynamoDB bills them"),
            taken: Taken::default(),
            commits: counted(r, "store_commits", "Commits that were done"),
            conflicts: counted(r, "store_conflicts", "Commits that found the state changed and ran their rule again"),
            events_emitted: counted(r, "events_emitted", "Events that services told, by type"),
            requests: counted(r, "http_requests", "Requests by route and status"),
            request_seconds: timed(r, "http_request_duration", "Time to answer"),
            requests_shed: counted(r, "http_requests_shed", "Requests refused because too much was going on"),
            events: counted(r, "events", "Deliveries by consumer and outcome"),
            event_lag_seconds: timed(r, "event_lag", "Time from an event to the end of its handling"),
            event_seconds: timed(r, "event_handling", "Time that a consumer takes for an event"),
            schedule_seconds: timed(r, "schedule_run", "Time that a schedule takes when it runs"),
            backlog: counted(r, "queue_backlog", "Events that a consumer has not looked at yet"),
            dead_letters: counted(r, "dead_letters", "Deliveries given up after the last try"),
            registry,
        }
    }

    /// The text of `/metrics`.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail; an encoder's error would leave a visibly cut text.
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            tracing::error!("the metrics could not be written");
        }
        text
    }

    /// Read and write units that the process has taken so far.
    pub fn units(&self) -> (f64, f64) {
        (self.taken.read.get(), self.taken.write.get())
    }

    pub(crate) fn observe_read(&self, labels: &StoreLabels, units: f64) {
        self.reads.get_or_create(labels).inc();
        self.read_units.get_or_create(labels).inc_by(units);
        self.taken.read.inc_by(units);
    }

    pub(crate) fn observe_commit(&self, labels: &StoreLabels, units: f64) {
        self.commits.get_or_create(labels).inc();
        self.write_units.get_or_create(labels).inc_by(units);
        self.taken.write.inc_by(units);
    }

    pub(crate) fn observe_request(&self, route: &Arc<str>, status: u16, took: Duration) {
        let labels = RouteLabels { route: route.clone(), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

fn counted<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn timed<L>(registry: &mut Registry, name: &str, help: &str) -> SecondsFamily<L>
where
    L: EncodeLabelSet + Debug + Clone + Eq + Hash + Send + Sync + 'static,
{
    let seconds = SecondsFamily::new_with_constructor(Buckets);
    registry.register_with_unit(name, help, Unit::Seconds, seconds.clone());
    seconds
}
