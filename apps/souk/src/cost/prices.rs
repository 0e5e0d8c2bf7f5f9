//! The table of prices, and the assumptions beside it.

use std::collections::BTreeMap;
use std::path::Path;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use crate::output::CliError;

const LATEST: &str = include_str!("../../prices/aws-2026-11.toml");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    pub as_of: String,
    #[serde(rename = "line")]
    pub lines: Vec<PriceLine>,
    pub assumptions: Assumptions,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceLine {
    pub key: String,
    /// As AWS names it on the bill.
    pub service: String,
    pub unit: String,
    /// The price is for so many of the unit.
    pub per: f64,
    /// Of the unit, every month.
    pub free: f64,
    /// US dollars, by region.
    pub price: BTreeMap<String, f64>,
    /// The page to look at when the price may have changed.
    #[allow(dead_code)]
    pub source: String,
}

/// What a run cannot tell; the file says why each is as it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumptions {
    pub memory_mb: f64,
    pub store_call_ms: f64,
    pub invocation_ms: f64,
    pub relay_ms: f64,
    pub batch: f64,
    pub queue_requests: f64,
    pub idle_polls_per_queue: f64,
    pub ticks_per_month: f64,
    pub mails_per_order: f64,
    pub stored_bytes_per_order: f64,
    pub event_bytes: f64,
    pub log_bytes_per_invocation: f64,
    pub web_requests_per_request: f64,
    pub web_bytes_per_request: f64,
    pub files_gb: f64,
    pub alarms: f64,
    pub metrics: f64,
    pub dashboards: f64,
    pub secrets: f64,
}

impl Prices {
    /// The table that comes with the binary, or that of a file.
    pub fn load(file: Option<&Path>) -> Result<Self, CliError> {
        match file {
            None => Self::parse(LATEST).map_err(CliError::Failed),
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| CliError::Input(format!("{}: {error}", file.display())))?;
                Self::parse(&text).map_err(|reason| CliError::Input(format!("{}: {reason}", file.display())))
            }
        }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = Figment::new().merge(Toml::string(text)).extract().map_err(|error| error.to_string())?;
        for line in &prices.lines {
            let numbers = line.price.values().chain([&line.free]);
            if line.per <= 0.0 || numbers.into_iter().any(|number| *number < 0.0 || !number.is_finite()) {
                return Err(format!("{}: prices and free quantities are 0 or more, and `per` is more", line.key));
            }
        }
        let known = &prices.assumptions;
        if known.batch < 1.0 || known.memory_mb < 128.0 {
            return Err("a batch is at least 1, a function has at least 128 MB".into());
        }
        Ok(prices)
    }

    /// The regions for which every line has a price.
    pub fn regions(&self) -> Vec<&str> {
        let Some(first) = self.lines.first() else { return Vec::new() };
        let everywhere = |region: &&String| self.lines.iter().all(|line| line.price.contains_key(*region));
        first.price.keys().filter(everywhere).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_comes_with_the_binary_is_whole() {
        let prices = Prices::parse(LATEST).unwrap();
        assert_eq!(prices.regions(), ["eu-central-1", "us-east-1"]);
        for key in crate::cost::bill::KEYS {
            assert_eq!(prices.lines.iter().filter(|line| line.key == *key).count(), 1, "{key}");
        }
        assert!(prices.lines.iter().all(|line| line.source.starts_with("https://aws.amazon.com/")));
    }

    #[test]
    fn nonsense_is_refused() {
        for (good, bad) in [("per = 1_000", "per = 0"), ("free = 25", "free = -1"), ("batch = 1.0", "batch = 0.5"), ("as_of =", "as_off =")]
        {
            assert!(Prices::parse(&LATEST.replacen(good, bad, 1)).is_err(), "{bad}");
        }
    }
}
