//! A service as a value: the hosts, the API document, the manifest and the cloud stack are
//! all derived from it.

use std::fmt;

use ports::store::TableSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::consumer::{Consumer, Schedule};
use crate::http::{Access, Operation, described};
use crate::needs::Need;
use crate::root_routes::RootRoutes;
use crate::unit_of_work::UnitOfWork;

/// Everything that a host must know to run a service.
pub struct Service {
    pub name: &'static str,
    /// Absent for a service that keeps nothing.
    pub table: Option<TableSchema>,
    pub(crate) routes: OpenApiRouter,
    pub(crate) root_routes: axum::Router,
    pub consumers: Vec<Consumer>,
    pub schedules: Vec<Schedule>,
    /// All routes, for the manifest, by path and method.
    pub operations: Vec<Operation>,
    /// The services whose data it reads, as the builder recorded them.
    pub reads: Vec<&'static str>,
    pub needs: Vec<Need>,
}

impl Service {
    pub fn new(work: &UnitOfWork) -> Self {
        let table = work.schema();
        Self { table: Some(table), ..Self::without_table(table.name) }
    }

    pub fn without_table(name: &'static str) -> Self {
        Self {
            name,
            table: None,
            routes: OpenApiRouter::new(),
            root_routes: axum::Router::new(),
            consumers: Vec::new(),
            schedules: Vec::new(),
            operations: Vec::new(),
            reads: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// Routes below `/api/v1`, described in the API document.
    #[must_use]
    pub fn routes(mut self, routes: OpenApiRouter) -> Self {
        let paths = &routes.get_openapi().paths.paths;
        let operations = paths.iter().flat_map(|(path, item)| {
            described(item).map(move |(method, operation)| Operation {
                method,
                path: format!("/api/v1{path}"),
                access: Access::of(operation),
            })
        });
        let operations: Vec<_> = operations.collect();
        self.routes = self.routes.merge(routes);
        self.list(operations)
    }

    /// Routes at the root: pages and files.
    #[must_use]
    pub fn root_routes(mut self, routes: RootRoutes) -> Self {
        let (router, operations) = routes.into_parts();
        self.root_routes = self.root_routes.merge(router);
        self.list(operations.into_iter().map(|(method, path)| Operation { method, path, access: Access::Anyone }).collect())
    }

    fn list(mut self, operations: Vec<Operation>) -> Self {
        self.operations.extend(operations);
        self.operations.sort_by(|one, other| (&one.path, one.method).cmp(&(&other.path, other.method)));
        self
    }

    #[must_use]
    pub fn consumer<A: Clone + Send + Sync + 'static>(mut self, consumer: Consumer<A>) -> Self {
        self.consumers.push(consumer.erased());
        self
    }

    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}
