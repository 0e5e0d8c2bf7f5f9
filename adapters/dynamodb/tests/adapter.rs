//! What DynamoDB adds to the suite: how items lie in the table, where events travel, and what is made of
//! each way in which a call can fail.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{Envelope, StockLow};
use dynamodb::Patience;
use fault_proxy::Fault;
use kernel::{Actor, Duration};
use ports::store::{
    Body, Bound, Bounds, Commit, CommitError, Consistency, Expect, IdempotencyRecord, IndexEntry, Key, NewItem, Query, Refusal, StoreError,
    Write,
};
use ports::{Clock, Store};
use serde_json::{Value, json};
use suite::{Home as _, SHELF};
use support::{DYNOXIDE, Home, client, endpoint, home, proxy};

fn item(sk: &str, body: &Value) -> NewItem {
    NewItem { key: Key::new("p", sk), body: Body::of(body).unwrap(), indexes: vec![], expires_at: None }
}

fn put(sk: &str, n: i64, expect: Expect) -> Commit {
    Commit { writes: vec![Write::Put { item: item(sk, &json!({ "n": n })), expect }], ..Commit::default() }
}

fn add(sk: &str, by: i64) -> Write {
    Write::Add { key: Key::new("p", sk), deltas: vec![("n", by)], bounds: vec![Bound::AtLeast("n", 0)] }
}

fn event(n: u128, home: &Home) -> Envelope {
    Envelope {
        id: n.into(),
        time: home.clock.now(),
        sequence: 100,
        causation_id: "req_1".into(),
        correlation_id: "req_1".into(),
        actor: Actor::System,
        traceparent: None,
        event: StockLow { variant_id: n.into(), seller_id: None, sku: "TEA".into(), title: "Tea".into(), available: 2, threshold: 3 }
            .into(),
    }
}

fn cause(id: &str, home: &Home) -> IdempotencyRecord {
    IdempotencyRecord { id: id.into(), fingerprint: None, response: None, expires_at: home.clock.now().plus(Duration::from_millis(60_001)) }
}

/// What lies in the table, read without the adapter.
async fn raw(home: &Home, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
    let request = client(&endpoint(DYNOXIDE)).get_item().table_name(home.dynamo.table_name(SHELF));
    let request = request.key("pk", AttributeValue::S(pk.into())).key("sk", AttributeValue::S(sk.into())).consistent_read(true);
    request.send().await.unwrap().item
}

async fn events(home: &Home, pk: &str, sk: &str) -> Vec<Envelope> {
    let list = raw(home, pk, sk).await.and_then(|mut item| item.remove("events"));
    let texts = list.map_or(vec![], |list| list.as_l().unwrap().clone());
    texts.iter().map(|text| Envelope::from_json(text.as_s().unwrap()).unwrap()).collect()
}

async fn fresh() -> Home {
    home(&endpoint(DYNOXIDE)).await
}

/// A store on the tables of the home, whose calls fail by plan.
async fn behind(home: &Home, patience: Patience, plan: fault_proxy::Plan) -> (Arc<dyn Store>, String) {
    let address = proxy(&endpoint(DYNOXIDE), plan).await;
    (home.through(&address).with_patience(patience).table(SHELF), address)
}

/// The first calls fail like this, the others not at all.
fn first(faults: &'static [Fault]) -> fault_proxy::Plan {
    let call = AtomicU32::new(0);
    Box::new(move |_| faults.get(call.fetch_add(1, Ordering::SeqCst) as usize).copied())
}

async fn n_and_version(store: &Arc<dyn Store>, sk: &str) -> Option<(i64, u64)> {
    let found = store.get(&Key::new("p", sk), Consistency::Strong).await.unwrap().value;
    found.map(|item| (item.body.read::<Value>().unwrap()["n"].as_i64().unwrap(), item.version))
}

async fn calls(address: &str) -> u64 {
    let authority = address.strip_prefix("http://").unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(authority).await.unwrap();
    let mut text = String::new();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /faults HTTP/1.1\r\nhost: proxy\r\nconnection: close\r\n\r\n").await.unwrap();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
    let told: Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    told["calls"].as_u64().unwrap()
}

