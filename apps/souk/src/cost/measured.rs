//! What a run took, read from the text of its `/metrics`.

use std::collections::BTreeMap;

/// The own items of the embedded home: cursors and leases, for which the cloud has queues and schedules; and the book of
/// the test gateway.
const NOT_IN_THE_CLOUD: [&str; 3] = ["shell", "upkeep", "test-gateway"];

/// Of one service under one operation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Store {
    pub read_units: f64,
    pub reads: f64,
    pub write_units: f64,
    pub commits: f64,
    pub conflicts: f64,
}

/// How often something ran, and how long in all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Runs {
    pub count: f64,
    pub seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// By service and operation.
    pub store: BTreeMap<(String, String), Store>,
    /// By route of the API: `POST /api/v1/orders`.
    pub routes: BTreeMap<String, Runs>,
    pub consumers: BTreeMap<String, Runs>,
    pub schedules: BTreeMap<String, Runs>,
    /// By service and type.
    pub events: BTreeMap<(String, String), f64>,
}

impl Measured {
    /// Fails if the text does not hold Souk's metrics.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut measured = Self::default();
        let mut known = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some(rest) = line.strip_prefix("souk_") else { continue };
            let sample = Sample::parse(rest).ok_or_else(|| format!("not a line of metrics: {line:.200}"))?;
            known |= measured.take(&sample);
        }
        if known { Ok(measured) } else { Err("these are no metrics of a shop that has done something".into()) }
    }

    /// What happened after `earlier`, of the same process.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut later = self.clone();
        for (key, store) in &mut later.store {
            if let Some(before) = earlier.store.get(key) {
                store.read_units -= before.read_units;
                store.reads -= before.reads;
                store.write_units -= before.write_units;
                store.commits -= before.commits;
                store.conflicts -= before.conflicts;
            }
        }
        for (runs, before) in
            [(&mut later.routes, &earlier.routes), (&mut later.consumers, &earlier.consumers), (&mut later.schedules, &earlier.schedules)]
        {
            for (name, runs) in runs {
                if let Some(before) = before.get(name) {
                    runs.count -= before.count;
                    runs.seconds -= before.seconds;
                }
            }
        }
        for (key, count) in &mut later.events {
            *count -= earlier.events.get(key).copied().unwrap_or(0.0);
        }
        later
    }

    /// Orders that were confirmed.
    pub fn orders(&self) -> f64 {
        self.events.iter().filter(|((_, kind), _)| kind == "order.confirmed").map(|(_, count)| count).sum()
    }

    pub fn requests(&self) -> f64 {
        self.routes.values().map(|runs| runs.count).sum()
    }

    fn take(&mut self, sample: &Sample<'_>) -> bool {
        let label = |name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        if NOT_IN_THE_CLOUD.contains(&label("service").as_str()) {
            return false;
        }
        let value = sample.value;
        match sample.name {
            "store_read_units_total" => self.store_of(sample).read_units += value,
            "store_reads_total" => self.store_of(sample).reads += value,
            "store_write_units_total" => self.store_of(sample).write_units += value,
            "store_commits_total" => self.store_of(sample).commits += value,
            "store_conflicts_total" => self.store_of(sample).conflicts += value,
            "events_emitted_total" => *self.events.entry((label("service"), label("kind"))).or_default() += value,
            "http_request_duration_seconds_count" if is_api(&label("route")) => {
                self.routes.entry(label("route")).or_default().count += value
            }
            "http_request_duration_seconds_sum" if is_api(&label("route")) => {
                self.routes.entry(label("route")).or_default().seconds += value
            }
            "event_handling_seconds_count" => self.consumers.entry(label("consumer")).or_default().count += value,
            "event_handling_seconds_sum" => self.consumers.entry(label("consumer")).or_default().seconds += value,
            "schedule_run_seconds_count" => self.schedules.entry(label("schedule")).or_default().count += value,
            "schedule_run_seconds_sum" => self.schedules.entry(label("schedule")).or_default().seconds += value,
            _ => return false,
        }
        true
    }

    fn store_of(&mut self, sample: &Sample<'_>) -> &mut Store {
        let label = |name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        self.store.entry((label("service"), label("operation"))).or_default()
    }
}

fn is_api(route: &str) -> bool {
    route.contains(" /api/v1/")
}

struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: f64,
}

impl<'a> Sample<'a> {
    /// `name{label="value",…} 1.5`, or without labels.
    fn parse(line: &'a str) -> Option<Self> {
        let end = line.find(['{', ' '])?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (BTreeMap::new(), rest),
        };
        let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
        Some(Self { name, labels, value })
    }
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<&str, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(name, value);
        rest = &after[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_added_up() {
        let text = "# HELP souk_store_read_units Read units\n\
            souk_store_read_units_total{service=\"orders\",operation=\"POST /api/v1/orders\"} 2.5\n\
            souk_store_write_units_total{operation=\"POST /api/v1/orders\",service=\"orders\"} 7\n\
            souk_store_write_units_total{service=\"shell\",operation=\"other\"} 99\n\
            souk_events_emitted_total{service=\"orders\",kind=\"order.confirmed\"} 3\n\
            souk_http_request_duration_seconds_sum{route=\"POST /api/v1/orders\",status=\"201\"} 0.5\n\
            souk_http_request_duration_seconds_count{route=\"POST /api/v1/orders\",status=\"201\"} 4\n\
            souk_http_request_duration_seconds_count{route=\"POST /api/v1/orders\",status=\"422\"} 1\n\
            souk_http_request_duration_seconds_count{route=\"GET /metrics\",status=\"200\"} 50\n\
            souk_event_handling_seconds_count{consumer=\"a \\\"b\\\"\"} 2\n\
            go_threads 7\n# EOF\n";
        let measured = Measured::parse(text).unwrap();
        let store = measured.store[&("orders".to_owned(), "POST /api/v1/orders".to_owned())];
        assert_eq!((store.read_units, store.write_units, measured.store.len()), (2.5, 7.0, 1));
        assert_eq!((measured.orders(), measured.requests()), (3.0, 5.0));
        assert_eq!(measured.routes["POST /api/v1/orders"], Runs { count: 5.0, seconds: 0.5 });
        assert_eq!(measured.consumers["a \"b\""].count, 2.0);
        let none = measured.since(&measured);
        assert_eq!((none.orders(), none.requests(), none.store.values().map(|store| store.write_units).sum::<f64>()), (0.0, 0.0, 0.0));
        assert_eq!(measured.since(&Measured::default()), measured);
    }

    #[test]
    fn what_is_no_metrics_is_refused() {
        for text in ["", "<html>", "souk_requests_shed_total 0", "souk_store_reads_total{service=\"x\"", "souk_store_reads_total{} many"] {
            assert!(Measured::parse(text).is_err(), "{text}");
        }
    }
}
