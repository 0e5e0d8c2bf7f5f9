//! Events on their way to EventBridge, in batches.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use ports::Entropy;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clients::Clients;
use crate::error::describe;
use crate::trace::xray_header;

/// What one PutEvents takes.
const ENTRIES_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 256 * 1024;
/// The source of an event that one consumer alone is to have again; its type is the consumer's name. Only the
/// consumer's own rule asks for it (`infra/src/consumer.ts`).
const REDRIVE_SOURCE: &str = "redrive";
/// How often an event is offered; the SDK repeats a whole request that failed besides.
const TRIES_MAX: u32 = 5;
/// The first pause is at most this long, each further one at most twice as long as the one before.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// An event that the bus did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpublished {
    /// Its place among those that were to be published.
    pub place: usize,
    pub reason: String,
    /// False for one that the bus will never take: it is no event, or too large.
    pub retry: bool,
}

/// An EventBridge bus. The source of an event is `souk.` and its service; its type is the detail type,
/// and the CloudEvents JSON the detail, as it is.
pub struct Bus {
    clients: Arc<Clients>,
    name: String,
    entropy: Arc<dyn Entropy>,
}

/// What of an envelope the bus must know.
#[derive(Deserialize)]
struct Head {
    source: String,
    #[serde(rename = "type")]
    kind: String,
    traceparent: Option<String>,
}

/// An event as the bus hands it out. What it carries may be of a type that this version does not know.
#[derive(Deserialize)]
struct Handed<'a> {
    #[serde(borrow)]
    detail: &'a RawValue,
}

#[derive(Deserialize)]
struct Traced {
    traceparent: Option<String>,
}

struct Waiting {
    place: usize,
    size_bytes: usize,
    entry: PutEventsRequestEntry,
    reason: String,
}

