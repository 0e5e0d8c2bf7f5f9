//! What `Expect` means, and the versions that writes leave.

use ports::store::{Expect, Key, Refusal, Write};
use serde_json::json;

use crate::{CELLAR, Home, SHELF, commit, conflict, field, get, item, place, put, version};

pub async fn put_new(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("a", "1", json!({ "n": 1 })), Expect::Absent)]).await.unwrap();
    assert_eq!(version(&store, "a", "1").await, Some(1));
    let again = commit(&store, vec![put(item("a", "1", json!({ "n": 2 })), Expect::Absent)]).await;
    assert_eq!(again, conflict(&[(0, Refusal::Expectation)]));
    assert_eq!(field(&store, "a", "1", "n").await, 1);
}

pub async fn put_over_a_version(home: &dyn Home) {
    let store = home.table(SHELF);
    let early = commit(&store, vec![put(item("a", "1", json!({ "n": 1 })), Expect::Version(1))]).await;
    assert_eq!(early, conflict(&[(0, Refusal::Expectation)]));
    commit(&store, vec![put(item("a", "1", json!({ "n": 1 })), Expect::Absent)]).await.unwrap();
    for version in 1..4 {
        commit(&store, vec![put(item("a", "1", json!({ "n": version + 1 })), Expect::Version(version))]).await.unwrap();
    }
    for wrong in [0, 3, 5] {
        let stale = commit(&store, vec![put(item("a", "1", json!({ "n": 0 })), Expect::Version(wrong))]).await;
        assert_eq!(stale, conflict(&[(0, Refusal::Expectation)]), "version {wrong}");
    }
    assert_eq!((version(&store, "a", "1").await, field(&store, "a", "1", "n").await), (Some(4), json!(4)));
}

pub async fn put_anything(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("a", "1", json!({ "n": 1 })), Expect::Absent)]).await.unwrap();
    for n in [2, 3] {
        commit(&store, vec![put(item("a", "1", json!({ "n": n })), Expect::Anything)]).await.unwrap();
        assert_eq!((version(&store, "a", "1").await, field(&store, "a", "1", "n").await), (Some(0), json!(n)));
    }
    commit(&store, vec![put(item("a", "1", json!({ "n": 4 })), Expect::Version(0))]).await.unwrap();
    assert_eq!(version(&store, "a", "1").await, Some(1));
}

pub async fn delete(home: &dyn Home) {
    let store = home.table(SHELF);
    let delete = |expect| vec![Write::Delete { key: Key::new("a", "1"), expect }];
    commit(&store, delete(Expect::Anything)).await.unwrap();
    commit(&store, delete(Expect::Absent)).await.unwrap();
    assert_eq!(commit(&store, delete(Expect::Version(1))).await, conflict(&[(0, Refusal::Expectation)]));
    commit(&store, vec![put(item("a", "1", json!({})), Expect::Absent)]).await.unwrap();
    for wrong in [Expect::Absent, Expect::Version(2)] {
        assert_eq!(commit(&store, delete(wrong)).await, conflict(&[(0, Refusal::Expectation)]), "{wrong:?}");
    }
    commit(&store, delete(Expect::Version(1))).await.unwrap();
    assert_eq!(get(&store, "a", "1").await, None);
    commit(&store, vec![put(item("a", "1", json!({})), Expect::Absent)]).await.unwrap();
    assert_eq!(version(&store, "a", "1").await, Some(1));
}

pub async fn check(home: &dyn Home) {
    let store = home.table(SHELF);
    let check = |expect| vec![Write::Check { key: Key::new("a", "1"), expect }];
    commit(&store, check(Expect::Absent)).await.unwrap();
    assert_eq!(get(&store, "a", "1").await, None);
    commit(&store, vec![put(item("a", "1", json!({})), Expect::Absent)]).await.unwrap();
    commit(&store, check(Expect::Version(1))).await.unwrap();
    assert_eq!(commit(&store, check(Expect::Absent)).await, conflict(&[(0, Refusal::Expectation)]));
    assert_eq!(version(&store, "a", "1").await, Some(1));
}

pub async fn unknown_keys_are_absent(home: &dyn Home) {
    let store = home.table(SHELF);
    place(&store, "a", "1").await;
    for (pk, sk) in [("a", "2"), ("b", "1"), ("A", "1"), ("a", "1 ")] {
        assert_eq!(get(&store, pk, sk).await, None, "{pk} / {sk}");
    }
}

pub async fn tables_are_apart(home: &dyn Home) {
    let (shelf, cellar) = (home.table(SHELF), home.table(CELLAR));
    place(&shelf, "a", "1").await;
    assert_eq!(get(&cellar, "a", "1").await, None);
    place(&cellar, "a", "2").await;
    assert_eq!(get(&shelf, "a", "2").await, None);
    assert!(get(&home.table(SHELF), "a", "1").await.is_some(), "the same table when asked for again");
}
