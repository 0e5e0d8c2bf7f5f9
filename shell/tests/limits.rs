//! What a host refuses because it is too much, and for whom.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use common::TABLE;
use http::{Request, Response, StatusCode};
use kernel::{Actor, Problem, Role, UserId};
use memory::MemoryStores;
use ports::{Clock, SystemClock, SystemEntropy};
use shell::{Authenticated, Authenticator, Host, HostConfig, LimitsConfig, Runtime, UnitOfWork, queues};
use tower::ServiceExt as _;

/// The token is the number of a user.
struct Numbers;

#[async_trait]
impl Authenticator for Numbers {
    async fn authenticate(&self, bearer: &str) -> Result<Authenticated, Problem> {
        let id = UserId(bearer.parse().map_err(|_| Problem::new(kernel::Code::InvalidToken, "not a number"))?);
        Ok(Actor::User { id, roles: vec![Role::Customer], businesses: Vec::new() }.into())
    }
}

fn host(limits: LimitsConfig) -> Router {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = MemoryStores::new(clock.clone());
    let runtime = Runtime::new(clock, Arc::new(SystemEntropy));
    let work = |schema| UnitOfWork::new(&runtime, schema, stores.table(schema));
    let config = HostConfig {
        work: work(queues::TABLE),
        log: stores.log(),
        authenticator: Arc::new(Numbers),
        limits,
        holder: "one".into(),
        pages: Router::new(),
    };
    Host::new(config, vec![common::service(&work(TABLE))]).unwrap().router()
}

/// A request from an address, with headers.
async fn get(router: &Router, path: &str, peer: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(format!("{peer}:4000").parse::<SocketAddr>().unwrap()));
    router.clone().oneshot(request).await.unwrap()
}

/// How many of so many requests at once are let through; the others must say when to come back.
async fn let_through(router: &Router, count: usize, peer: &str, headers: &[(&str, &str)]) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        let got = get(router, "/health/live", peer, headers).await;
        match got.status() {
            StatusCode::OK => passed += 1,
            StatusCode::TOO_MANY_REQUESTS => assert!(got.headers().contains_key("retry-after")),
            other => panic!("{other}"),
        }
    }
    passed
}

/// So slow that no bucket fills up again while a test runs.
fn tight() -> LimitsConfig {
    LimitsConfig { requests_per_second: 1, burst: 5, account_requests_per_second: 1, account_burst: 3, ..LimitsConfig::default() }
}

#[tokio::test]
async fn every_address_has_its_own_rate() {
    let router = host(tight());
    assert!((5..=6).contains(&let_through(&router, 10, "10.0.0.1", &[]).await));
    assert!((5..=6).contains(&let_through(&router, 10, "10.0.0.2", &[]).await));
    let unlimited = host(LimitsConfig { rate_limit: false, ..tight() });
    assert_eq!(let_through(&unlimited, 50, "10.0.0.1", &[]).await, 50);
}

#[tokio::test]
async fn an_account_has_one_rate_from_all_addresses() {
    let router = host(tight());
    let mut passed = 0;
    for place in 1..=8 {
        passed += let_through(&router, 1, &format!("10.0.1.{place}"), &[("authorization", "Bearer 7")]).await;
    }
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(let_through(&router, 1, "10.0.1.9", &[("authorization", "Bearer 8")]).await, 1);
}

#[tokio::test]
async fn forwarded_addresses_count_from_trusted_proxies_only() {
    let router = host(LimitsConfig { trusted_proxies: vec!["10.0.0.9".parse().unwrap()], ..tight() });
    // Behind the proxy, each customer is a client. What a customer claims in front of it does not count.
    for customer in 1..=8 {
        let forwarded = format!("1.2.3.4, 192.0.2.{customer}");
        assert_eq!(let_through(&router, 1, "10.0.0.9", &[("x-forwarded-for", &forwarded)]).await, 1);
    }
    // Without the proxy, whatever is claimed, it is one client.
    let mut passed = 0;
    for claimed in 1..=10 {
        passed += let_through(&router, 1, "10.0.0.8", &[("x-forwarded-for", &format!("192.0.2.{claimed}"))]).await;
    }
    assert!((5..=6).contains(&passed), "{passed}");
}

#[tokio::test]
async fn what_is_too_much_at_once_is_told_to_come_back() {
    let router = host(LimitsConfig { concurrent_requests: 1, rate_limit: false, ..LimitsConfig::default() });
    // The first request waits for a change; while it does, there is no place for another.
    let waits = get(&router, "/api/v1/tallies/a", "10.0.0.1", &[("prefer", "wait=1")]);
    let refused = async {
        tokio::task::yield_now().await;
        get(&router, "/health/live", "10.0.0.1", &[]).await
    };
    let (waited, refused) = tokio::join!(waits, refused);
    assert_eq!((waited.status(), refused.status()), (StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(get(&router, "/health/live", "10.0.0.1", &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_configured_origins_may_call_from_a_browser() {
    let router = host(LimitsConfig { cors_origins: vec!["https://shop.example".into()], rate_limit: false, ..LimitsConfig::default() });
    let ours = get(&router, "/health/live", "10.0.0.1", &[("origin", "https://shop.example")]).await;
    assert_eq!(ours.headers()["access-control-allow-origin"], "https://shop.example");
    let theirs = get(&router, "/health/live", "10.0.0.1", &[("origin", "https://evil.example")]).await;
    assert!(!theirs.headers().contains_key("access-control-allow-origin"));
    let closed = host(LimitsConfig { rate_limit: false, ..LimitsConfig::default() });
    let none = get(&closed, "/health/live", "10.0.0.1", &[("origin", "https://shop.example")]).await;
    assert!(!none.headers().contains_key("access-control-allow-origin"));
}
