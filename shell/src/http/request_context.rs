//! What a handler knows of the request besides its body: who asks, under which keys and conditions.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::{Actor, Code, Duration, Problem, SessionId};

use super::Failure;
use super::client::Client;
use super::heeds::Version;
use super::route::Route;

/// One request. Put into the request by the edge.
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub actor: Actor,
    /// The session of the access token, if it was made by the built-in issuer.
    pub session: Option<SessionId>,
    pub request_id: String,
    /// For limits.
    pub client: Client,
    pub idempotency_key: Option<String>,
    /// The version in If-Match, if it counts for the operation, as of all headers.
    pub if_match: Option<u64>,
    /// The version in If-None-Match, if it is one of ours: what the client knows already.
    pub if_none_match: Option<u64>,
    /// How long the client would wait for the outcome (`Prefer: wait=N`, RFC 7240), at most 30 s.
    pub wait: Option<Duration>,
    /// Whether it is a row of a request, which names its version itself.
    pub(crate) is_row: bool,
    /// An idempotency key counts for one operation.
    pub(crate) route: Arc<Route>,
    /// Hash of path, query and body; made only when there is an idempotency key.
    pub(crate) fingerprint: Option<String>,
}

impl RequestContext {
    /// Refuses an If-Match that names another version. The first argument of the handler is `Versioned<…>` or `VersionRequired<…>`.
    pub fn check_version(&self, version: u64) -> Result<(), Problem> {
        if self.route.is_described() && !self.route.heeds.compares() && !self.is_row {
            return Err(Problem::internal(format!("{:?} does not say that it heeds If-Match", self.route)));
        }
        match self.if_match {
            Some(wanted) if wanted != version => {
                Err(Problem::new(Code::PreconditionFailed, "it has been changed since you read it; read it again"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a request without If-Match as well. The first argument of the handler is `VersionRequired<…>`.
    pub fn require_version(&self, version: u64) -> Result<(), Problem> {
        if self.route.is_described() && self.route.heeds.version != Version::Required {
            return Err(Problem::internal(format!("{:?} does not say that it needs If-Match", self.route)));
        }
        if self.if_match.is_none() {
            return Err(Problem::new(Code::PreconditionRequired, "send If-Match with the ETag of what you read"));
        }
        self.check_version(version)
    }

    /// What an item keeps of the request that made it, for `UnitOfWork::handle_request_once`: 64 bits each of the hashes of whose
    /// Idempotency-Key it was and of what it asked. `None` without a key.
    pub fn request_fingerprint(&self) -> Option<String> {
        let (cause, fingerprint) = self.record_id().zip(self.fingerprint.as_deref())?;
        Some(format!("{}.{}", short_hash(&cause), short_hash(fingerprint)))
    }

    /// Refuses this request if its Idempotency-Key made the item, but as another request.
    pub fn check_fingerprint(&self, made_by: Option<&str>) -> Result<(), Problem> {
        let own = self.request_fingerprint();
        let parts = own.as_deref().and_then(|own| own.split_once('.')).zip(made_by.and_then(|made_by| made_by.split_once('.')));
        match parts {
            Some(((key, asked), (made_key, made_asked))) if key == made_key && asked != made_asked => Err(key_reused()),
            Some(_) | None => Ok(()),
        }
    }

    /// Keys belong to the one who sent them: a user, or the guests of a client address, who therefore need keys of some length.
    pub(crate) fn record_id(&self) -> Option<String> {
        let key = self.idempotency_key.as_ref()?;
        let scope = match self.actor.user_id() {
            Some(user) => user.to_string(),
            None => format!("guest@{}", self.client),
        };
        Some(format!("request#{scope}#{}#{key}", self.route.name))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal("a route outside the edge").into())
    }
}

fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// The answer to an Idempotency-Key that was sent before with another request.
pub(crate) fn key_reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused, "this Idempotency-Key was sent before with another request")
}
