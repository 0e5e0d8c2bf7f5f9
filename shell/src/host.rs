//! The host of a home that keeps a log: services, their routes, consumers and schedules in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header;
use kernel::{Duration, Problem};
use ports::EventLog;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use utoipa::openapi::OpenApi;

use crate::api::{Api, ApiConfig, Ready};
use crate::auth::Authenticator;
use crate::dispatcher::Dispatcher;
use crate::http::{LimitsConfig, document_json, serve};
use crate::operations::operations;
use crate::queues::LogQueues;
use crate::runtime::Runtime;
use crate::scheduler;
use crate::service::Service;
use crate::unit_of_work::UnitOfWork;

/// Open requests may take this long to finish at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(15);

/// What a host needs besides the services.
pub struct HostConfig {
    /// On `queues::TABLE`.
    pub work: UnitOfWork,
    pub log: Arc<dyn EventLog>,
    pub authenticator: Arc<dyn Authenticator>,
    pub limits: LimitsConfig,
    /// Names this process among those that share the store: no two that run have the same. One that starts again under
    /// its name goes on at once; under another it waits for its own leases to run out.
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

impl Host {
    pub fn new(mut config: HostConfig, mut services: Vec<Service>) -> Result<Self, Problem> {
        let queues = Arc::new(LogQueues::new(config.work.clone(), config.log.clone()));
        let consumers: Vec<_> = services.iter().flat_map(|service| &service.consumers).map(|one| one.name.to_owned()).collect();
        services.push(operations(queues, consumers));
        let log = config.log.clone();
        let ready: Ready = Arc::new(move || {
            let log = log.clone();
            Box::pin(async move { Ok(log.check().await?) })
        });
        let api = ApiConfig {
            runtime: config.work.runtime().clone(),
            authenticator: config.authenticator.clone(),
            limits: config.limits.clone(),
            ready,
        };
        let pages = std::mem::take(&mut config.pages).route("/metrics", get(metrics).with_state(config.work.runtime().clone()));
        let api = Api::with(api, &mut services, |document| Ok(pages.merge(document_json(document)?)))?;
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
        let HostConfig { work, log, limits, holder, .. } = self.config;
        let consumers: Vec<_> = self.services.iter().flat_map(|service| service.consumers.iter().cloned()).collect();
        let backlogs: Arc<Vec<AtomicU64>> = Arc::new(consumers.iter().map(|_| AtomicU64::new(0)).collect());
        for (place, consumer) in consumers.into_iter().enumerate() {
            let dispatcher = Dispatcher::new(work.clone(), log.clone(), consumer, holder.clone());
            let (edge, backlogs, depth) = (self.api.edge.clone(), backlogs.clone(), limits.queue_depth);
            tasks.spawn(dispatcher.run(stopped.clone(), move |backlog| {
                backlogs[place].store(backlog, Ordering::Relaxed);
                edge.backpressure.set(backlogs.iter().any(|backlog| backlog.load(Ordering::Relaxed) > depth));
            }));
        }
        for schedule in self.services.iter().flat_map(|service| service.schedules.iter().cloned()) {
            tasks.spawn(scheduler::run(work.clone(), schedule, holder.clone(), stopped.clone()));
        }
        let http = tokio::spawn(serve(listener, router, limits, stopped, SHUTDOWN_GRACE));
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

async fn metrics(State(runtime): State<Arc<Runtime>>) -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], runtime.telemetry.render())
}
