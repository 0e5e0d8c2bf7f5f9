//! The listener: bounded connections, slow headers cut off, and a shutdown that finishes what it has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use super::client::Client;
use super::limits::{LimitsConfig, Places};

/// A client that takes longer to send its headers is cut off, and so is one that has nothing to ask for so long.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// Serves until `stop` turns true, then lets open requests finish for at most `grace`.
pub(crate) async fn serve(listener: TcpListener, router: Router, limits: LimitsConfig, mut stop: watch::Receiver<bool>, grace: Duration) {
    let open = Arc::new(Semaphore::new(limits.connections));
    let clients = Places::new(limits.client_connections);
    let graceful = GracefulShutdown::new();
    loop {
        // Accepting stops while all places are taken: the kernel's queue holds the rest.
        let permit = tokio::select! {
            permit = open.clone().acquire_owned() => permit,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let place = if limits.rate_limit && !limits.is_trusted(peer.ip()) {
            let Some(place) = clients.take(Client::of(peer.ip())) else {
                tracing::debug!(%peer, "a client has too many connections");
                continue;
            };
            Some(place)
        } else {
            None
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection keeps Nagle's algorithm");
        }
        let service = router.clone().map_request(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.map(axum::body::Body::new)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop((permit, place));
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}
