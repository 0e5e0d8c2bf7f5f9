//! One table as a `Store`.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Timestamp;
use ports::Store;
use ports::store::{
    Commit, CommitError, Consistency, Item, Key, PAGE_BYTES_MAX, Query, QueryPage, Start, StoreError, TableSchema, check_keys, encode_start,
};

use crate::Shared;
use crate::state::{Table, is_expired};

pub struct MemoryTable {
    pub schema: TableSchema,
    pub shared: Arc<Shared>,
}

#[async_trait]
impl Store for MemoryTable {
    async fn get(&self, key: &Key, _: Consistency) -> Result<Option<Item>, StoreError> {
        let now = self.shared.clock.now();
        Ok(self.shared.lock().table(self.schema.name).and_then(|table| table.item(key, now)).cloned())
    }

    async fn get_many(&self, keys: &[Key], _: Consistency) -> Result<Vec<Option<Item>>, StoreError> {
        check_keys(keys)?;
        let now = self.shared.clock.now();
        let state = self.shared.lock();
        let table = state.table(self.schema.name);
        Ok(keys.iter().map(|key| table.and_then(|table| table.item(key, now)).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<QueryPage, StoreError> {
        let start = query.check(self.schema.indexes)?;
        let now = self.shared.clock.now();
        let state = self.shared.lock();
        let Some(table) = state.table(self.schema.name) else {
            return Ok(QueryPage { items: Vec::new(), next: None });
        };
        Ok(page(query, places(table, query, start.as_ref()), now))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check(&self.schema)?;
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let before = state.head;
        state.commit(self.schema.name, commit, now)?;
        if state.head > before {
            self.shared.appended.send_replace(state.head);
        }
        Ok(())
    }
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

/// Fills one page. Expired items are passed over, but count as read.
fn page(query: &Query, places: Vec<(&str, &Item)>, now: Timestamp) -> QueryPage {
    let mut items = Vec::new();
    let mut read_bytes = 0;
    let mut last: Option<Start> = None;
    for (sk, item) in places {
        read_bytes += item.size_bytes();
        if let Some(last) = last.as_ref().filter(|_| items.len() == query.limit || read_bytes > PAGE_BYTES_MAX) {
            return QueryPage { items, next: Some(encode_start(query, last)) };
        }
        last = Some(Start { sk: sk.to_owned(), key: item.key.clone() });
        if !is_expired(item, now) {
            items.push(item.clone());
        }
    }
    QueryPage { items, next: None }
}
