//! Which headers of a request count for an operation, and how the API document says it.

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Required};

/// What an operation makes of its request's headers, besides who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heeds {
    /// The ETag of what it is about.
    pub version: Version,
    /// `Idempotency-Key`, unless it is a GET.
    pub key: bool,
    /// `Prefer: wait=N`.
    pub wait: bool,
}

/// What it is about has a version, which answers name as the ETag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Unknown,
    /// Nothing is compared before a change. A GET takes If-None-Match.
    Shown,
    /// A GET takes If-None-Match, a change If-Match.
    Known,
    /// A change without If-Match is refused.
    Required,
}

impl Heeds {
    pub(super) const NOTHING: Self = Self { version: Version::Unknown, key: false, wait: false };
    pub(super) const KEY: Self = Self { key: true, ..Self::NOTHING };

    /// Whether If-Match is compared before a change.
    pub(super) fn compares(self) -> bool {
        matches!(self.version, Version::Known | Version::Required)
    }
}

/// A header of a request, as the document knows it: its component, its name, and what it is for.
struct RequestHeader {
    component: &'static str,
    name: &'static str,
    required: Required,
    about: &'static str,
    example: &'static str,
}

const REQUEST_HEADERS: [RequestHeader; 5] = [
    RequestHeader {
        component: IF_MATCH,
        name: "If-Match",
        required: Required::False,
        about: "The ETag of what was read. If it has been changed since, nothing happens and the answer is 412.",
        example: "\"v3\"",
    },
    RequestHeader {
        component: IF_MATCH_REQUIRED,
        name: "If-Match",
        required: Required::True,
        about: "The ETag of what was read. If it has been changed since, nothing happens and the answer is 412; without it, 428.",
        example: "\"v3\"",
    },
    RequestHeader {
        component: IF_NONE_MATCH,
        name: "If-None-Match",
        required: Required::False,
        about: "The ETag of what is known already. If it is still the same, the answer is 304 without a body.",
        example: "\"v3\"",
    },
    RequestHeader {
        component: IDEMPOTENCY_KEY,
        name: "Idempotency-Key",
        required: Required::False,
        about: "1 to 255 visible ASCII characters, of guests at least 16; take a UUID. Sent again with the same key, the request gets the first answer for 24 hours and does nothing.",
        example: "7f3c1f0e-5a55-4f0e-9d3c-0b8a4b6f2d11",
    },
    RequestHeader {
        component: PREFER,
        name: "Prefer",
        required: Required::False,
        about: "`wait=N` waits up to N seconds, at most 30, for the outcome (RFC 7240).",
        example: "wait=10",
    },
];
const IF_MATCH: &str = "IfMatch";
const IF_MATCH_REQUIRED: &str = "IfMatchRequired";
const IF_NONE_MATCH: &str = "IfNoneMatch";
const IDEMPOTENCY_KEY: &str = "IdempotencyKey";
const PREFER: &str = "Prefer";

/// The headers as components of the document.
pub(super) fn request_headers() -> impl Iterator<Item = (String, RefOr<Parameter>)> {
    REQUEST_HEADERS.iter().map(|header| {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        let parameter = ParameterBuilder::new()
            .name(header.name)
            .parameter_in(ParameterIn::Header)
            .required(header.required.clone())
            .description(Some(header.about))
            .schema(Some(schema))
            .example(Some(header.example.into()));
        (header.component.to_owned(), RefOr::T(parameter.build()))
    })
}

impl Heeds {
    /// The parameters by which an operation says it.
    pub(super) fn parameters(self, method: &str) -> Vec<RefOr<Parameter>> {
        let Self { version, key, wait } = self;
        let of_version = match version {
            Version::Unknown => None,
            Version::Shown | Version::Known | Version::Required if method == "GET" => Some(IF_NONE_MATCH),
            Version::Shown => None,
            Version::Known => Some(IF_MATCH),
            Version::Required => Some(IF_MATCH_REQUIRED),
        };
        let all = [of_version, key.then_some(IDEMPOTENCY_KEY), wait.then_some(PREFER)];
        all.into_iter().flatten().map(|name| RefOr::Ref(Ref::new(format!("{PARAMETERS}{name}")))).collect()
    }

    /// What an operation has said by `parameters`.
    pub(super) fn said(parameters: &[RefOr<Parameter>]) -> Self {
        let says = |name: &str| {
            let is = |one: &RefOr<Parameter>| matches!(one, RefOr::Ref(one) if one.ref_location.strip_prefix(PARAMETERS) == Some(name));
            parameters.iter().any(is)
        };
        let version = if says(IF_MATCH_REQUIRED) {
            Version::Required
        } else if says(IF_MATCH) || says(IF_NONE_MATCH) {
            Version::Known
        } else {
            Version::Unknown
        };
        Self { version, key: says(IDEMPOTENCY_KEY), wait: says(PREFER) }
    }
}

const PARAMETERS: &str = "#/components/parameters/";
