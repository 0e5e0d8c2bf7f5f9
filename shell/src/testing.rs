//! The harness of the services' scenarios: real routes, real rules, the memory adapter, a clock that
//! is moved by hand, and events that are delivered when the test says so.

mod conformance;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
pub use conformance::{Answered, Asked, Conformance};
pub use contracts::golden::Golden;
use contracts::{Envelope, Event};
use http::{Method, Request, StatusCode};
use kernel::{Actor, BusinessId, Code, Duration, EventId, Membership, Problem, Role, SessionId, StaffRole, Timestamp, UserId};
use memory::MemoryStores;
use ports::store::{Commit, TableSchema};
use ports::{Clock, EventLog, FixedEntropy, ManualClock, Position, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::auth::{Authenticated, Authenticator};
use crate::deliver::{deliver, find_consumer, find_schedule, tick};
use crate::host::{Host, HostConfig};
use crate::http::LimitsConfig;
use crate::queues;
use crate::runtime::Runtime;
use crate::service::Service;
use crate::unit_of_work::UnitOfWork;

/// What a test builds its services from.
pub struct Kit {
    clock: Arc<ManualClock>,
    stores: Arc<MemoryStores>,
    runtime: Arc<Runtime>,
}

impl Kit {
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    pub fn work(&self, schema: &TableSchema) -> UnitOfWork {
        UnitOfWork::new(&self.runtime, *schema, self.table(schema))
    }

    /// A table itself, for a peer that keeps something of its own.
    pub fn table(&self, schema: &TableSchema) -> Arc<dyn Store> {
        self.stores.table(*schema)
    }

    pub fn log(&self) -> Arc<dyn EventLog> {
        self.stores.log()
    }

    pub fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

const FOREIGN: TableSchema = TableSchema { name: "foreign", indexes: 0 };
/// A chain of events that is longer than this does not come to rest.
const ROUNDS_MAX: usize = 10_000;

/// Tokens of the harness are the JSON of an actor and the session.
struct ActorsAsTokens;

#[derive(Serialize, Deserialize)]
struct Token {
    actor: Actor,
    session: Option<SessionId>,
}

#[async_trait]
impl Authenticator for ActorsAsTokens {
    async fn authenticate(&self, bearer: &str) -> Result<Authenticated, Problem> {
        serde_json::from_str::<Token>(bearer)
            .map(|token| Authenticated { actor: token.actor, session: token.session })
            .map_err(|_| Problem::new(Code::InvalidToken, "not an actor"))
    }
}

pub struct Harness {
    kit: Kit,
    host: Host,
    router: Router,
    log: Arc<dyn EventLog>,
    cursors: Mutex<HashMap<&'static str, Position>>,
    conformance: OnceLock<Conformance>,
}

impl Harness {
    /// # Panics
    /// If the services do not fit together.
    pub fn new(build: impl FnOnce(&Kit) -> Vec<Service>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_790_000_000_000)));
        let stores = Arc::new(MemoryStores::new(clock.clone() as Arc<dyn Clock>));
        let runtime = Runtime::new(clock.clone(), Arc::new(FixedEntropy::new(42)));
        let kit = Kit { clock, stores, runtime };
        let log = kit.stores.log();
        let services = build(&kit);
        let limits = LimitsConfig { rate_limit: false, ..LimitsConfig::default() };
        let config = HostConfig {
            work: kit.work(&queues::TABLE),
            log: log.clone(),
            authenticator: Arc::new(ActorsAsTokens),
            limits,
            holder: "harness".into(),
            pages: Router::new(),
        };
        let host = Host::new(config, services).expect("the services fit together");
        let router = host.router();
        Self { kit, host, router, log, cursors: Mutex::default(), conformance: OnceLock::new() }
    }

    pub fn admin() -> Actor {
        Actor::User { id: UserId(1), roles: vec![Role::Customer, Role::Admin], businesses: Vec::new() }
    }

    pub fn support() -> Actor {
        Actor::User { id: UserId(2), roles: vec![Role::Customer, Role::Support], businesses: Vec::new() }
    }

    pub fn customer(n: u128) -> Actor {
        Actor::User { id: UserId(1000 + n), roles: vec![Role::Customer], businesses: Vec::new() }
    }

    /// An owner of the business.
    pub fn business(n: u128, business: BusinessId) -> Actor {
        Self::member(n, business, StaffRole::Owner)
    }

    pub fn member(n: u128, business: BusinessId, role: StaffRole) -> Actor {
        let businesses = vec![Membership { business_id: business, role }];
        Actor::User { id: UserId(2000 + n), roles: vec![Role::Customer, Role::Business], businesses }
    }

    pub fn guest() -> Actor {
        Actor::Guest
    }

    pub fn kit(&self) -> &Kit {
        &self.kit
    }

    pub fn openapi(&self) -> Value {
        serde_json::to_value(self.host.openapi()).expect("the document is JSON")
    }

    pub fn get(&self, path: &str) -> TestRequest<'_> {
        self.ask(Method::GET, path, None)
    }

    pub fn delete(&self, path: &str) -> TestRequest<'_> {
        self.ask(Method::DELETE, path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> TestRequest<'_> {
        self.ask(Method::POST, path, Some(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> TestRequest<'_> {
        self.ask(Method::PUT, path, Some(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> TestRequest<'_> {
        self.ask(Method::PATCH, path, Some(body))
    }

    /// Another method, such as one that there is not.
    ///
    /// # Panics
    /// If it cannot be one.
    pub fn request(&self, method: &str, path: &str) -> TestRequest<'_> {
        self.ask(method.parse().expect("a method"), path, None)
    }

    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> TestRequest<'_> {
        let body = body.map(|body| ("application/json".to_owned(), body.to_string().into_bytes()));
        TestRequest { harness: self, method, path: path.into(), body, headers: Vec::new(), client: None }
    }

    /// Delivers what waits, and what follows from it, until nothing waits.
    ///
    /// # Panics
    /// If a delivery fails, or the events never come to rest.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            let mut quiet = true;
            for consumer in self.host.services().iter().flat_map(|service| &service.consumers) {
                let after = self.cursors.lock().unwrap_or_else(PoisonError::into_inner).get(consumer.name).copied().unwrap_or(0);
                let page = self.log.read(after, consumer.types(), 100).await.expect("the log can be read");
                quiet &= page.through == after;
                for logged in page.events {
                    let envelope = logged.envelope.expect("the event can be read");
                    let kind = envelope.event.kind();
                    if let Err(problem) = deliver(&self.kit.runtime, consumer, &envelope, 1, None).await {
                        panic!("{} failed on {kind}: {problem}", consumer.name);
                    }
                }
                self.cursors.lock().unwrap_or_else(PoisonError::into_inner).insert(consumer.name, page.through);
            }
            if quiet {
                return;
            }
        }
        panic!("the events never come to rest");
    }

    /// Delivers one event to one consumer, whether or not it has been delivered before.
    pub async fn deliver(&self, consumer: &str, envelope: &Envelope) -> Result<(), Problem> {
        let consumer = find_consumer(self.host.services(), consumer).expect("there is such a consumer");
        deliver(&self.kit.runtime, consumer, &Arc::new(envelope.clone()), 1, None).await
    }

    /// Appends an event as if its service had told it. Returns its envelope.
    pub async fn publish(&self, event: impl Into<Event>) -> Envelope {
        let now = self.kit.clock.now();
        let position = self.log.head().await.expect("the log can be read") + 1;
        let envelope = Envelope {
            id: EventId((u128::from(now.as_millis().unsigned_abs()) << 80) | u128::from(position)),
            time: now,
            sequence: position * 100,
            causation_id: "test".into(),
            correlation_id: "test".into(),
            traceparent: None,
            actor: Actor::System,
            event: event.into(),
        };
        let commit = Commit { events: vec![envelope.clone()], ..Commit::default() };
        self.kit.stores.table(FOREIGN).commit(commit).await.expect("the event is appended");
        envelope
    }

    /// Every event so far.
    pub async fn events(&self) -> Vec<Envelope> {
        let types: Vec<&str> = Event::TYPES.iter().map(|(kind, _)| *kind).collect();
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.log.read(after, &types, 1000).await.expect("the log can be read");
            if page.through == after {
                return all;
            }
            after = page.through;
            all.extend(page.events.into_iter().map(|logged| Arc::unwrap_or_clone(logged.envelope.expect("the event can be read"))));
        }
    }

    /// Every item of a table as `pk / sk body`: for tests of what is kept.
    pub fn stored(&self, schema: &TableSchema) -> Vec<String> {
        let items = self.kit.stores.items(*schema);
        items.iter().map(|item| format!("{} / {} {}", item.key.pk, item.key.sk, item.body.as_str())).collect()
    }

    /// The types of all events so far.
    pub async fn event_types(&self) -> Vec<&'static str> {
        self.events().await.iter().map(|envelope| envelope.event.kind()).collect()
    }

    pub fn advance(&self, span: Duration) {
        self.kit.clock.advance(span);
    }

    /// Runs a schedule once.
    ///
    /// # Panics
    /// If there is no such schedule, or it fails.
    pub async fn tick(&self, name: &str) {
        let schedule = find_schedule(self.host.services(), name).expect("there is such a schedule");
        tick(&self.kit.runtime, schedule).await.expect("the tick succeeds");
    }
}

