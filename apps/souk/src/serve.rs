//! `souk serve`.

use home_embedded::Home;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wiring::{Config, Environment};

use crate::output::{CliError, say, warn};
use crate::{demo, open_files};

/// Runs until SIGINT or SIGTERM, then finishes what was accepted.
pub async fn serve(config: Config) -> Result<(), CliError> {
    let filter: Targets = config.log.parse().map_err(|error| CliError::Input(format!("log: {error}")))?;
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    let (mut interrupt, mut terminate) = (listen_for(SignalKind::interrupt())?, listen_for(SignalKind::terminate())?);

    let listener =
        TcpListener::bind(&config.listen).await.map_err(|error| CliError::Input(format!("cannot listen on {}: {error}", config.listen)))?;
    let address = listener.local_addr().map_err(CliError::failed)?;
    let mut config = config.listening(address);
    config.limits.connections = open_files::fit(config.limits.connections);
    warn(&config);
    let home = Home::open(&config)?;
    let _lock = home.lock()?;
    home.check_database().await?;
    if config.environment == Environment::Production {
        demo::refuse_accounts(&home.operator()).await?;
    }
    let running = home.host()?.start(listener).await?;
    say(&format!("listening on http://{address}"))?;
    say(&format!("links in mails lead to {}", config.shop.public_url))?;

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await?;
    home.close().await?;
    Ok(())
}

fn listen_for(kind: SignalKind) -> Result<tokio::signal::unix::Signal, CliError> {
    signal(kind).map_err(CliError::failed)
}
