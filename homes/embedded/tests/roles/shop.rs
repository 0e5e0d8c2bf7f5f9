//! A shop in memory that is asked over HTTP and can be put back to what it was.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body as HttpBody;
use home_embedded::Home;
use http::Request;
use memory::{MemoryStores, Snapshot};
use ports::SystemClock;
use serde_json::{Value, json};
use shell::testing::{Answered, Asked, Conformance};
use shell::{Host, deliver};
use tower::ServiceExt as _;
use wiring::{Config, Platform as _};

pub const PASSWORD: &str = "a long and quiet river";
/// A chain of events that is longer than this does not come to rest.
const ROUNDS_MAX: usize = 1_000;
const EVENTS_AT_ONCE: usize = 100;

/// Who asks. The things asked for belong to the customer, and to the business of the owner and the staff member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Guest,
    Customer,
    OtherCustomer,
    OtherStaff,
    OtherOwner,
    Staff,
    Owner,
    Support,
    Admin,
}

impl Role {
    pub const ALL: [Self; 9] = [
        Self::Guest,
        Self::Customer,
        Self::OtherCustomer,
        Self::OtherStaff,
        Self::OtherOwner,
        Self::Staff,
        Self::Owner,
        Self::Support,
        Self::Admin,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Customer => "customer",
            Self::OtherCustomer => "other customer",
            Self::OtherStaff => "other business, staff",
            Self::OtherOwner => "other business, owner",
            Self::Staff => "business, staff",
            Self::Owner => "business, owner",
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }

    pub fn email(self) -> String {
        format!("{}@people.example", self.name().replace(", ", "-").replace(' ', "-"))
    }
}

#[derive(Debug, Clone, Default)]
pub enum Body {
    #[default]
    Empty,
    Json(Value),
    Form(String),
    Gif,
    Csv(&'static str),
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    /// Whether it is the first answer once more.
    pub is_repeated: bool,
    pub json: Value,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A text in the answer, by its JSON pointer.
    #[track_caller]
    pub fn get(&self, pointer: &str) -> String {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {}", self.text)).to_owned()
    }
}

pub struct Shop {
    pub home: Home,
    pub host: Host,
    router: Router,
    conformance: Conformance,
    stores: MemoryStores,
    tokens: Vec<(Role, String)>,
    /// Up to where each consumer has been given the log.
    delivered: HashMap<&'static str, u64>,
}

impl Shop {
    /// A shop with its people, who have done nothing yet.
    pub async fn open() -> Self {
        let mut config = Config::default();
        config.limits.rate_limit = false;
        (config.orders.unpaid_per_person, config.orders.unpaid_per_client) = (0, 0);
        // With a price, an enquiry is delivered first and billed later.
        config.directory.lead_price = 500;
        let stores = MemoryStores::new(Arc::new(SystemClock));
        let home = Home::over(&config, stores.clone()).unwrap();
        let host = home.host().unwrap();
        let router = host.router();
        let conformance = Conformance::of(host.openapi());
        let mut shop = Self { home, host, router, conformance, stores, tokens: Vec::new(), delivered: HashMap::new() };
        let people = || Role::ALL.into_iter().rev().filter(|role| *role != Role::Guest);
        let mut ids = HashMap::new();
        for role in people() {
            let email = role.email().parse().unwrap();
            let id = match role {
                Role::Admin => shop.home.operator().create_admin(email, PASSWORD).await.unwrap(),
                _ => shop.home.operator().create_customer(email, role.name(), PASSWORD).await.unwrap(),
            };
            ids.insert(role, id);
        }
        for role in people() {
            if role == Role::Support {
                let (path, body) = (format!("/api/v1/admin/users/{}/roles", ids[&role]), json!({ "roles": ["support"] }));
                shop.send(Role::Admin, "PUT", &path, &Body::Json(body), None).await.expect(200);
            }
            let token = shop.sign_in(role).await.get("/access_token");
            shop.tokens.push((role, token));
        }
        shop
    }

    pub async fn sign_in(&self, role: Role) -> Answer {
        let body = json!({ "email": role.email(), "password": PASSWORD });
        self.post(Role::Guest, "/api/v1/auth/sign-in", body).await.expect(200)
    }

    pub async fn get(&self, role: Role, path: &str) -> Answer {
        self.send(role, "GET", path, &Body::Empty, None).await
    }

    pub async fn post(&self, role: Role, path: &str, body: Value) -> Answer {
        self.send(role, "POST", path, &Body::Json(body), None).await
    }

    pub async fn send(&self, role: Role, method: &str, path: &str, body: &Body, if_match: Option<&str>) -> Answer {
        self.send_under(None, role, method, path, body, if_match).await
    }

    /// Under an Idempotency-Key.
    pub async fn send_under(&self, key: Option<&str>, role: Role, method: &str, path: &str, body: &Body, if_match: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some((_, token)) = self.tokens.iter().find(|(known, _)| *known == role) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(etag) = if_match {
            request = request.header("if-match", etag);
        }
        let (content_type, bytes) = match body {
            Body::Empty => (None, Vec::new()),
            Body::Json(json) => (Some("application/json"), json.to_string().into_bytes()),
            Body::Form(fields) => (Some("application/x-www-form-urlencoded"), fields.clone().into_bytes()),
            Body::Gif => (Some("image/gif"), b"GIF89a".to_vec()),
            Body::Csv(file) => (Some("text/csv"), file.as_bytes().to_vec()),
        };
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = self.router.clone().oneshot(request.body(HttpBody::from(bytes)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let headers: HashMap<String, String> =
            answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = if let Body::Json(json) = body { Some(json) } else { None };
        let conforms = self.conformance.check(Asked { method, path, json }, Answered { status, headers: &headers, text: &text });
        conforms.unwrap_or_else(|wrong| panic!("{method} {path}: {wrong}"));
        let etag = headers.get("etag").cloned();
        let is_repeated = headers.contains_key("idempotency-replayed");
        Answer { status, etag, is_repeated, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// Delivers the events of what was done, and what follows from them, until there are no more.
    pub async fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut quiet = true;
            for consumer in self.host.services().iter().flat_map(|service| &service.consumers) {
                let after = self.delivered.get(consumer.name).copied().unwrap_or(0);
                let page = self.home.log().read(after, consumer.types(), EVENTS_AT_ONCE).await.unwrap();
                quiet &= page.through == after;
                for logged in page.events {
                    let envelope = logged.envelope.unwrap();
                    let kind = envelope.event.kind();
                    let done = deliver(self.home.runtime(), consumer, &envelope, 1, None).await;
                    done.unwrap_or_else(|problem| panic!("{} failed on {kind}: {problem}", consumer.name));
                }
                self.delivered.insert(consumer.name, page.through);
            }
            if quiet {
                return;
            }
        }
        panic!("the events never come to rest");
    }

    pub fn snapshot(&self) -> Snapshot {
        self.stores.snapshot()
    }

    pub fn restore(&self, snapshot: &Snapshot) {
        self.stores.restore(snapshot);
    }
}