/// A request in the making.
#[must_use]
pub struct TestRequest<'a> {
    harness: &'a Harness,
    method: Method,
    path: String,
    body: Option<(String, Vec<u8>)>,
    headers: Vec<(String, String)>,
    client: Option<IpAddr>,
}

impl TestRequest<'_> {
    pub fn as_actor(self, actor: &Actor) -> Self {
        self.in_session(&actor.clone().into())
    }

    /// As somebody whose token was made in a session.
    pub fn in_session(self, who: &Authenticated) -> Self {
        let Authenticated { actor, session } = who.clone();
        match actor {
            Actor::Guest => self,
            Actor::User { .. } | Actor::System => {
                let token = serde_json::to_string(&Token { actor, session }).expect("an actor is JSON");
                self.header("Authorization", &format!("Bearer {token}"))
            }
        }
    }

    /// From this address rather than from nowhere.
    pub fn from_client(mut self, address: &str) -> Self {
        self.client = Some(address.parse().expect("an address"));
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Another body than JSON.
    pub fn raw(mut self, content_type: &str, bytes: &[u8]) -> Self {
        self.body = Some((content_type.into(), bytes.to_vec()));
        self
    }

    /// # Panics
    /// If the request cannot be built, or the answer contradicts the API document.
    pub async fn send(self) -> TestResponse {
        let (method, path) = (self.method.clone(), self.path.clone());
        let json = self.body.as_ref().filter(|(media, _)| media == "application/json");
        let json: Option<Value> = json.and_then(|(_, bytes)| serde_json::from_slice(bytes).ok());
        let harness = self.harness;
        let answer = self.answer().await;
        let asked = Asked { method: method.as_str(), path: &path, json: json.as_ref() };
        let answered = Answered { status: answer.status, headers: &answer.headers, text: &answer.text };
        let conformance = harness.conformance.get_or_init(|| Conformance::of(harness.host.openapi()));
        if let Err(wrong) = conformance.check(asked, answered) {
            panic!("{method} {path}: {wrong}");
        }
        answer
    }

    async fn answer(self) -> TestResponse {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = match self.body {
            Some((content_type, bytes)) => {
                request = request.header("content-type", content_type);
                Body::from(bytes)
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).expect("a request");
        if let Some(client) = self.client {
            crate::http::set_client(request.extensions_mut(), client);
        }
        let response = self.harness.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("the body arrives");
        let headers =
            parts.headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        TestResponse { status: parts.status.as_u16(), headers, json, text, bytes: bytes.to_vec() }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct TestResponse {
    pub status: u16,
    pub headers: HashMap<String, String>,
    /// Null where the body is not JSON.
    pub json: Value,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl TestResponse {
    /// The answer, if its status is as expected.
    ///
    /// # Panics
    /// With the whole answer, if it is another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{} {}",
            StatusCode::from_u16(self.status).map_or("", |status| status.canonical_reason().unwrap_or("")),
            self.text
        );
        self
    }

    /// The problem's code, or an empty text.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }
}
