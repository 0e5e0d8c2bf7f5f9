//! What surrounds every handler: identification, limits, time, headers, the access log, counters.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kernel::{Actor, Code, Problem, TraceParent};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::limits::{Backpressure, RateLimits};
use super::{Failure, LimitsConfig, RequestContext};
use crate::auth::Authenticator;
use crate::metering::OPERATION;
use crate::runtime::Runtime;
use crate::telemetry::Telemetry;
use crate::trace::within_trace;

/// The longest that `Prefer: wait` may ask for.
const WAIT_MAX_SECS: u64 = 30;
const KEY_CHARACTERS_MAX: usize = 255;
/// Uploads may be larger than JSON bodies; their own routes limit them.
const FINGERPRINT_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(crate) struct Edge {
    runtime: Arc<Runtime>,
    telemetry: Arc<Telemetry>,
    authenticator: Arc<dyn Authenticator>,
    limits: LimitsConfig,
    rates: Option<RateLimits>,
    permits: Semaphore,
    pub backpressure: Backpressure,
    /// `GET /api/v1/products/{product_id}`, made once per route.
    operations: RwLock<HashMap<(Method, String), Arc<str>>>,
    /// Those that need a token, under the same names.
    closed: HashSet<String>,
}

impl Edge {
    pub fn new(runtime: &Arc<Runtime>, authenticator: Arc<dyn Authenticator>, limits: LimitsConfig, closed: HashSet<String>) -> Self {
        Self {
            runtime: runtime.clone(),
            telemetry: runtime.telemetry.clone(),
            authenticator,
            rates: RateLimits::new(&limits),
            permits: Semaphore::new(limits.concurrent_requests),
            backpressure: Backpressure::default(),
            operations: RwLock::default(),
            closed,
            limits,
        }
    }

