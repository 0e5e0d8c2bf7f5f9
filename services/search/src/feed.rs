//! Brings changes into the index in batches. Whoever comes first writes for all who wait: while one
//! batch is on its way to the disk, the next gathers. One at a time, so that what was read earlier never
//! overwrites what was read later.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use kernel::{BusinessId, Problem, ProductId};
use ports::Position;
use ports::search::{Change, Mark};
use shell::queues;
use tokio::sync::oneshot;

use crate::concern::{CONSUMER, Concern};
use crate::{App, documents};

/// What is read from the stores and written at once.
const AT_ONCE: usize = 100;
const WRITTEN_AT_ONCE: usize = 1_000;
/// Concerns that one batch takes; the rest waits for the next.
const GATHERED_MAX: usize = 2_000;
/// Documents of one category.
const CATEGORY_MAX: usize = 100_000;

#[derive(Default)]
pub struct Feed {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    concerns: Vec<Concern>,
    written: oneshot::Sender<Result<(), Problem>>,
}

impl Feed {
    /// Returns when what the concerns are now is on disk and is found.
    pub async fn changed(&self, app: &App, concerns: Vec<Concern>) -> Result<(), Problem> {
        let (written, mut outcome) = oneshot::channel();
        self.waiting().push(Waiting { concerns, written });
        let turn = self.turn.lock().await;
        match outcome.try_recv() {
            Ok(result) => return result,
            Err(oneshot::error::TryRecvError::Closed) => return Err(Problem::unavailable("the batch was given up")),
            Err(oneshot::error::TryRecvError::Empty) => {}
        }
        // Nobody has written this yet, so it is among those that wait, and this batch is for all of them.
        while let Some(batch) = self.gather() {
            let concerns = batch.iter().flat_map(|waiting| waiting.concerns.iter().copied()).collect();
            let result = write(app, concerns).await;
            for waiting in batch {
                // Who has gone away does not want to know.
                let _ = waiting.written.send(result.clone());
            }
            if let Ok(result) = outcome.try_recv() {
                drop(turn);
                return result;
            }
        }
        Err(Problem::unavailable("the batch was given up"))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch, oldest first.
    fn gather(&self) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting();
        let mut sum = 0;
        let count = waiting
            .iter()
            .take_while(|next| {
                let room = sum == 0 || sum + next.concerns.len() <= GATHERED_MAX;
                sum += next.concerns.len();
                room
            })
            .count();
        (count > 0).then(|| waiting.drain(..count).collect())
    }
}

async fn write(app: &App, concerns: BTreeSet<Concern>) -> Result<(), Problem> {
    // Until the index has been held against the log, it may lack older events than the checkpoint.
    let mark = if app.checked.is_done() { Some(mark(app).await?) } else { None };
    let (mut businesses, mut products) = (BTreeSet::new(), BTreeSet::new());
    for concern in concerns {
        match concern {
            Concern::Business(id) => {
                businesses.insert(id);
            }
            Concern::Product(id) => {
                products.insert(id);
            }
            Concern::Category(id) => {
                for document in app.deps.index.in_category(&id.to_string(), None, CATEGORY_MAX).await? {
                    if let Ok(id) = document.parse() {
                        businesses.insert(id);
                    } else if let Ok(id) = document.parse() {
                        products.insert(id);
                    }
                }
            }
        }
    }
    let (businesses, products): (Vec<BusinessId>, Vec<ProductId>) = (businesses.into_iter().collect(), products.into_iter().collect());
    let mut batch: Vec<Change> = Vec::new();
    for ids in businesses.chunks(AT_ONCE) {
        batch.extend(documents::of_businesses(app, ids).await?);
        apply_if_full(app, &mut batch).await?;
    }
    for ids in products.chunks(AT_ONCE) {
        batch.extend(documents::of_products(app, ids).await?);
        apply_if_full(app, &mut batch).await?;
    }
    app.deps.index.apply(batch, mark).await?;
    Ok(())
}

async fn apply_if_full(app: &App, batch: &mut Vec<Change>) -> Result<(), Problem> {
    if batch.len() >= WRITTEN_AT_ONCE - AT_ONCE {
        app.deps.index.apply(std::mem::take(batch), None).await?;
    }
    Ok(())
}

/// How far the index has certainly come: an event is settled only after the index holds it, so all up to
/// the consumer's checkpoint are in it.
pub async fn mark(app: &App) -> Result<Mark, Problem> {
    let position = queues::settled_through(&app.deps.shell, CONSUMER).await?;
    Ok(Mark { position, event: event_at(app, position).await? })
}

/// The id of the event at a position, if the log has it and it can be read.
pub async fn event_at(app: &App, position: Position) -> Result<Option<String>, Problem> {
    let event = app.deps.log.at(position).await?;
    Ok(event.and_then(|event| event.envelope.ok()).map(|envelope| envelope.id.to_string()))
}
