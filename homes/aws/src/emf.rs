//! Numbers in log lines, one line per invocation and set of dimensions, written before the function answers,
//! since it may be frozen afterwards. CloudWatch makes metrics of them (embedded metric format) where that is
//! wanted: each costs, for every hour in which it is told. Those that alarms need are told always, and hardly ever.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Where all metrics of Souk are.
const NAMESPACE: &str = "Souk";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
    None,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::None => "None",
        }
    }
}

/// Numbers of one set of dimensions, such as service and role.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    dimensions: Vec<(&'static str, String)>,
    /// Written with the line for people and queries; no metrics.
    properties: Map<String, Value>,
    values: BTreeMap<String, (Unit, f64)>,
    always_embedded: bool,
}

impl Metrics {
    pub fn new(dimensions: &[(&'static str, &str)]) -> Self {
        let dimensions = dimensions.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { dimensions, properties: Map::new(), values: BTreeMap::new(), always_embedded: false }
    }

    /// For an alarm over the whole shop: without dimensions, and a metric in any case.
    pub fn of_alarm() -> Self {
        Self { always_embedded: true, ..Self::new(&[]) }
    }

    /// Adds to what the metric has in this line.
    pub fn add(&mut self, name: impl Into<String>, unit: Unit, value: f64) {
        self.values.entry(name.into()).or_insert((unit, 0.0)).1 += value;
    }

    pub fn count(&mut self, name: impl Into<String>, count: usize) {
        self.add(name, Unit::Count, u32::try_from(count).map_or(f64::MAX, f64::from));
    }

    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// The line; none without a number. `now_ms`: milliseconds since 1970. `embedded`: CloudWatch is to make
    /// metrics of it.
    pub fn line(self, now_ms: i64, embedded: bool) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let embedded = embedded || self.always_embedded;
        let names: Vec<_> = self.values.iter().map(|(name, (unit, _))| json!({ "Name": name, "Unit": unit.name() })).collect();
        let dimensions: Vec<_> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let mut line = self.properties;
        if embedded {
            let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": names });
            line.insert("_aws".into(), json!({ "Timestamp": now_ms, "CloudWatchMetrics": [directive] }));
        }
        line.extend(self.dimensions.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        line.extend(self.values.into_iter().map(|(name, (_, value))| (name, value.into())));
        Some(Value::Object(line).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_its_numbers_are() {
        let mut metrics = Metrics::new(&[("service", "cart"), ("role", "api")]).property("trace", "abc");
        metrics.count("requests", 1);
        metrics.add("duration", Unit::Milliseconds, 1.5);
        metrics.add("duration", Unit::Milliseconds, 1.0);
        let line: Value = serde_json::from_str(&metrics.clone().line(1_790_000_000_000, true).unwrap()).unwrap();
        let expect = json!({
            "_aws": { "Timestamp": 1_790_000_000_000_i64, "CloudWatchMetrics": [{
                "Namespace": "Souk",
                "Dimensions": [["service", "role"]],
                "Metrics": [{ "Name": "duration", "Unit": "Milliseconds" }, { "Name": "requests", "Unit": "Count" }],
            }] },
            "service": "cart", "role": "api", "trace": "abc", "duration": 2.5, "requests": 1.0,
        });
        assert_eq!(line, expect);
        let logged: Value = serde_json::from_str(&metrics.line(1_790_000_000_000, false).unwrap()).unwrap();
        assert_eq!(logged, json!({ "service": "cart", "role": "api", "trace": "abc", "duration": 2.5, "requests": 1.0 }));
        assert_eq!(Metrics::new(&[("service", "cart")]).line(0, true), None);
    }

    #[test]
    fn an_alarm_has_its_metric_in_any_case() {
        let mut metrics = Metrics::of_alarm();
        metrics.count("given_up", 2);
        let line: Value = serde_json::from_str(&metrics.line(7, false).unwrap()).unwrap();
        let directive = json!({ "Namespace": "Souk", "Dimensions": [[]], "Metrics": [{ "Name": "given_up", "Unit": "Count" }] });
        assert_eq!(line, json!({ "_aws": { "Timestamp": 7, "CloudWatchMetrics": [directive] }, "given_up": 2.0 }));
        assert_eq!(Metrics::of_alarm().line(7, true), None);
    }
}
