//! Answers: a reply, or a problem as problem+json (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use kernel::{Code, FieldError, Problem};
use ports::store::StoredResponse;
use serde::Serialize;

/// What a handler returns.
pub type HandlerResult = Result<Reply, Failure>;

/// A successful answer: status, JSON, and the few headers that services set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Reply {
    status: u16,
    body: String,
    location: Option<String>,
    etag: Option<String>,
    cache_secs: Option<u32>,
    cookie: Option<String>,
    no_store: bool,
    replayed: bool,
}

impl Reply {
    fn new(status: u16, body: String) -> Self {
        Self { status, body, location: None, etag: None, cache_secs: None, cookie: None, no_store: false, replayed: false }
    }

    fn json(status: u16, view: &impl Serialize) -> Self {
        match serde_json::to_string(view) {
            Ok(body) => Self::new(status, body),
            Err(error) => {
                // Only a view with a map whose keys are no texts can get here: a defect, seen by the first test of the route.
                tracing::error!(%error, "a view cannot be written as JSON");
                Self::new(500, String::new())
            }
        }
    }

    pub fn ok(view: &impl Serialize) -> Self {
        Self::json(200, view)
    }

    pub fn created(location: impl Into<String>, view: &impl Serialize) -> Self {
        Self { location: Some(location.into()), ..Self::json(201, view) }
    }

    pub fn accepted(location: impl Into<String>, view: &impl Serialize) -> Self {
        Self { location: Some(location.into()), ..Self::json(202, view) }
    }

    pub fn no_content() -> Self {
        Self::new(204, String::new())
    }

    /// The HTTP status.
    pub fn code(&self) -> u16 {
        self.status
    }

    /// Another status with the same body, such as 202 without a location.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The version of what is shown, for If-Match and If-None-Match.
    pub fn etag(mut self, version: u64) -> Self {
        self.etag = Some(format!("\"v{version}\""));
        self
    }

    /// Anyone may keep the answer for so long. Without it an answer is not kept by shared caches.
    pub fn cache_secs(mut self, seconds: u32) -> Self {
        self.cache_secs = Some(seconds);
        self
    }

    /// A value of Set-Cookie (RFC 6265). An answer that is kept for a repetition is kept without it.
    pub fn cookie(mut self, cookie: impl Into<String>) -> Self {
        self.cookie = Some(cookie.into());
        self
    }

    /// The version of what is shown, if it is told.
    pub fn version(&self) -> Option<u64> {
        self.etag.as_deref()?.strip_prefix("\"v")?.strip_suffix('"')?.parse().ok()
    }

    /// For answers with secrets in them.
    pub fn no_store(mut self) -> Self {
        self.no_store = true;
        self
    }

    /// For JSON whose parts pages put into script elements as they are: nothing in it ends one. In JSON `<` stands in texts only.
    pub fn for_scripts(mut self) -> Self {
        self.body = self.body.replace('<', "\\u003c");
        self
    }

    pub(crate) fn stored(&self) -> StoredResponse {
        StoredResponse { status: self.status, location: self.location.clone(), etag: self.etag.clone(), body: self.body.clone() }
    }

    pub(crate) fn from_stored(stored: StoredResponse) -> Self {
        Self { location: stored.location, etag: stored.etag, replayed: true, no_store: true, ..Self::new(stored.status, stored.body) }
    }
}

fn insert(response: &mut Response, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            response.headers_mut().insert(name, value);
        }
        Err(error) => tracing::error!(%error, %name, "a header cannot be written"),
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let has_body = !self.body.is_empty();
        let mut response = (status, self.body).into_response();
        let headers = response.headers_mut();
        if has_body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        } else {
            headers.remove(header::CONTENT_TYPE);
        }
        if self.no_store {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if self.replayed {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        if let Some(location) = &self.location {
            insert(&mut response, header::LOCATION, location);
        }
        if let Some(etag) = &self.etag {
            insert(&mut response, header::ETAG, etag);
        }
        if let Some(cookie) = &self.cookie {
            insert(&mut response, header::SET_COOKIE, cookie);
        }
        if let Some(seconds) = self.cache_secs {
            insert(&mut response, header::CACHE_CONTROL, &format!("public, max-age={seconds}"));
        }
        response
    }
}

/// A problem on its way out.
#[derive(Debug)]
pub struct Failure(Problem);

impl<E: Into<Problem>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Failure {
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// What the client is told. Causes that lie with us, and may name paths and machines, are for the log.
    pub(crate) fn detail(&self) -> &str {
        match self.0.code {
            Code::Internal => {
                tracing::error!(cause = %self.0.detail, "a request failed");
                "the failure has been logged; the request id identifies it"
            }
            Code::Unavailable => {
                tracing::warn!(cause = %self.0.detail, "a request could not be served");
                "try again; the request id identifies what has been logged"
            }
            _ => &self.0.detail,
        }
    }
}

/// The wire form of RFC 9457.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView<'a> {
    /// `urn:souk:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    #[schema(schema_with = code_reference)]
    code: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

fn code_reference() -> utoipa::openapi::Ref {
    utoipa::openapi::Ref::from_schema_name("ProblemCode")
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let detail = self.detail();
        let problem = &self.0;
        let code = problem.code;
        let view = ProblemView {
            kind: format!("urn:souk:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            code: code.as_str(),
            detail,
            errors: &problem.fields,
        };
        let body = serde_json::to_string(&view).unwrap_or_default();
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = problem.retry_after_secs {
            insert(&mut response, header::RETRY_AFTER, &seconds.to_string());
        }
        if status == StatusCode::UNAUTHORIZED {
            insert(&mut response, header::WWW_AUTHENTICATE, "Bearer");
        }
        response
    }
}
