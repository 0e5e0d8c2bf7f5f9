//! The page to browse and try the API at, the ways there, and the icon of all pages. Its scripts are megabytes, so only homes
//! that show it link it.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

pub fn routes() -> Router {
    let page: Router = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json")).into();
    let page = page.layer(axum::middleware::map_response(allow_own_scripts));
    let to_page = || get(|| async { Redirect::temporary("/api/docs/") });
    let with_ways = ["/api", "/api/", "/api/v1", "/api/v1/"].into_iter().fold(page, |routes, path| routes.route(path, to_page()));
    with_ways.route("/favicon.ico", get(icon))
}

/// The page runs its own scripts and styles.
async fn allow_own_scripts(mut response: Response) -> impl IntoResponse {
    let policy = HeaderValue::from_static(
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Browsers ask for it by this name and take any kind of picture.
async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")], include_str!("favicon.svg"))
}
