//! One table as a `Store`.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Timestamp;
use ports::Store;
use ports::store::units::{IndexPageMeter, index_entry_bytes, page_units, read_units};
use ports::store::{
    Commit, CommitError, Consistency, Item, Key, Metered, PAGE_BYTES_MAX, Query, QueryPage, Start, StoreError, TableSchema, check_keys,
    encode_start,
};

use crate::Shared;
use crate::state::{Table, is_expired};

pub struct MemoryTable {
    pub schema: TableSchema,
    pub shared: Arc<Shared>,
}

#[async_trait]
impl Store for MemoryTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Item>>, StoreError> {
        let now = self.shared.clock.now();
        Ok(find(self.shared.lock().table(self.schema.name), key, consistency, now))
    }

    async fn get_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<Vec<Option<Item>>>, StoreError> {
        check_keys(keys)?;
        let now = self.shared.clock.now();
        let state = self.shared.lock();
        let table = state.table(self.schema.name);
        Ok(keys.iter().map(|key| find(table, key, consistency, now)).collect())
    }

    async fn query(&self, query: &Query) -> Result<Metered<QueryPage>, StoreError> {
        let start = query.check(self.schema.indexes)?;
        let now = self.shared.clock.now();
        let state = self.shared.lock();
        let places = state.table(self.schema.name).map_or(Vec::new(), |table| places(table, query, start.as_ref()));
        Ok(page(query, places, now))
    }

    async fn commit(&self, commit: Commit) -> Result<Metered<()>, CommitError> {
        let commit = commit.prepare(&self.schema)?;
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let before = state.head;
        let units = state.commit(self.schema.name, &commit, now)?;
        if state.head > before {
            self.shared.appended.send_replace(state.head);
        }
        Ok(Metered::new((), units))
    }
}

/// An expired item is read, though not shown.
fn find(table: Option<&Table>, key: &Key, consistency: Consistency, now: Timestamp) -> Metered<Option<Item>> {
    let found = table.and_then(|table| table.rows.get(key)).map(|row| &row.item);
    let units = read_units(found.map_or(0, |item| item.size_bytes), consistency);
    Metered::new(found.filter(|item| !is_expired(item, now)).cloned(), units)
}

/// The sort key in the listing and the item, for everything in the range, in the order of the query.
fn places<'a>(table: &'a Table, query: &Query, start: Option<&Start>) -> Vec<(&'a str, &'a Item)> {
    let (least, most) = query.sk_range();
    let in_range = |sk: &str| sk >= least && most.as_deref().is_none_or(|most| sk <= most);
    let mut places: Vec<(&str, &Item)> = match query.index {
        None => {
            let rows = table.rows.range(Key::new(&query.pk, least)..).take_while(|(key, _)| key.pk == query.pk);
            rows.map(|(key, row)| (key.sk.as_str(), &row.item)).filter(|(sk, _)| in_range(sk)).collect()
        }
        Some(index) => {
            let entries = table.entries.iter().filter(|entry| entry.index == index && entry.pk == query.pk && in_range(&entry.sk));
            entries.filter_map(|entry| Some((entry.sk.as_str(), &table.rows.get(&entry.key)?.item))).collect()
        }
    };
    if query.descending {
        places.reverse();
    }
    if let Some(start) = start {
        let last = (start.sk.as_str(), &start.key);
        places.retain(|(sk, item)| if query.descending { (*sk, &item.key) < last } else { (*sk, &item.key) > last });
    }
    places
}

/// Fills one page. Expired items are passed over, but count as read, for their bytes and for the limit.
fn page(query: &Query, places: Vec<(&str, &Item)>, now: Timestamp) -> Metered<QueryPage> {
    let (mut items, mut next) = (Vec::new(), None);
    let (mut read_bytes, mut index) = (0, IndexPageMeter::default());
    let mut last: Option<Start> = None;
    for (read, (sk, item)) in places.into_iter().enumerate() {
        let is_full = read == query.limit || read_bytes + item.size_bytes > PAGE_BYTES_MAX;
        if let Some(last) = last.as_ref().filter(|_| is_full) {
            next = Some(encode_start(query, last));
            break;
        }
        read_bytes += item.size_bytes;
        index.read(index_entry_bytes(&item.key, &query.pk, sk), item.size_bytes);
        last = Some(Start { sk: sk.to_owned(), key: item.key.clone() });
        if !is_expired(item, now) {
            items.push(item.clone());
        }
    }
    let units = if query.index.is_some() { index.units() } else { page_units(read_bytes) };
    Metered::new(QueryPage { items, next }, units)
}
