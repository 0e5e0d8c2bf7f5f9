//! Events for the service's consumers, in one of two forms. A batch of messages from their queues: each message is
//! settled by itself; one that fails, or that nobody understands, comes back alone and ends among the dead
//! letters. Or one event for one consumer, by a call of the bus: if it fails the call fails, Lambda calls again,
//! and in the end puts the event among the same dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws::Queues;
use aws::queues::{FailedDelivery, envelope_of};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contracts::Envelope;
use futures::StreamExt as _;
use kernel::Problem;
use serde_json::Value;
use shell::{Consumer, Runtime, Service, deliver, find_consumer};

use crate::emf::{Metrics, Unit};
use crate::invocation::Invocations;

/// Deliveries at once.
const IN_FLIGHT_MAX: usize = 10;
/// Tries within one call of the bus: Lambda itself comes back only after a minute, which is long for a conflict.
const TRIES_PER_CALL: u32 = 3;
/// No further try begins later than this after the first one, so that the call ends well within its time.
const TRIES_WITHIN: Duration = Duration::from_secs(5);
/// A message that waits longer for its delivery is late; the alarm of the stack counts those.
const WAITING_MAX_MS: i64 = 300_000;

pub struct EventsFunction {
    runtime: Arc<Runtime>,
    services: Vec<Service>,
    queues: Queues,
    /// Whom the bus calls this function for; none if it works on queues.
    called_for: Option<Consumer>,
    invocations: Invocations,
}

struct Settled<'a> {
    message: &'a SqsMessage,
    /// Absent for a queue that is none of ours.
    consumer: Option<&'a Consumer>,
    result: Result<(), Problem>,
}

impl EventsFunction {
    pub fn new(runtime: Arc<Runtime>, service: Service, queues: Queues, invocations: Invocations) -> Self {
        Self { runtime, services: vec![service], queues, called_for: None, invocations }
    }

    /// As the function of one consumer, called by the bus. `None` if the service has no such consumer.
    #[must_use]
    pub fn called_for(self, name: &str) -> Option<Self> {
        let consumer = find_consumer(&self.services, name)?.clone();
        Some(Self { called_for: Some(consumer), ..self })
    }

    /// Takes a batch of messages or an event of the bus, as Lambda hands them over. An error fails the call.
    pub async fn answer(&self, payload: Value) -> Result<Value, Problem> {
        if payload.get("Records").is_none() {
            self.deliver_one(&payload).await?;
            return Ok(Value::Null);
        }
        let batch: SqsEvent = serde_json::from_value(payload).map_err(Problem::internal)?;
        serde_json::to_value(self.deliver_all(&batch).await).map_err(Problem::internal)
    }

    async fn deliver_one(&self, payload: &Value) -> Result<(), Problem> {
        let begun = Instant::now();
        let Some(consumer) = &self.called_for else {
            tracing::error!("a call of the bus, but CONSUMER does not say for whom");
            return Err(Problem::internal("CONSUMER is not set"));
        };
        let mut tries = 1;
        let result = match envelope_of(&payload.to_string()) {
            Ok(envelope) => loop {
                let result = self.hand_over(consumer, envelope.clone(), tries).await;
                let pause = consumer.retry.backoff.delay(tries, u16::MAX);
                if result.is_ok() || tries == TRIES_PER_CALL || begun.elapsed() + pause > TRIES_WITHIN {
                    break result;
                }
                tokio::time::sleep(pause).await;
                tries += 1;
            },
            Err(error) => {
                tracing::error!(consumer = consumer.name, event = payload["id"].as_str(), %error, "what the bus brought is no event");
                Err(Problem::internal(error))
            }
        };
        let mut metrics = self.invocations.of_part("consumer", consumer.name);
        metrics.add("deliveries", Unit::Count, f64::from(tries));
        metrics.add("failures", Unit::Count, f64::from(if result.is_ok() { tries - 1 } else { tries }));
        self.invocations.write([self.invocations.measure(begun, result.is_err()), metrics]);
        result
    }

    /// Names the messages that failed, after giving them a rest.
    pub async fn deliver_all(&self, batch: &SqsEvent) -> SqsBatchResponse {
        let begun = Instant::now();
        let settled: Vec<_> =
            futures::stream::iter(&batch.records).map(|message| self.settle(message)).buffered(IN_FLIGHT_MAX).collect().await;
        self.let_rest(&settled).await;
        let mut response = SqsBatchResponse::default();
        for message in settled.iter().filter(|settled| settled.result.is_err()).map(|settled| settled.message) {
            response.add_failure(message.message_id.clone().unwrap_or_default());
        }
        self.measure(begun, &settled);
        response
    }

