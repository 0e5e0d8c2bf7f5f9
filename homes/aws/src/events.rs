//! A batch of messages from the queues of the service's consumers. Each message is settled by itself:
//! one that fails, or that nobody understands, comes back alone and ends among the dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use aws::Queues;
use aws::queues::{FailedDelivery, Pauses, envelope_of};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contracts::Envelope;
use futures::StreamExt as _;
use kernel::Problem;
use shell::{Consumer, Service, World, deliver, find_consumer};

use crate::emf::Metrics;
use crate::invocation::Invocations;

/// Deliveries at once.
const IN_FLIGHT_MAX: usize = 10;

pub struct EventsFunction {
    world: Arc<World>,
    services: Vec<Service>,
    queues: Queues,
    invocations: Invocations,
}

struct Settled<'a> {
    message: &'a SqsMessage,
    /// Absent for a queue that is none of ours.
    consumer: Option<&'a Consumer>,
    result: Result<(), Problem>,
}

impl EventsFunction {
    pub fn new(world: Arc<World>, service: Service, queues: Queues, invocations: Invocations) -> Self {
        Self { world, services: vec![service], queues, invocations }
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
        let result = deliver(&self.world, consumer, &envelope, attempt, None).await;
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
            let pauses = Pauses { first: consumer.retry.first_delay, longest: consumer.retry.max_delay };
            if let Err(error) = self.queues.postpone(consumer.name, deliveries, pauses).await {
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
        self.invocations.write(std::iter::once(all).chain(consumers.into_values()));
    }
}

/// How often the message has been received, this time included.
fn receives(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}
