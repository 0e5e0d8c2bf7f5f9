//! The OpenAPI document: what the routes say, and what is true of all of them.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;
use kernel::Problem;
use utoipa::PartialSchema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, InfoBuilder, OpenApi, Ref, ResponseBuilder, Server};

use super::reply::ProblemView;

/// Adds the title, the bearer scheme, and to every operation the problem it may answer with.
pub(crate) fn describe(mut api: OpenApi) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("Souk")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Errors are problem+json (RFC 9457) with a stable `code`. POSTs that create accept an `Idempotency-Key`. Lists are paged by cursor."))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
        .build();
    api.servers = Some(vec![Server::new("/")]);
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description("A problem").content("application/problem+json", problem).build();
    for item in api.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            operation.responses.responses.insert("default".into(), response.clone().into());
            // A token is optional wherever it is not demanded: without one the caller is a guest.
            operation.security = Some(vec![SecurityRequirement::default(), SecurityRequirement::new("bearer", Vec::<String>::new())]);
        }
    }
    let components = api.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    let mut components = components;
    components.schemas.insert("Problem".into(), ProblemView::schema());
    components.schemas.insert("FieldError".into(), kernel::FieldError::schema());
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    api.components = Some(components);
    api
}

/// `/api/openapi.json` and the page to browse it at `/api/docs`.
pub(crate) fn pages(api: &OpenApi) -> Result<Router, Problem> {
    let json = bytes::Bytes::from(api.to_json().map_err(Problem::internal)?);
    let document = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], json) });
    let swagger: Router =
        utoipa_swagger_ui::SwaggerUi::new("/api/docs").config(utoipa_swagger_ui::Config::from("/api/openapi.json")).into();
    let swagger = swagger.layer(axum::middleware::map_response(allow_own_scripts));
    Ok(Router::new().route("/api/openapi.json", document).merge(swagger))
}

/// The page of the API document runs its own scripts and styles.
async fn allow_own_scripts(mut response: axum::response::Response) -> impl IntoResponse {
    let policy = http::HeaderValue::from_static(
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
