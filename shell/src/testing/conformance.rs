//! Holds answers against the API document: the status is declared, the body fits its schema, the problem is one that the operation
//! names, the headers are those that it names.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

/// Headers of answers that the document has to name.
const HEADERS: [&str; 6] = ["etag", "location", "preference-applied", "idempotency-replayed", "retry-after", "www-authenticate"];

/// Compiled once per process, when first needed, under the operation, what is held against it, and the media type.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// An API document that answers are held against.
#[derive(Debug)]
pub struct Conformance {
    document: Value,
}

/// What was asked, as far as the document speaks of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// With the query or without.
    pub path: &'a str,
    /// A body of JSON.
    pub json: Option<&'a Value>,
}

/// An answer to it. The names of headers are in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    pub status: u16,
    pub headers: &'a HashMap<String, String>,
    pub text: &'a str,
}

impl Conformance {
    /// # Panics
    /// If the document cannot be written as JSON.
    pub fn of(document: &OpenApi) -> Self {
        Self { document: serde_json::to_value(document).expect("the document is JSON") }
    }

    /// Errors: how the answer contradicts the document. Nothing is said of paths and methods that are not in it.
    pub fn check(&self, asked: Asked<'_>, answered: Answered<'_>) -> Result<(), String> {
        let Some(operation) = self.operation(asked) else { return Ok(()) };
        let name = operation["operationId"].as_str().unwrap_or_default();
        let in_words = |wrong: String| format!("{name} answers {}, but {wrong}: {}", answered.status, answered.text);
        self.check_answer(name, operation, asked, answered).map_err(in_words)?;
        // With 207 each row is answered for itself.
        if let (Some(body), 200..207) = (asked.json, answered.status)
            && let Some(schema) = operation["requestBody"]["content"]["application/json"].get("schema")
        {
            let fits = self.check_value(&format!("{name} asked"), schema, body);
            fits.map_err(|wrong| in_words(format!("the request that it accepts does not fit its schema, {wrong}")))?;
        }
        Ok(())
    }

    /// What is missing from the descriptions: of an operation its summary or its tag, of an answer what it is, of a body of JSON an
    /// example that fits its schema.
    pub fn gaps(&self) -> Vec<String> {
        let items = self.document["paths"].as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object().into_iter().flatten());
        items.flat_map(|(_, operation)| self.gaps_of(operation)).collect()
    }

    fn gaps_of(&self, operation: &Value) -> Vec<String> {
        let name = operation["operationId"].as_str().unwrap_or_default();
        let is_empty = |value: &Value| value.as_str().is_none_or(str::is_empty);
        let mut gaps = Vec::new();
        if is_empty(&operation["summary"]) || is_empty(&operation["tags"][0]) {
            gaps.push(format!("{name} has no summary or no tag"));
        }
        let answers = operation["responses"].as_object().into_iter().flatten();
        gaps.extend(
            answers
                .filter(|(_, answer)| is_empty(&self.resolved(answer)["description"]))
                .map(|(status, _)| format!("{name} {status} is not described")),
        );
        if let Some(schema) = operation["requestBody"]["content"]["application/json"].get("schema") {
            let beside = operation["requestBody"]["content"]["application/json"].get("example");
            match self.resolved(schema).get("example").or(beside) {
                None => gaps.push(format!("the body of {name} has no example")),
                Some(example) => {
                    let fits = self.check_value(&format!("{name} asked"), schema, example);
                    gaps.extend(fits.err().map(|wrong| format!("the example of {name} does not fit its schema, {wrong}")));
                }
            }
        }
        gaps
    }

    fn check_answer(&self, name: &str, operation: &Value, asked: Asked<'_>, answered: Answered<'_>) -> Result<(), String> {
        let Answered { status, headers, text } = answered;
        let response = operation["responses"].get(status.to_string()).ok_or("the document does not name the status")?;
        let response = self.resolved(response);
        let named =
            |header: &str| response["headers"].as_object().is_some_and(|all| all.keys().any(|one| one.eq_ignore_ascii_case(header)));
        for header in HEADERS {
            if headers.contains_key(header) && !named(header) {
                return Err(format!("the document does not name the header {header}"));
            }
        }
        // A list may have an ETag in one form and none in another.
        let is_whole = !(text.is_empty() || text.starts_with("{\"items\"")) && (200..300).contains(&status);
        let is_whole = is_whole && !headers.contains_key("idempotency-replayed");
        let expected = [("etag", is_whole), ("location", status == 201), ("www-authenticate", status == 401)];
        let lacks = |header: &str| named(header) && !headers.contains_key(header);
        if let Some((header, _)) = expected.into_iter().find(|(header, is_due)| *is_due && lacks(header)) {
            return Err(format!("the header {header} is missing"));
        }
        let content = response["content"].as_object();
        let Some(content) = content.filter(|_| asked.method != "HEAD") else {
            return if text.is_empty() { Ok(()) } else { Err("the document names no body".into()) };
        };
        let media = headers.get("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        let schema = &content.get(media).ok_or_else(|| format!("the document does not name the media type {media:?}"))?["schema"];
        // What is packed cannot be read here.
        if media.ends_with("json") && !headers.contains_key("content-encoding") {
            let body = serde_json::from_str(text).map_err(|error| format!("the body is not JSON, {error}"))?;
            self.check_value(&format!("{name} {status} {media}"), schema, &body)?;
        }
        Ok(())
    }

    /// What the document says of the operation; of paths that fit, the one with the fewest parameters.
    fn operation(&self, asked: Asked<'_>) -> Option<&Value> {
        let path = asked.path.split('?').next().unwrap_or_default();
        let fits = |template: &str| {
            let (parts, known) = (path.split('/'), template.split('/'));
            parts.clone().count() == known.clone().count() && parts.zip(known).all(|(part, known)| part == known || known.starts_with('{'))
        };
        let paths = self.document["paths"].as_object()?.iter().filter(|(template, _)| fits(template));
        let (_, item) = paths.min_by_key(|(template, _)| template.matches('{').count())?;
        let method = if asked.method == "HEAD" { "get".to_owned() } else { asked.method.to_ascii_lowercase() };
        item.get(method)
    }

    /// What is meant, where there is a reference.
    fn resolved<'a>(&'a self, node: &'a Value) -> &'a Value {
        let meant = node["$ref"].as_str().and_then(|reference| self.document.pointer(reference.trim_start_matches('#')));
        meant.unwrap_or(node)
    }

    fn check_value(&self, name: &str, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self.validator(name, schema)?;
        validator.validate(value).map_err(|error| format!("{error} at {}", error.instance_path()))
    }

    fn validator(&self, name: &str, schema: &Value) -> Result<Arc<Validator>, String> {
        let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(name) {
            return Ok(known.clone());
        }
        let whole = json!({ "allOf": [schema], "components": { "schemas": self.document["components"]["schemas"] } });
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        let validator = Arc::new(options.build(&whole).map_err(|error| format!("its schema is none, {error}"))?);
        validators.insert(name.to_owned(), validator.clone());
        Ok(validator)
    }
}
