//! The queues of the consumers in SQS: pauses between tries, and an operator's look at what was given
//! up. Dead letters are moved by receiving, sending and deleting: SQS's own move task takes a whole
//! queue, and emulators do not have it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as Attribute, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, QueueAttributeName,
};
use ports::Entropy;

use crate::clients::Clients;
use crate::error::{code_of, describe};

/// What one batch request takes, and one receive gives.
const BATCH_MAX: usize = 10;
/// Dead letters that are looked through for one.
const LOOKED_MAX: usize = 1000;
/// So long nobody else sees the dead letters that are being looked through.
const LOOKING: Duration = Duration::from_secs(60);
/// SQS hides a message for at most twelve hours.
const HIDDEN_MAX: Duration = Duration::from_secs(12 * 3600);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    #[error("there is no queue {0}")]
    Unknown(String),
    #[error("there is no dead letter {0}")]
    NoLetter(String),
    #[error("the queues are unavailable: {0}")]
    Unavailable(String),
}

/// A delivery that failed: its receipt handle, and how often it has been received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    pub receipt_handle: String,
    pub receives: u32,
}

/// How long a failed message rests. Doubles with each failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    pub first: Duration,
    pub longest: Duration,
}

/// About how many messages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// To be received now.
    pub ready: u64,
    /// Received and not settled: worked on, or resting until the next try.
    pub hidden: u64,
    pub dead: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS's message id, the same before and after it was given up.
    pub id: String,
    /// The EventBridge event; its `detail` is the envelope.
    pub body: String,
    pub receives: u32,
    /// Milliseconds since 1970.
    pub sent_at_ms: i64,
}

/// The queue of a consumer is the prefix and its name with dashes for dots; its dead letters lie in the
/// queue with `-dead` behind it.
pub struct Queues {
    clients: Arc<Clients>,
    prefix: String,
    entropy: Arc<dyn Entropy>,
    urls: Mutex<HashMap<String, String>>,
}

impl Queues {
    pub fn new(clients: Arc<Clients>, prefix: impl Into<String>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clients, prefix: prefix.into(), entropy, urls: Mutex::default() }
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
    pub async fn postpone(&self, consumer: &str, failed: &[FailedDelivery], pauses: Pauses) -> Result<(), QueueError> {
        let rested: Vec<_> =
            failed.iter().map(|delivery| (delivery.receipt_handle.clone(), self.rest(pauses, delivery.receives))).collect();
        self.hide(&self.name(consumer), &rested).await
    }

    pub async fn depth(&self, consumer: &str) -> Result<Depth, QueueError> {
        let (ready, hidden) = self.count(&self.name(consumer)).await?;
        let (dead, looked_at) = self.count(&self.dead_name(consumer)).await?;
        Ok(Depth { ready, hidden, dead: dead + looked_at })
    }

    /// Some of the dead letters, at most `limit` (1 to 1000); SQS promises no order.
    pub async fn dead_letters(&self, consumer: &str, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let name = self.dead_name(consumer);
        let found = self.look(&name, limit.clamp(1, LOOKED_MAX), |_| false).await?;
        self.show_again(&name, &found).await?;
        Ok(found.iter().map(letter_of).collect())
    }

    /// Puts a dead letter back into the queue, with all its tries before it. If this stops half-way the
    /// letter is in both queues, and delivered twice, which changes nothing.
    pub async fn redrive(&self, consumer: &str, id: &str) -> Result<(), QueueError> {
        self.settle(consumer, id, true).await
    }

    /// Throws a dead letter away for good. The bus's archive still holds the event.
    pub async fn drop_letter(&self, consumer: &str, id: &str) -> Result<(), QueueError> {
        self.settle(consumer, id, false).await
    }

    /// Puts back all that are dead now, at most 1000. Returns how many.
    pub async fn redrive_all(&self, consumer: &str) -> Result<usize, QueueError> {
        let name = self.dead_name(consumer);
        let found = self.look(&name, LOOKED_MAX, |_| false).await?;
        for (place, message) in found.iter().enumerate() {
            if let Err(error) = self.put_back(consumer, message).await {
                self.show_again(&name, &found[place..]).await?;
                return Err(error);
            }
            self.delete(&name, message).await?;
        }
        Ok(found.len())
    }

    async fn settle(&self, consumer: &str, id: &str, redrive: bool) -> Result<(), QueueError> {
        let name = self.dead_name(consumer);
        let wanted = |message: &Message| message.message_id() == Some(id);
        let (mut found, others): (Vec<_>, Vec<_>) = self.look(&name, LOOKED_MAX, wanted).await?.into_iter().partition(wanted);
        self.show_again(&name, &others).await?;
        let message = found.pop().ok_or_else(|| QueueError::NoLetter(id.to_owned()))?;
        if redrive && let Err(error) = self.put_back(consumer, &message).await {
            self.show_again(&name, &[message]).await?;
            return Err(error);
        }
        self.delete(&name, &message).await?;
        tracing::info!(consumer, message = id, redrive, "a dead letter was moved");
        Ok(())
    }