#[tokio::test]
async fn attributes_are_native() {
    let home = fresh().await;
    let at = home.clock.now().plus(Duration::from_millis(1));
    let new = NewItem { indexes: vec![IndexEntry::new(2, "q", "r")], expires_at: Some(at), ..item("a", &json!({ "name": "Tea", "n": 7 })) };
    let commit = Commit { writes: vec![Write::Put { item: new, expect: Expect::Absent }], ..Commit::default() };
    home.table(SHELF).commit(commit).await.unwrap();
    let lies = raw(&home, "p", "a").await.unwrap();
    let text = |name: &str| lies[name].as_s().unwrap().as_str();
    let number = |name: &str| lies[name].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!((text("pk"), text("sk"), text("i2pk"), text("i2sk"), number("v")), ("p", "a", "q", "r", 1));
    assert_eq!(lies["data"].as_m().unwrap()["name"].as_s().unwrap(), "Tea");
    assert_eq!(lies["data"].as_m().unwrap()["n"].as_n().unwrap(), "7");
    assert_eq!(number("expires"), at.as_millis());
    assert_eq!(number("ttl"), at.as_millis().div_euclid(1000) + i64::from(at.as_millis() % 1000 > 0));
    assert_eq!(lies["w"].as_b().unwrap().as_ref().len(), 8);
    assert!(!lies.contains_key("events") && !lies.contains_key("i1pk"));
}

#[tokio::test]
async fn events_ride_on_a_guarded_put_until_the_next_write() {
    let home = fresh().await;
    let store = home.table(SHELF);
    let told = vec![event(1, &home), event(2, &home)];
    store.commit(Commit { events: told.clone(), ..put("a", 1, Expect::Absent) }).await.unwrap();
    assert_eq!(events(&home, "p", "a").await, told);
    store.commit(Commit { writes: vec![add("a", 1)], ..Commit::default() }).await.unwrap();
    assert_eq!((events(&home, "p", "a").await, n_and_version(&store, "a").await), (vec![], Some((2, 2))));
    store.commit(Commit { events: told, ..put("a", 3, Expect::Version(2)) }).await.unwrap();
    assert_eq!(events(&home, "p", "a").await.len(), 2);
    store.commit(put("a", 4, Expect::Version(3))).await.unwrap();
    assert_eq!(events(&home, "p", "a").await, vec![]);
}

#[tokio::test]
async fn events_ride_on_the_cause_or_alone() {
    let home = fresh().await;
    let store = home.table(SHELF);
    let caused = Commit { events: vec![event(1, &home)], idempotency: Some(cause("req", &home)), ..put("a", 1, Expect::Absent) };
    store.commit(caused).await.unwrap();
    assert_eq!(events(&home, "idempotency#req", "idempotency").await, vec![event(1, &home)]);
    assert_eq!(events(&home, "p", "a").await, vec![]);
    for (n, writes) in [(2, vec![add("a", 1)]), (3, vec![])] {
        store.commit(Commit { writes, events: vec![event(n, &home), event(9, &home)], idempotency: None }).await.unwrap();
        let pk = format!("events#{}", event(n, &home).id);
        assert_eq!(events(&home, &pk, "events").await, vec![event(n, &home), event(9, &home)]);
        assert!(raw(&home, &pk, "events").await.unwrap().contains_key("ttl"));
    }
}

#[tokio::test]
async fn empty_bounds_and_impossible_keys() {
    let home = fresh().await;
    let store = home.table(SHELF);
    for sk in ["a", "b"] {
        store.commit(put(sk, 1, Expect::Absent)).await.unwrap();
    }
    let (a, none) = ("a".to_owned(), String::new());
    let cases = [
        (Bounds::Prefix(none.clone()), 2),
        (Bounds::AtLeast(none.clone()), 2),
        (Bounds::AtMost(none.clone()), 0),
        (Bounds::Between(none.clone(), none.clone()), 0),
        (Bounds::Between(none, a), 1),
    ];
    for (bounds, count) in cases {
        let page = store.query(&Query::table("p").bounds(bounds.clone())).await.unwrap().value;
        assert_eq!(page.items.len(), count, "{bounds:?}");
    }
    for key in [Key::new("", "a"), Key::new("p", ""), Key::new("p".repeat(3000), "a"), Key::new("p", "s".repeat(1025))] {
        assert_eq!(store.get(&key, Consistency::Strong).await.unwrap().value, None);
        assert_eq!(store.get_many(&[key], Consistency::Strong).await.unwrap().value, vec![None]);
    }
}