impl Bus {
    pub fn new(clients: Arc<Clients>, name: impl Into<String>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clients, name: name.into(), entropy }
    }

    /// Publishes CloudEvents JSON texts, in their order. What the bus refuses is offered again a bounded
    /// number of times, with growing pauses. Returns what it has not taken, by place.
    pub async fn publish(&self, envelopes: &[String]) -> Vec<Unpublished> {
        let mut unpublished = Vec::new();
        let mut waiting = Vec::new();
        for (place, envelope) in envelopes.iter().enumerate() {
            match self.entry(place, envelope) {
                Ok(entry) => waiting.push(entry),
                Err(refused) => unpublished.push(refused),
            }
        }
        unpublished.extend(self.offer(waiting).await);
        unpublished.sort_by_key(|unpublished| unpublished.place);
        unpublished
    }

    /// Gives an event to one consumer alone, as nobody else asks for it in this form. `handed`: the event as the
    /// bus has handed it out before. Once this returns the bus has it.
    pub async fn redrive(&self, consumer: &str, handed: &str) -> Result<(), Unpublished> {
        let entry = self.addressed(consumer, handed)?;
        self.offer(vec![entry]).await.pop().map_or(Ok(()), Err)
    }

    fn addressed(&self, consumer: &str, handed: &str) -> Result<Waiting, Unpublished> {
        let refuse = |reason: String| Unpublished { place: 0, reason, retry: false };
        let event: Handed<'_> = serde_json::from_str(handed).map_err(|error| refuse(format!("not an event of the bus: {error}")))?;
        let detail = event.detail.get();
        let traced: Traced = serde_json::from_str(detail).map_err(|error| refuse(format!("not an event: {error}")))?;
        let head = Head { source: REDRIVE_SOURCE.into(), kind: consumer.to_owned(), traceparent: traced.traceparent };
        self.entry_of(0, head, detail)
    }

    /// Returns what the bus has not taken after all tries.
    async fn offer(&self, mut waiting: Vec<Waiting>) -> Vec<Unpublished> {
        for run in 0..TRIES_MAX {
            if run > 0 {
                self.pause(run).await;
            }
            let mut refused = Vec::new();
            for batch in batches(waiting, |waiting| waiting.size_bytes) {
                refused.extend(self.put(batch).await);
            }
            waiting = refused;
            if waiting.is_empty() {
                break;
            }
        }
        waiting.into_iter().map(|waiting| Unpublished { place: waiting.place, reason: waiting.reason, retry: true }).collect()
    }

    fn entry(&self, place: usize, envelope: &str) -> Result<Waiting, Unpublished> {
        let refuse = |reason: String| Unpublished { place, reason, retry: false };
        let head: Head = serde_json::from_str(envelope).map_err(|error| refuse(format!("not an event: {error}")))?;
        self.entry_of(place, Head { source: format!("souk.{}", head.source), ..head }, envelope)
    }

    fn entry_of(&self, place: usize, head: Head, detail: &str) -> Result<Waiting, Unpublished> {
        let size_bytes = head.source.len() + head.kind.len() + detail.len();
        if size_bytes > BATCH_BYTES_MAX {
            let reason = format!("{size_bytes} bytes are more than the bus takes, {BATCH_BYTES_MAX}");
            return Err(Unpublished { place, reason, retry: false });
        }
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(head.source)
            .detail_type(head.kind)
            .detail(detail)
            .set_trace_header(head.traceparent.as_deref().and_then(xray_header))
            .build();
        Ok(Waiting { place, size_bytes, entry, reason: String::new() })
    }

    /// One request. Returns what was refused in it.
    async fn put(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let entries = batch.iter().map(|waiting| waiting.entry.clone()).collect();
        let answer = match self.clients.events().put_events().set_entries(Some(entries)).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let reason = describe(&error);
                tracing::warn!(bus = self.name, events = batch.len(), reason, "the bus could not be reached");
                return batch.into_iter().map(|waiting| Waiting { reason: reason.clone(), ..waiting }).collect();
            }
        };
        let mut results = answer.entries().iter();
        let refused: Vec<Waiting> = batch
            .into_iter()
            .filter_map(|waiting| match results.next() {
                Some(result) if result.event_id().is_some() && result.error_code().is_none() => None,
                Some(result) => {
                    let code = result.error_code().unwrap_or("no code");
                    let reason = format!("{code}: {}", result.error_message().unwrap_or("no message"));
                    Some(Waiting { reason, ..waiting })
                }
                None => Some(Waiting { reason: "the bus did not answer for it".into(), ..waiting }),
            })
            .collect();
        if let Some(first) = refused.first() {
            tracing::warn!(bus = self.name, events = refused.len(), reason = first.reason, "the bus refused events");
        }
        refused
    }

    /// With jitter, so that several functions do not come back at once.
    async fn pause(&self, run: u32) {
        let longest = PAUSE_MAX * (1 << (run - 1));
        tokio::time::sleep(longest * u32::from(self.entropy.chance()) / 65_536).await;
    }
}

/// Neighbours that fit into one request.
fn batches<T>(items: Vec<T>, size_bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let size = size_bytes(&item);
        match batches.last_mut() {
            Some(last) if last.len() < ENTRIES_MAX && bytes + size <= BATCH_BYTES_MAX => {
                last.push(item);
                bytes += size;
            }
            Some(_) | None => {
                batches.push(vec![item]);
                bytes = size;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_to_the_limits() {
        let lengths = |sizes: &[usize]| batches(sizes.to_vec(), |size| *size).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[1; 10]), [10]);
        assert_eq!(lengths(&[1; 21]), [10, 10, 1]);
        assert_eq!(lengths(&[BATCH_BYTES_MAX, 1, BATCH_BYTES_MAX]), [1, 1, 1]);
        assert_eq!(lengths(&[BATCH_BYTES_MAX / 2, BATCH_BYTES_MAX / 2, 1]), [2, 1]);
    }
}
