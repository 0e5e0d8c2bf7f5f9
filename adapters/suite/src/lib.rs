//! One suite for every store. An adapter names a function that makes a fresh home, and every case
//! becomes a test of its own:
//!
//! ```ignore
//! async fn home() -> impl suite::Home { .. }
//! suite::store_tests!(home);
//! suite::units_tests!(home); // What everything takes.
//! suite::log_tests!(home); // Where the home keeps an event log.
//! suite::dead_letters_tests!(queue_home); // For a home's queues: a `suite::dead_letters::QueueHome`.
//! ```

// All of this is code of tests, though it stands in a library.
#![allow(clippy::unwrap_used)]

pub mod commits;
pub mod counters;
pub mod cursors;
pub mod dead_letters;
pub mod expiry;
pub mod idempotency;
pub mod indexes;
pub mod limits;
pub mod log;
pub mod queries;
pub mod units;
pub mod versions;

use std::sync::Arc;

use contracts::{Envelope, StockLow};
use kernel::{Actor, Timestamp};
use ports::store::{
    Body, Commit, CommitError, Consistency, Expect, FailedWrite, IndexEntry, Item, Key, NewItem, Query, QueryPage, Refusal, TableSchema,
    Write,
};
use ports::{Clock, EventLog, ManualClock, Store};
use serde_json::{Value, json};

/// The table that most cases use.
pub const SHELF: TableSchema = TableSchema { name: "shelf", indexes: 2 };
/// A second one beside it.
pub const CELLAR: TableSchema = TableSchema { name: "cellar", indexes: 0 };
/// What a home must be opened with.
pub const SCHEMAS: [TableSchema; 2] = [SHELF, CELLAR];

/// A place with empty tables and a clock that only the suite moves.
pub trait Home: Send + Sync {
    fn table(&self, schema: TableSchema) -> Arc<dyn Store>;

    fn clock(&self) -> Arc<ManualClock>;
}

/// A home whose events stay in a log.
pub trait LogHome: Home {
    fn log(&self) -> Arc<dyn EventLog>;

    /// Appends a text as an event of a type, past all checks, as another version of the program might.
    fn append_text(&self, kind: &str, text: &str);
}

/// When the clock of a fresh home starts.
pub fn start_of_time() -> Timestamp {
    Timestamp::from_millis(1_763_692_800_000)
}

#[macro_export]
macro_rules! store_tests {
    ($make:ident) => {
        $crate::tests! { $make
            versions { put_new, put_over_a_version, put_anything, delete, check, unknown_keys_are_absent, tables_are_apart }
            commits { all_or_nothing, every_failed_write_is_named, an_empty_commit_succeeds, bodies_come_back_as_they_were,
                one_of_many_rivals_wins }
            idempotency { an_effect_happens_once, a_refused_commit_leaves_no_record, an_expired_record_counts_as_absent,
                repetition_comes_before_conflict, rivals_under_one_record }
            counters { adds_and_raises_the_version, bounds_hold_both_ways, an_absent_item_is_refused, other_fields_are_invalid,
                indexes_and_expiry_stay, never_below_the_bound_under_contention }
            indexes { sparse, an_update_moves_the_entry, a_delete_removes_the_entry, equal_sort_keys_are_all_listed, two_indexes_are_apart }
            queries { ranges, prefixes, descending, partitions_are_apart, get_many_keeps_the_order }
            cursors { pages_join_up, pages_of_an_index_join_up, stable_under_change, forged_cursors_are_refused }
            limits { a_hundred_writes, the_record_counts_as_a_write, four_hundred_kilobytes, one_key_twice, keys_have_sizes,
                undeclared_indexes, large_events, counters_do_not_overfill,
                a_page_ends_at_a_megabyte, sizes_of_pages, reversed_ranges, a_hundred_keys_at_once }
            expiry { reads_hide_it, a_new_item_takes_its_place, writes_take_it_for_absent, a_page_of_expired_items_continues }
        }
    };
}

/// What it takes, which depends on nothing but the operations where no call is repeated.
#[macro_export]
macro_rules! units_tests {
    ($make:ident) => {
        $crate::tests! { $make
            units { sizes_of_items, reads, queries, what_has_expired_is_read_all_the_same, single_writes, transactions, entries, counters,
                events_on_a_put, events_in_a_record }
        }
    };
}

#[macro_export]
macro_rules! log_tests {
    ($make:ident) => {
        $crate::tests! { $make
            log { positions_follow_commits, a_refused_commit_tells_nothing, types_are_filtered, pages_of_the_log, an_event_at_its_position,
                what_cannot_be_read_keeps_nothing_back,
                pruning, limits_of_the_log, appended_changes, tables_share_it, no_gap_is_ever_seen }
        }
    };
}

