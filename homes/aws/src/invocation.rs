//! The end of an invocation: what it took, as metrics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shell::Runtime;

use crate::emf::{Metrics, Unit};

/// What all roles measure.
pub struct Invocations {
    runtime: Arc<Runtime>,
    service: String,
    role: &'static str,
    /// Whether the numbers become metrics, or are only in the log.
    embedded: bool,
    /// Capacity units that earlier invocations have taken.
    reported: Mutex<(f64, f64)>,
}

impl Invocations {
    pub fn new(runtime: Arc<Runtime>, service: impl Into<String>, role: &'static str, embedded: bool) -> Self {
        Self { runtime, service: service.into(), role, embedded, reported: Mutex::new((0.0, 0.0)) }
    }

    /// Metrics of the function; `failed` is the invocation or the request as a whole.
    pub fn measure(&self, begun: Instant, failed: bool) -> Metrics {
        let mut metrics = Metrics::new(&[("service", &self.service), ("role", self.role)]);
        metrics.count("requests", 1);
        metrics.count("errors", usize::from(failed));
        metrics.add("duration", Unit::Milliseconds, millis(begun.elapsed()));
        let (read, write) = self.runtime.telemetry.units();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.add("read_units", Unit::None, read - reported.0);
        metrics.add("write_units", Unit::None, write - reported.1);
        *reported = (read, write);
        metrics
    }

    /// Metrics of a part of the service, such as a consumer.
    pub fn of_part(&self, name: &'static str, value: &str) -> Metrics {
        Metrics::new(&[("service", &self.service), (name, value)])
    }

    /// Writes the lines now: afterwards the function may be frozen.
    pub fn write(&self, all: impl IntoIterator<Item = Metrics>) {
        let now_ms = self.runtime.clock.now().as_millis();
        for line in all.into_iter().filter_map(|metrics| metrics.line(now_ms, self.embedded)) {
            println!("{line}");
        }
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