    fn operation(&self, request: &Request) -> Arc<str> {
        let path = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str);
        // Methods that nobody routes must not fill the table.
        let method = if request.method().as_str().len() <= 7 { request.method().clone() } else { Method::GET };
        let key = (method, path.to_owned());
        if let Some(operation) = self.operations.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return operation.clone();
        }
        let operation: Arc<str> = format!("{} {}", key.0, key.1).into();
        self.operations.write().unwrap_or_else(PoisonError::into_inner).insert(key, operation.clone());
        operation
    }

    /// The last address that a trusted proxy names, or the peer's own.
    fn client(&self, request: &Request) -> String {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let trusted = |address: &IpAddr| self.limits.trusted_proxies.contains(address);
        if !peer.as_ref().is_some_and(trusted) {
            return peer.map_or_else(|| "local".into(), |address| address.to_string());
        }
        let forwarded = text(request.headers(), &HeaderName::from_static("x-forwarded-for")).unwrap_or_default();
        let named = forwarded.split(',').rev().filter_map(|part| part.trim().parse::<IpAddr>().ok()).find(|address| !trusted(address));
        named.or(peer).map_or_else(String::new, |address| address.to_string())
    }

    async fn identify(&self, request: Request, operation: &str, request_id: String) -> Result<Request, Problem> {
        let client = self.client(&request);
        if let Some(rates) = &self.rates {
            rates.check_client(&client)?;
        }
        let headers = request.headers();
        let actor = match text(headers, &header::AUTHORIZATION) {
            None => Actor::Guest,
            Some(value) => {
                let token =
                    value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
                let token = token.ok_or_else(|| Problem::new(Code::InvalidToken, "the Authorization header is not a bearer token"))?;
                self.authenticator.authenticate(token).await?
            }
        };
        // Said before anything is read of the request: a gateway in front would say the same.
        if actor == Actor::Guest && self.closed.contains(operation) {
            return Err(Problem::new(Code::Unauthenticated, "this needs an access token"));
        }
        if let (Some(rates), Some(user)) = (&self.rates, actor.user_id()) {
            rates.check_account(user)?;
        }
        let call = RequestContext {
            actor,
            request_id,
            client,
            idempotency_key: idempotency_key(headers)?,
            if_match: if_match(headers)?,
            wait: preferred_wait(headers).map(|wait| wait.min(self.longest_wait())),
            operation: operation.to_owned(),
            fingerprint: None,
        };
        self.with_fingerprint(request, call).await
    }

    /// Hashes the body of a request that carries an idempotency key, so that the key cannot be used
    /// for another request.
    async fn with_fingerprint(&self, mut request: Request, mut call: RequestContext) -> Result<Request, Problem> {
        if call.idempotency_key.is_some() {
            let (parts, body) = request.into_parts();
            let bytes = axum::body::to_bytes(body, self.limits.body_bytes.max(FINGERPRINT_BYTES_MAX))
                .await
                .map_err(|_| Problem::new(Code::PayloadTooLarge, "the body is larger than this route accepts, or broke off"))?;
            let mut hasher = blake3::Hasher::new();
            hasher.update(parts.uri.path_and_query().map_or("", |path| path.as_str()).as_bytes()).update(&[0]).update(&bytes);
            call.fingerprint = Some(hasher.finalize().to_hex()[..32].to_owned());
            request = Request::from_parts(parts, Body::from(bytes));
        }
        request.extensions_mut().insert(call);
        Ok(request)
    }

    /// A wait ends in time for an answer.
    fn longest_wait(&self) -> Duration {
        Duration::from_secs(self.limits.request_timeout_secs.saturating_sub(5))
    }

    /// The request's id and its trace: as they were sent, or new ones.
    fn name(&self, headers: &HeaderMap) -> (String, TraceParent) {
        let chance: [u8; 34] = self.runtime.entropy.bytes();
        let given = text(headers, &HeaderName::from_static("x-request-id"))
            .filter(|id| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let new_id = || {
            let mut tail = [0; 32];
            tail[..10].copy_from_slice(&chance[..10]);
            kernel::EventId(crate::stamp::stamped(self.runtime.clock.now(), &tail)).to_string().replacen("evt", "req", 1)
        };
        let trace = text(headers, &HeaderName::from_static("traceparent")).and_then(|text| text.parse().ok());
        let new_trace = || {
            let mut tail = [0; 24];
            tail.copy_from_slice(&chance[10..]);
            TraceParent::from_chance(tail)
        };
        (given.map_or_else(new_id, str::to_owned), trace.unwrap_or_else(new_trace))
    }
}

/// Says who calls, for homes that do not accept the connection themselves.
pub fn set_client(request: &mut http::Extensions, address: IpAddr) {
    request.insert(ConnectInfo(SocketAddr::new(address, 0)));
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > KEY_CHARACTERS_MAX || !visible {
        return Err(Problem::new(Code::MalformedRequest, "an Idempotency-Key is 1 to 255 visible ASCII characters"));
    }
    Ok(Some(key.to_owned()))
}

/// One of our ETags. `*` matches whatever there is, as if the header were absent.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default().trim();
    if value == "*" {
        return Ok(None);
    }
    let version = value.trim_start_matches("W/").trim_matches('"').strip_prefix('v').and_then(|digits| digits.parse().ok());
    // A tag that we never gave out matches nothing (RFC 9110): that is a failed precondition.
    version.map(Some).ok_or_else(|| Problem::new(Code::PreconditionFailed, "If-Match holds no ETag of ours"))
}

fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let prefer = text(headers, &HeaderName::from_static("prefer"))?;
    let wait = prefer.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait="))?;
    Some(Duration::from_secs(wait.parse::<u64>().ok()?.min(WAIT_MAX_SECS)))
}

/// Puts the edge around a router.
pub(crate) fn wrap(router: Router, edge: &Arc<Edge>) -> Router {
    let origins = edge.limits.cors_origins.iter().filter_map(|origin| origin.parse::<HeaderValue>().ok());
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("prefer"),
        ])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
        .max_age(Duration::from_secs(3600));
    let router = router
        .method_not_allowed_fallback(|| async { Failure::from(Problem::new(Code::MethodNotAllowed, "this path has other methods")) })
        .fallback(|| async { Failure::from(Problem::not_found("such path")) })
        .layer(DefaultBodyLimit::max(edge.limits.body_bytes))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            Failure::from(Problem::internal("a handler panicked")).into_response()
        }))
        .layer(from_fn_with_state(edge.clone(), around))
        .layer(CompressionLayer::new());
    if edge.limits.cors_origins.is_empty() { router } else { router.layer(cors) }
}

