//! What DynamoDB would refuse is refused everywhere.

use contracts::{Envelope, StockLow};
use ports::store::{
    Bounds, Commit, CommitError, Consistency, EVENT_BYTES_MAX, Expect, ITEM_BYTES_MAX, IdempotencyRecord, IndexEntry, Key, NewItem,
    PAGE_BYTES_MAX, Query, StoreError, WRITES_MAX, Write,
};
use ports::{Clock, Store};
use serde_json::json;

use crate::{CELLAR, Home, SHELF, commit, entered, envelope, get, item, listed, place, put, query, version, writes};

async fn assert_invalid(store: &dyn Store, commit: Commit, what: &str) {
    let result = store.commit(commit).await;
    assert!(matches!(result, Err(CommitError::Store(StoreError::Invalid(_)))), "{what}: {result:?}");
}

fn many(count: usize) -> Vec<Write> {
    (0..count).map(|n| put(item("p", &format!("{n:03}"), json!({})), Expect::Absent)).collect()
}

/// An item of exactly so many bytes with all its attributes, if it is new: `pk` 2 + 1, `sk` 2 and its key, `v` 1 + 2,
/// `w` 1 + 8, `data` 4 + 3, in it 1 + `text` 4 and the text.
fn sized(sk: &str, bytes: usize) -> NewItem {
    item("p", sk, json!({ "text": "x".repeat(bytes - 29 - sk.len()) }))
}

pub async fn a_hundred_writes(home: &dyn Home) {
    let store = home.table(SHELF);
    assert_invalid(&*store, writes(many(WRITES_MAX + 1)), "101 writes").await;
    assert_eq!(get(&store, "p", "000").await, None);
    commit(&store, many(WRITES_MAX)).await.unwrap();
    assert_eq!(listed(&store, Query::table("p")).await.len(), WRITES_MAX);
}

pub async fn the_record_counts_as_a_write(home: &dyn Home) {
    let store = home.table(SHELF);
    let record = |id: String| Some(IdempotencyRecord { id, fingerprint: None, response: None, expires_at: home.clock().now() });
    assert_invalid(&*store, Commit { writes: many(100), events: vec![], idempotency: record("c".into()) }, "a record").await;
    let unguarded = || (0..100).map(|n| put(item("p", &format!("{n:03}"), json!({})), Expect::Anything)).collect();
    assert_invalid(&*store, Commit { writes: unguarded(), events: vec![crate::envelope(1, home)], idempotency: None }, "an event").await;
    assert_invalid(&*store, Commit { idempotency: record(String::new()), ..Commit::default() }, "no id").await;
    assert_invalid(&*store, Commit { idempotency: record("x".repeat(2000)), ..Commit::default() }, "a long id").await;
    store.commit(Commit { writes: many(99), events: vec![crate::envelope(1, home)], idempotency: record("c".into()) }).await.unwrap();
}

pub async fn four_hundred_kilobytes(home: &dyn Home) {
    let store = home.table(SHELF);
    assert_invalid(&*store, writes(vec![put(sized("a", ITEM_BYTES_MAX + 1), Expect::Absent)]), "an item too large").await;
    commit(&store, vec![put(sized("a", ITEM_BYTES_MAX), Expect::Absent)]).await.unwrap();
    assert_eq!(get(&store, "p", "a").await.expect("the item is there").size_bytes, ITEM_BYTES_MAX);
    let eleven = (0..11).map(|n| put(sized(&format!("{n:02}"), ITEM_BYTES_MAX), Expect::Absent)).collect();
    assert_invalid(&*store, writes(eleven), "more than 4 MB").await;
}

/// An event goes through a bus that takes no more; the events of a commit travel together in one item.
pub async fn large_events(home: &dyn Home) {
    let store = home.table(SHELF);
    let large = |n: u128, bytes: usize| {
        let bare = sku(envelope(n, home), 0).stored_json().unwrap().len();
        sku(envelope(n, home), bytes - bare)
    };
    let events = |events: Vec<Envelope>| Commit { events, ..Commit::default() };
    assert_invalid(&*store, events(vec![large(1, EVENT_BYTES_MAX + 1)]), "an event too large").await;
    store.commit(events(vec![large(1, EVENT_BYTES_MAX)])).await.unwrap();
    assert_invalid(&*store, events(vec![large(2, EVENT_BYTES_MAX), large(3, EVENT_BYTES_MAX)]), "events too large for an item").await;
    store.commit(events(vec![large(2, EVENT_BYTES_MAX), large(3, EVENT_BYTES_MAX - 1000)])).await.unwrap();
    let on_put =
        |bytes| Commit { writes: vec![put(sized("a", bytes), Expect::Absent)], events: vec![large(4, EVENT_BYTES_MAX)], idempotency: None };
    assert_invalid(&*store, on_put(EVENT_BYTES_MAX), "an item too large with its event").await;
    store.commit(on_put(EVENT_BYTES_MAX - 10)).await.unwrap();
    assert_eq!(get(&store, "p", "a").await.expect("the item is there").size_bytes, ITEM_BYTES_MAX);
}

/// The same event with a text of so many bytes.
fn sku(event: Envelope, bytes: usize) -> Envelope {
    let stock =
        StockLow { variant_id: 1.into(), seller_id: None, sku: "x".repeat(bytes), title: String::new(), available: 2, threshold: 3 };
    Envelope { event: stock.into(), ..event }
}

