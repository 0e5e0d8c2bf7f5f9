//! What an operation may answer: the headers of its successes, and the problems that follow from its shape.

use std::collections::BTreeMap;

use kernel::Code;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation as Described, Parameter, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::access::Access;
use super::heeds::{Heeds, Version};
use super::paths::described;
use super::route::body_bytes_max;

pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Headers of answers as components of the document: the name, and what it says.
const HEADERS: [(&str, &str); 6] = [
    (ETAG, "The version of what is shown, for If-Match and If-None-Match."),
    (LOCATION, "The path of what was made, or where it is now."),
    (PREFERENCE_APPLIED, "`wait=N`: how many seconds the answer might have waited."),
    (REPLAYED, "`true` where this is the first answer once more, to a repeated Idempotency-Key."),
    (RETRY_AFTER, "Seconds after which to try again."),
    (WWW_AUTHENTICATE, "`Bearer`."),
];
const RESPONSES: &str = "#/components/responses/";
const ETAG: &str = "ETag";
const LOCATION: &str = "Location";
const PREFERENCE_APPLIED: &str = "Preference-Applied";
const REPLAYED: &str = "Idempotency-Replayed";
const RETRY_AFTER: &str = "Retry-After";
const WWW_AUTHENTICATE: &str = "WWW-Authenticate";

pub(super) fn header_components() -> impl Iterator<Item = (String, RefOr<Header>)> {
    HEADERS.iter().map(|(name, about)| {
        let kind = if *name == RETRY_AFTER { Type::Integer } else { Type::String };
        let mut header = Header::new(ObjectBuilder::new().schema_type(kind));
        header.description = Some((*about).to_owned());
        ((*name).to_owned(), RefOr::T(header))
    })
}

/// Completes the answers of an operation.
pub(super) fn describe(method: &str, operation: &mut Described, access: Access, heeds: Heeds, codes: &[Code]) {
    let successes = &mut operation.responses.responses;
    if method == "GET" && heeds.version != Version::Unknown {
        successes.insert("304".into(), Response::new("It has not changed since it had the ETag in If-None-Match.").into());
    }
    for (status, response) in successes {
        if let RefOr::T(response) = response {
            describe_success(method, status, response, heeds);
        }
    }
    let codes = problems(method, operation, access, heeds, codes);
    for status in codes.iter().map(|code| code.status()) {
        let names: Vec<_> = codes.iter().filter(|code| code.status() == status).map(|code| format!("{code:?}")).collect();
        let answer = RefOr::Ref(Ref::new(format!("{RESPONSES}{}", names.join("_"))));
        operation.responses.responses.insert(status.to_string(), answer);
    }
}

fn describe_success(method: &str, status: &str, response: &mut Response, heeds: Heeds) {
    if response.description.is_empty() {
        response.description = match (status, method) {
            ("201", _) => "It has been created.",
            ("202", _) => "It has been accepted, and will be done.",
            ("204", _) => "It is done, and there is no more to say.",
            (_, "GET") => "What was asked for.",
            _ => "It is done, and this is how it is now.",
        }
        .into();
    }
    let sent = [
        (ETAG, heeds.version != Version::Unknown || status == "201" && heeds.key),
        (LOCATION, ["201", "202", "308"].contains(&status)),
        (PREFERENCE_APPLIED, heeds.wait),
        (REPLAYED, heeds.key),
    ];
    for (name, _) in sent.into_iter().filter(|(_, is_sent)| *is_sent) {
        response.headers.insert(name.into(), header(name));
    }
}