#[tokio::test]
async fn a_table_that_is_not_there() {
    let home = fresh().await;
    home.dynamo.create_table(SHELF).await.expect("making it again is no error");
    let missing = home.dynamo.table(ports::store::TableSchema { name: "missing", indexes: 0 });
    let asked = missing.get(&Key::new("p", "a"), Consistency::Strong).await;
    assert!(matches!(&asked, Err(StoreError::Failed(_))), "{asked:?}");
}

#[tokio::test]
async fn a_lost_put_is_known_again() {
    for lost in [&[Fault::LostAfter][..], &[Fault::ErrorAfter], &[Fault::LostAfter, Fault::Throttled, Fault::ErrorAfter]] {
        let home = fresh().await;
        let (store, _) = behind(&home, Patience::default(), first(lost)).await;
        store.commit(put("a", 1, Expect::Absent)).await.unwrap();
        assert_eq!(n_and_version(&home.table(SHELF), "a").await, Some((1, 1)), "{lost:?}");
        let (store, _) = behind(&home, Patience::default(), first(lost)).await;
        store.commit(put("a", 2, Expect::Version(1))).await.unwrap();
        assert_eq!(n_and_version(&home.table(SHELF), "a").await, Some((2, 2)), "{lost:?}");
        // What was refused stays refused, though an answer was lost.
        let (store, _) = behind(&home, Patience::default(), first(lost)).await;
        let refused = store.commit(put("a", 3, Expect::Version(1))).await;
        assert!(matches!(&refused, Err(CommitError::Conflict(failed)) if failed.len() == 1), "{lost:?}: {refused:?}");
    }
}

/// Between the lost answer and the next attempt, another changes the item: nobody can tell who was first.
#[tokio::test]
async fn a_lost_put_that_was_overtaken_is_not_decided() {
    let home = fresh().await;
    let straight = home.table(SHELF);
    straight.commit(put("a", 1, Expect::Absent)).await.unwrap();
    let (calls, released) = (AtomicU32::new(0), Arc::new(AtomicBool::new(false)));
    let open = released.clone();
    let plan = move |_: &str| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Some(Fault::LostAfter),
        _ => (!open.load(Ordering::SeqCst)).then_some(Fault::Throttled),
    };
    let (store, _) = behind(&home, Patience::default(), Box::new(plan)).await;
    let losing = tokio::spawn(async move { store.commit(put("a", 2, Expect::Version(1))).await });
    while n_and_version(&straight, "a").await != Some((2, 2)) {
        tokio::task::yield_now().await;
    }
    straight.commit(put("a", 3, Expect::Version(2))).await.unwrap();
    released.store(true, Ordering::SeqCst);
    let unknown = losing.await.unwrap();
    assert!(matches!(&unknown, Err(CommitError::Store(StoreError::Unavailable(_)))), "{unknown:?}");
    assert_eq!(n_and_version(&straight, "a").await, Some((3, 3)));
}

#[tokio::test]
async fn a_lost_transaction_is_done_once() {
    let home = fresh().await;
    let straight = home.table(SHELF);
    straight.commit(put("a", 10, Expect::Absent)).await.unwrap();
    let lost = &[Fault::LostAfter, Fault::ErrorAfter, Fault::Conflict, Fault::LostAfter];
    let (store, _) = behind(&home, Patience::default(), first(lost)).await;
    store.commit(Commit { writes: vec![add("a", -3)], ..Commit::default() }).await.unwrap();
    assert_eq!(n_and_version(&straight, "a").await, Some((7, 2)));
    let (store, _) = behind(&home, Patience::default(), first(lost)).await;
    store.commit(Commit { writes: vec![add("a", -3)], events: vec![], idempotency: Some(cause("req", &home)) }).await.unwrap();
    assert_eq!(n_and_version(&straight, "a").await, Some((4, 3)));
    let (store, _) = behind(&home, Patience::default(), first(lost)).await;
    store
        .commit(Commit { writes: vec![Write::Delete { key: Key::new("p", "a"), expect: Expect::Version(3) }], ..Commit::default() })
        .await
        .unwrap();
    assert_eq!(n_and_version(&straight, "a").await, None);
}

