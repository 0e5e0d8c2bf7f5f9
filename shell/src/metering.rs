//! Counts every read and write in the units in which DynamoDB bills them, per service and operation,
//! so that the bill of the cloud home can be told from a run of any home.
//!
//! A read unit covers 4 KB read strongly, or 8 KB eventually; a write unit 1 KB, twice in a
//! transaction, and once more for every index entry. Sizes are those of keys and JSON text, which is
//! at or above what DynamoDB counts for its attribute maps.

use ports::store::{Commit, Consistency, Item, Write};

tokio::task_local! {
    /// What this task is doing, as the counters name it: `POST /orders`, `order.placed > inventory`.
    pub(crate) static OPERATION: std::sync::Arc<str>;
}

pub(crate) fn operation() -> std::sync::Arc<str> {
    OPERATION.try_with(Clone::clone).unwrap_or_else(|_| "other".into())
}

/// Read units of items fetched one by one; a miss costs what the smallest item does.
pub(crate) fn read_units(item: Option<&Item>, consistency: Consistency) -> f64 {
    units(item.map_or(0, Item::size_bytes), 4096) * factor(consistency)
}

/// Read units of a page: the sum of its sizes is rounded up once.
pub(crate) fn page_units(items: &[Item]) -> f64 {
    units(items.iter().map(Item::size_bytes).sum(), 4096) * factor(Consistency::Eventual)
}

fn factor(consistency: Consistency) -> f64 {
    match consistency {
        Consistency::Strong => 1.0,
        Consistency::Eventual => 0.5,
    }
}

/// Write units of a commit. One write alone is no transaction; two or more cost double. The events
/// travel in the record of the cause.
pub(crate) fn write_units(commit: &Commit, record_bytes: usize) -> f64 {
    let mut total = 0.0;
    for write in &commit.writes {
        let (size, entries) = match write {
            Write::Put { item, .. } => (item.key.pk.len() + item.key.sk.len() + item.body.as_str().len(), item.indexes.len()),
            Write::Delete { .. } | Write::Check { .. } | Write::Add { .. } => (1, 0),
        };
        total += units(size, 1024);
        let entry_units = units(size, 1024) * u32::try_from(entries).map_or(0.0, f64::from);
        total += entry_units / if is_transaction(commit) { 2.0 } else { 1.0 };
    }
    if record_bytes > 0 {
        total += units(record_bytes, 1024);
    }
    if is_transaction(commit) { total * 2.0 } else { total }
}

fn is_transaction(commit: &Commit) -> bool {
    commit.writes.len() + usize::from(commit.cause.is_some() || !commit.events.is_empty()) > 1
}

fn units(size_bytes: usize, unit_bytes: usize) -> f64 {
    u32::try_from(size_bytes.div_ceil(unit_bytes).max(1)).map_or(f64::MAX, f64::from)
}
