//! Building the index anew from the stores, beside the one that answers.
//!
//! ```text
//! wanted ──► running ──► done | failed ──► wanted
//! ```
//!
//! A rebuild that was cut off is still running when the next process looks, and begins again.

use contracts::Decision;
use kernel::{Cursor, Problem, Timestamp};
use ports::search::Rebuild as Building;
use ports::store::Stored;
use serde::{Deserialize, Serialize};
use shell::{Changes, Desk};

use crate::{App, SearchConfig, SearchDeps, documents, feed, storage};

/// Pages that one rebuild reads: more businesses or products than these hold cannot be.
const PAGES_MAX: usize = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Wanted,
    Running,
    Done,
    Failed,
}

/// The latest rebuild: there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rebuild {
    pub status: Status,
    pub reason: String,
    pub wanted_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Documents in the new index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Rebuild {
    /// One that is wanted or running already is enough.
    pub fn want(before: Option<Self>, reason: &str, now: Timestamp) -> Decision<Self> {
        match before {
            Some(rebuild) if matches!(rebuild.status, Status::Wanted | Status::Running) => Decision::unchanged(rebuild),
            Some(_) | None => Decision::changed(Self {
                status: Status::Wanted,
                reason: reason.into(),
                wanted_at: now,
                ended_at: None,
                documents: None,
                error: None,
            }),
        }
    }

    /// Also from running: then the process that ran it has died.
    pub fn start(mut self) -> Decision<Self> {
        match self.status {
            Status::Wanted => {
                self.status = Status::Running;
                Decision::changed(self)
            }
            Status::Running | Status::Done | Status::Failed => Decision::unchanged(self),
        }
    }

    pub fn end(mut self, outcome: &Result<u64, Problem>, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Running => {
                self.ended_at = Some(now);
                match outcome {
                    Ok(documents) => (self.status, self.documents) = (Status::Done, Some(*documents)),
                    Err(problem) => (self.status, self.error) = (Status::Failed, Some(problem.to_string())),
                }
                Decision::changed(self)
            }
            Status::Wanted | Status::Done | Status::Failed => Decision::unchanged(self),
        }
    }
}

/// The latest rebuild, whatever became of it.
pub async fn requested_rebuild(desk: &Desk) -> Result<Option<Rebuild>, Problem> {
    Ok(desk.table().find::<Rebuild>(&storage::rebuild_key()).await?.map(|rebuild| rebuild.value))
}

/// Asks the process that serves to build the index anew.
pub async fn request_rebuild(desk: &Desk, reason: &str) -> Result<(), Problem> {
    step(desk, |before, now| Some(Rebuild::want(before, reason, now))).await
}

/// Builds the index anew in this process, while no other serves.
pub async fn rebuild_now(desk: &Desk, deps: SearchDeps, config: SearchConfig) -> Result<u64, Problem> {
    request_rebuild(desk, "asked for").await?;
    run(&App::new(desk, deps, config)).await
}

/// Runs the rebuild that is wanted, or was cut off.
pub async fn run(app: &App) -> Result<u64, Problem> {
    step(&app.desk, |before, _| before.map(Rebuild::start)).await?;
    let outcome = build(app).await;
    step(&app.desk, |before, now| before.map(|rebuild| rebuild.end(&outcome, now))).await?;
    match &outcome {
        Ok(documents) => tracing::info!(documents, "the search index was built anew"),
        Err(problem) => tracing::error!(%problem, "the search index could not be built anew; the old one stays"),
    }
    outcome
}

async fn step(desk: &Desk, rule: impl Fn(Option<Rebuild>, Timestamp) -> Option<Decision<Rebuild>>) -> Result<(), Problem> {
    let load = async || desk.table().find::<Rebuild>(&storage::rebuild_key()).await;
    let decide = |found: Option<Stored<Rebuild>>, moment: &shell::Moment| {
        let version = found.as_ref().map(|found| found.version);
        match (rule(found.map(|found| found.value), moment.now), version) {
            (None, _) => Ok(Changes::none()),
            (Some(decision), None) => Changes::create(decision),
            (Some(decision), Some(version)) => Changes::update(version, decision),
        }
    };
    desk.step("search.rebuild", load, decide).await.map(|_| ())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_is_wanted_once_and_ends_once() {
        let now = Timestamp::from_millis(5);
        let in_status = |status| Rebuild { status, ..Rebuild::want(None, "x", now).state };
        for (status, want, start, end) in [
            (Status::Wanted, Status::Wanted, Status::Running, Status::Wanted),
            (Status::Running, Status::Running, Status::Running, Status::Done),
            (Status::Done, Status::Wanted, Status::Done, Status::Done),
            (Status::Failed, Status::Wanted, Status::Failed, Status::Failed),
        ] {
            assert_eq!(Rebuild::want(Some(in_status(status)), "y", now).state.status, want, "{status:?}");
            assert_eq!(in_status(status).start().state.status, start, "{status:?}");
            assert_eq!(in_status(status).end(&Ok(3), now).state.status, end, "{status:?}");
        }
        let failed = in_status(Status::Running).end(&Err(Problem::unavailable("disk")), now).state;
        assert_eq!((failed.status, failed.documents), (Status::Failed, None));
        assert!(failed.error.unwrap().contains("disk"));
    }
}
