//! What the manifest says of the routes is so: a gateway in front of the services is built from it.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use home_embedded::Home;
use http::{Request, StatusCode};
use shell::{Access, Operation};
use tower::ServiceExt as _;
use wiring::Config;

/// The answer to a guest who sends nothing, its status and its code.
async fn ask(router: &axum::Router, operation: &Operation) -> (StatusCode, String) {
    let path: String = operation.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
    let request = Request::builder().method(operation.method).uri(&path).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let code = serde_json::from_slice::<serde_json::Value>(&body).map_or(String::new(), |json| json["code"].as_str().unwrap_or("").into());
    (status, code)
}

#[tokio::test]
async fn what_needs_a_token_is_refused_to_guests_before_anything_else() {
    let config = Config::default();
    let home = Home::in_memory(&config).unwrap();
    let host = home.host().unwrap();
    let (router, services) = (host.router(), host.services());
    let operations: Vec<&Operation> = services.iter().flat_map(|service| &service.operations).collect();
    let closed: Vec<_> = operations.iter().filter(|operation| operation.access != Access::Anyone).collect();
    assert!(closed.len() > 80, "{}", closed.len());
    for operation in &operations {
        let (status, code) = ask(&router, operation).await;
        let shown = format!("{} {} answered {status} {code}", operation.method, operation.path);
        match operation.access {
            Access::Anyone => assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "the manifest names a route: {shown}"),
            Access::SignedIn | Access::Staff | Access::Admin => {
                assert_eq!((status, code.as_str()), (StatusCode::UNAUTHORIZED, "unauthenticated"), "{shown}");
            }
        }
    }
    let manifest = serde_json::to_value(wiring::manifest(services)).unwrap();
    let routes: Vec<_> =
        manifest["services"].as_array().unwrap().iter().flat_map(|service| service["routes"].as_array().unwrap()).collect();
    assert_eq!(routes.len(), operations.len());
    for route in routes {
        let path = route["path"].as_str().unwrap();
        let private = path == "/api/v1/me" || path.starts_with("/api/v1/me/") || path.starts_with("/api/v1/admin/");
        assert!(!private || route["access"] != "anyone", "{path}");
    }
}

/// The document is what all clients see: each of its operations is in the manifest.
#[tokio::test]
async fn the_manifest_has_every_operation() {
    let home = Home::in_memory(&Config::default()).unwrap();
    let host = home.host().unwrap();
    let document = serde_json::to_value(host.openapi()).unwrap();
    let services = host.services();
    let known = |method: &str, path: &str| {
        services.iter().flat_map(|service| &service.operations).any(|known| known.method.eq_ignore_ascii_case(method) && known.path == path)
    };
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| ["get", "post", "put", "patch", "delete"].contains(&name.as_str())) {
            assert!(known(method, path), "{method} {path}");
        }
    }
    for (method, path) in [("GET", "/"), ("GET", "/files/{name}"), ("POST", "/verify-email"), ("GET", "/.well-known/jwks.json")] {
        assert!(known(method, path), "{method} {path}");
    }
}
