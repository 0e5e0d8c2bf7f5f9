//! Ranges of sort keys, compared as bytes.

use std::sync::Arc;

use ports::Store;
use ports::store::{Bounds, Consistency, Expect, IndexEntry, Key, Query};
use serde_json::json;

use crate::{Home, SHELF, commit, entered, get, item, listed, place, put};

/// In the order of their bytes.
const KEYS: [&str; 11] = ["A", "a", "a#1", "a#10", "a#2", "b", "z", "zé", "Ä", "é", "\u{1F375}"];

/// The same keys in the table and in an index, put in another order.
async fn fill(home: &dyn Home) -> Arc<dyn Store> {
    let store = home.table(SHELF);
    for key in KEYS.iter().rev() {
        let new = entered(item("p", key, json!({})), vec![IndexEntry::new(1, "q", *key)]);
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    store
}

async fn expect(store: &Arc<dyn Store>, bounds: Bounds, expected: &[&str]) {
    for ask in [Query::table("p"), Query::index(1, "q")] {
        for limit in [1, 3, 1000] {
            let ask = ask.clone().bounds(bounds.clone()).limit(limit);
            assert_eq!(listed(store, ask.clone()).await, expected, "{ask:?}");
            let backwards: Vec<&str> = expected.iter().rev().copied().collect();
            assert_eq!(listed(store, ask.clone().descending()).await, backwards, "{ask:?}");
        }
    }
}

pub async fn ranges(home: &dyn Home) {
    let store = fill(home).await;
    let between = |from: &str, to: &str| Bounds::Between(from.into(), to.into());
    expect(&store, Bounds::All, &KEYS).await;
    expect(&store, between("a#1", "b"), &["a#1", "a#10", "a#2", "b"]).await;
    expect(&store, between("a#11", "a#19"), &[]).await;
    expect(&store, between("é", "é"), &["é"]).await;
    expect(&store, Bounds::AtLeast("zé".into()), &["zé", "Ä", "é", "\u{1F375}"]).await;
    expect(&store, Bounds::AtLeast("\u{1F376}".into()), &[]).await;
    expect(&store, Bounds::AtMost("a#1".into()), &["A", "a", "a#1"]).await;
    expect(&store, Bounds::AtMost("0".into()), &[]).await;
}

pub async fn prefixes(home: &dyn Home) {
    let store = fill(home).await;
    let prefix = |prefix: &str| Bounds::Prefix(prefix.into());
    expect(&store, prefix("a"), &["a", "a#1", "a#10", "a#2"]).await;
    expect(&store, prefix("a#"), &["a#1", "a#10", "a#2"]).await;
    expect(&store, prefix("a#1"), &["a#1", "a#10"]).await;
    expect(&store, prefix("z"), &["z", "zé"]).await;
    expect(&store, prefix("Ä"), &["Ä"]).await;
    expect(&store, prefix("\u{1F375}"), &["\u{1F375}"]).await;
    expect(&store, prefix("c"), &[]).await;
    for wild in ["%", "_", "*", "a%"] {
        expect(&store, prefix(wild), &[]).await;
    }
}

pub async fn descending(home: &dyn Home) {
    let store = fill(home).await;
    let page = crate::query(&store, Query::table("p").descending().limit(2)).await;
    let keys: Vec<&str> = page.items.iter().map(|item| item.key.sk.as_str()).collect();
    assert_eq!(keys, ["\u{1F375}", "é"]);
    assert!(page.next.is_some(), "there is more");
}

pub async fn partitions_are_apart(home: &dyn Home) {
    let store = fill(home).await;
    place(&store, "p#", "1").await;
    place(&store, "o", "zzz").await;
    place(&store, "P", "1").await;
    expect(&store, Bounds::All, &KEYS).await;
    assert_eq!(listed(&store, Query::table("nobody")).await, Vec::<String>::new());
}

pub async fn get_many_keeps_the_order(home: &dyn Home) {
    let store = fill(home).await;
    let keys: Vec<Key> = ["z", "missing", "a", "Ä"].map(|sk| Key::new("p", sk)).into();
    let found = store.get_many(&keys, Consistency::Strong).await.unwrap().value;
    let names: Vec<Option<&str>> = found.iter().map(|item| item.as_ref().map(|item| item.key.sk.as_str())).collect();
    assert_eq!(names, [Some("z"), None, Some("a"), Some("Ä")]);
    assert_eq!(found[0], get(&store, "p", "z").await);
    assert_eq!(store.get_many(&[], Consistency::Eventual).await.unwrap().value, vec![]);
}
