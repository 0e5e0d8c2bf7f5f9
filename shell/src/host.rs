//! The host of a home that keeps a log: services, their routes, consumers and schedules in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header;
use kernel::{Duration, Page, Problem};
use ports::EventLog;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, ApiConfig, Ready};
use crate::auth::Authenticator;
use crate::desk::Desk;
use crate::dispatcher::Dispatcher;
use crate::http::{Answer, Call, LimitsConfig, Path, Query, Reply, document_json, page_limit, serve};
use crate::queues::{self, Letter, QueueStatus};
use crate::scheduler;
use crate::service::Service;

/// Open requests may take this long to finish at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(15);

/// What a host needs besides the services.
pub struct HostConfig {
    /// On `queues::TABLE`.
    pub desk: Desk,
    pub log: Arc<dyn EventLog>,
    pub authenticator: Arc<dyn Authenticator>,
    pub limits: LimitsConfig,
    /// Names this process among those that share the store.
    pub holder: String,
    /// What this home shows besides the services' own pages.
    pub pages: Router,
}

/// Services ready to be run.
pub struct Host {
    config: HostConfig,
    services: Vec<Service>,
    api: Api,
}

#[derive(Clone)]
struct Operations {
    desk: Desk,
    log: Arc<dyn EventLog>,
    consumers: Arc<Vec<&'static str>>,
}

impl Host {
    pub fn new(mut config: HostConfig, mut services: Vec<Service>) -> Result<Self, Problem> {
        let operations = Operations {
            desk: config.desk.clone(),
            log: config.log.clone(),
            consumers: Arc::new(services.iter().flat_map(|service| service.consumers.iter().map(|consumer| consumer.name)).collect()),
        };
        let log = config.log.clone();
        let ready: Ready = Arc::new(move || {
            let log = log.clone();
            Box::pin(async move { Ok(log.head().await.map(|_| ())?) })
        });
        let api = ApiConfig {
            world: config.desk.world().clone(),
            authenticator: config.authenticator.clone(),
            limits: config.limits.clone(),
            ready,
        };
        let pages = std::mem::take(&mut config.pages).route("/metrics", get(metrics).with_state(operations.clone()));
        let api = Api::with(api, &mut services, queue_routes(operations), |document| Ok(pages.merge(document_json(document)?)))?;
        Ok(Self { config, services, api })
    }

    /// The whole HTTP side, for tests and for other ways of serving it.
    pub fn router(&self) -> Router {
        self.api.router()
    }

    pub fn openapi(&self) -> &OpenApi {
        self.api.document()
    }

    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Starts the consumers, the schedules and the listener.
    pub async fn start(self, listener: TcpListener) -> Result<Running, Problem> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let router = self.api.router();
        let HostConfig { desk, log, limits, holder, .. } = self.config;
        let consumers: Vec<_> = self.services.iter().flat_map(|service| service.consumers.iter().cloned()).collect();
        let backlogs: Arc<Vec<AtomicU64>> = Arc::new(consumers.iter().map(|_| AtomicU64::new(0)).collect());
        for (place, consumer) in consumers.into_iter().enumerate() {
            let dispatcher = Dispatcher::start(desk.clone(), log.clone(), consumer).await?;
            let (edge, backlogs, depth) = (self.api.edge.clone(), backlogs.clone(), limits.queue_depth);
            tasks.spawn(dispatcher.run(stopped.clone(), move |backlog| {
                backlogs[place].store(backlog, Ordering::Relaxed);
                edge.backpressure.set(backlogs.iter().any(|backlog| backlog.load(Ordering::Relaxed) > depth));
            }));
        }
        for schedule in self.services.iter().flat_map(|service| service.schedules.iter().cloned()) {
            tasks.spawn(scheduler::run(desk.clone(), schedule, holder.clone(), stopped.clone()));
        }
        let http = tokio::spawn(serve(listener, router, limits.connections, stopped, SHUTDOWN_GRACE));
        Ok(Running { stop, http, tasks })
    }
}

/// A host at work.
pub struct Running {
    stop: watch::Sender<bool>,
    http: tokio::task::JoinHandle<()>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops accepting, finishes what was accepted within the limits, and returns.
    pub async fn stop(mut self) -> Result<(), Problem> {
        self.stop.send_replace(true);
        self.http.await.map_err(Problem::internal)?;
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(Problem::internal)?;
        }
        Ok(())
    }
}

async fn metrics(State(operations): State<Operations>) -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], operations.desk.world().telemetry.render())
}

fn queue_routes(operations: Operations) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_queues))
        .routes(routes!(list_dead_letters))
        .routes(routes!(redrive_letter))
        .routes(routes!(drop_letter))
        .with_state(operations)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// 1 to 100; 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Operations {
    fn consumer(&self, name: &str) -> Result<&'static str, Problem> {
        self.consumers.iter().find(|known| **known == name).copied().ok_or_else(|| Problem::not_found(format_args!("consumer {name}")))
    }
}

/// The queue of every consumer: position, backlog, retries, dead letters.
#[utoipa::path(get, path = "/admin/queues", tag = "operations", operation_id = "listQueues", responses((status = 200, body = Vec<QueueStatus>)))]
async fn list_queues(State(operations): State<Operations>, call: Call) -> Answer {
    call.require_admin()?;
    let mut all = Vec::new();
    for consumer in operations.consumers.iter() {
        all.push(queues::status(&operations.desk, &*operations.log, consumer).await?);
    }
    Ok(Reply::ok(&all))
}

#[utoipa::path(get, path = "/admin/queues/{consumer}/dead-letters", tag = "operations", operation_id = "listDeadLetters", params(("consumer" = String, Path), Paging), responses((status = 200, body = Page<Letter>)))]
async fn list_dead_letters(
    State(operations): State<Operations>,
    call: Call,
    Path(consumer): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer {
    call.require_admin()?;
    let consumer = operations.consumer(&consumer)?;
    let limit = page_limit(paging.limit)?;
    Ok(Reply::ok(&queues::dead_letters(&operations.desk, consumer, limit.get(), paging.cursor.map(kernel::Cursor)).await?))
}

/// Delivers a dead letter again, with all its tries before it.
#[utoipa::path(post, path = "/admin/queues/{consumer}/dead-letters/{position}/redrive", tag = "operations", operation_id = "redriveDeadLetter", params(("consumer" = String, Path), ("position" = u64, Path)), responses((status = 204)))]
async fn redrive_letter(State(operations): State<Operations>, call: Call, Path((consumer, position)): Path<(String, u64)>) -> Answer {
    call.require_admin()?;
    queues::redrive(&operations.desk, operations.consumer(&consumer)?, position).await?;
    Ok(Reply::no_content())
}

/// Gives a dead letter up for good.
#[utoipa::path(delete, path = "/admin/queues/{consumer}/dead-letters/{position}", tag = "operations", operation_id = "dropDeadLetter", params(("consumer" = String, Path), ("position" = u64, Path)), responses((status = 204)))]
async fn drop_letter(State(operations): State<Operations>, call: Call, Path((consumer, position)): Path<(String, u64)>) -> Answer {
    call.require_admin()?;
    queues::drop_letter(&operations.desk, operations.consumer(&consumer)?, position).await?;
    Ok(Reply::no_content())
}
