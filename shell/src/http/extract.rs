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
                serde_json::error::Category::Data => misfit(path, &inner.to_string()),
                serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
                    Problem::new(Code::MalformedRequest, format!("the body is not JSON: {inner}"))
                }
            }
        })?;
        deserializer.end().map_err(|error| Problem::new(Code::MalformedRequest, format!("the body is not JSON: {error}")))?;
        Ok(Self(value))
    }
}

/// What serde says of a value in the body. The path of a field that is missing ends where the field should be.
fn misfit(path: String, said: &str) -> Problem {
    // `at line 1 column 7` means little to a person with a form.
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    let (name, message) = in_plain_words(said);
    let field = match (path.as_str(), name) {
        (".", Some(name)) => name.to_owned(),
        (".", None) => "body".to_owned(),
        (_, Some(name)) if said.starts_with("missing field") => format!("{path}.{name}"),
        _ => path,
    };
    Problem::field(field, message)
}

/// serde's message without words of Rust, and the field that it names.
fn in_plain_words(said: &str) -> (Option<&str>, String) {
    let (what, expected) = said.split_once(", expected ").unwrap_or((said, ""));
    let names = || expected.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(", ");
    let name = what.split('`').nth(1);
    if what.starts_with("unknown field") {
        let known = names();
        return (name, if known.is_empty() { "is not known here".to_owned() } else { format!("is not known here; known are {known}") });
    }
    if what.starts_with("missing field") {
        return (name, "must be given".to_owned());
    }
    if what.starts_with("unknown variant") {
        return (None, format!("must be one of {}", names()));
    }
    let wanted = match expected {
        "" => return (None, said.to_owned()),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" => "a text",
        "a sequence" => "a list",
        expected if expected.starts_with("struct ") || expected == "a map" => "an object",
        expected => expected,
    };
    (None, format!("must be {wanted}"))
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
            Err(rejection) => Err(unreadable_query(&rejection.body_text()).into()),
        }
    }
}

/// 400 for a query of which serde says so.
pub(crate) fn unreadable_query(said: &str) -> Problem {
    let said = said.strip_prefix("Failed to deserialize query string: ").unwrap_or(said);
    let (name, message) = in_plain_words(said);
    let about = name.map(|name| format!("{name} ")).unwrap_or_default();
    Problem::new(Code::MalformedRequest, format!("the query cannot be read: {about}{message}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Parcel {
        items: Vec<Item>,
        speed: Option<Speed>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Item {
        quantity: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Speed {
        Slow,
        Fast,
    }

    #[test]
    fn what_does_not_fit_is_told_without_words_of_rust() {
        for (body, field, message) in [
            (r#"{"items": [], "colour": 1}"#, "colour", "is not known here; known are items, speed"),
            (r#"{"items": [{"quantity": 1, "x": 2}]}"#, "items[0].x", "is not known here; known are quantity"),
            ("{}", "items", "must be given"),
            (r#"{"items": [{}]}"#, "items[0].quantity", "must be given"),
            (r#"{"items": [], "speed": "warp"}"#, "speed", "must be one of slow, fast"),
            (r#"{"items": [{"quantity": "two"}]}"#, "items[0].quantity", "must be a whole number that is not negative"),
            (r#"{"items": [{"quantity": -1}]}"#, "items[0].quantity", "must be a whole number that is not negative"),
            (r#"{"items": 1}"#, "items", "must be a list"),
            ("7", "body", "must be an object"),
        ] {
            let mut deserializer = serde_json::Deserializer::from_str(body);
            let error = serde_path_to_error::deserialize::<_, Parcel>(&mut deserializer).unwrap_err();
            let problem = misfit(error.path().to_string(), &error.inner().to_string());
            assert_eq!((problem.fields[0].field.as_str(), problem.fields[0].message.as_str()), (field, message), "{body}");
        }
    }
}
