//! Asking for a rebuild, and doing it: page by page from the directory and the catalog.

use contracts::Decision;
use kernel::{Cursor, Problem, Timestamp};
use ports::search::Rebuild as Building;
use ports::store::Stored;
use shell::{Changes, UnitOfWork};

use crate::rebuild::Rebuild;
use crate::{App, Config, Deps, documents, feed, storage};

/// Pages that one rebuild reads: more businesses or products than these hold cannot be.
const PAGES_MAX: usize = 1_000_000;

/// The latest rebuild, whatever became of it.
pub async fn requested_rebuild(work: &UnitOfWork) -> Result<Option<Rebuild>, Problem> {
    Ok(work.table().get::<Rebuild>(&storage::rebuild_key()).await?.map(|rebuild| rebuild.value))
}

/// Asks the process that serves to build the index anew.
pub async fn request_rebuild(work: &UnitOfWork, reason: &str) -> Result<(), Problem> {
    step(work, |before, now| Some(Rebuild::want(before, reason, now))).await
}

/// Builds the index anew in this process, while no other serves.
pub async fn rebuild_now(work: &UnitOfWork, deps: Deps, config: Config) -> Result<u64, Problem> {
    request_rebuild(work, "asked for").await?;
    run(&App::new(work, deps, config)).await
}

/// Runs the rebuild that is wanted, or was cut off.
pub async fn run(app: &App) -> Result<u64, Problem> {
    step(&app.work, |before, _| before.map(Rebuild::start)).await?;
    let outcome = build(app).await;
    step(&app.work, |before, now| before.map(|rebuild| rebuild.end(&outcome, now))).await?;
    match &outcome {
        Ok(documents) => tracing::info!(documents, "the search index was built anew"),
        Err(problem) => tracing::error!(%problem, "the search index could not be built anew; the old one stays"),
    }
    outcome
}

async fn step(work: &UnitOfWork, rule: impl Fn(Option<Rebuild>, Timestamp) -> Option<Decision<Rebuild>>) -> Result<(), Problem> {
    let load = async |_| work.table().get::<Rebuild>(&storage::rebuild_key()).await;
    let decide = |found: Option<Stored<Rebuild>>, context: &shell::DecisionContext| {
        let version = found.as_ref().map(|found| found.version);
        match rule(found.map(|found| found.value), context.now) {
            Some(decision) => Changes::put(version, decision),
            None => Ok(Changes::none()),
        }
    };
    work.run_job("search.rebuild", load, decide).await.map(|_| ())
}

/// What was settled before the first page is read is in the pages; what comes later goes to both indexes.
async fn build(app: &App) -> Result<u64, Problem> {
    let mark = feed::mark(app).await?;
    let mut building = app.deps.index.rebuild().await?;
    add_businesses(app, &mut *building).await?;
    add_products(app, &mut *building).await?;
    Ok(building.finish(mark).await?)
}

async fn add_businesses(app: &App, building: &mut dyn Building) -> Result<(), Problem> {
    let mut cursor: Option<Cursor> = None;
    for _ in 0..PAGES_MAX {
        let page = app.deps.directory.page(cursor).await?;
        building.add(documents::businesses(app, page.items).await?).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
    Err(Problem::internal("the pages of the directory do not end"))
}

async fn add_products(app: &App, building: &mut dyn Building) -> Result<(), Problem> {
    let mut cursor: Option<Cursor> = None;
    for _ in 0..PAGES_MAX {
        let page = app.deps.products.products_page(cursor).await?;
        building.add(documents::products(app, page.items).await?).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
    Err(Problem::internal("the pages of the catalog do not end"))
}
