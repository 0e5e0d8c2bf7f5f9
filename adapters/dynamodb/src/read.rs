//! Reads. What has expired is read and paid for, but not shown: DynamoDB deletes it within days.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use kernel::Timestamp;
use ports::store::{
    Bounds, Consistency, Item, KEYS_MAX, Key, Metered, PAGE_BYTES_MAX, Query, QueryPage, Start, StoreError, check_keys, encode_start,
};

use crate::DynamoTable;
use crate::layout::{Attributes, PK, SK, index_name, index_pk, index_sk, is_possible, key_attributes, read_text, text, to_item, to_living};
use crate::retry::{Attempts, Trouble, Verdict, judge};

impl DynamoTable {
    pub(crate) async fn read(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Item>>, StoreError> {
        if !is_possible(key) {
            return Ok(Metered::new(None, 0.0));
        }
        let found = self.find(key, consistency).await?;
        let living = found.value.map(|attributes| to_living(&attributes, self.clock.now())).transpose()?.flatten();
        Ok(Metered::new(living, found.units))
    }

    /// What lies under the key, expired or not.
    pub(crate) async fn find(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Attributes>>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key_attributes(key)))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut attempts = Attempts::new(self.patience);
        loop {
            match request.clone().send().await {
                Ok(output) => {
                    let units = output.consumed_capacity().and_then(|taken| taken.capacity_units()).unwrap_or(0.0);
                    return Ok(Metered::new(output.item, units));
                }
                Err(error) => again(&mut attempts, judge(&error)).await?,
            }
        }
    }

    pub(crate) async fn read_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<Vec<Option<Item>>>, StoreError> {
        check_keys(keys)?;
        let now = self.clock.now();
        let mut found = self.find_many(keys, consistency).await?;
        let living = |key| found.value.remove(key).map_or(Ok(None), |attributes| to_living(&attributes, now));
        let items = keys.iter().map(living).collect::<Result<_, _>>()?;
        Ok(Metered::new(items, found.units))
    }

    /// What lies under at most 100 different keys, expired or not. DynamoDB answers in no order, and may leave keys
    /// for another time when it is busy or the answer gets too large.
    async fn find_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<HashMap<Key, Attributes>>, StoreError> {
        let mut open: Vec<Attributes> = keys.iter().filter(|key| is_possible(key)).map(key_attributes).collect();
        let mut found = HashMap::with_capacity(keys.len());
        let mut units = 0.0;
        let mut attempts = Attempts::new(self.patience);
        while !open.is_empty() {
            let asked =
                KeysAndAttributes::builder().set_keys(Some(open.clone())).consistent_read(consistency == Consistency::Strong).build();
            let asked = asked.map_err(|error| StoreError::Failed(format!("keys to read: {error}")))?;
            let request = self.client.batch_get_item().request_items(&self.name, asked);
            let mut output = match request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
                Ok(output) => output,
                Err(error) => {
                    again(&mut attempts, judge(&error)).await?;
                    continue;
                }
            };
            units += output.consumed_capacity().iter().filter_map(|taken| taken.capacity_units()).sum::<f64>();
            for attributes in output.responses.as_mut().and_then(|tables| tables.remove(&self.name)).unwrap_or_default() {
                found.insert(key_of(&attributes)?, attributes);
            }
            open = output.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.name)).map_or(Vec::new(), |rest| rest.keys);
            if !open.is_empty() {
                let left = Verdict::Again(Trouble::Throttled(format!("{} keys were left", open.len())));
                again(&mut attempts, left).await?;
            }
        }
        Ok(Metered::new(found, units))
    }

    /// The items of an index's entries, in their order, and how many entries that were: like a page of the table, it
    /// ends at a megabyte. An entry may be behind its item: one that has moved on in the index, or is gone, is left out.
    async fn items_of(&self, entries: &[Attributes], index: u8, now: Timestamp) -> Result<Metered<(Vec<Item>, usize)>, StoreError> {
        let names = [index_pk(index), index_sk(index)];
        let (mut items, mut read, mut read_bytes, mut units) = (Vec::with_capacity(entries.len()), 0, 0, 0.0);
        for entries in entries.chunks(KEYS_MAX) {
            let keys = entries.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
            let found = self.find_many(&keys, Consistency::Eventual).await?;
            units += found.units;
            for (entry, key) in entries.iter().zip(&keys) {
                let attributes = found.value.get(key).filter(|item| names.iter().all(|name| item.get(name) == entry.get(name)));
                if let Some(item) = attributes.map(to_item).transpose()? {
                    if read_bytes > 0 && read_bytes + item.size_bytes > PAGE_BYTES_MAX {
                        return Ok(Metered::new((items, read), units));
                    }
                    read_bytes += item.size_bytes;
                    items.extend(Some(item).filter(|item| item.expires_at.is_none_or(|at| at > now)));
                }
                read += 1;
            }
        }
        Ok(Metered::new((items, read), units))
    }

    /// One page is one request, and for an index those for its items, so a page with expired items is short.
    pub(crate) async fn page(&self, query: &Query) -> Result<Metered<QueryPage>, StoreError> {
        let start = query.check(self.schema.indexes)?;
        if start.as_ref().is_some_and(|start| !is_possible(&start.key) || start.sk.is_empty()) {
            return Err(StoreError::Cursor);
        }
        let now = self.clock.now();
        let (pk, sk) = query.index.map_or((PK.to_owned(), SK.to_owned()), |index| (index_pk(index), index_sk(index)));
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(query.index.map(index_name))
            .expression_attribute_names("#pk", &pk)
            .expression_attribute_values(":pk", text(&query.pk))
            .scan_index_forward(!query.descending)
            .limit(i32::try_from(query.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start.map(|start| start_key(query, &start)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let Some(request) = bounded(request, &query.sk, &sk) else {
            return Ok(Metered::new(QueryPage { items: Vec::new(), next: None }, 0.0));
        };
        let mut attempts = Attempts::new(self.patience);
        loop {
            match request.clone().send().await {
                Ok(output) => {
                    let queried = output.consumed_capacity().and_then(|taken| taken.capacity_units()).unwrap_or(0.0);
                    let mut last = output.last_evaluated_key();
                    let read = match query.index {
                        Some(index) => self.items_of(output.items(), index, now).await?.map(|(items, read)| {
                            // The page is full before the entries are at their end.
                            last = output.items()[..read].last().filter(|_| read < output.items().len()).or(last);
                            items
                        }),
                        None => Metered::new(living(output.items(), now)?, 0.0),
                    };
                    let next = last.map(|last| place(last, &sk)).transpose()?.map(|last| encode_start(query, &last));
                    return Ok(Metered::new(QueryPage { items: read.value, next }, queried + read.units));
                }
                Err(error) => again(&mut attempts, judge(&error)).await?,
            }
        }
    }
}

async fn again(attempts: &mut Attempts, verdict: Verdict) -> Result<(), StoreError> {
    match verdict {
        Verdict::Again(trouble) => Ok(attempts.pause(trouble).await?),
        Verdict::Final(error) => Err(error),
    }
}

fn key_of(attributes: &Attributes) -> Result<Key, StoreError> {
    Ok(Key::new(read_text(attributes, PK)?, read_text(attributes, SK)?))
}

fn living(found: &[Attributes], now: Timestamp) -> Result<Vec<Item>, StoreError> {
    found.iter().filter_map(|attributes| to_living(attributes, now).transpose()).collect()
}

fn start_key(query: &Query, start: &Start) -> Attributes {
    let mut attributes = key_attributes(&start.key);
    if let Some(index) = query.index {
        attributes.insert(index_pk(index), text(&query.pk));
        attributes.insert(index_sk(index), text(&start.sk));
    }
    attributes
}

fn place(last: &Attributes, sk: &str) -> Result<Start, StoreError> {
    Ok(Start { sk: read_text(last, sk)?.to_owned(), key: key_of(last)? })
}

/// The range of sort keys as a condition. DynamoDB takes no empty text in one; no key is empty, so such
/// a bound is none, or (`None`) leaves nothing.
fn bounded(request: QueryFluentBuilder, bounds: &Bounds, sk: &str) -> Option<QueryFluentBuilder> {
    let (condition, values) = match bounds {
        Bounds::All => ("", vec![]),
        Bounds::Prefix(from) | Bounds::AtLeast(from) if from.is_empty() => ("", vec![]),
        Bounds::AtMost(to) | Bounds::Between(_, to) if to.is_empty() => return None,
        Bounds::Prefix(prefix) => ("begins_with(#sk, :from)", vec![(":from", prefix)]),
        Bounds::AtLeast(from) => ("#sk >= :from", vec![(":from", from)]),
        Bounds::Between(from, to) if !from.is_empty() => ("#sk BETWEEN :from AND :to", vec![(":from", from), (":to", to)]),
        Bounds::AtMost(to) | Bounds::Between(_, to) => ("#sk <= :to", vec![(":to", to)]),
    };
    if condition.is_empty() {
        return Some(request.key_condition_expression("#pk = :pk"));
    }
    let request = request.key_condition_expression(format!("#pk = :pk AND {condition}")).expression_attribute_names("#sk", sk);
    Some(values.into_iter().fold(request, |request, (name, value)| request.expression_attribute_values(name, text(value))))
}
