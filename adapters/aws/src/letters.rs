//! An operator's look at what consumers have given up. Dead letters are moved by receiving, sending (to the
//! consumer's queue, or to the bus where it has none) and deleting: SQS's own move task takes a whole queue, and
//! emulators do not have it. To look at a message is to receive it, so it is hidden from other lookers until it is
//! shown again.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName as Attribute, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use kernel::{Code, Cursor, Page, Problem, Timestamp};
use ports::{Content, DeadLetter, DeadLetterId, QueueStatus, REDRIVEN_MAX};

use crate::error::describe;
use crate::queues::{BATCH_MAX, QueueError, Queues, envelope_of, seconds};

/// Dead letters that are looked through: beyond so many, some are not seen until others are gone.
const LOOKED_MAX: usize = 1000;
/// So long nobody else sees the dead letters that are being looked through.
const LOOKING: Duration = Duration::from_secs(60);
/// A page ends when its bodies have so many bytes: a function answers with 6 MB at most.
const PAGE_BYTES_MAX: usize = 4_000_000;
/// What is shown of a message that is no event.
const UNREADABLE_CHARS_MAX: usize = 2000;
/// Where Lambda and the bus say why they have given up; a queue says nothing.
const REASONS: [&str; 2] = ["ErrorMessage", "ERROR_MESSAGE"];

#[async_trait]
impl ports::Queues for Queues {
    async fn status(&self, consumer: &str) -> Result<QueueStatus, Problem> {
        let depth = self.depth(consumer).await?;
        Ok(QueueStatus { consumer: consumer.into(), position: None, backlog: depth.ready, waiting: depth.hidden, dead: depth.dead })
    }

    /// SQS knows no order and no pages: each page looks through all letters, at most 1000.
    async fn dead_letters(&self, consumer: &str, limit: usize, after: Option<Cursor>) -> Result<Page<DeadLetter>, Problem> {
        let after = after.as_ref().map(place_of_cursor).transpose()?;
        let name = self.dead_name(consumer);
        let mut found = self.look(&name, LOOKED_MAX, |_| false).await?;
        self.show_again(&name, &found).await?;
        found.sort_by_cached_key(place_of);
        let (mut page, mut bytes) = (Page { items: Vec::new(), next: None }, 0);
        let mut last = None;
        for message in found.iter().filter(|message| after.as_ref().is_none_or(|after| place_of(message) > *after)) {
            bytes += message.body().map_or(0, str::len);
            if page.items.len() == limit || (bytes > PAGE_BYTES_MAX && last.is_some()) {
                page.next = last.map(|last| cursor_of(&place_of(last)));
                break;
            }
            page.items.push(letter_of(message));
            last = Some(message);
        }
        Ok(page)
    }

    /// If this stops half-way the letter is both on its way and dead, and delivered twice, which changes nothing.
    async fn redrive(&self, consumer: &str, id: &DeadLetterId) -> Result<(), Problem> {
        self.settle(consumer, id, true).await
    }

    async fn redrive_some(&self, consumer: &str, limit: usize) -> Result<usize, Problem> {
        let name = self.dead_name(consumer);
        let found = self.look(&name, limit.min(REDRIVEN_MAX), |_| false).await?;
        let mut left = Vec::new();
        for (place, message) in found.iter().enumerate() {
            match self.put_back(consumer, message).await {
                Ok(()) => self.delete(&name, message).await?,
                // One such letter does not keep the others back.
                Err(error @ QueueError::Undeliverable(_)) => {
                    tracing::warn!(consumer, message = message.message_id(), %error, "a dead letter stays");
                    left.push(message.clone());
                }
                Err(error) => {
                    left.extend_from_slice(&found[place..]);
                    self.show_again(&name, &left).await?;
                    return Err(error.into());
                }
            }
        }
        self.show_again(&name, &left).await?;
        let count = found.len() - left.len();
        tracing::info!(consumer, count, "dead letters were redriven");
        Ok(count)
    }

    /// The bus's archive still holds the event.
    async fn drop_dead_letter(&self, consumer: &str, id: &DeadLetterId) -> Result<(), Problem> {
        self.settle(consumer, id, false).await
    }
}

impl Queues {
    async fn settle(&self, consumer: &str, id: &DeadLetterId, redrive: bool) -> Result<(), Problem> {
        let name = self.dead_name(consumer);
        let wanted = |message: &Message| message.message_id() == Some(&id.0);
        let (mut found, others): (Vec<_>, Vec<_>) = self.look(&name, LOOKED_MAX, wanted).await?.into_iter().partition(wanted);
        self.show_again(&name, &others).await?;
        let message = found.pop().ok_or_else(|| Problem::not_found(format_args!("dead letter {id} of {consumer}")))?;
        if redrive && let Err(error) = self.put_back(consumer, &message).await {
            self.show_again(&name, &[message]).await?;
            return Err(error.into());
        }
        self.delete(&name, &message).await?;
        tracing::info!(consumer, message = id.0, redrive, "a dead letter was moved");
        Ok(())
    }

    /// Receives until there are no more, or `limit`, or the one that is enough is among them.
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
                .set_message_attribute_names(Some(REASONS.map(str::to_owned).to_vec()))
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
        if let Some(bus) = &self.bus {
            let put = bus.redrive(consumer, message.body().unwrap_or_default()).await;
            return put.map_err(|unpublished| match unpublished.retry {
                true => QueueError::Unavailable(unpublished.reason),
                false => QueueError::Undeliverable(unpublished.reason),
            });
        }
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
}

/// When a message was sent, in milliseconds, and its id: the order in which letters are listed.
fn place_of(message: &Message) -> (i64, String) {
    (number(message, &Attribute::SentTimestamp), message.message_id().unwrap_or_default().to_owned())
}

fn cursor_of((sent, id): &(i64, String)) -> Cursor {
    Cursor(format!("{sent}~{id}"))
}

fn place_of_cursor(cursor: &Cursor) -> Result<(i64, String), Problem> {
    let place = cursor.0.split_once('~').and_then(|(sent, id)| Some((sent.parse().ok()?, id.to_owned())));
    place.ok_or_else(|| Problem::new(Code::InvalidCursor, "the cursor is not one of this listing"))
}

fn attribute<'a>(message: &'a Message, name: &Attribute) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

fn number(message: &Message, name: &Attribute) -> i64 {
    attribute(message, name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// SQS counts receives, and looking at a letter is one: the tries are not known.
fn letter_of(message: &Message) -> DeadLetter {
    let body = message.body().unwrap_or_default();
    let content = match envelope_of(body) {
        Ok(envelope) => Content::Event(Box::new(envelope)),
        Err(_) => Content::Unreadable(body.chars().take(UNREADABLE_CHARS_MAX).collect()),
    };
    DeadLetter {
        id: DeadLetterId(message.message_id().unwrap_or_default().to_owned()),
        content,
        attempts: None,
        since: Timestamp::from_millis(number(message, &Attribute::SentTimestamp)),
        error: REASONS.iter().find_map(|name| message.message_attributes()?.get(*name)?.string_value().map(str::to_owned)),
    }
}
