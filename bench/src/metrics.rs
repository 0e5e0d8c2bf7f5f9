//! The server's own account of its events, read from its Prometheus page: how many were delivered to a
//! consumer, and how long after their commit.

use serde::Serialize;

use crate::client::{Connection, Failure};

const LAG: &str = "souk_event_lag_seconds";

/// The lag histogram, all consumers added up: cumulative counts by upper bound, the last one unbounded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    buckets: Vec<(f64, u64)>,
}

/// What happened to events between two readings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Events {
    pub delivered: u64,
    /// Upper bounds of the buckets in which the quantiles lie, interpolated within the bucket.
    pub lag_p50_seconds: Option<f64>,
    pub lag_p99_seconds: Option<f64>,
}

impl Metrics {
    pub async fn scrape(connection: &mut Connection) -> Result<Self, Failure> {
        let request = b"GET /metrics HTTP/1.1\r\nHost: souk\r\n\r\n";
        let answer = connection.exchange(request).await?;
        answer.expect(request, &[200])?;
        Ok(Self::parse(&String::from_utf8_lossy(answer.body)))
    }

    fn parse(page: &str) -> Self {
        let mut buckets: Vec<(f64, u64)> = Vec::new();
        for line in page.lines() {
            let Some((bound, count)) = bucket(line) else { continue };
            match buckets.iter_mut().find(|(other, _)| other.total_cmp(&bound).is_eq()) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((bound, count)),
            }
        }
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        Self { buckets }
    }

    pub fn since(&self, earlier: &Self) -> Events {
        let before = |bound: f64| earlier.buckets.iter().find(|(other, _)| other.total_cmp(&bound).is_eq()).map_or(0, |&(_, count)| count);
        let difference: Vec<(f64, u64)> = self.buckets.iter().map(|&(bound, count)| (bound, count.saturating_sub(before(bound)))).collect();
        Events {
            delivered: difference.last().map_or(0, |&(_, count)| count),
            lag_p50_seconds: quantile(&difference, 0.50),
            lag_p99_seconds: quantile(&difference, 0.99),
        }
    }
}

/// The upper bound and count of a line such as `souk_event_lag_seconds_bucket{consumer="cart",le="0.1"} 7`.
fn bucket(line: &str) -> Option<(f64, u64)> {
    let rest = line.strip_prefix(LAG)?.strip_prefix("_bucket{")?;
    let (labels, value) = rest.rsplit_once("} ")?;
    let bound = labels.split(',').find_map(|label| label.trim().strip_prefix("le=\""))?.strip_suffix('"')?;
    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
    Some((bound, value.split_whitespace().next()?.parse().ok()?))
}

/// Nothing if there were no events, or if the quantile lies above the last bound.
fn quantile(buckets: &[(f64, u64)], share: f64) -> Option<f64> {
    let total = buckets.last().map(|&(_, count)| count).filter(|&count| count > 0)?;
    let rank = share * total as f64;
    let mut lower = (0.0, 0);
    for &(bound, count) in buckets {
        if count as f64 >= rank {
            if bound.is_infinite() {
                return None;
            }
            let inside = (rank - lower.1 as f64) / ((count - lower.1).max(1)) as f64;
            return Some(lower.0 + (bound - lower.0) * inside);
        }
        lower = (bound, count);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_consumers_and_interpolates() {
        let page = |fast: u64, slow: u64| {
            format!(
                "# TYPE souk_event_lag_seconds histogram\n\
                 souk_event_lag_seconds_bucket{{le=\"0.1\",consumer=\"a\"}} {fast}\n\
                 souk_event_lag_seconds_bucket{{le=\"1.0\",consumer=\"a\"}} {slow}\n\
                 souk_event_lag_seconds_bucket{{le=\"+Inf\",consumer=\"a\"}} {slow}\n\
                 souk_event_lag_seconds_bucket{{consumer=\"b\",le=\"0.1\"}} {fast}\n\
                 souk_event_lag_seconds_bucket{{consumer=\"b\",le=\"1.0\"}} {slow}\n\
                 souk_event_lag_seconds_bucket{{consumer=\"b\",le=\"+Inf\"}} {slow}\n\
                 souk_event_lag_seconds_sum 3\nsouk_requests_total 5\n"
            )
        };
        let events = Metrics::parse(&page(60, 110)).since(&Metrics::parse(&page(10, 10)));
        assert_eq!(events.delivered, 200);
        assert_eq!(events.lag_p50_seconds, Some(0.1));
        let p99 = events.lag_p99_seconds.unwrap();
        assert!((p99 - 0.982).abs() < 1e-9, "{p99}");
    }

    #[test]
    fn says_nothing_rather_than_guess() {
        assert_eq!(Metrics::parse("").since(&Metrics::default()), Events::default());
        let beyond = Metrics::parse("souk_event_lag_seconds_bucket{le=\"0.1\"} 0\nsouk_event_lag_seconds_bucket{le=\"+Inf\"} 4\n");
        let events = beyond.since(&Metrics::default());
        assert_eq!((events.delivered, events.lag_p50_seconds), (4, None));
    }
}
