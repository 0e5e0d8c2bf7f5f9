//! Extractors whose rejections are problems.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header;
use http::request::Parts;
use kernel::{Code, Problem};
use serde::de::DeserializeOwned;

use super::Failure;

/// A JSON body. 415 for another media type, 400 for what is no JSON, 422 for a field that does not fit.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let is_json = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let media = value.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
        });
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType, "send the body as application/json").into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(body_problem)?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            match inner.classify() {
                serde_json::error::Category::Data => Problem::field(if path == "." { "body".into() } else { path }, without_place(&inner)),
                serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
                    Problem::new(Code::MalformedRequest, format!("the body is not JSON: {inner}"))
                }
            }
        })?;
        deserializer.end().map_err(|error| Problem::new(Code::MalformedRequest, format!("the body is not JSON: {error}")))?;
        Ok(Self(value))
    }
}

/// serde_json's message without `at line 1 column 7`, which means little to a person with a form.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

pub(crate) fn body_problem(rejection: BytesRejection) -> Problem {
    if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::PayloadTooLarge, "the body is larger than this route accepts")
    } else {
        Problem::new(Code::MalformedRequest, rejection.body_text())
    }
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

/// Query parameters. 400 for one that cannot be read.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::MalformedRequest, rejection.body_text()).into()),
        }
    }
}
