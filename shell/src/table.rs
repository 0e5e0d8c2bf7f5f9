//! A service's own table, with typed reads that are metered.

use std::sync::Arc;

use kernel::{Page, Problem};
use ports::store::{Commit, CommitError, Consistency, Item, Key, Query, Record, Store, Stored};
use serde::de::DeserializeOwned;

use crate::metering;
use crate::telemetry::{StoreLabels, Telemetry};

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
        let page = self.store.query(&query).await?;
        self.count_reads(metering::page_units(&page.items));
        let items = page.items.into_iter().map(Stored::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    pub(crate) async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, Problem> {
        let item = self.store.get(key, consistency).await?;
        self.count_reads(metering::read_units(item.as_ref(), consistency));
        Ok(item)
    }

    async fn get_many<T: DeserializeOwned>(&self, keys: &[Key], consistency: Consistency) -> Result<Vec<Option<Stored<T>>>, Problem> {
        let items = self.store.get_many(keys, consistency).await?;
        self.count_reads(items.iter().map(|item| metering::read_units(item.as_ref(), consistency)).sum());
        items.into_iter().map(read).collect()
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let record_bytes = commit.cause.as_ref().map_or(0, |cause| 100 + cause.id.len() + cause.response.as_ref().map_or(0, |response| response.body.len()))
            // An event of ours is about a kilobyte with its envelope; the exact size is known only to the adapter that writes it.
            + commit.events.len() * 700;
        let units = metering::write_units(&commit, record_bytes);
        let result = self.store.commit(commit).await;
        match &result {
            Ok(()) => {
                self.telemetry.write_units.get_or_create(&self.labels()).inc_by(units);
            }
            Err(CommitError::Conflict(_)) => {
                self.telemetry.conflicts.get_or_create(&self.labels()).inc();
            }
            Err(CommitError::Repeated(_) | CommitError::Store(_)) => {}
        }
        result
    }

    fn labels(&self) -> StoreLabels {
        StoreLabels { service: self.service, operation: metering::operation() }
    }

    fn count_reads(&self, units: f64) {
        self.telemetry.read_units.get_or_create(&self.labels()).inc_by(units);
    }
}

fn read<T: DeserializeOwned>(item: Option<Item>) -> Result<Option<Stored<T>>, Problem> {
    Ok(item.map(Stored::try_from).transpose()?)
}
