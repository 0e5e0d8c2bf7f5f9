//! One delivery and one tick, as every home does them: a dispatcher with a log, or a function that a
//! queue or a timer calls.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use contracts::Envelope;
use futures::FutureExt as _;
use kernel::Problem;
use tracing::Instrument as _;
use tracing::field::display;

use crate::consumer::{Consumer, Schedule};
use crate::delivery::Delivery;
use crate::metering::OPERATION;
use crate::runtime::Runtime;
use crate::service::Service;
use crate::telemetry::{ConsumerLabels, EventLabels, ScheduleLabels};
use crate::trace::{self, within_trace};

/// The consumer of that name.
pub fn find_consumer<'a>(services: &'a [Service], name: &str) -> Option<&'a Consumer> {
    services.iter().flat_map(|service| &service.consumers).find(|consumer| consumer.name == name)
}

/// The schedule of that name.
pub fn find_schedule<'a>(services: &'a [Service], name: &str) -> Option<&'a Schedule> {
    services.iter().flat_map(|service| &service.schedules).find(|schedule| schedule.name == name)
}

/// Hands an event to a consumer once. `attempt` is 1 for the first try. `replay` names a replay that wants effects again
/// which have happened.
///
/// Remembering a failure is the caller's: the dispatcher notes the failed delivery, a queue delivers again.
pub async fn deliver(
    runtime: &Runtime,
    consumer: &Consumer,
    envelope: &Arc<Envelope>,
    attempt: u32,
    replay: Option<String>,
) -> Result<(), Problem> {
    let trace = envelope.traceparent.map(|trace| display(trace.shown_id()));
    let span = tracing::info_span!(
        "delivery",
        request = envelope.correlation_id,
        trace,
        consumer = consumer.name,
        event = %envelope.id,
        kind = envelope.event.kind(),
        subject = envelope.event.subject(),
        attempt
    );
    let delivery = Delivery { envelope: envelope.clone(), consumer: consumer.name, attempt, replay, part: 0 };
    let handled = within_trace(envelope.traceparent, measured(runtime, consumer, &delivery)).instrument(span);
    OPERATION.scope(consumer.operation.clone(), handled).await
}

/// A panic of the handler is a failure like any other.
async fn measured(runtime: &Runtime, consumer: &Consumer, delivery: &Delivery) -> Result<(), Problem> {
    let begun = Instant::now();
    let handled = AssertUnwindSafe(consumer.handle(delivery)).catch_unwind().await;
    let result = handled.unwrap_or_else(|_| Err(Problem::internal("the consumer panicked")));
    let (telemetry, labels) = (&runtime.telemetry, ConsumerLabels { consumer: consumer.name });
    telemetry.event_seconds.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
    let outcome = if result.is_ok() { "done" } else { "failed" };
    telemetry.events.get_or_create(&EventLabels { consumer: consumer.name, outcome }).inc();
    if result.is_ok() {
        let lag = runtime.clock.now().since(delivery.envelope.time).as_secs_f64();
        telemetry.event_lag_seconds.get_or_create(&labels).observe(lag);
    }
    tracing::debug!(outcome, "delivered");
    result
}

/// Runs a schedule once, in a trace of its own. That no other process does the same is the caller's care.
pub async fn tick(runtime: &Runtime, schedule: &Schedule) -> Result<(), Problem> {
    let trace = trace::begin(&*runtime.entropy);
    let span = tracing::info_span!("tick", schedule = schedule.name, trace = %trace.shown_id());
    let work = AssertUnwindSafe(async { (schedule.run)().await }).catch_unwind().instrument(span);
    let work = OPERATION.scope(schedule.operation.clone(), within_trace(Some(trace), work));
    let begun = Instant::now();
    let result = work.await;
    runtime.telemetry.schedule_seconds.get_or_create(&ScheduleLabels { schedule: schedule.name }).observe(begun.elapsed().as_secs_f64());
    match result {
        Ok(result) => result,
        Err(_) => Err(Problem::internal("the schedule panicked")),
    }
}