    /// Receives until there are no more, or enough, or the wanted one is among them.
    async fn look(&self, name: &str, limit: usize, enough: impl Fn(&Message) -> bool) -> Result<Vec<Message>, QueueError> {
        let url = self.url(name).await?;
        let mut found: Vec<Message> = Vec::new();
        while found.len() < limit {
            let most = i32::try_from((limit - found.len()).min(BATCH_MAX)).unwrap_or(1);
            let answer = self
                .clients
                .queues()
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(most)
                .visibility_timeout(seconds(LOOKING))
                // A short wait asks all of SQS's machines, no wait only some.
                .wait_time_seconds(1)
                .message_system_attribute_names(Attribute::All)
                .send()
                .await
                .map_err(|error| QueueError::Unavailable(describe(&error)))?;
            let messages = answer.messages.unwrap_or_default();
            let done = messages.is_empty() || messages.iter().any(&enough);
            found.extend(messages);
            if done {
                break;
            }
        }
        Ok(found)
    }

    async fn put_back(&self, consumer: &str, message: &Message) -> Result<(), QueueError> {
        let url = self.url(&self.name(consumer)).await?;
        let mut send = self.clients.queues().send_message().queue_url(url).message_body(message.body().unwrap_or_default());
        if let Some(header) = attribute(message, &Attribute::AwsTraceHeader) {
            let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
            let value = value.map_err(|error| QueueError::Unavailable(error.to_string()))?;
            send = send.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        send.send().await.map(|_| ()).map_err(|error| QueueError::Unavailable(describe(&error)))
    }

    async fn delete(&self, name: &str, message: &Message) -> Result<(), QueueError> {
        let (url, receipt) = (self.url(name).await?, message.receipt_handle().unwrap_or_default());
        let deleted = self.clients.queues().delete_message().queue_url(url).receipt_handle(receipt).send().await;
        deleted.map(|_| ()).map_err(|error| QueueError::Unavailable(describe(&error)))
    }

    async fn show_again(&self, name: &str, messages: &[Message]) -> Result<(), QueueError> {
        let rested: Vec<_> = messages.iter().filter_map(|message| Some((message.receipt_handle()?.to_owned(), Duration::ZERO))).collect();
        self.hide(name, &rested).await
    }

    async fn hide(&self, name: &str, rested: &[(String, Duration)]) -> Result<(), QueueError> {
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

    async fn url(&self, name: &str) -> Result<String, QueueError> {
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

    /// Between half of the pause and all of it.
    fn rest(&self, pauses: Pauses, receives: u32) -> Duration {
        let mut chance = [0; 2];
        self.entropy.fill(&mut chance);
        let whole = pause(pauses, receives);
        whole / 2 + whole / 2 * u32::from(u16::from_le_bytes(chance)) / 65_536
    }
}

fn pause(pauses: Pauses, receives: u32) -> Duration {
    let doublings = receives.saturating_sub(1).min(30);
    pauses.first.saturating_mul(1 << doublings).min(pauses.longest).min(HIDDEN_MAX)
}

/// SQS counts in whole seconds; what is shorter than one counts as one, but nothing stays nothing.
fn seconds(span: Duration) -> i32 {
    i32::try_from(span.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

fn attribute<'a>(message: &'a Message, name: &Attribute) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

fn letter_of(message: &Message) -> DeadLetter {
    let number = |name: &Attribute| attribute(message, name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    DeadLetter {
        id: message.message_id().unwrap_or_default().to_owned(),
        body: message.body().unwrap_or_default().to_owned(),
        receives: u32::try_from(number(&Attribute::ApproximateReceiveCount)).unwrap_or_default(),
        sent_at_ms: number(&Attribute::SentTimestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = Pauses { first: Duration::from_secs(2), longest: Duration::from_secs(900) };
        for (receives, secs) in [(0, 2), (1, 2), (2, 4), (3, 8), (9, 512), (10, 900), (u32::MAX, 900)] {
            assert_eq!(pause(pauses, receives), Duration::from_secs(secs), "{receives}");
        }
        assert_eq!(pause(Pauses { longest: HIDDEN_MAX * 9, ..pauses }, 30), HIDDEN_MAX);
        assert_eq!((seconds(Duration::ZERO), seconds(Duration::from_millis(1)), seconds(HIDDEN_MAX)), (0, 1, 43_200));
    }
}
