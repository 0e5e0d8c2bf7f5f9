//! The OpenAPI document: what the routes say, and what is true of all of them.

use axum::Router;
use axum::routing::get;
use http::header;
use kernel::Problem;
use utoipa::PartialSchema;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Server};

use super::access::BEARER;
use super::reply::ProblemView;

/// Adds the title, the bearer scheme, and to each operation the problem it may answer with.
pub(crate) fn describe(mut api: OpenApi) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("Souk")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Errors are problem+json (RFC 9457) with a stable `code`. POSTs that create accept an `Idempotency-Key`, of guests with at least 16 characters. Lists are paged by cursor."))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
        .build();
    api.servers = Some(vec![Server::new("/")]);
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description("A problem").content("application/problem+json", problem).build();
    for item in api.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            operation.responses.responses.insert("default".into(), response.clone().into());
        }
    }
    let components = api.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    let mut components = components;
    components.schemas.insert("Problem".into(), ProblemView::schema());
    components.schemas.insert("FieldError".into(), kernel::FieldError::schema());
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::Object(object)) = schema {
            object.properties.values_mut().for_each(merge_description);
        }
    }
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    api.components = Some(components);
    api
}

/// utoipa describes an inlined field with a comment as all of the field's type and of an object with nothing but the
/// description, which no text can be.
fn merge_description(property: &mut RefOr<Schema>) {
    let RefOr::T(Schema::AllOf(all)) = property else { return };
    if let [RefOr::T(Schema::Object(inlined)), RefOr::T(Schema::Object(comment))] = &all.items[..]
        && comment.properties.is_empty()
    {
        let mut merged = inlined.clone();
        merged.description.clone_from(&comment.description);
        *property = RefOr::T(Schema::Object(merged));
    }
}

/// `/api/openapi.json`.
pub(crate) fn json(api: &OpenApi) -> Result<Router, Problem> {
    let json = bytes::Bytes::from(api.to_json().map_err(Problem::internal)?);
    let document = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], json) });
    Ok(Router::new().route("/api/openapi.json", document))
}