#[macro_export]
macro_rules! dead_letters_tests {
    ($make:ident) => {
        $crate::tests! { $make
            dead_letters { dead_letters_are_listed_in_pages, a_redriven_dead_letter_comes_again, a_dropped_dead_letter_is_gone,
                some_are_redriven_at_once }
        }
    };
}

/// Makes a test of every case.
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($make:ident $($group:ident { $($case:ident),* })*) => {
        $($crate::tests! { @group $make $group $($case)* })*
    };
    (@group $make:ident $group:ident $($case:ident)*) => {
        mod $group {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::$group::$case(&super::$make().await).await;
                }
            )*
        }
    };
}

fn item(pk: &str, sk: &str, body: Value) -> NewItem {
    NewItem { key: Key::new(pk, sk), body: Body::of(&body).expect("the body is an object"), indexes: Vec::new(), expires_at: None }
}

fn entered(item: NewItem, indexes: Vec<IndexEntry>) -> NewItem {
    NewItem { indexes, ..item }
}

fn expiring(item: NewItem, at: Timestamp) -> NewItem {
    NewItem { expires_at: Some(at), ..item }
}

fn put(item: NewItem, expect: Expect) -> Write {
    Write::Put { item, expect }
}

fn writes(writes: Vec<Write>) -> Commit {
    Commit { writes, ..Commit::default() }
}

async fn commit(store: &Arc<dyn Store>, list: Vec<Write>) -> Result<(), CommitError> {
    store.commit(writes(list)).await.map(|done| done.value)
}

/// Puts an item whatever was there, with its sort key as its body's `name`.
async fn place(store: &Arc<dyn Store>, pk: &str, sk: &str) {
    commit(store, vec![put(item(pk, sk, json!({ "name": sk })), Expect::Anything)]).await.expect("nothing is expected of it");
}

async fn get(store: &Arc<dyn Store>, pk: &str, sk: &str) -> Option<Item> {
    let found = store.get(&Key::new(pk, sk), Consistency::Strong).await.expect("a read succeeds").value;
    let many = store.get_many(&[Key::new(pk, sk)], Consistency::Strong).await.expect("a read succeeds").value;
    assert_eq!(many, vec![found.clone()], "get and get_many agree");
    found
}

async fn version(store: &Arc<dyn Store>, pk: &str, sk: &str) -> Option<u64> {
    get(store, pk, sk).await.map(|item| item.version)
}

async fn field(store: &Arc<dyn Store>, pk: &str, sk: &str, name: &str) -> Value {
    let item = get(store, pk, sk).await.expect("the item is there");
    item.body.read::<Value>().expect("the body is JSON")[name].clone()
}

async fn query(store: &Arc<dyn Store>, query: Query) -> QueryPage {
    store.query(&query).await.expect("a query succeeds").value
}

/// The sort keys of all pages. A last page may be empty: some stores only find out by looking.
async fn listed(store: &Arc<dyn Store>, mut ask: Query) -> Vec<String> {
    let mut keys = Vec::new();
    for _ in 0..10_000 {
        let page = query(store, ask.clone()).await;
        assert!(page.items.len() <= ask.limit, "a page keeps to its limit");
        keys.extend(page.items.into_iter().map(|item| item.key.sk));
        match page.next {
            Some(next) => ask = ask.after(Some(next)),
            None => return keys,
        }
    }
    panic!("a listing without an end")
}

fn conflict(failed: &[(usize, Refusal)]) -> Result<(), CommitError> {
    Err(CommitError::Conflict(failed.iter().map(|&(index, refusal)| FailedWrite { index, refusal }).collect()))
}

/// A trace of its own for each number.
fn trace(n: u128) -> kernel::TraceParent {
    let mut chance = [7; 24];
    chance[..16].copy_from_slice(&n.to_be_bytes());
    kernel::TraceParent::from_chance(chance)
}

fn envelope(n: u128, home: &dyn Home) -> Envelope {
    Envelope {
        id: n.into(),
        time: home.clock().now(),
        sequence: 100,
        causation_id: format!("req_{n}"),
        correlation_id: format!("req_{n}"),
        traceparent: Some(trace(n)),
        actor: Actor::System,
        event: StockLow { variant_id: n.into(), seller_id: None, sku: format!("TEA-{n}"), title: "Tea".into(), available: 2, threshold: 3 }
            .into(),
    }
}
