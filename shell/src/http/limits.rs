//! What a host takes on at most. Everything is bounded, so that a flood is refused and does not sink it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;
use kernel::{Code, Problem};
use serde::{Deserialize, Deserializer};

use super::client::{Client, is_trusted};

/// Limits of the HTTP side, from the configuration's `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Whether the limits per client and per account apply.
    pub rate_limit: bool,
    /// Per client address, lasting.
    pub requests_per_second: u32,
    /// Per client address, at once.
    pub burst: u32,
    /// Per account; an account may use many addresses.
    pub account_requests_per_second: u32,
    pub account_burst: u32,
    /// Requests in the works at once; more get 503. As many again may be on their way in.
    pub concurrent_requests: usize,
    /// Of them, one client's; more get 429.
    pub client_concurrent_requests: usize,
    pub connections: usize,
    /// Of them, one address's; more are closed. A trusted proxy may have all.
    pub client_connections: usize,
    /// Of a JSON body.
    pub body_bytes: usize,
    /// From the first byte to the answer.
    pub request_timeout_secs: u64,
    /// Events that wait for a consumer; beyond it, requests that would add more get 503.
    pub queue_depth: u64,
    /// Addresses and networks of proxies whose X-Forwarded-For is believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Web origins that may call the API from a browser (CORS).
    pub cors_origins: Vec<String>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            rate_limit: true,
            requests_per_second: 50,
            burst: 200,
            account_requests_per_second: 50,
            account_burst: 200,
            concurrent_requests: 1024,
            client_concurrent_requests: 64,
            connections: 10_000,
            client_connections: 256,
            body_bytes: 256 * 1024,
            request_timeout_secs: 40,
            queue_depth: 100_000,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
        }
    }
}

impl LimitsConfig {
    pub(crate) fn is_trusted(&self, peer: IpAddr) -> bool {
        is_trusted(&self.trusted_proxies, peer)
    }
}

/// `10.0.0.0/8`, or an address, which is a network of one.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: &String| {
        let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        parsed.map_err(|_| serde::de::Error::custom(format_args!("{text} is neither an address nor a network such as 10.0.0.0/8")))
    };
    texts.iter().map(network).collect()
}

/// Token buckets per client and per account, forgotten when full again.
pub(crate) struct RateLimits {
    clients: DefaultKeyedRateLimiter<Client>,
    accounts: DefaultKeyedRateLimiter<u128>,
    checks: AtomicU64,
}

impl RateLimits {
    pub fn new(config: &LimitsConfig) -> Option<Self> {
        let quota =
            |per_second: u32, burst: u32| Some(Quota::per_second(NonZeroU32::new(per_second)?).allow_burst(NonZeroU32::new(burst)?));
        if !config.rate_limit {
            return None;
        }
        let clients = RateLimiter::keyed(quota(config.requests_per_second, config.burst)?);
        let accounts = RateLimiter::keyed(quota(config.account_requests_per_second, config.account_burst)?);
        Some(Self { clients, accounts, checks: AtomicU64::new(0) })
    }

    pub fn check_client(&self, client: Client) -> Result<(), Problem> {
        // Buckets that are full again say nothing; every so many requests they are thrown away.
        if self.checks.fetch_add(1, Ordering::Relaxed) % 65_536 == 65_535 {
            self.clients.retain_recent();
            self.accounts.retain_recent();
        }
        self.clients.check_key(&client).map_err(|until| too_many(until.wait_time_from(DefaultClock::default().now())))
    }

    pub fn check_account(&self, user: kernel::UserId) -> Result<(), Problem> {
        self.accounts.check_key(&user.0).map_err(|until| too_many(until.wait_time_from(DefaultClock::default().now())))
    }
}

fn too_many(wait: std::time::Duration) -> Problem {
    let secs = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    Problem::new(Code::TooManyRequests, "slow down").retry_after(secs)
}

/// Places of which each client may take some.
pub(crate) struct Places {
    each: usize,
    taken: Mutex<HashMap<Client, usize>>,
}

/// Given back when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    client: Client,
}

impl Places {
    pub fn new(each: usize) -> Arc<Self> {
        Arc::new(Self { each, taken: Mutex::default() })
    }

    /// `None` if the client has all that it may have.
    pub fn take(self: &Arc<Self>, client: Client) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(client).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(taken.remove(&self.client)),
        }
    }
}

/// Set by the dispatcher while some consumer is too far behind.
#[derive(Default)]
pub(crate) struct Backpressure(AtomicBool);

impl Backpressure {
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_places() {
        let places = Places::new(2);
        let (ann, bob) = (Client::of([192, 0, 2, 1].into()), Client::of([192, 0, 2, 2].into()));
        let (first, second) = (places.take(ann), places.take(ann));
        assert!(first.is_some() && second.is_some() && places.take(ann).is_none() && places.take(bob).is_some());
        drop(first);
        assert!(places.take(ann).is_some());
        drop(second);
        assert!(places.taken.lock().unwrap().is_empty(), "who has no place is forgotten");
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        let read = |text: &str| serde_json::from_str::<LimitsConfig>(&format!("{{\"trusted_proxies\":[\"{text}\"]}}"));
        for (text, trusted, other) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "10.9.9.9", "11.0.0.1"),
            ("2001:db8::/32", "2001:db8:1::1", "10.0.0.1"),
        ] {
            let limits = read(text).unwrap();
            assert!(limits.is_trusted(trusted.parse().unwrap()) && !limits.is_trusted(other.parse().unwrap()), "{text}");
        }
        assert!(read("proxy.example").unwrap_err().to_string().contains("neither an address nor a network"));
    }
}