#[tokio::test]
async fn a_lost_marker_is_a_repetition_only_for_others() {
    let home = fresh().await;
    let (store, _) = behind(&home, Patience::default(), first(&[Fault::LostAfter])).await;
    let alone = Commit { idempotency: Some(cause("req", &home)), ..Commit::default() };
    store.commit(alone.clone()).await.unwrap();
    assert_eq!(store.commit(alone).await, Err(CommitError::Repeated(Box::new(cause("req", &home)))));
}

#[tokio::test]
async fn a_refusal_comes_through_trouble() {
    let home = fresh().await;
    home.table(SHELF).commit(put("a", 1, Expect::Absent)).await.unwrap();
    let (store, _) = behind(&home, Patience::default(), first(&[Fault::Conflict, Fault::Exceeded, Fault::ErrorBefore])).await;
    let writes = vec![add("a", -1), Write::Add { key: Key::new("p", "a2"), deltas: vec![], bounds: vec![] }];
    let refused = store.commit(Commit { writes, ..Commit::default() }).await;
    let Err(CommitError::Conflict(failed)) = refused else { panic!("{refused:?}") };
    assert_eq!(failed.iter().map(|failed| (failed.index, failed.refusal)).collect::<Vec<_>>(), [(1, Refusal::Expectation)]);
}

#[tokio::test]
async fn keys_that_are_left_are_asked_for_again() {
    let home = fresh().await;
    let straight = home.table(SHELF);
    let keys: Vec<Key> = (0..10).map(|n| Key::new("p", n.to_string())).collect();
    for (n, key) in (0..).zip(&keys) {
        straight.commit(put(&key.sk, n, Expect::Absent)).await.unwrap();
    }
    let (store, address) =
        behind(&home, Patience::default(), first(&[Fault::KeysLeft, Fault::Throttled, Fault::KeysLeft, Fault::KeysLeft])).await;
    let found = store.get_many(&keys, Consistency::Strong).await.unwrap();
    assert_eq!(found.value, straight.get_many(&keys, Consistency::Strong).await.unwrap().value);
    assert_eq!((found.units, calls(&address).await), (10.0, 5), "half, nothing, half of the rest, and so on");
}

/// One attempt of the adapter is one call: the SDK adds none of its own.
#[tokio::test]
async fn patience_ends_and_nobody_else_retries() {
    let home = fresh().await;
    let hasty = Patience { total: Duration::ZERO, ..Patience::default() };
    for fault in [Fault::Throttled, Fault::Exceeded, Fault::ErrorBefore, Fault::LostAfter] {
        let (store, address) = behind(&home, hasty, Box::new(move |_| Some(fault))).await;
        let read = store.get(&Key::new("p", "a"), Consistency::Strong).await;
        assert!(matches!(&read, Err(StoreError::Unavailable(_))), "{fault:?}: {read:?}");
        let written = store.commit(put("a", 1, Expect::Anything)).await;
        assert!(matches!(&written, Err(CommitError::Store(StoreError::Unavailable(_)))), "{fault:?}: {written:?}");
        assert_eq!(calls(&address).await, 2, "{fault:?}");
    }
    let (store, address) = behind(&home, hasty, Box::new(|_| Some(Fault::Conflict))).await;
    for commit in [put("b", 1, Expect::Absent), put("b", 1, Expect::Anything)] {
        assert_eq!(store.commit(commit).await, Err(CommitError::Conflict(vec![])));
    }
    assert_eq!(calls(&address).await, 2);
    let short = Patience { total: Duration::from_millis(300), ..Patience::default() };
    let (store, address) = behind(&home, short, Box::new(|_| Some(Fault::Throttled))).await;
    let begun = std::time::Instant::now();
    assert!(store.get(&Key::new("p", "a"), Consistency::Strong).await.is_err());
    assert!(calls(&address).await > 1 && begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let home = fresh().await;
    let patience = Patience { attempt: Duration::from_millis(50), total: Duration::from_millis(100), ..Patience::default() };
    let asked = home.through(&address).with_patience(patience).table(SHELF).get(&Key::new("p", "a"), Consistency::Strong).await;
    assert_eq!(asked, Err(StoreError::Unavailable("no answer in time".into())));
}
