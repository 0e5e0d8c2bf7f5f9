//! The OpenAPI document: what the routes say, and what is true of all of them.

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::get;
use http::header;
use kernel::Problem;
use utoipa::PartialSchema as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, OpenApi, RefOr, Server};

use super::access::{Access, BEARER};
use super::answers::{code_schema, header_components, response_components};
use super::heeds::request_headers;
use super::paths::described_mut;
use super::reply::ProblemView;
use super::schemas;

/// What operations are listed under, in the order in which whoever builds a storefront meets them.
const TAGS: [(&str, &str); 10] = [
    ("shop", "What the shop sells in, and where it delivers."),
    ("catalog", "Products and their categories; sellers edit theirs here."),
    ("search", "One search over businesses and products, with suggestions."),
    ("directory", "Businesses: their pages, their people, enquiries to them."),
    ("reviews", "Stars and reviews of businesses and products."),
    ("inventory", "What is available; sellers keep their stock here."),
    ("cart", "Carts of guests and customers."),
    ("orders", "From a quote to the delivered order."),
    ("payments", "How orders were paid."),
    ("identity", "Signing up and in, one's own account, addresses and sessions."),
];
/// The tag of what is for staff, which comes last.
const ADMIN: (&str, &str) = ("admin", "For staff and admins only: moderation, refunds, accounts, mails, queues.");

/// Adds the title, the bearer scheme, and what the operations share.
///
/// Errors: the schemas of the operations do not fit together.
pub(crate) fn describe(mut api: OpenApi) -> Result<OpenApi, Problem> {
    api.info = InfoBuilder::new()
        .title("Souk")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Errors are problem+json (RFC 9457) with a stable `code`. POSTs that create accept an `Idempotency-Key`, of guests with at least 16 characters. Lists are paged by cursor."))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
        .build();
    api.servers = Some(vec![Server::new("/")]);
    let responses = response_components(&api);
    let components = api.components.get_or_insert_default();
    components.responses.extend(responses);
    components.schemas.insert("Problem".into(), ProblemView::schema());
    components.schemas.insert("ProblemCode".into(), RefOr::T(code_schema()));
    components.schemas.insert("FieldError".into(), kernel::FieldError::schema());
    components.parameters.extend(request_headers());
    components.headers.extend(header_components());
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    schemas::refine(&mut api)?;
    tag(&mut api);
    Ok(api)
}

/// Lists what only staff may call under a tag of its own, and the tags of services that `TAGS` does not know before it.
fn tag(api: &mut OpenApi) {
    let mut used = BTreeSet::new();
    for (_, operation) in api.paths.paths.values_mut().flat_map(described_mut) {
        if matches!(Access::of(operation), Access::Staff | Access::Admin) {
            operation.tags = Some(vec![ADMIN.0.to_owned()]);
        }
        used.extend(operation.tags.iter().flatten().cloned());
    }
    let tag = |name: &str, about: &str| TagBuilder::new().name(name).description(Some(about)).build();
    let mut take = |(name, about): &(&str, &str)| used.remove(*name).then(|| tag(name, about));
    let mut tags: Vec<_> = TAGS.iter().filter_map(&mut take).collect();
    let admin = take(&ADMIN);
    tags.extend(used.iter().map(|name| tag(name, &format!("What belongs to {name}."))));
    tags.extend(admin);
    api.tags = Some(tags);
}

/// `/api/openapi.json`.
pub(crate) fn json(api: &OpenApi) -> Result<Router, Problem> {
    let json = bytes::Bytes::from(api.to_json().map_err(Problem::internal)?);
    let document = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], json) });
    Ok(Router::new().route("/api/openapi.json", document))
}
