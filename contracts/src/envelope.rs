//! The CloudEvents 1.0 envelope, in its JSON format.

use kernel::{Actor, EventId, Timestamp, TraceParent};
use serde::de::Error as _;
use serde::ser::{self, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Event;

/// An event on its way. `source`, `type` and `subject` follow from the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub id: EventId,
    pub time: Timestamp,
    /// Grows with every event about the same subject, with gaps: one hundred times the version of
    /// the subject's item, plus the place of the event in its commit.
    pub sequence: u64,
    /// What made the service decide: a request id, `event:` and an event id, `tick:` and a schedule.
    pub causation_id: String,
    /// The request at the start of the chain of causes; the same in every event that follows from it.
    pub correlation_id: String,
    /// The trace of that request, or of the tick.
    pub traceparent: Option<TraceParent>,
    pub actor: Actor,
    pub event: Event,
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members(serializer, true)
    }
}

/// An envelope without the members that follow from its others.
struct Stored<'a>(&'a Envelope);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.members(serializer, false)
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    id: EventId,
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    time: Timestamp,
    #[serde(borrow)]
    sequence: std::borrow::Cow<'a, str>,
    #[serde(rename = "causationid")]
    causation_id: String,
    /// Absent in a kept text if it is the causation id.
    #[serde(rename = "correlationid")]
    correlation_id: Option<String>,
    #[serde(default)]
    traceparent: Option<TraceParent>,
    actor: Actor,
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

impl Envelope {
    /// The text that is kept in a store, where every byte is paid for: the JSON format without the members that
    /// follow from the others. `from_json` reads it, too; what leaves the store is made whole again.
    pub fn stored_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Stored(self))
    }

    fn members<S: Serializer>(&self, serializer: S, whole: bool) -> Result<S::Ok, S::Error> {
        let data = self.event.data_json().map_err(ser::Error::custom)?;
        let data = serde_json::value::RawValue::from_string(data).map_err(ser::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        if whole {
            map.serialize_entry("specversion", "1.0")?;
        }
        map.serialize_entry("id", &self.id)?;
        if whole {
            map.serialize_entry("source", self.event.source())?;
        }
        map.serialize_entry("type", self.event.kind())?;
        if whole {
            map.serialize_entry("subject", &self.event.subject())?;
        }
        map.serialize_entry("time", &self.time)?;
        if whole {
            // The extension `sequence` is a text that sorts; CloudEvents asks for that form.
            map.serialize_entry("sequence", &format!("{:015}", self.sequence))?;
        } else {
            map.serialize_entry("sequence", &self.sequence.to_string())?;
        }
        map.serialize_entry("causationid", &self.causation_id)?;
        if whole || self.correlation_id != self.causation_id {
            map.serialize_entry("correlationid", &self.correlation_id)?;
        }
        if let Some(traceparent) = &self.traceparent {
            map.serialize_entry("traceparent", traceparent)?;
        }
        map.serialize_entry("actor", &self.actor)?;
        if whole {
            map.serialize_entry("datacontenttype", "application/json")?;
        }
        map.serialize_entry("data", &data)?;
        map.end()
    }

    /// Reads the JSON format, whole or as it is kept. Errors name what is missing or of an unknown type.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let wire: Wire<'_> = serde_json::from_str(text)?;
        let event = Event::read(&wire.kind, wire.data.get())
            .ok_or_else(|| serde_json::Error::custom(format!("unknown event type {}", wire.kind)))??;
        let sequence = wire.sequence.parse().map_err(serde_json::Error::custom)?;
        let Wire { id, time, causation_id, correlation_id, traceparent, actor, .. } = wire;
        let correlation_id = correlation_id.unwrap_or_else(|| causation_id.clone());
        Ok(Self { id, time, sequence, causation_id, correlation_id, traceparent, actor, event })
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StockLow;

    #[test]
    fn json_is_cloudevents_and_comes_back() {
        let envelope = Envelope {
            id: 1.into(),
            time: Timestamp::from_millis(0),
            sequence: 301,
            causation_id: "req_1".into(),
            correlation_id: "req_1".into(),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok(),
            actor: Actor::System,
            event: StockLow {
                variant_id: 7.into(),
                seller_id: None,
                sku: "TEA-100".into(),
                title: "Tea".into(),
                available: 2,
                threshold: 3,
            }
            .into(),
        };
        let json = serde_json::to_string(&envelope).unwrap();
        for part in
            [r#""specversion":"1.0""#, r#""type":"stock.low""#, r#""source":"inventory""#, r#""subject":"var_00000000000000000000000007""#]
        {
            assert!(json.contains(part), "{part} in {json}");
        }
        assert!(json.contains(r#""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01""#), "{json}");
        assert_eq!(Envelope::from_json(&json).unwrap(), envelope);
        for kept in [envelope.clone(), Envelope { causation_id: "event:1".into(), ..envelope.clone() }] {
            let text = kept.stored_json().unwrap();
            assert!(!text.contains("specversion") && !text.contains("source") && !text.contains("datacontenttype"), "{text}");
            assert_eq!(Envelope::from_json(&text).unwrap(), kept);
        }
        let untraced = Envelope { traceparent: None, ..envelope };
        assert_eq!(Envelope::from_json(&serde_json::to_string(&untraced).unwrap()).unwrap(), untraced);
    }
}
