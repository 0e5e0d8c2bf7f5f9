//! Extractors whose rejections are problems.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::BytesMut;
use http::header;
use http::request::Parts;
use http_body_util::BodyExt as _;
use kernel::{Code, FieldError, Problem};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use tokio::time::{Instant, timeout_at};

use super::misfit::in_words;
use super::route::Route;
use super::{Failure, RequestContext};

/// A small body arrives within this time, of a large one each piece.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A JSON object as the body. 415 for another media type, 400 for what is no JSON, 422 for fields that do not fit, of which
/// all are named.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let is_json = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let media = value.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
        });
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType, "send the body as application/json").into());
        }
        let (parts, body) = request.into_parts();
        // The edge has read it already, within limits.
        let bytes = read_body(body, usize::MAX, Arrival::Whole).await?;
        Ok(Self(read_json(&bytes, route_of(&parts))?))
    }
}

/// Nothing outside the edge.
fn route_of(parts: &Parts) -> Option<&Route> {
    parts.extensions.get::<RequestContext>().map(|context| &*context.route)
}

fn read_json<T: DeserializeOwned>(bytes: &[u8], route: Option<&Route>) -> Result<T, Problem> {
    let malformed = |error: serde_json::Error| Problem::new(Code::MalformedRequest, format!("the body is not JSON: {error}"));
    // Serde would take a list for an object, field by field.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(malformed)?;
        return Err(Problem::field("body", "must be an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => value,
        Err(error) if error.inner().classify() == Category::Data => {
            let body = serde_json::from_slice(bytes).map_err(malformed)?;
            let mut misfits = route.map_or_else(Vec::new, |route| route.body_misfits(&body));
            // Without `at line 1 column 7`, which means little to a person with a form.
            let message = error.inner().to_string();
            let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
            let path = error.path().to_string();
            add_refused(&mut misfits, if path == "." { "body" } else { &path }, message);
            return Err(Problem::fields(misfits));
        }
        Err(error) => return Err(malformed(error.into_inner())),
    };
    deserializer.end().map_err(malformed)?;
    Ok(value)
}

/// The field that serde has refused, unless something in it is among the others: its type knows more than the schema says.
fn add_refused(misfits: &mut Vec<FieldError>, field: &str, message: &str) {
    let is_whole = ["body", "query"].contains(&field) && !misfits.is_empty();
    if !is_whole && !misfits.iter().any(|misfit| misfit.field.starts_with(field)) {
        misfits.push(FieldError { field: field.into(), message: in_words(message).into() });
    }
}

/// A body that may be larger than others and has not been read: the handler looks first who brings it. The operation says with
/// `extensions(("x-body-bytes-max" = …))` how large it may be, and must be repeatable in itself: no Idempotency-Key counts for it.
#[derive(Debug)]
pub struct LargeBody {
    body: Body,
    bytes_max: usize,
}

impl LargeBody {
    /// Errors: 413 for one that is too large, 408 for one that comes too slowly, 400 for one that breaks off.
    pub async fn read(self) -> Result<Bytes, Problem> {
        read_body(self.body, self.bytes_max, Arrival::InPieces).await
    }
}

impl<S: Send + Sync> FromRequest<S> for LargeBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let bytes_max = route_of(&parts).and_then(|route| route.large_body);
        let bytes_max = bytes_max.ok_or_else(|| Problem::internal("the operation does not say how large its body may be"))?;
        Ok(Self { body, bytes_max })
    }
}

/// What has to arrive within `BODY_WITHIN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Whole,
    InPieces,
}

/// The body, if it has at most `bytes_max`. A body of one piece, as small ones are, is not copied.
pub(super) async fn read_body(mut body: Body, bytes_max: usize, arrival: Arrival) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::PayloadTooLarge, format!("the body may have {bytes_max} bytes"));
    if body.size_hint().lower() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let (mut whole, mut more) = (Bytes::new(), BytesMut::new());
    let mut until = Instant::now() + BODY_WITHIN;
    while let Some(frame) =
        timeout_at(until, body.frame()).await.map_err(|_| Problem::new(Code::RequestTimeout, "the body did not arrive in time"))?
    {
        let frame = frame.map_err(|_| Problem::new(Code::MalformedRequest, "the body broke off"))?;
        // What is no data is a trailer, of which none is wanted.
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + more.len() + piece.len() > bytes_max {
            return Err(too_large());
        }
        if whole.is_empty() && more.is_empty() {
            whole = piece;
        } else {
            more.extend_from_slice(&std::mem::take(&mut whole));
            more.extend_from_slice(&piece);
        }
        if arrival == Arrival::InPieces {
            until = Instant::now() + BODY_WITHIN;
        }
    }
    Ok(if more.is_empty() { whole } else { more.freeze() })
}

/// Path parameters. 404 for one that cannot be an id: there is no such thing.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let extracted: Result<_, PathRejection> = axum::extract::Path::from_request_parts(parts, state).await;
        match extracted {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::NotFound, rejection.body_text()).into()),
        }
    }
}

/// Query parameters. 400 for those that cannot be read, of which all are named.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let refused = rejection.body_text();
                Err(unreadable_query(parts, refused.trim_start_matches("Failed to deserialize query string: ")).into())
            }
        }
    }
}

/// The problem of a query that could not be read; `refused` is serde's word, `status: …` if it names the parameter.
pub(super) fn unreadable_query(parts: &Parts, refused: &str) -> Problem {
    let mut misfits = route_of(parts).map_or_else(Vec::new, |route| route.query_misfits(parts.uri.query().unwrap_or_default()));
    let (name, message) = refused.split_once(": ").filter(|(name, _)| !name.contains(' ')).unwrap_or(("query", refused));
    add_refused(&mut misfits, name, message);
    Problem { code: Code::MalformedRequest, ..Problem::fields(misfits) }
}