/// The answers to which the operations refer, as components of the document: each named after the problems that it may be.
pub(super) fn response_components(api: &OpenApi) -> BTreeMap<String, RefOr<Response>> {
    let operations = api.paths.paths.values().flat_map(described);
    let answers = operations.flat_map(|(_, operation)| operation.responses.responses.values());
    let names = answers.filter_map(|answer| match answer {
        RefOr::Ref(reference) => reference.ref_location.strip_prefix(RESPONSES),
        RefOr::T(_) => None,
    });
    let codes =
        |name: &str| Code::ALL.iter().copied().filter(|code| name.split('_').any(|one| one == format!("{code:?}"))).collect::<Vec<_>>();
    names.map(|name| (name.to_owned(), problem(&codes(name)).into())).collect()
}

fn header(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

/// Every problem that an operation may answer with, in the order of the table of codes.
fn problems(method: &str, operation: &Described, access: Access, heeds: Heeds, own: &[Code]) -> Vec<Code> {
    let parameters: Vec<&Parameter> = operation.parameters.iter().flatten().filter_map(inline).collect();
    let is_in = |place: &ParameterIn| parameters.iter().any(|parameter| parameter.parameter_in == *place);
    let is_paged = parameters.iter().any(|parameter| parameter.name == "cursor");
    let body = operation.request_body.as_ref();
    let has_json = matches!(body, Some(RefOr::T(body)) if body.content.contains_key("application/json"));
    let all = [
        // Anybody may send what cannot be read, a token that does not count, or too much; and we may be at fault.
        (
            true,
            &[Code::MalformedRequest, Code::InvalidToken, Code::TooManyRequests, Code::Internal, Code::Overloaded, Code::Unavailable][..],
        ),
        (access != Access::Anyone, &[Code::Unauthenticated]),
        (matches!(access, Access::Staff | Access::Admin), &[Code::Forbidden]),
        (is_in(&ParameterIn::Path), &[Code::NotFound]),
        (is_in(&ParameterIn::Query), &[Code::Invalid]),
        (is_paged, &[Code::InvalidCursor]),
        (method != "GET", &[Code::RequestTimeout, Code::PayloadTooLarge]),
        (body.is_some(), &[Code::Invalid]),
        (has_json, &[Code::UnsupportedMediaType]),
        (method != "GET" && heeds.compares(), &[Code::PreconditionFailed]),
        (heeds.version == Version::Required, &[Code::PreconditionRequired]),
        (heeds.key, &[Code::IdempotencyKeyReused]),
        (true, own),
    ];
    let may_be = |code: &Code| all.iter().any(|(is_so, codes)| *is_so && codes.contains(code));
    Code::ALL.iter().copied().filter(may_be).collect()
}

fn inline(parameter: &RefOr<Parameter>) -> Option<&Parameter> {
    match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    }
}

/// The answer with one of the problems, which have one status.
fn problem(codes: &[Code]) -> Response {
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let names = codes.iter().map(|code| code.as_str());
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let one_of_them = ObjectBuilder::new().property("code", code).required("code");
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(one_of_them).build();
    let content = Content::new(Some(RefOr::T(Schema::AllOf(schema))));
    let mut response = ResponseBuilder::new().description(format!("{}.", titles.join(". "))).content(PROBLEM_JSON, content).build();
    let sent = match codes.first().map(|code| code.status()) {
        Some(401) => Some(WWW_AUTHENTICATE),
        Some(429 | 503) => Some(RETRY_AFTER),
        _ => None,
    };
    response.headers.extend(sent.map(|name| (name.to_owned(), header(name))));
    response
}

/// The codes of all problems, as a schema.
pub(super) fn code_schema() -> Schema {
    let names = Code::ALL.iter().map(|code| code.as_str());
    let about = "What went wrong, for programs: a code is stable. Treat one that you do not know as its status.";
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).description(Some(about)).build())
}

impl Heeds {
    /// What counts of this for an operation: a GET has nothing to repeat, and of a body that is still to be read nothing is known
    /// by which to recognize the request.
    pub(super) fn of_operation(self, method: &str, operation: &Described) -> Self {
        let can_repeat = method != "GET" && body_bytes_max(operation).is_none();
        Self { key: self.key && can_repeat, ..self }
    }
}
