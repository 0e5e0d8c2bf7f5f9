//! What surrounds every handler: identification, limits, time, headers, the access log, counters.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use kernel::{Actor, Code, Problem, TraceParent};
use tokio::sync::{Semaphore, SemaphorePermit};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;
use tracing::field::Empty;
use utoipa::openapi::OpenApi;

use super::client::Client;
use super::extract::{Arrival, read_body};
use super::heeds::Version;
use super::limits::{Backpressure, Place, Places, RateLimits};
use super::route::{Route, Routes};
use super::{Failure, LimitsConfig, RequestContext};
use crate::auth::{Authenticated, Authenticator};
use crate::metering::OPERATION;
use crate::runtime::Runtime;
use crate::telemetry::Telemetry;
use crate::trace::within_trace;

/// The longest that `Prefer: wait` may ask for.
const WAIT_MAX_SECS: u64 = 30;
const KEY_CHARACTERS_MAX: usize = 255;
/// Guests behind one address share the scope of their keys, so theirs must be such that no two are the same by chance.
const GUEST_KEY_CHARACTERS_MIN: usize = 16;
/// Each of them may be in memory as a whole.
const LARGE_BODIES_AT_ONCE: usize = 32;

pub(crate) struct Edge {
    runtime: Arc<Runtime>,
    telemetry: Arc<Telemetry>,
    authenticator: Arc<dyn Authenticator>,
    limits: LimitsConfig,
    rates: Option<(RateLimits, Arc<Places>)>,
    /// Requests in the works.
    permits: Semaphore,
    /// Requests whose body is on its way.
    arrivals: Semaphore,
    /// Requests with large bodies, which their handlers read.
    large_bodies: Semaphore,
    pub backpressure: Backpressure,
    routes: Routes,
}

impl Edge {
    pub fn new(runtime: &Arc<Runtime>, authenticator: Arc<dyn Authenticator>, limits: LimitsConfig, document: &Arc<OpenApi>) -> Self {
        Self {
            runtime: runtime.clone(),
            telemetry: runtime.telemetry.clone(),
            authenticator,
            rates: RateLimits::new(&limits).map(|rates| (rates, Places::new(limits.client_concurrent_requests))),
            permits: Semaphore::new(limits.concurrent_requests),
            arrivals: Semaphore::new(limits.concurrent_requests),
            large_bodies: Semaphore::new(LARGE_BODIES_AT_ONCE),
            backpressure: Backpressure::default(),
            routes: Routes::new(document),
            limits,
        }
    }

    fn route(&self, request: &Request) -> Arc<Route> {
        self.routes.find(request.method(), request.extensions().get::<MatchedPath>().map(MatchedPath::as_str))
    }

    fn client(&self, request: &Request) -> Client {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        peer.map_or(Client::LOCAL, |peer| Client::behind(peer, request.headers(), &self.limits.trusted_proxies))
    }

    fn shed(&self, why: &str) -> Problem {
        self.telemetry.requests_shed.inc();
        Problem::new(Code::Overloaded, why).retry_after(1)
    }

