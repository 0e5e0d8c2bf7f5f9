//! Looks after the index: once after the start whether it fits the log, then for rebuilds that are asked
//! for.
//!
//! The index remembers up to which event it holds everything, and that event's id. An index that is
//! behind, because it comes from a backup, reads the events that it lacks. One that is new, or ahead of
//! the log, or of which the log knows nothing any more, is built anew.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kernel::Problem;
use ports::search::Mark;
use shell::queues;

use crate::concern::{CONSUMER, Concern};
use crate::feed;
use crate::rebuild::Status;
use crate::rebuilding;
use crate::{App, consumer};

const READ_AT_ONCE: usize = 1_000;
/// Pages of events that an index may be behind; beyond, building it anew is faster.
const PAGES_MAX: usize = 1_000;
/// The mark is renewed without a change after so many events that concern others.
const MARK_EVENTS: u64 = 50_000;

/// Whether this process has held the index against the log.
#[derive(Default)]
pub struct Checked {
    done: AtomicBool,
    /// Up to where the index was last seen to be marked.
    marked: AtomicU64,
}

impl Checked {
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
}

pub async fn look(app: &App) -> Result<(), Problem> {
    if !app.checked.is_done() {
        compare(app).await?;
        app.checked.done.store(true, Ordering::Release);
    }
    let open = rebuilding::requested_rebuild(&app.work).await?.filter(|rebuild| matches!(rebuild.status, Status::Wanted | Status::Running));
    if open.is_some() {
        rebuilding::run(app).await?;
        return Ok(());
    }
    renew_mark(app).await
}

/// What is wrong with the index, if reading events cannot mend it.
enum Fit {
    Fits(Mark),
    Unfit(&'static str),
}

async fn compare(app: &App) -> Result<(), Problem> {
    match fit(app).await? {
        Fit::Fits(mark) => catch_up(app, mark).await,
        Fit::Unfit(reason) => rebuilding::request_rebuild(&app.work, reason).await,
    }
}

async fn fit(app: &App) -> Result<Fit, Problem> {
    let Some(mark) = app.deps.index.mark().await? else { return Ok(Fit::Unfit("the index is new")) };
    let head = app.deps.log.head().await?;
    if mark.position > head {
        return Ok(Fit::Unfit("the index knows events that the log does not"));
    }
    let first_unread = app.deps.log.at(mark.position + 1).await?;
    if mark.position < head && first_unread.is_none() {
        return Ok(Fit::Unfit("the log has forgotten events that the index lacks"));
    }
    let same = match (&mark.event, feed::event_at(app, mark.position).await?) {
        (Some(event), Some(found)) => *event == found,
        // The event itself may be forgotten, or another version's: the next one is there.
        (Some(_) | None, None) | (None, Some(_)) => true,
    };
    Ok(if same { Fit::Fits(mark) } else { Fit::Unfit("the log is another one") })
}

/// Brings in what the events after the mark concern. Most of it is in the index already: the mark is a
/// batch behind what it holds.
async fn catch_up(app: &App, mark: Mark) -> Result<(), Problem> {
    let mut position = mark.position;
    for _ in 0..PAGES_MAX {
        let page = app.deps.log.read(position, consumer::TYPES, READ_AT_ONCE).await?;
        let concerns: Vec<Concern> =
            page.events.iter().filter_map(|logged| consumer::concern(&logged.envelope.as_ref().ok()?.event)).collect();
        if !concerns.is_empty() {
            app.feed.changed(app, concerns).await?;
        }
        if page.through <= position {
            app.deps.index.apply(Vec::new(), Some(feed::mark(app).await?)).await?;
            return Ok(());
        }
        position = page.through;
    }
    rebuilding::request_rebuild(&app.work, "the index is far behind the log").await
}

/// Otherwise the events of others would make an index look old in which nothing has changed for long.
async fn renew_mark(app: &App) -> Result<(), Problem> {
    let settled = queues::settled_through(&app.deps.shell, CONSUMER).await?;
    if settled < app.checked.marked.load(Ordering::Relaxed) + MARK_EVENTS {
        return Ok(());
    }
    let known = app.deps.index.mark().await?.map_or(0, |mark| mark.position);
    if settled >= known + MARK_EVENTS {
        app.deps.index.apply(Vec::new(), Some(feed::mark(app).await?)).await?;
    }
    app.checked.marked.store(settled, Ordering::Relaxed);
    Ok(())
}
