//! What the edge knows of the operation that a request is for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::Method;
use kernel::{Code, FieldError, Problem};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation as Described, Parameter, ParameterIn};

use super::access::Access;
use super::heeds::Heeds;
use super::misfit::{misfits, query_misfits};
use super::paths::described;

/// Where an operation of the API document keeps how large its body may be, if it may be larger than others:
/// `extensions(("x-body-bytes-max" = json!(…)))`. Its handler takes a `LargeBody`.
const BODY_BYTES_MAX: &str = "x-body-bytes-max";

/// Of a parameter that is not known, as it is told.
const NAME_CHARACTERS_MAX: usize = 100;
/// The path of requests that no route takes.
const NO_ROUTE: &str = "(no route)";

/// A method of a path.
pub(crate) struct Route {
    method: &'static str,
    /// `GET /api/v1/products/{product_id}`.
    pub name: Arc<str>,
    /// Whether it needs an access token.
    pub closed: bool,
    /// Which headers count.
    pub heeds: Heeds,
    /// Bytes that its body may have, which the handler reads; the edge reads others.
    pub large_body: Option<usize>,
    /// Absent outside the API document.
    described: Option<(Arc<OpenApi>, Described)>,
}

/// All routes, described or not.
pub(crate) struct Routes {
    /// By path. Of each there are as many as `known_method` knows methods.
    known: RwLock<HashMap<String, Vec<Arc<Route>>>>,
}

impl Routes {
    pub fn new(document: &Arc<OpenApi>) -> Self {
        let routes = document.paths.paths.iter().map(|(path, item)| {
            let of_path = described(item).map(|(method, operation)| Arc::new(Route::described(method, path, document, operation)));
            (path.clone(), of_path.collect())
        });
        Self { known: RwLock::new(routes.collect()) }
    }

    /// The path is that of a router, never what a client has typed.
    pub fn find(&self, method: &Method, path: Option<&str>) -> Arc<Route> {
        let (method, path) = (known_method(method), path.unwrap_or(NO_ROUTE));
        let find = |known: &HashMap<String, Vec<Arc<Route>>>, method: &str| {
            known.get(path).and_then(|routes| routes.iter().find(|route| route.method == method)).cloned()
        };
        if let Some(route) = find(&self.known.read().unwrap_or_else(PoisonError::into_inner), method) {
            return route;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = find(&known, method) {
            return route;
        }
        let like = if method == "HEAD" { find(&known, "GET") } else { None };
        let route = Arc::new(match like.as_ref().and_then(|get| get.described.as_ref()) {
            Some((document, operation)) => Route::described(method, path, document, operation),
            None => Route {
                method,
                name: format!("{method} {path}").into(),
                closed: false,
                heeds: Heeds::NOTHING,
                large_body: None,
                described: None,
            },
        });
        known.entry(path.to_owned()).or_default().push(route.clone());
        route
    }
}

/// Whatever clients make up is one method, so that they cannot fill memory with names.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

impl Route {
    fn described(method: &'static str, path: &str, document: &Arc<OpenApi>, operation: &Described) -> Self {
        Self {
            method,
            name: format!("{method} {path}").into(),
            closed: Access::of(operation) != Access::Anyone,
            heeds: Heeds::said(operation.parameters.as_deref().unwrap_or_default()),
            large_body: body_bytes_max(operation),
            described: Some((document.clone(), operation.clone())),
        }
    }

    /// Whether it is in the API document.
    pub fn is_described(&self) -> bool {
        self.described.is_some()
    }

    pub fn is_read(&self) -> bool {
        ["GET", "HEAD"].contains(&self.method)
    }

    /// Whether a handler may want the body.
    pub fn has_handler(&self) -> bool {
        !self.name.ends_with(NO_ROUTE)
    }

    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let all = self.described.iter().flat_map(|(_, operation)| operation.parameters.iter().flatten());
        let all = all.filter_map(|parameter| match parameter {
            utoipa::openapi::RefOr::T(parameter) => Some(parameter),
            utoipa::openapi::RefOr::Ref(_) => None,
        });
        all.filter(|parameter| parameter.parameter_in == ParameterIn::Query)
    }

    /// Refuses parameters that the description does not know, and those that come twice: a client that asks for something
    /// must not get something else.
    pub fn check_query(&self, query: &str) -> Result<(), Problem> {
        if self.described.is_none() {
            return Ok(());
        }
        let mut names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair));
        while let Some(name) = names.next() {
            if !self.parameters().any(|parameter| parameter.name == name) {
                return Err(bad_parameter(name, "is no parameter of this operation"));
            }
            if names.clone().any(|other| other == name) {
                return Err(bad_parameter(name, "is given twice"));
            }
        }
        Ok(())
    }

    /// What is wrong with a query that could not be read.
    pub fn query_misfits(&self, query: &str) -> Vec<FieldError> {
        let Some((document, _)) = &self.described else { return Vec::new() };
        let given: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        query_misfits(document.components.as_ref(), self.parameters(), &given)
    }

    /// What is wrong with a body that did not fit.
    pub fn body_misfits(&self, body: &Value) -> Vec<FieldError> {
        let Some((document, operation)) = &self.described else { return Vec::new() };
        let request_body = match &operation.request_body {
            Some(utoipa::openapi::RefOr::T(request_body)) => request_body,
            Some(utoipa::openapi::RefOr::Ref(_)) | None => return Vec::new(),
        };
        let schema = match request_body.content.get("application/json") {
            Some(utoipa::openapi::RefOr::T(content)) => content.schema.as_ref(),
            Some(utoipa::openapi::RefOr::Ref(_)) | None => None,
        };
        schema.map_or_else(Vec::new, |schema| misfits(document.components.as_ref(), schema, body))
    }
}

/// How large the body of an operation may be, if it may be larger than others.
pub(super) fn body_bytes_max(operation: &Described) -> Option<usize> {
    let bytes = operation.extensions.as_ref().and_then(|extensions| extensions.get(BODY_BYTES_MAX)).and_then(Value::as_u64);
    bytes.and_then(|bytes| usize::try_from(bytes).ok())
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn bad_parameter(name: &str, message: &str) -> Problem {
    let name: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
    Problem { code: Code::MalformedRequest, ..Problem::field(name, message) }
}