    fn take<'a>(&self, places: &'a Semaphore) -> Result<SemaphorePermit<'a>, Problem> {
        places.try_acquire().map_err(|_| self.shed("too many requests are in the works"))
    }

    /// What the client may do now, and a place for it among those that are its own.
    fn admit_client(&self, client: Client) -> Result<Option<Place>, Problem> {
        let Some((rates, places)) = &self.rates else { return Ok(None) };
        rates.check_client(client)?;
        let too_many = || Problem::new(Code::TooManyRequests, "wait for the answers to your other requests").retry_after(1);
        places.take(client).ok_or_else(too_many).map(Some)
    }

    /// Who asks for what. Nothing is read of the body.
    async fn identify(&self, parts: &Parts, route: &Arc<Route>, request_id: &str, client: Client) -> Result<RequestContext, Problem> {
        let headers = &parts.headers;
        let Authenticated { actor, session } = match text(headers, &header::AUTHORIZATION) {
            None => Actor::Guest.into(),
            Some(value) => {
                let token =
                    value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
                let token = token.ok_or_else(|| Problem::new(Code::InvalidToken, "the Authorization header is not a bearer token"))?;
                self.authenticator.authenticate(token).await?
            }
        };
        // A gateway in front would say the same.
        if actor == Actor::Guest && route.closed {
            return Err(Problem::new(Code::Unauthenticated, "this needs an access token"));
        }
        if let (Some((rates, _)), Some(user)) = (&self.rates, actor.user_id()) {
            rates.check_account(user)?;
        }
        if let Some(query) = parts.uri.query() {
            route.check_query(query)?;
        }
        let heeds = route.heeds;
        Ok(RequestContext {
            idempotency_key: if heeds.key { idempotency_key(headers, &actor)? } else { None },
            actor,
            request_id: request_id.to_owned(),
            session,
            client,
            if_match: if heeds.compares() && !route.is_read() { if_match(headers)? } else { None },
            if_none_match: headers.get(header::IF_NONE_MATCH).filter(|_| heeds.version != Version::Unknown).and_then(version_in),
            wait: self.wait(route, headers),
            is_row: false,
            route: route.clone(),
            fingerprint: None,
        })
    }

    /// Takes in the body, then gives the request to its handler. A client that is slow to send holds none of the places of those
    /// at work, and a handler of a large body reads it itself, once it knows that the caller may bring one.
    async fn handle(
        &self,
        request: Request,
        route: &Arc<Route>,
        request_id: &str,
        client: Client,
        next: Next,
    ) -> Result<Response, Problem> {
        let mut permit = self.take(if route.large_body.is_some() { &self.large_bodies } else { &self.permits })?;
        let (mut parts, mut body) = request.into_parts();
        let mut context = self.identify(&parts, route, request_id, client).await?;
        let mut bytes = Bytes::new();
        if route.large_body.is_none() && route.has_handler() && !body.is_end_stream() {
            drop(permit);
            let arrival = self.take(&self.arrivals)?;
            bytes = read_body(body, self.limits.body_bytes, Arrival::Whole).await?;
            drop(arrival);
            permit = self.take(&self.permits)?;
            body = Body::from(bytes.clone());
        }
        if context.idempotency_key.is_some() {
            context.fingerprint = Some(fingerprint(&parts.uri, &bytes));
        }
        parts.extensions.insert(context);
        let response = next.run(Request::from_parts(parts, body)).await;
        drop(permit);
        Ok(response)
    }

    /// How long the answer may wait. It ends in time for an answer.
    fn wait(&self, route: &Route, headers: &HeaderMap) -> Option<Duration> {
        let longest = Duration::from_secs(self.limits.request_timeout_secs.saturating_sub(5));
        preferred_wait(headers).filter(|_| route.heeds.wait).map(|wait| wait.min(longest))
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

/// Recognizes a request under an Idempotency-Key, which cannot be used for another one.
fn fingerprint(uri: &Uri, body: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(uri.path_and_query().map_or("", |path| path.as_str()).as_bytes()).update(&[0]).update(body);
    hasher.finalize().to_hex()[..32].to_owned()
}

fn idempotency_key(headers: &HeaderMap, actor: &Actor) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > KEY_CHARACTERS_MAX || !visible {
        return Err(Problem::new(Code::MalformedRequest, "an Idempotency-Key is 1 to 255 visible ASCII characters"));
    }
    if *actor == Actor::Guest && key.len() < GUEST_KEY_CHARACTERS_MIN {
        let why = format!("a guest's Idempotency-Key has at least {GUEST_KEY_CHARACTERS_MIN} characters; take a UUID");
        return Err(Problem::new(Code::MalformedRequest, why));
    }
    Ok(Some(key.to_owned()))
}

