//! The idempotency record: the same request or event again has no second effect.

use futures::future::join_all;
use kernel::Duration;
use ports::Clock;
use ports::store::{Commit, CommitError, Expect, IdempotencyRecord, Key, Refusal, StoredResponse, Write};
use serde_json::json;

use crate::{Home, SHELF, conflict, field, get, item, put};

fn record(home: &dyn Home, id: &str, n: i64) -> IdempotencyRecord {
    IdempotencyRecord {
        id: id.into(),
        fingerprint: Some(format!("print {n}")),
        response: Some(StoredResponse { status: 201, location: Some("/things/1".into()), etag: None, body: json!({ "n": n }).to_string() }),
        expires_at: home.clock().now().plus(Duration::from_secs(60)),
    }
}

fn recorded(record: &IdempotencyRecord, writes: Vec<Write>) -> Commit {
    Commit { writes, events: vec![], idempotency: Some(record.clone()) }
}

pub async fn an_effect_happens_once(home: &dyn Home) {
    let store = home.table(SHELF);
    let first = record(home, "req 1", 1);
    store.commit(recorded(&first, vec![put(item("a", "1", json!({ "n": 1 })), Expect::Absent)])).await.unwrap();
    let second = record(home, "req 1", 2);
    let again = store.commit(recorded(&second, vec![put(item("a", "2", json!({ "n": 2 })), Expect::Absent)])).await.map(|done| done.value);
    assert_eq!(again, Err(CommitError::Repeated(Box::new(first))));
    assert_eq!(get(&store, "a", "2").await, None);
    store.commit(recorded(&record(home, "req 2", 2), vec![])).await.unwrap();
}

pub async fn a_refused_commit_leaves_no_record(home: &dyn Home) {
    let store = home.table(SHELF);
    let refused = store
        .commit(recorded(&record(home, "req", 1), vec![put(item("a", "1", json!({})), Expect::Version(1))]))
        .await
        .map(|done| done.value);
    assert_eq!(refused, conflict(&[(0, Refusal::Expectation)]));
    store.commit(recorded(&record(home, "req", 1), vec![put(item("a", "1", json!({})), Expect::Absent)])).await.unwrap();
    let marker = IdempotencyRecord::key("req");
    assert!(get(&store, &marker.pk, &marker.sk).await.is_some());
}

pub async fn an_expired_record_counts_as_absent(home: &dyn Home) {
    let store = home.table(SHELF);
    store.commit(recorded(&record(home, "req", 1), vec![])).await.unwrap();
    home.clock().advance(Duration::from_secs(59));
    assert!(matches!(store.commit(recorded(&record(home, "req", 2), vec![])).await, Err(CommitError::Repeated(_))));
    home.clock().advance(Duration::from_secs(1));
    let third = record(home, "req", 3);
    store.commit(recorded(&third, vec![put(item("a", "1", json!({ "n": 3 })), Expect::Absent)])).await.unwrap();
    assert_eq!(store.commit(recorded(&record(home, "req", 4), vec![])).await, Err(CommitError::Repeated(Box::new(third))));
}

pub async fn repetition_comes_before_conflict(home: &dyn Home) {
    let store = home.table(SHELF);
    let first = record(home, "req", 1);
    let twice = recorded(&first, vec![put(item("a", "1", json!({})), Expect::Absent)]);
    store.commit(twice.clone()).await.unwrap();
    assert_eq!(store.commit(twice).await, Err(CommitError::Repeated(Box::new(first))));
}

/// The same request arrives many times at once; the counter moves once.
pub async fn rivals_under_one_record(home: &dyn Home) {
    let store = home.table(SHELF);
    crate::commit(&store, vec![put(item("a", "1", json!({ "n": 0 })), Expect::Absent)]).await.unwrap();
    let record = record(home, "req", 1);
    let rivals = (0..32).map(|_| {
        let commit = recorded(&record, vec![Write::Add { key: Key::new("a", "1"), deltas: vec![("n", 1)], bounds: vec![] }]);
        let store = store.clone();
        tokio::spawn(async move { store.commit(commit).await })
    });
    let results: Vec<_> = join_all(rivals).await.into_iter().map(|joined| joined.unwrap()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(CommitError::Repeated(_)))).count(), 31);
    assert_eq!(field(&store, "a", "1", "n").await, 1);
}
