//! The page to browse and try the API at. Its scripts are megabytes, so only homes that show it link it.

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

pub fn routes() -> Router {
    let page: Router = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json")).into();
    page.layer(axum::middleware::map_response(allow_own_scripts))
}

/// The page runs its own scripts and styles.
async fn allow_own_scripts(mut response: Response) -> impl IntoResponse {
    let policy = HeaderValue::from_static(
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