async fn around(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let operation = edge.operation(&request);
    let (request_id, trace) = edge.name(request.headers());
    let span = tracing::info_span!("request", request = request_id, trace = %trace.shown_id(), operation = &*operation, subject = Empty);
    within_trace(Some(trace), answer(&edge, request, &operation, &request_id, next)).instrument(span).await
}

async fn answer(edge: &Arc<Edge>, request: Request, operation: &Arc<str>, request_id: &str, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let if_none_match = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = match admit(edge, request, operation, request_id, next).await {
        Ok(response) => response,
        Err(problem) => Failure::from(problem).into_response(),
    };
    if let Some(wanted) = if_none_match {
        not_modified(&method, &wanted, &mut response);
    }
    decorate(request_id, response.headers_mut());
    let took = started.elapsed();
    let status = response.status().as_u16();
    edge.telemetry.observe_request(operation, status, took);
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if method == Method::GET && status < 500 {
        tracing::debug!(status, took_us, "answered");
    } else {
        tracing::info!(status, took_us, "answered");
    }
    response
}

async fn admit(edge: &Arc<Edge>, request: Request, operation: &Arc<str>, request_id: &str, next: Next) -> Result<Response, Problem> {
    let shed = |why: &str| {
        edge.telemetry.requests_shed.inc();
        Problem::new(Code::Overloaded, why).retry_after(1)
    };
    let _permit = edge.permits.try_acquire().map_err(|_| shed("too many requests are in the works"))?;
    // Who looks after the queues must get through.
    let operator = operation.contains("/admin/");
    if edge.backpressure.is_on() && request.method() == Method::POST && !operator {
        return Err(shed("the queues are full"));
    }
    let work = OPERATION.scope(operation.clone(), async {
        let request = edge.identify(request, operation, request_id.to_owned()).await?;
        Ok(next.run(request).await)
    });
    match tokio::time::timeout(Duration::from_secs(edge.limits.request_timeout_secs), work).await {
        Ok(answered) => answered,
        Err(_) => Err(Problem::unavailable("the answer took too long")),
    }
}

fn not_modified(method: &Method, wanted: &HeaderValue, response: &mut Response) {
    let readable = method == Method::GET || method == Method::HEAD;
    let same = response
        .headers()
        .get(header::ETAG)
        .is_some_and(|etag| wanted.as_bytes().split(|byte| *byte == b',').any(|one| one.trim_ascii() == etag.as_bytes()));
    let changes_unseen = response.headers().get(header::CACHE_CONTROL).is_some_and(|value| value == "no-store");
    if readable && same && !changes_unseen && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// Security headers, unless the page has set stricter or wider ones of its own.
fn decorate(request_id: &str, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "private, no-cache"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn conditions_and_preferences() {
        for (value, expect) in
            [("\"v7\"", Ok(Some(7))), ("W/\"v7\"", Ok(Some(7))), ("*", Ok(None)), ("\"abc\"", Err(Code::PreconditionFailed))]
        {
            assert_eq!(if_match(&headers("if-match", value)).map_err(|problem| problem.code), expect, "{value}");
        }
        for (value, expect) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("wait=999", Some(WAIT_MAX_SECS)),
            ("wait=x", None),
            ("return=minimal", None),
        ] {
            assert_eq!(preferred_wait(&headers("prefer", value)).map(|wait| wait.as_secs()), expect, "{value}");
        }
        assert_eq!(idempotency_key(&headers("idempotency-key", "abc")).unwrap().as_deref(), Some("abc"));
        for bad in ["", "a b", &"k".repeat(256)] {
            assert!(idempotency_key(&headers("idempotency-key", bad)).is_err(), "{bad}");
        }
    }
}
