//! Routes outside `/api/v1`: pages and files. They know their names, since a gateway in front of a
//! function must be told of each.

use axum::Router;
use axum::handler::Handler;
use axum::routing;

/// Like a `Router`, with a list of what it routes.
pub struct RootRoutes<S = ()> {
    router: Router<S>,
    /// Method and path.
    operations: Vec<(&'static str, String)>,
}

impl<S: Clone + Send + Sync + 'static> Default for RootRoutes<S> {
    fn default() -> Self {
        Self { router: Router::new(), operations: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> RootRoutes<S> {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(mut self, path: &str, handler: H) -> Self {
        self.operations.push(("GET", path.to_owned()));
        self.router = self.router.route(path, routing::get(handler));
        self
    }

    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(mut self, path: &str, handler: H) -> Self {
        self.operations.push(("POST", path.to_owned()));
        self.router = self.router.route(path, routing::post(handler));
        self
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.operations.extend(other.operations);
        self.router = self.router.merge(other.router);
        self
    }

    #[must_use]
    pub fn with_state(self, state: S) -> RootRoutes {
        RootRoutes { router: self.router.with_state(state), operations: self.operations }
    }

    pub(crate) fn into_parts(self) -> (Router<S>, Vec<(&'static str, String)>) {
        (self.router, self.operations)
    }
}
