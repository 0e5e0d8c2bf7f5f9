//! The search index on Tantivy, embedded. `plan.rs` turns a query into what the index runs,
//! `collect.rs` ranks what matches, `live.rs` writes.

mod analysis;
mod collect;
mod contact;
mod cursor;
mod dictionary;
mod expansion;
mod geo;
mod highlight;
mod hours;
mod live;
mod places;
mod plan;
mod schema;
mod searching;
mod suggest;
mod synonyms;
mod understand;
mod wish;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ports::Search;
use ports::search::{Change, Document, IndexStatus, Mark, Rebuild, SearchError, SearchQuery, SearchResults, SuggestQuery, Suggestion};
use tokio::sync::Semaphore;

use crate::hours::HoursBook;
use crate::live::Store;
use crate::searching::Views;

pub use crate::synonyms::Synonyms;

/// After so long without a batch the writer is let go.
const WRITER_RESTS_AFTER: Duration = Duration::from_secs(60);

pub(crate) fn failed(error: impl std::fmt::Display) -> SearchError {
    SearchError::Failed(error.to_string())
}

/// One index, in a directory or in memory. Clones share it.
#[derive(Clone)]
pub struct TantivySearch {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    hours: Arc<HoursBook>,
    views: Mutex<Views>,
    /// As many queries at once as there are processors: more would only make all of them slower.
    processors: Semaphore,
}

impl TantivySearch {
    /// Opens the index in a directory of its own, and makes what is missing. Only one process may write.
    pub fn open(directory: &Path) -> Result<Self, SearchError> {
        Self::with(Some(directory), Synonyms::embedded()?)
    }

    pub fn in_memory() -> Result<Self, SearchError> {
        Self::with(None, Synonyms::embedded()?)
    }

    /// With the synonyms of an operator; without a directory in memory.
    pub fn with(directory: Option<&Path>, synonyms: Synonyms) -> Result<Self, SearchError> {
        Self::new(Store::open(directory, synonyms)?)
    }

    fn new(store: Store) -> Result<Self, SearchError> {
        let processors = std::thread::available_parallelism().map_err(failed)?.get();
        let shared = Shared { store, hours: Arc::default(), views: Mutex::default(), processors: Semaphore::new(processors) };
        Ok(Self { shared: Arc::new(shared) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || work(&shared)).await.map_err(failed)?
    }

    async fn asking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let permit = self.shared.processors.acquire().await.map_err(failed)?;
        let answer = self.blocking(work).await;
        drop(permit);
        answer
    }

    fn rest_later(&self, batch: u64) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(WRITER_RESTS_AFTER).await;
            if let Err(error) = this.blocking(move |shared| shared.store.rest(batch)).await {
                tracing::warn!(%error, "the writer of the search index did not close well");
            }
        });
    }
}

#[async_trait]
impl Search for TantivySearch {
    async fn search(&self, query: SearchQuery) -> Result<SearchResults, SearchError> {
        self.asking(move |shared| searching::search(&shared.store, &shared.views, &shared.hours, query)).await
    }

    async fn suggest(&self, query: SuggestQuery) -> Result<Vec<Suggestion>, SearchError> {
        self.asking(move |shared| searching::suggest(&shared.store, &shared.hours, &query)).await
    }

    async fn apply(&self, batch: Vec<Change>, mark: Option<Mark>) -> Result<(), SearchError> {
        let batch = self.blocking(move |shared| shared.store.apply(&batch, mark.as_ref())).await?;
        self.rest_later(batch);
        Ok(())
    }

    async fn mark(&self) -> Result<Option<Mark>, SearchError> {
        self.blocking(|shared| shared.store.live().mark()).await
    }

    async fn in_category(&self, category: &str, after: Option<String>, limit: usize) -> Result<Vec<String>, SearchError> {
        let category = category.to_owned();
        self.asking(move |shared| searching::in_category(&shared.store, &category, after.as_deref(), limit)).await
    }

    async fn status(&self) -> Result<IndexStatus, SearchError> {
        self.blocking(|shared| {
            let live = shared.store.live();
            let searcher = &live.snapshot().searcher;
            Ok(IndexStatus {
                documents: searcher.num_docs(),
                bytes: live.bytes()?,
                segments: searcher.segment_readers().len() as u64,
                position: live.mark()?.map(|mark| mark.position),
                rebuilding: shared.store.rebuilding(),
            })
        })
        .await
    }

    async fn rebuild(&self) -> Result<Box<dyn Rebuild>, SearchError> {
        let number = self.blocking(|shared| shared.store.begin()).await?;
        Ok(Box::new(Rebuilding { search: self.clone(), number, finished: false }))
    }
}

struct Rebuilding {
    search: TantivySearch,
    number: u64,
    finished: bool,
}

#[async_trait]
impl Rebuild for Rebuilding {
    async fn add(&mut self, documents: Vec<Document>) -> Result<(), SearchError> {
        let number = self.number;
        self.search.blocking(move |shared| shared.store.add(number, &documents)).await
    }

    async fn finish(mut self: Box<Self>, mark: Mark) -> Result<u64, SearchError> {
        let number = self.number;
        let documents = self.search.blocking(move |shared| shared.store.finish(number, &mark)).await?;
        self.finished = true;
        Ok(documents)
    }
}

impl Drop for Rebuilding {
    fn drop(&mut self) {
        if !self.finished {
            self.search.shared.store.abandon(self.number);
        }
    }
}
