//! All or nothing.

use futures::future::join_all;
use ports::store::{Bound, Expect, Key, Refusal, Write};
use serde_json::{Value, json};

use crate::{Home, SHELF, commit, conflict, field, get, item, place, put, version};

pub async fn all_or_nothing(home: &dyn Home) {
    let store = home.table(SHELF);
    place(&store, "a", "old").await;
    let refused = commit(
        &store,
        vec![
            put(item("a", "new", json!({})), Expect::Absent),
            Write::Delete { key: Key::new("a", "old"), expect: Expect::Anything },
            put(item("a", "old2", json!({})), Expect::Version(1)),
        ],
    );
    assert_eq!(refused.await, conflict(&[(2, Refusal::Expectation)]));
    assert_eq!(get(&store, "a", "new").await, None);
    assert!(get(&store, "a", "old").await.is_some());
    let done = commit(
        &store,
        vec![
            put(item("a", "new", json!({})), Expect::Absent),
            Write::Delete { key: Key::new("a", "old"), expect: Expect::Anything },
            put(item("b", "far", json!({})), Expect::Absent),
        ],
    );
    done.await.unwrap();
    assert_eq!(version(&store, "a", "new").await, Some(1));
    assert_eq!(get(&store, "a", "old").await, None);
    assert_eq!(version(&store, "b", "far").await, Some(1));
}

pub async fn every_failed_write_is_named(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("a", "stock", json!({ "n": 1 })), Expect::Absent)]).await.unwrap();
    let refused = commit(
        &store,
        vec![
            put(item("a", "1", json!({})), Expect::Version(1)),
            put(item("a", "2", json!({})), Expect::Absent),
            Write::Add { key: Key::new("a", "stock"), deltas: vec![("n", -2)], bounds: vec![Bound::AtLeast("n", 2)] },
            Write::Check { key: Key::new("a", "3"), expect: Expect::Version(7) },
            Write::Add { key: Key::new("a", "4"), deltas: vec![("n", 1)], bounds: vec![] },
            Write::Delete { key: Key::new("a", "5"), expect: Expect::Version(1) },
        ],
    );
    let expected =
        [(0, Refusal::Expectation), (2, Refusal::Bound), (3, Refusal::Expectation), (4, Refusal::Expectation), (5, Refusal::Expectation)];
    assert_eq!(refused.await, conflict(&expected));
    assert_eq!(get(&store, "a", "2").await, None);
    assert_eq!(version(&store, "a", "stock").await, Some(1));
}

pub async fn an_empty_commit_succeeds(home: &dyn Home) {
    commit(&home.table(SHELF), vec![]).await.unwrap();
}

pub async fn bodies_come_back_as_they_were(home: &dyn Home) {
    let store = home.table(SHELF);
    let body = json!({
        "text": "Grüße, \"quoted\" \u{1F375} \u{0} \\ end",
        "large": i64::MAX,
        "small": i64::MIN,
        "nested": { "list": [1, null, true, "x"], "empty": {} },
        "": "an empty name",
    });
    commit(&store, vec![put(item("Käse#\u{10000}", "ß\u{0}z", body.clone()), Expect::Absent)]).await.unwrap();
    let found = get(&store, "Käse#\u{10000}", "ß\u{0}z").await.expect("the item is there");
    assert_eq!(found.body.read::<Value>().unwrap(), body);
    assert_eq!(found.key, Key::new("Käse#\u{10000}", "ß\u{0}z"));
    assert_eq!(found.expires_at, None);
}

/// Every rival reads the same version; one wins, the others get a conflict.
pub async fn one_of_many_rivals_wins(home: &dyn Home) {
    let store = home.table(SHELF);
    commit(&store, vec![put(item("a", "1", json!({ "by": -1 })), Expect::Absent)]).await.unwrap();
    let rivals = (0..32).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let side = put(item("side", &n.to_string(), json!({})), Expect::Absent);
            (n, commit(&store, vec![put(item("a", "1", json!({ "by": n })), Expect::Version(1)), side]).await)
        })
    });
    let mut winner = None;
    for joined in join_all(rivals).await {
        let (n, result) = joined.unwrap();
        match result {
            Ok(()) => assert_eq!(winner.replace(n), None, "two rivals won"),
            Err(_) => assert_eq!(result, conflict(&[(0, Refusal::Expectation)])),
        }
        assert_eq!(get(&store, "side", &n.to_string()).await.is_some(), winner == Some(n));
    }
    assert_eq!(field(&store, "a", "1", "by").await, winner.expect("one won"));
}