    async fn settle<'a>(&'a self, message: &'a SqsMessage) -> Settled<'a> {
        let arn = message.event_source_arn.as_deref().unwrap_or_default();
        let names = self.services.iter().flat_map(|service| service.consumers.iter().map(|consumer| consumer.name));
        let consumer = self.queues.consumer_of(arn, names).and_then(|name| find_consumer(&self.services, name));
        let Some(consumer) = consumer else {
            tracing::error!(queue = arn, message = message.message_id, "a message of a queue that belongs to no consumer");
            return Settled { message, consumer, result: Err(Problem::not_found(format_args!("consumer of {arn}"))) };
        };
        let result = match envelope_of(message.body.as_deref().unwrap_or_default()) {
            Ok(envelope) => self.hand_over(consumer, envelope, receives(message)).await,
            Err(error) => {
                tracing::error!(consumer = consumer.name, message = message.message_id, %error, "a message is no event");
                Err(Problem::internal(error))
            }
        };
        Settled { message, consumer: Some(consumer), result }
    }

    async fn hand_over(&self, consumer: &Consumer, envelope: Envelope, attempt: u32) -> Result<(), Problem> {
        let envelope = Arc::new(envelope);
        let result = deliver(&self.runtime, consumer, &envelope, attempt, None).await;
        if let Err(problem) = &result {
            let trace = envelope.traceparent.map(|trace| tracing::field::display(trace.shown_id()));
            tracing::warn!(consumer = consumer.name, event = %envelope.id, subject = envelope.event.subject(), trace, attempt, %problem, "a delivery failed");
        }
        result
    }

    /// A failed message comes back later each time. If that cannot be arranged it comes back when its
    /// queue's time is up, so nothing is lost.
    async fn let_rest(&self, settled: &[Settled<'_>]) {
        let mut failed: BTreeMap<&str, (&Consumer, Vec<FailedDelivery>)> = BTreeMap::new();
        for settled in settled.iter().filter(|settled| settled.result.is_err()) {
            let (Some(consumer), Some(receipt)) = (settled.consumer, settled.message.receipt_handle.clone()) else { continue };
            let delivery = FailedDelivery { receipt_handle: receipt, receives: receives(settled.message) };
            failed.entry(consumer.name).or_insert((consumer, Vec::new())).1.push(delivery);
        }
        for (consumer, deliveries) in failed.values() {
            if let Err(error) = self.queues.postpone(consumer.name, deliveries, consumer.retry.backoff).await {
                tracing::warn!(consumer = consumer.name, %error, "failed messages could not be postponed; they come back as the queue has it");
            }
        }
    }

    fn measure(&self, begun: Instant, settled: &[Settled<'_>]) {
        let mut consumers: BTreeMap<&str, Metrics> = BTreeMap::new();
        for settled in settled {
            let name = settled.consumer.map_or("unknown", |consumer| consumer.name);
            let metrics = consumers.entry(name).or_insert_with(|| self.invocations.of_part("consumer", name));
            metrics.count("deliveries", 1);
            metrics.count("failures", usize::from(settled.result.is_err()));
        }
        let all = self.invocations.measure(begun, false);
        self.invocations.write([all, self.alarms(settled)].into_iter().chain(consumers.into_values()));
    }

    /// Queues have no metrics of all of them together, so what the alarms want is counted here when it happens.
    fn alarms(&self, settled: &[Settled<'_>]) -> Metrics {
        let now = self.runtime.clock.now().as_millis();
        let mut metrics = Metrics::of_alarm();
        for settled in settled {
            if settled.result.is_err() && settled.consumer.is_some_and(|consumer| receives(settled.message) >= consumer.retry.tries) {
                metrics.count("given_up", 1);
            }
            if sent_at(settled.message).is_some_and(|sent| now - sent > WAITING_MAX_MS) {
                metrics.count("late", 1);
            }
        }
        metrics
    }
}

/// How often the message has been received, this time included.
fn receives(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// When it came into its queue, in milliseconds since 1970.
fn sent_at(message: &SqsMessage) -> Option<i64> {
    message.attributes.get("SentTimestamp")?.parse().ok()
}