/// A counter that gets a digit more may not push its item over the limit.
pub async fn counters_do_not_overfill(home: &dyn Home) {
    let store = home.table(SHELF);
    // As in `sized`, and 1 + 1 + 2 for `n`.
    let full = item("p", "a", json!({ "n": 99, "text": "x".repeat(ITEM_BYTES_MAX - 29 - 1 - 4) }));
    commit(&store, vec![put(full, Expect::Absent)]).await.unwrap();
    let add = |delta| writes(vec![Write::Add { key: Key::new("p", "a"), deltas: vec![("n", delta)], bounds: vec![] }]);
    assert_invalid(&*store, add(2), "101 takes a byte more").await;
    store.commit(add(1)).await.unwrap();
    assert_eq!(version(&store, "p", "a").await, Some(2));
}

pub async fn one_key_twice(home: &dyn Home) {
    let store = home.table(SHELF);
    place(&store, "p", "a").await;
    let twice =
        vec![put(item("p", "a", json!({})), Expect::Anything), Write::Check { key: Key::new("p", "a"), expect: Expect::Version(0) }];
    assert_invalid(&*store, writes(twice), "one key twice").await;
    let idle = vec![Write::Check { key: Key::new("p", "a"), expect: Expect::Anything }];
    assert_invalid(&*store, writes(idle), "a check that expects nothing").await;
    assert_eq!(version(&store, "p", "a").await, Some(0));
}

pub async fn keys_have_sizes(home: &dyn Home) {
    let store = home.table(SHELF);
    for (pk, sk) in
        [(String::new(), "s".into()), ("p".into(), String::new()), ("p".repeat(2049), "s".into()), ("p".into(), "s".repeat(1025))]
    {
        assert_invalid(&*store, writes(vec![put(item(&pk, &sk, json!({})), Expect::Absent)]), "a put").await;
        assert_invalid(&*store, writes(vec![Write::Delete { key: Key::new(&pk, &sk), expect: Expect::Anything }]), "a delete").await;
        let entry = entered(item("p", "s", json!({})), vec![IndexEntry::new(1, &pk, &sk)]);
        assert_invalid(&*store, writes(vec![put(entry, Expect::Absent)]), "an entry").await;
    }
    let (pk, sk) = ("p".repeat(2048), "s".repeat(1024));
    commit(&store, vec![put(item(&pk, &sk, json!({})), Expect::Absent)]).await.unwrap();
    assert_eq!(version(&store, &pk, &sk).await, Some(1));
    assert_eq!(listed(&store, Query::table(pk).limit(1)).await, [sk]);
}

pub async fn undeclared_indexes(home: &dyn Home) {
    let (shelf, cellar) = (home.table(SHELF), home.table(CELLAR));
    for (store, index) in [(&shelf, 3), (&shelf, 0), (&cellar, 1)] {
        let entry = entered(item("p", "s", json!({})), vec![IndexEntry::new(index, "q", "s")]);
        assert_invalid(&**store, writes(vec![put(entry, Expect::Absent)]), "an entry").await;
        let asked = store.query(&Query::index(index, "q")).await;
        assert!(matches!(asked, Err(StoreError::Invalid(_))), "{asked:?}");
    }
    let twice = vec![IndexEntry::new(1, "q", "s"), IndexEntry::new(1, "r", "s")];
    assert_invalid(&*shelf, writes(vec![put(entered(item("p", "s", json!({})), twice), Expect::Absent)]), "two entries in an index").await;
}

pub async fn a_page_ends_at_a_megabyte(home: &dyn Home) {
    let store = home.table(SHELF);
    let keys: Vec<String> = (0..7).map(|n| format!("{n}")).collect();
    for sk in &keys {
        let new = entered(sized(sk, 300 * 1024), vec![IndexEntry::new(1, "q", sk.as_str())]);
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    for ask in [Query::table("p"), Query::table("p").descending(), Query::index(1, "q")] {
        let page = query(&store, ask.clone()).await;
        let bytes: usize = page.items.iter().map(|item| item.size_bytes).sum();
        assert!(bytes <= PAGE_BYTES_MAX && page.items.len() >= 2, "{bytes} bytes");
        assert!(page.next.is_some(), "there is more");
        let mut all = listed(&store, ask).await;
        all.sort();
        assert_eq!(all, keys);
    }
}

pub async fn sizes_of_pages(home: &dyn Home) {
    let store = home.table(SHELF);
    place(&store, "p", "a").await;
    for limit in [0, 1001] {
        let asked = store.query(&Query::table("p").limit(limit)).await;
        assert!(matches!(asked, Err(StoreError::Invalid(_))), "{limit}: {asked:?}");
    }
    for limit in [1, 1000] {
        assert_eq!(listed(&store, Query::table("p").limit(limit)).await, ["a"]);
    }
    let nowhere = store.query(&Query::table("")).await;
    assert!(matches!(nowhere, Err(StoreError::Invalid(_))), "{nowhere:?}");
}

pub async fn reversed_ranges(home: &dyn Home) {
    let asked = home.table(SHELF).query(&Query::table("p").bounds(Bounds::Between("b".into(), "a".into()))).await;
    assert!(matches!(asked, Err(StoreError::Invalid(_))), "{asked:?}");
}

pub async fn a_hundred_keys_at_once(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, many(100)).await.unwrap();
    let mut keys: Vec<Key> = (0..100).map(|n| Key::new("p", format!("{n:03}"))).collect();
    let found = store.get_many(&keys, Consistency::Strong).await.unwrap().value;
    assert_eq!(found.iter().flatten().map(|item| item.key.clone()).collect::<Vec<_>>(), keys);
    keys.push(Key::new("p", "100"));
    assert!(matches!(store.get_many(&keys, Consistency::Strong).await, Err(StoreError::Invalid(_))), "101 keys");
    let twice = [Key::new("p", "001"), Key::new("p", "001")];
    assert!(matches!(store.get_many(&twice, Consistency::Strong).await, Err(StoreError::Invalid(_))), "one key twice");
}