/// One of our ETags. `*` matches whatever there is, as if the header were absent.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    if value.as_bytes().trim_ascii() == b"*" {
        return Ok(None);
    }
    // A tag that we never gave out matches nothing (RFC 9110): that is a failed precondition.
    version_in(value).map(Some).ok_or_else(|| Problem::new(Code::PreconditionFailed, "If-Match holds no ETag of ours"))
}

fn version_in(etag: &HeaderValue) -> Option<u64> {
    let tag = etag.to_str().ok()?.trim();
    tag.trim_start_matches("W/").trim_matches('"').strip_prefix('v')?.parse().ok()
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
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("idempotency-replayed"),
            HeaderName::from_static("preference-applied"),
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(Duration::from_secs(3600));
    let router = router
        .method_not_allowed_fallback(|| async { Failure::from(Problem::new(Code::MethodNotAllowed, "this path has other methods")) })
        .fallback(|| async { Failure::from(Problem::not_found("such path")) })
        // The edge reads bodies itself.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            Failure::from(Problem::internal("a handler panicked")).into_response()
        }))
        .layer(from_fn_with_state(edge.clone(), around))
        .layer(CompressionLayer::new());
    if edge.limits.cors_origins.is_empty() { router } else { router.layer(cors) }
}

async fn around(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let route = edge.route(&request);
    let (request_id, trace) = edge.name(request.headers());
    let span = tracing::info_span!("request", request = request_id, trace = %trace.shown_id(), operation = &*route.name, subject = Empty);
    within_trace(Some(trace), answer(&edge, request, &route, &request_id, next)).instrument(span).await
}

async fn answer(edge: &Edge, request: Request, route: &Arc<Route>, request_id: &str, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let if_none_match = request.headers().get(header::IF_NONE_MATCH).cloned();
    let wait = edge.wait(route, request.headers());
    let mut response = match admit(edge, request, route, request_id, next).await {
        Ok(response) => response,
        Err(problem) => Failure::from(problem).into_response(),
    };
    if let Some(wanted) = if_none_match {
        not_modified(&method, &wanted, &mut response);
    }
    if let Some(wait) = wait.filter(|_| !(response.status().is_client_error() || response.status().is_server_error())) {
        let applied = HeaderValue::from_str(&format!("wait={}", wait.as_secs()));
        response.headers_mut().extend(applied.ok().map(|applied| (HeaderName::from_static("preference-applied"), applied)));
    }
    decorate(request_id, response.headers_mut());
    let took = started.elapsed();
    let status = response.status().as_u16();
    edge.telemetry.observe_request(&route.name, status, took);
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if method == Method::GET && status < 500 {
        tracing::debug!(status, took_us, "answered");
    } else {
        tracing::info!(status, took_us, "answered");
    }
    response
}

async fn admit(edge: &Edge, request: Request, route: &Arc<Route>, request_id: &str, next: Next) -> Result<Response, Problem> {
    let client = edge.client(&request);
    let _place = edge.admit_client(client)?;
    // Who looks after the queues must get through.
    let operator = route.name.contains("/admin/");
    if edge.backpressure.is_on() && request.method() == Method::POST && !operator {
        return Err(edge.shed("the queues are full"));
    }
    let work = OPERATION.scope(route.name.clone(), edge.handle(request, route, request_id, client, next));
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
        let key_of = |actor: &Actor, key: &str| idempotency_key(&headers("idempotency-key", key), actor);
        let (guest, ann) = (Actor::Guest, Actor::User { id: kernel::UserId(1), roles: Vec::new(), businesses: Vec::new() });
        assert_eq!(key_of(&ann, "abc").unwrap().as_deref(), Some("abc"));
        assert_eq!(key_of(&guest, "sixteen-letters-").unwrap().as_deref(), Some("sixteen-letters-"));
        for (actor, bad) in [(&ann, ""), (&ann, "a b"), (&ann, &"k".repeat(256)), (&guest, "fifteen-letters")] {
            assert!(key_of(actor, bad).is_err(), "{bad}");
        }
    }
}
