//! A service's own table, with typed reads that are metered.

use std::sync::Arc;

use kernel::{Cursor, Page, Problem};
use ports::store::{Bounds, Commit, CommitError, Consistency, Item, Key, Metered, Query, Record, Start, Store, Stored, encode_start};
use serde::de::DeserializeOwned;

use crate::metering;
use crate::telemetry::{EmittedLabels, StoreLabels, Telemetry};

/// Pages of a listing that are read to fill one: large items and expired ones end a page early.
const PAGES_MAX: usize = 100;
/// Items of a listing that are read at once to pick some of them, and how often for one page.
const FILTERED_AT_ONCE: usize = 200;
const FILTERED_PAGES_MAX: usize = 10;
/// Items to a page of a listing that is read as a whole, and pages of it.
const WHOLE_LISTING_PAGE: usize = 100;
const WHOLE_LISTING_PAGES_MAX: usize = 1_000;

/// Typed reads. `get` is for deciding (strong), `get_eventual` and `list` are for showing (eventual, half the price).
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

    pub async fn get<T: Record>(&self, key: &Key) -> Result<Option<Stored<T>>, Problem> {
        read(self.item(key, Consistency::Strong).await?)
    }

    /// The item under the key, if there is a key to look under.
    pub async fn find<T: Record>(&self, key: Option<Key>) -> Result<Option<Stored<T>>, Problem> {
        match key {
            Some(key) => self.get(&key).await,
            None => Ok(None),
        }
    }

    pub async fn get_many<T: Record>(&self, keys: &[Key]) -> Result<Vec<Option<Stored<T>>>, Problem> {
        self.items(keys, Consistency::Strong).await
    }

    pub async fn get_eventual<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Stored<T>>, Problem> {
        read(self.item(key, Consistency::Eventual).await?)
    }

    pub async fn get_many_eventual<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<Option<Stored<T>>>, Problem> {
        self.items(keys, Consistency::Eventual).await
    }

    pub async fn list<T: DeserializeOwned>(&self, query: Query) -> Result<Page<Stored<T>>, Problem> {
        let page = self.count_reads(self.store.query(&query).await?);
        let items = page.items.into_iter().map(Stored::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    /// All that a listing holds, for one that is about a single person or thing.
    ///
    /// Errors: `internal`, if it holds more than 1000 pages of 100 items.
    pub async fn list_all<T: DeserializeOwned>(&self, query: Query) -> Result<Vec<Stored<T>>, Problem> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..WHOLE_LISTING_PAGES_MAX {
            let page = self.list(query.clone().limit(WHOLE_LISTING_PAGE).after(cursor)).await?;
            all.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
        Err(Problem::internal(format!("a listing of {} has more than {WHOLE_LISTING_PAGES_MAX} pages", self.service)))
    }

    /// A page of those items of a listing that fit. A request reads a bounded number of items for it, so it may hold fewer
    /// than `limit` and still have a next one.
    ///
    /// Errors: `unavailable`, if an item leaves the listing while it is read.
    pub async fn filter<T: Record>(&self, listing: Query, limit: usize, fits: impl Fn(&T) -> bool) -> Result<Page<Stored<T>>, Problem> {
        let mut listing = listing.limit(FILTERED_AT_ONCE);
        let mut found: Vec<Stored<T>> = Vec::new();
        for _ in 0..FILTERED_PAGES_MAX {
            let page = self.list::<T>(listing.clone()).await?;
            let mut items = page.items.into_iter();
            while let Some(item) = items.next() {
                if !fits(&item) {
                    continue;
                }
                found.push(item);
                if found.len() == limit {
                    let more = items.next().is_some() || page.next.is_some();
                    let next = found.last().filter(|_| more).map(|last| place_of(&listing, &last.value)).transpose()?;
                    return Ok(Page { items: found, next });
                }
            }
            listing.cursor = page.next;
            if listing.cursor.is_none() {
                break;
            }
        }
        Ok(Page { items: found, next: listing.cursor })
    }

    /// The same of several listings as one, the last first (`merge_desc`).
    pub async fn filter_merged_desc<T: DeserializeOwned>(
        &self,
        lists: &[Query],
        place: impl Fn(&T) -> String,
        limit: usize,
        cursor: Option<Cursor>,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Page<Stored<T>>, Problem> {
        let (mut found, mut after) = (Vec::new(), cursor);
        for _ in 0..FILTERED_PAGES_MAX {
            let page = self.merge_desc(lists.iter().cloned(), &place, FILTERED_AT_ONCE, after).await?;
            let mut items = page.items.into_iter();
            while let Some(item) = items.next() {
                if !fits(&item) {
                    continue;
                }
                let at = Cursor(place(&item));
                found.push(item);
                if found.len() == limit {
                    let more = items.next().is_some() || page.next.is_some();
                    return Ok(Page { items: found, next: more.then_some(at) });
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(Page { items: found, next: after })
    }

    /// One page of several listings as one, the last first. All are ordered by `place`, and what several hold at the
    /// same place is shown once. The cursor is the place of the last that was shown.
    ///
    /// Errors: `unavailable`, if so much of a listing has expired that a page of it cannot be filled.
    pub async fn merge_desc<T: DeserializeOwned>(
        &self,
        lists: impl IntoIterator<Item = Query>,
        place: impl Fn(&T) -> String,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page<Stored<T>>, Problem> {
        let after = cursor.map(|Cursor(place)| place);
        let mut lasts = Vec::new();
        for list in lists {
            lasts.push(self.last_page(list, limit, after.as_deref()).await?);
        }
        Ok(merge_pages_desc(lasts, place, limit, after.as_deref()))
    }

    /// The last of a listing that are no later than `after`: one more than the limit, since `after` itself is among
    /// them, and fewer only at the end of the listing.
    pub async fn last_page<T: DeserializeOwned>(&self, list: Query, limit: usize, after: Option<&str>) -> Result<Page<Stored<T>>, Problem> {
        let bounds = after.map_or(Bounds::All, |place| Bounds::AtMost(place.to_owned()));
        let query = list.bounds(bounds).descending();
        let mut found = Page { items: Vec::new(), next: None };
        for _ in 0..PAGES_MAX {
            let wanted = limit + 1 - found.items.len();
            let page: Page<Stored<T>> = self.list(query.clone().limit(wanted).after(found.next.take())).await?;
            found.items.extend(page.items);
            found.next = page.next;
            if found.next.is_none() || found.items.len() > limit {
                return Ok(found);
            }
        }
        Err(Problem::unavailable("a listing changes too fast just now"))
    }

    pub(crate) async fn item(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, Problem> {
        Ok(self.count_reads(self.store.get(key, consistency).await?))
    }

    async fn items<T: DeserializeOwned>(&self, keys: &[Key], consistency: Consistency) -> Result<Vec<Option<Stored<T>>>, Problem> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.count_reads(self.store.get_many(keys, consistency).await?);
        items.into_iter().map(read).collect()
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let kinds: Vec<&'static str> = commit.events.iter().map(|envelope| envelope.event.kind()).collect();
        match self.store.commit(commit).await {
            Ok(Metered { value: (), units }) => {
                self.telemetry.observe_commit(&self.labels(), units);
                for kind in kinds {
                    self.telemetry.events_emitted.get_or_create(&EmittedLabels { service: self.service, kind }).inc();
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

/// The cursor behind an item of a listing.
fn place_of<T: Record>(listing: &Query, record: &T) -> Result<Cursor, Problem> {
    let key = record.key();
    let sk = match listing.index {
        None => Some(key.sk.clone()),
        Some(index) => record.indexes().into_iter().find(|entry| entry.index == index && entry.pk == listing.pk).map(|entry| entry.sk),
    };
    let sk = sk.ok_or_else(|| Problem::unavailable("a listing changes too fast just now"))?;
    Ok(encode_start(listing, &Start { sk, key }))
}

/// What is picked of a listing's items. At most `pages_max` pages of it are read, so a page may hold fewer than `limit` and
/// still have a next one.
pub async fn filter_pages<T, U, F>(
    limit: usize,
    pages_max: usize,
    cursor: Option<Cursor>,
    listing: impl Fn(usize, Option<Cursor>) -> F,
    pick: impl Fn(T) -> Option<U>,
) -> Result<Page<U>, Problem>
where
    F: Future<Output = Result<Page<T>, Problem>>,
{
    let mut picked = Page { items: Vec::new(), next: cursor };
    for _ in 0..pages_max {
        // No more than are missing: whatever a page holds beyond them could not be shown.
        let page = listing(limit - picked.items.len(), picked.next.take()).await?;
        picked.items.extend(page.items.into_iter().filter_map(&pick));
        picked.next = page.next;
        if picked.next.is_none() || picked.items.len() == limit {
            break;
        }
    }
    Ok(picked)
}

/// What comes last in several listings (`Table::last_page`) behind `after`.
pub fn merge_pages_desc<T>(
    lasts: Vec<Page<Stored<T>>>,
    place: impl Fn(&T) -> String,
    limit: usize,
    after: Option<&str>,
) -> Page<Stored<T>> {
    let mut more = lasts.iter().any(|last| last.next.is_some());
    let placed = lasts.into_iter().flat_map(|last| last.items).map(|item| (place(&item.value), item));
    let mut all: Vec<(String, Stored<T>)> = placed.filter(|(place, _)| Some(place.as_str()) != after).collect();
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    all.dedup_by(|(a, _), (b, _)| a == b);
    more |= all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|(place, _)| Cursor(place.clone()));
    Page { items: all.into_iter().map(|(_, item)| item).collect(), next }
}

fn read<T: DeserializeOwned>(item: Option<Item>) -> Result<Option<Stored<T>>, Problem> {
    Ok(item.map(Stored::try_from).transpose()?)
}
