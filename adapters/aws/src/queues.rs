//! The queues of the consumers in SQS: their names, pauses between tries, and how full they are. What was
//! given up is in `letters.rs`; where the bus calls the consumers itself, there is nothing but that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName};
use contracts::Envelope;
use kernel::{Backoff, Problem};
use ports::Entropy;
use serde::Deserialize;

use crate::bus::Bus;
use crate::clients::Clients;
use crate::error::{code_of, describe};

/// What one batch request takes, and one receive gives.
pub(crate) const BATCH_MAX: usize = 10;
/// SQS hides a message for at most twelve hours.
const HIDDEN_MAX: Duration = Duration::from_secs(12 * 3600);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    #[error("there is no queue {0}")]
    Unknown(String),
    #[error("the queues are unavailable: {0}")]
    Unavailable(String),
    /// A letter that the bus cannot bring to its consumer again.
    #[error("this cannot be delivered again: {0}")]
    Undeliverable(String),
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unknown(_) => Self::internal(error),
            QueueError::Unavailable(_) => Self::unavailable(error),
            QueueError::Undeliverable(_) => Self::invalid(error.to_string()),
        }
    }
}

/// The event in a message's body: the bus wraps the envelope in an event of its own.
pub fn envelope_of(body: &str) -> Result<Envelope, serde_json::Error> {
    #[derive(Deserialize)]
    struct BusEvent {
        detail: Envelope,
    }
    serde_json::from_str::<BusEvent>(body).map(|event| event.detail)
}

/// A delivery that failed: its receipt handle, and how often it has been received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    pub receipt_handle: String,
    pub receives: u32,
}

/// About how many messages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// To be received now. Lambda does not tell what waits for its functions.
    pub ready: u64,
    /// Received and not settled: worked on, or resting until the next try.
    pub hidden: u64,
    pub dead: u64,
}

/// The queue of a consumer is the prefix and its name with dashes for dots; its dead letters lie in the
/// queue with `-dead` behind it.
pub struct Queues {
    pub(crate) clients: Arc<Clients>,
    /// Where the bus calls the consumers, who then have no queues of their own.
    pub(crate) bus: Option<Bus>,
    prefix: String,
    entropy: Arc<dyn Entropy>,
    urls: Mutex<HashMap<String, String>>,
}

impl Queues {
    pub fn new(clients: Arc<Clients>, prefix: impl Into<String>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clients, bus: None, prefix: prefix.into(), entropy, urls: Mutex::default() }
    }

    /// Of consumers that the bus calls: letters go back to it, each to its consumer alone.
    #[must_use]
    pub fn called_by(self, bus: Bus) -> Self {
        Self { bus: Some(bus), ..self }
    }

    pub fn name(&self, consumer: &str) -> String {
        format!("{}{}", self.prefix, consumer.replace('.', "-"))
    }

    pub fn dead_name(&self, consumer: &str) -> String {
        format!("{}-dead", self.name(consumer))
    }

    /// The consumer whose queue has this ARN.
    pub fn consumer_of<'a>(&self, arn: &str, consumers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let name = arn.rsplit(':').next()?;
        consumers.into_iter().find(|consumer| self.name(consumer) == name)
    }

    /// Lets failed deliveries of a consumer rest before they are tried again.
    pub async fn postpone(&self, consumer: &str, failed: &[FailedDelivery], backoff: Backoff) -> Result<(), QueueError> {
        let rested: Vec<_> =
            failed.iter().map(|delivery| (delivery.receipt_handle.clone(), self.rest(backoff, delivery.receives))).collect();
        self.hide(&self.name(consumer), &rested).await
    }

    pub async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        let (ready, hidden) = if self.bus.is_some() { (0, 0) } else { self.count(&self.name(consumer)).await? };
        let (dead, looked_at) = self.count(&self.dead_name(consumer)).await?;
        Ok(Depth { ready, hidden, dead: dead + looked_at })
    }

    pub(crate) async fn hide(&self, name: &str, rested: &[(String, Duration)]) -> Result<(), QueueError> {
        if rested.is_empty() {
            return Ok(());
        }
        let url = self.url(name).await?;
        for batch in rested.chunks(BATCH_MAX) {
            let entry = |(place, (receipt, rest)): (usize, &(String, Duration))| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(place.to_string())
                    .receipt_handle(receipt)
                    .visibility_timeout(seconds(*rest))
                    .build()
            };
            let entries: Result<Vec<_>, _> = batch.iter().enumerate().map(entry).collect();
            let entries = entries.map_err(|error| QueueError::Unavailable(error.to_string()))?;
            let changed = self.clients.queues().change_message_visibility_batch().queue_url(&url).set_entries(Some(entries)).send().await;
            let changed = changed.map_err(|error| QueueError::Unavailable(describe(&error)))?;
            for failed in changed.failed() {
                // It comes back when its old time is up: sooner or later than wished, but it does.
                tracing::warn!(queue = name, code = failed.code(), "a message could not be hidden or shown");
            }
        }
        Ok(())
    }

    async fn count(&self, name: &str) -> Result<(u64, u64), QueueError> {
        let wanted = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let url = self.url(name).await?;
        let asked = self.clients.queues().get_queue_attributes().queue_url(url).set_attribute_names(Some(wanted.to_vec())).send().await;
        let answer = asked.map_err(|error| QueueError::Unavailable(describe(&error)))?;
        let number = |attribute: &QueueAttributeName| {
            answer.attributes().and_then(|all| all.get(attribute)).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default()
        };
        Ok((number(&wanted[0]), number(&wanted[1]) + number(&wanted[2])))
    }

    pub(crate) async fn url(&self, name: &str) -> Result<String, QueueError> {
        if let Some(url) = self.urls.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(url.clone());
        }
        let answer = self.clients.queues().get_queue_url().queue_name(name).send().await.map_err(|error| match code_of(&error) {
            "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" => QueueError::Unknown(name.to_owned()),
            _ => QueueError::Unavailable(describe(&error)),
        })?;
        let url = answer.queue_url().ok_or_else(|| QueueError::Unknown(name.to_owned()))?.to_owned();
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), url.clone());
        Ok(url)
    }

    fn rest(&self, backoff: Backoff, receives: u32) -> Duration {
        backoff.delay(receives, self.entropy.chance()).min(HIDDEN_MAX)
    }
}

/// SQS counts in whole seconds; what is shorter than one counts as one, but nothing stays nothing.
pub(crate) fn seconds(span: Duration) -> i32 {
    i32::try_from(span.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_seconds() {
        assert_eq!((seconds(Duration::ZERO), seconds(Duration::from_millis(1)), seconds(HIDDEN_MAX)), (0, 1, 43_200));
    }
}
