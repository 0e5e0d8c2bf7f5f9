//! What a host refuses because it is too much, and for whom.

#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use common::TABLE;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode};
use kernel::{Actor, Problem, Role, UserId};
use memory::MemoryStores;
use ports::{Clock, SystemClock, SystemEntropy};
use shell::{Authenticated, Authenticator, Host, HostConfig, LimitsConfig, Runtime, UnitOfWork, queues};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
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
    whole_host(limits).router()
}

fn whole_host(limits: LimitsConfig) -> Host {
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
    Host::new(config, vec![common::service(&work(TABLE))]).unwrap()
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

/// A POST whose body comes in these pieces, and then nothing more if it does not end.
async fn post(router: &Router, path: &str, peer: &str, headers: &[(&str, &str)], pieces: &[&'static [u8]], ends: bool) -> Response<Body> {
    let pieces: Vec<Result<Bytes, Infallible>> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
    let sent = futures::stream::iter(pieces);
    let body = if ends { Body::from_stream(sent) } else { Body::from_stream(sent.chain(futures::stream::pending())) };
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body).unwrap();
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
    let router = host(LimitsConfig { trusted_proxies: vec!["10.0.0.9/32".parse().unwrap()], ..tight() });
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

/// Time stands still but for whoever waits: what a test waits for comes at once.
#[tokio::test(start_paused = true)]
async fn bodies_that_never_end_hold_nobody_up() {
    const HALF: &[&[u8]] = &[b"{"];
    let router = host(LimitsConfig { concurrent_requests: 2, client_concurrent_requests: 1, ..LimitsConfig::default() });
    let slow = |peer: &'static str| post(&router, "/api/v1/people", peer, &[], HALF, false);
    let meanwhile = async {
        tokio::task::yield_now().await;
        let again = get(&router, "/health/live", "10.0.0.1", &[]).await;
        (again, get(&router, "/health/live", "10.0.0.3", &[]).await, slow("10.0.0.3").await)
    };
    let (first, second, (again, other, third)) = tokio::join!(slow("10.0.0.1"), slow("10.0.0.2"), meanwhile);
    assert_eq!((first.status(), second.status()), (StatusCode::REQUEST_TIMEOUT, StatusCode::REQUEST_TIMEOUT));
    assert_eq!(again.status(), StatusCode::TOO_MANY_REQUESTS, "a client has its own places");
    assert!(again.headers().contains_key("retry-after"));
    assert_eq!(other.status(), StatusCode::OK, "two that send slowly leave both places to those at work");
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE, "not more of them than of those at work");
    assert_eq!(get(&router, "/health/live", "10.0.0.1", &[]).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn bodies_are_read_as_far_as_the_operation_takes_them() {
    const PIECE: &[u8] = &[b' '; 40_000];
    let router = host(LimitsConfig { body_bytes: 100_000, rate_limit: false, ..LimitsConfig::default() });
    let key = ("idempotency-key", "5f0c7c1e-9d2b-4c55-8f0e");
    let person: &[u8] = b"{\"name\":\"Ann\",\"email\":\"ann@example.com\"}";
    let (even, odd) = (("authorization", "Bearer 2"), ("authorization", "Bearer 3"));
    for (path, headers, pieces, ends, expect) in [
        ("/api/v1/people", &[][..], &[PIECE, person][..], true, 200),
        ("/api/v1/people", &[], &[PIECE, PIECE, PIECE], true, 413),
        // None of these ends: they are answered before.
        ("/api/v1/people", &[key], &[PIECE, PIECE, PIECE], false, 413),
        ("/nowhere", &[key], &[PIECE], false, 404),
        ("/api/v1/pictures", &[key], &[PIECE], false, 401),
        ("/api/v1/pictures", &[odd, key], &[PIECE], false, 403),
        ("/api/v1/pictures", &[even, key], &[PIECE; 26], false, 413),
        ("/api/v1/pictures", &[even], &[PIECE; 25], true, 200),
        ("/api/v1/pictures", &[even], &[PIECE], false, 408),
    ] {
        let got = post(&router, path, "10.0.0.1", headers, pieces, ends).await;
        assert_eq!(got.status(), expect, "{path} {headers:?} {} pieces", pieces.len());
    }
}

/// Whether the host answers on a connection, or closes it.
async fn is_served(connection: &mut TcpStream) -> bool {
    let asked = connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: shop\r\n\r\n").await;
    let mut answer = [0; 12];
    asked.is_ok() && connection.read_exact(&mut answer).await.is_ok() && answer.ends_with(b"200")
}

#[tokio::test]
async fn one_address_has_some_of_the_connections_and_a_proxy_all() {
    let limits = LimitsConfig { client_connections: 2, ..LimitsConfig::default() };
    for (trusted_proxies, last) in [(vec![], false), (vec!["127.0.0.0/8".parse().unwrap()], true)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = whole_host(LimitsConfig { trusted_proxies, ..limits.clone() }).start(listener).await.unwrap();
        let mut connections = Vec::new();
        for expect in [true, true, last] {
            let mut connection = TcpStream::connect(address).await.unwrap();
            assert_eq!(is_served(&mut connection).await, expect);
            connections.push(connection);
        }
        drop(connections);
        common::until("there is a place again", async || is_served(&mut TcpStream::connect(address).await.unwrap()).await).await;
        running.stop().await.unwrap();
    }
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
