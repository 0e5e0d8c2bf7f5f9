//! A service's own table, with typed reads that are metered.

use std::sync::Arc;

use kernel::{Page, Problem};
use ports::store::{Commit, CommitError, Consistency, Item, Key, Metered, Query, Record, Store, Stored};
use serde::de::DeserializeOwned;

use crate::metering;
use crate::telemetry::{StoreLabels, Telemetry, ToldLabels};

/// Typed reads. `find` is for deciding (strong), `peek` and `list` are for showing (eventual, half the price).
#[derive(Clone)]
pub struct Table {
    service: &'static str,
    store: Arc<dyn Store>,
    telemetry: Arc<Telemetry>,
}

impl Table {
    pub(crate) fn new(service: &'static str, store: Arc<dyn Store>, telemetry: Arc<Telemetry>) -> Self {
        Self { service, store, telemetry }
    }

    pub async fn find<T: Record>(&self, key: &Key) -> Result<Option<Stored<T>>, Problem> {
        read(self.get(key, Consistency::Strong).await?)
    }

    pub async fn find_many<T: Record>(&self, keys: &[Key]) -> Result<Vec<Option<Stored<T>>>, Problem> {
        self.get_many(keys, Consistency::Strong).await
    }

    pub async fn peek<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Stored<T>>, Problem> {
        read(self.get(key, Consistency::Eventual).await?)
    }

    pub async fn peek_many<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<Option<Stored<T>>>, Problem> {
        self.get_many(keys, Consistency::Eventual).await
    }

    pub async fn list<T: DeserializeOwned>(&self, query: Query) -> Result<Page<Stored<T>>, Problem> {
        let page = self.count_reads(self.store.query(&query).await?);
        let items = page.items.into_iter().map(Stored::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    pub(crate) async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, Problem> {
        Ok(self.count_reads(self.store.get(key, consistency).await?))
    }

    async fn get_many<T: DeserializeOwned>(&self, keys: &[Key], consistency: Consistency) -> Result<Vec<Option<Stored<T>>>, Problem> {
        let items = self.count_reads(self.store.get_many(keys, consistency).await?);
        items.into_iter().map(read).collect()
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let kinds: Vec<&'static str> = commit.events.iter().map(|envelope| envelope.event.kind()).collect();
        match self.store.commit(commit).await {
            Ok(Metered { value: (), units }) => {
                self.telemetry.observe_commit(&self.labels(), units);
                for kind in kinds {
                    self.telemetry.events_told.get_or_create(&ToldLabels { service: self.service, kind }).inc();
                }
                Ok(())
            }
            Err(error) => {
                // What a refused commit takes is not told by DynamoDB; it is estimated from their number.
                if matches!(error, CommitError::Conflict(_)) {
                    self.telemetry.conflicts.get_or_create(&self.labels()).inc();
                }
                Err(error)
            }
        }
    }

    fn labels(&self) -> StoreLabels {
        StoreLabels { service: self.service, operation: metering::operation() }
    }

    fn count_reads<T>(&self, read: Metered<T>) -> T {
        self.telemetry.observe_read(&self.labels(), read.units);
        read.value
    }
}

fn read<T: DeserializeOwned>(item: Option<Item>) -> Result<Option<Stored<T>>, Problem> {
    Ok(item.map(Stored::try_from).transpose()?)
}
