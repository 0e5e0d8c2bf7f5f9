//! From a table's stream to the bus: the last step of the outbox. A commit's events lie in one of its
//! items (`adapters/dynamodb`), so the stream has them if and only if the commit happened. What could not
//! be published is reported with all that came after it, and the stream brings it again: an event may
//! come twice, which changes nothing, but none is lost and the order of a shard holds.

use std::collections::BTreeMap;
use std::time::Instant;

use aws::Bus;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use contracts::{Envelope, Event};
use kernel::Currency;
use serde::Deserialize;

use crate::emf::{Metrics, Unit};
use crate::invocation::Invocations;

/// The stream's records, as far as they concern events: an image may be large, and the rest of it is skipped.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(rename = "SequenceNumber")]
    sequence_number: String,
    #[serde(rename = "NewImage", default)]
    new_image: Option<Image>,
}

#[derive(Debug, Deserialize)]
struct Image {
    #[serde(default)]
    events: Option<Texts>,
}

/// A list of texts, as DynamoDB writes it.
#[derive(Debug, Deserialize)]
struct Texts {
    #[serde(rename = "L")]
    texts: Vec<Text>,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

pub struct RelayFunction {
    bus: Bus,
    invocations: Invocations,
}

impl RelayFunction {
    pub fn new(bus: Bus, invocations: Invocations) -> Self {
        Self { bus, invocations }
    }

    /// Names the first record that has to come again, if there is one.
    pub async fn publish_all(&self, batch: &StreamEvent) -> DynamoDbEventResponse {
        let begun = Instant::now();
        // The texts in the order of the stream, and for each the record it is from.
        let (mut texts, mut sources) = (Vec::new(), Vec::new());
        for (place, record) in batch.records.iter().enumerate() {
            let events = record.dynamodb.new_image.as_ref().and_then(|image| image.events.as_ref());
            for text in events.into_iter().flat_map(|events| &events.texts) {
                texts.push(whole(&text.text));
                sources.push(place);
            }
        }
        let unpublished = if texts.is_empty() { Vec::new() } else { self.bus.publish(&texts).await };
        for refused in &unpublished {
            tracing::error!(reason = refused.reason, again = refused.retry, "an event was not published; the stream brings it again");
        }
        let mut response = DynamoDbEventResponse::default();
        let failed = unpublished.iter().filter_map(|refused| sources.get(refused.place)).min();
        if let Some(record) = failed.and_then(|place| batch.records.get(*place)) {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(record.dynamodb.sequence_number.clone());
            response.batch_item_failures.push(failure);
        }
        let settled = sources.iter().take_while(|source| failed.is_none_or(|failed| *source < failed)).count();
        self.measure(begun, &texts[..settled], unpublished.len());
        response
    }

    /// The business in numbers: every event of the shop passes here, once unless the answer to a batch is lost.
    fn measure(&self, begun: Instant, published: &[String], unpublished: usize) {
        let mut function = self.invocations.measure(begun, unpublished > 0);
        function.count("published", published.len());
        function.count("unpublished", unpublished);
        let mut kinds: BTreeMap<&'static str, Metrics> = BTreeMap::new();
        // In minor units, so that the sum is exact.
        let mut sales: BTreeMap<&'static str, (Currency, i64)> = BTreeMap::new();
        for envelope in published.iter().filter_map(|text| Envelope::from_json(text).ok()) {
            let kind = envelope.event.kind();
            kinds.entry(kind).or_insert_with(|| self.invocations.of_part("type", kind)).count("events", 1);
            if let Event::OrderConfirmed(confirmed) = &envelope.event {
                let total = confirmed.order.total;
                let (_, sum) = sales.entry(total.currency.code()).or_insert((total.currency, 0));
                *sum = sum.saturating_add(total.amount);
            }
        }
        let sales = sales.into_values().map(|(currency, sum)| {
            let mut sold = self.invocations.of_part("currency", currency.code());
            sold.add("order_value", Unit::None, in_major_units(sum, currency.exponent()));
            sold
        });
        self.invocations.write(std::iter::once(function).chain(kinds.into_values()).chain(sales));
    }
}

/// The event as the world gets it: the text that was kept leaves out what follows from the rest. One that cannot be
/// read is offered as it is, and refused by name.
fn whole(kept: &str) -> String {
    Envelope::from_json(kept).and_then(|envelope| serde_json::to_string(&envelope)).unwrap_or_else(|_| kept.to_owned())
}

/// For graphs only: a float would not do for money.
fn in_major_units(amount: i64, exponent: u32) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let amount = amount as f64;
    amount / f64::from(10_u32.saturating_pow(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Actor, Timestamp};

    #[test]
    fn an_event_is_published_whole() {
        let envelope = Envelope {
            id: 1.into(),
            time: Timestamp::from_millis(0),
            sequence: 100,
            causation_id: "req_1".into(),
            correlation_id: "req_1".into(),
            traceparent: None,
            actor: Actor::System,
            event: contracts::OrderAnonymized { order_id: 7.into() }.into(),
        };
        let told = serde_json::to_string(&envelope).unwrap();
        assert!(told.contains(r#""specversion":"1.0""#));
        assert_eq!(whole(&envelope.stored_json().unwrap()), told);
        assert_eq!(whole(&told), told);
        assert_eq!(whole("no event"), "no event");
    }
}
