//! `Add`: counters that move without a version.

use futures::future::join_all;
use kernel::Duration;
use ports::Clock;
use ports::store::{Bound, CommitError, Expect, IndexEntry, Key, Query, Refusal, StoreError, Write};
use serde_json::json;

use crate::{Home, SHELF, commit, conflict, entered, expiring, field, get, item, listed, put, version};

fn add(deltas: &[(&'static str, i64)], bounds: &[Bound]) -> Vec<Write> {
    vec![Write::Add { key: Key::new("stock", "tea"), deltas: deltas.to_vec(), bounds: bounds.to_vec() }]
}

pub async fn adds_and_raises_the_version(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("stock", "tea", json!({ "on_hand": 5, "reserved": 0, "name": "Tea" })), Expect::Absent)]).await.unwrap();
    commit(&store, add(&[("on_hand", -2), ("reserved", 2)], &[])).await.unwrap();
    commit(&store, add(&[("on_hand", -4)], &[])).await.unwrap();
    assert_eq!(version(&store, "stock", "tea").await, Some(3));
    let found = get(&store, "stock", "tea").await.expect("the item is there");
    assert_eq!(found.body.read::<serde_json::Value>().unwrap(), json!({ "on_hand": -1, "reserved": 2, "name": "Tea" }));
    commit(&store, vec![put(item("stock", "tea", json!({})), Expect::Version(3))]).await.unwrap();
}

pub async fn bounds_hold_both_ways(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("stock", "tea", json!({ "n": 5, "m": 1 })), Expect::Absent)]).await.unwrap();
    let cases = [
        (Bound::AtLeast("n", 5), true),
        (Bound::AtLeast("n", 6), false),
        (Bound::AtLeast("n", -1), true),
        (Bound::AtMost("n", 5), true),
        (Bound::AtMost("n", 4), false),
    ];
    for (bound, holds) in cases {
        let result = commit(&store, add(&[("m", 1)], std::slice::from_ref(&bound))).await;
        assert_eq!(result, if holds { Ok(()) } else { conflict(&[(0, Refusal::Bound)]) }, "{bound:?}");
    }
    let one_fails = commit(&store, add(&[("m", 1)], &[Bound::AtLeast("n", 1), Bound::AtMost("m", 2)])).await;
    assert_eq!(one_fails, conflict(&[(0, Refusal::Bound)]));
    assert_eq!((field(&store, "stock", "tea", "m").await, version(&store, "stock", "tea").await), (json!(4), Some(4)));
}

pub async fn an_absent_item_is_refused(home: &dyn Home) {
    let store = home.table(SHELF);
    assert_eq!(commit(&store, add(&[("n", 1)], &[])).await, conflict(&[(0, Refusal::Expectation)]));
    let soon = home.clock().now().plus(Duration::from_secs(1));
    commit(&store, vec![put(expiring(item("stock", "tea", json!({ "n": 1 })), soon), Expect::Absent)]).await.unwrap();
    home.clock().advance(Duration::from_secs(1));
    assert_eq!(commit(&store, add(&[("n", 1)], &[])).await, conflict(&[(0, Refusal::Expectation)]));
}

pub async fn other_fields_are_invalid(home: &dyn Home) {
    let store = home.table(SHELF);
    let body = json!({ "n": 1, "text": "1", "fraction": 1.5, "nothing": null, "most": i64::MAX });
    commit(&store, vec![put(item("stock", "tea", body), Expect::Absent)]).await.unwrap();
    let cases = [
        add(&[("text", 1)], &[]),
        add(&[("fraction", 1)], &[]),
        add(&[("nothing", 1)], &[]),
        add(&[("missing", 1)], &[]),
        add(&[("most", 1)], &[]),
        add(&[("n", 1)], &[Bound::AtLeast("text", 1)]),
    ];
    for writes in cases {
        let result = commit(&store, writes.clone()).await;
        assert!(matches!(result, Err(CommitError::Store(StoreError::Invalid(_)))), "{writes:?}: {result:?}");
    }
    assert_eq!(version(&store, "stock", "tea").await, Some(1));
}

pub async fn indexes_and_expiry_stay(home: &dyn Home) {
    let store = home.table(SHELF);
    let later = home.clock().now().plus(Duration::from_secs(60));
    let stock = expiring(entered(item("stock", "tea", json!({ "n": 1 })), vec![IndexEntry::new(1, "all", "tea")]), later);
    commit(&store, vec![put(stock, Expect::Absent)]).await.unwrap();
    commit(&store, add(&[("n", 1)], &[])).await.unwrap();
    assert_eq!(get(&store, "stock", "tea").await.expect("the item is there").expires_at, Some(later));
    assert_eq!(listed(&store, Query::index(1, "all")).await, ["tea"]);
    home.clock().advance(Duration::from_secs(60));
    assert_eq!(get(&store, "stock", "tea").await, None);
}

/// A flash sale: 40 pieces, 120 buyers at once. Exactly 40 succeed; it never goes below zero.
pub async fn never_below_the_bound_under_contention(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("stock", "tea", json!({ "n": 40 })), Expect::Absent)]).await.unwrap();
    let buyers = (0..120).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut writes = add(&[("n", -1)], &[Bound::AtLeast("n", 1)]);
            writes.push(put(item("hold", &format!("{n:03}"), json!({})), Expect::Absent));
            commit(&store, writes).await
        })
    });
    let mut sold = 0;
    for joined in join_all(buyers).await {
        match joined.unwrap() {
            Ok(()) => sold += 1,
            refused => assert_eq!(refused, conflict(&[(0, Refusal::Bound)])),
        }
    }
    assert_eq!(sold, 40);
    assert_eq!((field(&store, "stock", "tea", "n").await, version(&store, "stock", "tea").await), (json!(0), Some(41)));
    assert_eq!(listed(&store, Query::table("hold")).await.len(), 40);
}
