//! What a host takes on at most. Everything is bounded, so that a flood is refused and does not sink it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use kernel::{Code, Problem};
use serde::Deserialize;

/// Limits of the HTTP side, from the configuration's `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Whether the two rate limits below apply.
    pub rate_limit: bool,
    /// Per client address, lasting.
    pub requests_per_second: u32,
    /// Per client address, at once.
    pub burst: u32,
    /// Per account; an account may use many addresses.
    pub account_requests_per_second: u32,
    pub account_burst: u32,
    /// Requests in the works at once; more get 503.
    pub concurrent_requests: usize,
    pub connections: usize,
    /// Of a JSON body.
    pub body_bytes: usize,
    /// From the first byte to the answer.
    pub request_timeout_secs: u64,
    /// Events that wait for a consumer; beyond it, requests that would add more get 503.
    pub queue_depth: u64,
    /// Addresses of proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
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
            connections: 10_000,
            body_bytes: 256 * 1024,
            request_timeout_secs: 40,
            queue_depth: 100_000,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
        }
    }
}

/// Token buckets per client and per account, forgotten when full again.
pub(crate) struct RateLimits {
    clients: DefaultKeyedRateLimiter<String>,
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

    pub fn check_client(&self, client: &String) -> Result<(), Problem> {
        // Buckets that are full again say nothing; every so many requests they are thrown away.
        if self.checks.fetch_add(1, Ordering::Relaxed) % 65_536 == 65_535 {
            self.clients.retain_recent();
            self.accounts.retain_recent();
        }
        self.clients.check_key(client).map_err(|until| too_many(until.wait_time_from(DefaultClock::default().now())))
    }

    pub fn check_account(&self, user: kernel::UserId) -> Result<(), Problem> {
        self.accounts.check_key(&user.0).map_err(|until| too_many(until.wait_time_from(DefaultClock::default().now())))
    }
}

fn too_many(wait: std::time::Duration) -> Problem {
    let secs = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    Problem::new(Code::TooManyRequests, "slow down").retry_after(secs)
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
