//! The HTTP side of services: their routes behind the edge, and whether they are well. A home serves
//! it as it likes: all services on one listener, or one service in a function.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures::future::BoxFuture;
use kernel::Problem;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::Authenticator;
use crate::http::{Edge, HandlerResult, LimitsConfig, Reply, describe, wrap};
use crate::runtime::Runtime;
use crate::service::Service;

/// Fails when what the services need does not answer.
pub type Ready = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;

pub struct ApiConfig {
    pub runtime: Arc<Runtime>,
    pub authenticator: Arc<dyn Authenticator>,
    pub limits: LimitsConfig,
    /// Asked by `/health/ready`.
    pub ready: Ready,
}

/// Routes that can be served.
pub struct Api {
    router: Router,
    document: Arc<OpenApi>,
    pub(crate) edge: Arc<Edge>,
}

impl Api {
    /// Takes the routes of the services; there may be one service or all.
    pub fn new(config: ApiConfig, services: &mut [Service]) -> Result<Self, Problem> {
        Self::with(config, services, |_| Ok(Router::new()))
    }

    /// `root` makes routes from the finished document.
    pub(crate) fn with(
        config: ApiConfig,
        services: &mut [Service],
        root: impl FnOnce(&OpenApi) -> Result<Router, Problem>,
    ) -> Result<Self, Problem> {
        let mut below_api = OpenApiRouter::new();
        let mut at_root = health_routes(config.ready);
        for service in services {
            below_api = below_api.merge(std::mem::take(&mut service.routes));
            at_root = at_root.merge(std::mem::take(&mut service.root_routes));
        }
        let (router, document) = OpenApiRouter::new().nest("/api/v1", below_api).split_for_parts();
        let document = Arc::new(describe(document)?);
        let edge = Arc::new(Edge::new(&config.runtime, config.authenticator, config.limits, &document));
        let router = wrap(router.merge(at_root).merge(root(&document)?), &edge);
        Ok(Self { router, document, edge })
    }

    pub fn router(&self) -> Router {
        self.router.clone()
    }

    pub fn document(&self) -> &OpenApi {
        &self.document
    }
}

fn health_routes(ready: Ready) -> Router {
    Router::new()
        .route("/health/live", get(|| async { Reply::ok(&serde_json::json!({ "status": "live" })) }))
        .route("/health/ready", get(is_ready))
        .with_state(ready)
}

async fn is_ready(State(ready): State<Ready>) -> HandlerResult {
    ready().await?;
    Ok(Reply::ok(&serde_json::json!({ "status": "ready" })))
}
