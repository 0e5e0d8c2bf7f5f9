//! `souk search`: looks after the search index.

use std::time::Duration;

use clap::Subcommand;
use home_embedded::Home;
use wiring::Config;

use crate::output::{CliError, say};

#[derive(Subcommand)]
pub enum Search {
    /// Build the index anew beside the old one, also while the shop runs
    Rebuild,
}

/// How often a running shop is looked at, and how long at most: an hour.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOKS_MAX: u32 = 7_200;

pub async fn run(config: &Config, command: Search) -> Result<(), CliError> {
    let home = Home::open_existing(config)?;
    let result = match command {
        Search::Rebuild => rebuild(&home).await,
    };
    home.close().await?;
    result
}

/// The process that serves holds the index, so it does the work; without one it is done here.
async fn rebuild(home: &Home) -> Result<(), CliError> {
    let documents = match home.lock() {
        Ok(_alone) => home.operator().rebuild_search().await?,
        Err(_served) => ask(home).await?,
    };
    say(&format!("the index was built anew: {documents} documents"))
}

async fn ask(home: &Home) -> Result<u64, CliError> {
    let work = home.operator().search_work();
    ::search::request_rebuild(&work, "asked for by souk search rebuild").await?;
    say("the running shop builds it")?;
    for _ in 0..LOOKS_MAX {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(rebuild) = ::search::requested_rebuild(&work).await? else { continue };
        match rebuild.status {
            ::search::Status::Wanted | ::search::Status::Running => {}
            ::search::Status::Done => return Ok(rebuild.documents.unwrap_or(0)),
            ::search::Status::Failed => return Err(CliError::failed(rebuild.error.unwrap_or_default())),
        }
    }
    Err(CliError::failed("the shop has not finished within an hour; see GET /api/v1/admin/search"))
}
