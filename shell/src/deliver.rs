//! One delivery and one tick, as every home does them: a dispatcher with a log, or a function that a
//! queue or a timer calls.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use contracts::Envelope;
use futures::FutureExt as _;
use kernel::Problem;

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

/// Hands an event to a consumer once; a panic of the handler is a failure like any other. `attempt` is
/// 1 for the first try. `replay` names a replay that wants effects again which have happened.
///
/// Remembering a failure is the caller's: the dispatcher parks a letter, a queue redelivers.
pub async fn deliver(
    runtime: &Runtime,
    consumer: &Consumer,
    envelope: &Arc<Envelope>,
    attempt: u32,
    replay: Option<String>,
) -> Result<(), Problem> {
    let delivery = Delivery { envelope: envelope.clone(), consumer: consumer.name, attempt, replay, part: 0 };
    let handled = AssertUnwindSafe(async { consumer.handle(&delivery).await }).catch_unwind();
    let handled = OPERATION.scope(consumer.operation.clone(), within_trace(envelope.traceparent, handled));
    let begun = Instant::now();
    let result = match handled.await {
        Ok(result) => result,
        Err(_) => Err(Problem::internal("the consumer panicked")),
    };
    runtime.telemetry.event_seconds.get_or_create(&ConsumerLabels { consumer: consumer.name }).observe(begun.elapsed().as_secs_f64());
    let outcome = if result.is_ok() { "done" } else { "failed" };
    runtime.telemetry.events.get_or_create(&EventLabels { consumer: consumer.name, outcome }).inc();
    if result.is_ok() {
        let lag = runtime.clock.now().since(envelope.time).as_secs_f64();
        runtime.telemetry.event_lag_seconds.get_or_create(&ConsumerLabels { consumer: consumer.name }).observe(lag);
    }
    let trace = envelope.traceparent.map(|trace| tracing::field::display(trace.shown_id()));
    tracing::debug!(consumer = consumer.name, event = %envelope.id, kind = envelope.event.kind(), subject = envelope.event.subject(), request = envelope.correlation_id, trace, attempt, outcome, "delivered");
    result
}

/// Runs a schedule once, in a trace of its own. That no other process does the same is the caller's care.
pub async fn tick(runtime: &Runtime, schedule: &Schedule) -> Result<(), Problem> {
    let work = AssertUnwindSafe(async { (schedule.run)().await }).catch_unwind();
    let work = OPERATION.scope(schedule.operation.clone(), within_trace(Some(trace::begin(&*runtime.entropy)), work));
    let begun = Instant::now();
    let result = work.await;
    runtime.telemetry.schedule_seconds.get_or_create(&ScheduleLabels { schedule: schedule.name }).observe(begun.elapsed().as_secs_f64());
    match result {
        Ok(result) => result,
        Err(_) => Err(Problem::internal("the schedule panicked")),
    }
}
