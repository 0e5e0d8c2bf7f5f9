//! The event log: every event of every commit, once, in one order.

use std::sync::Arc;

use contracts::{Envelope, Event, UserVerified};
use futures::future::join_all;
use kernel::{Duration, Timestamp};
use ports::store::{Commit, Expect, StoreError};
use ports::{Clock, LogPage, LoggedEvent, Position};
use serde_json::json;

use crate::{CELLAR, Home, LogHome, SHELF, envelope, item, put};

const LOW: &[&str] = &["stock.low"];

async fn emit(home: &dyn Home, events: Vec<Envelope>) {
    home.table(SHELF).commit(Commit { events, ..Commit::default() }).await.unwrap();
}

async fn low_events(home: &dyn Home, numbers: std::ops::Range<u128>) {
    for n in numbers {
        emit(home, vec![envelope(n, home)]).await;
    }
}

fn verified(n: u128, home: &dyn Home) -> Envelope {
    let email = "ann@example.com".parse().expect("an address");
    Envelope {
        event: Event::from(UserVerified { user_id: n.into(), email, name: "Ann".into(), proven: true, first: true }),
        ..envelope(n, home)
    }
}

fn positions(page: &LogPage) -> Vec<Position> {
    page.events.iter().map(|event| event.position).collect()
}

fn readable(event: LoggedEvent) -> Envelope {
    Arc::unwrap_or_clone(event.envelope.expect("the event can be read"))
}

/// The event at a position, if there is one.
async fn at(home: &dyn LogHome, position: Position) -> Option<Envelope> {
    home.log().at(position).await.unwrap().map(readable)
}

pub async fn positions_follow_commits(home: &dyn LogHome) {
    let log = home.log();
    assert_eq!(log.head().await.unwrap(), 0);
    assert_eq!(log.read(0, LOW, 10).await.unwrap(), LogPage { events: vec![], through: 0 });
    emit(home, vec![envelope(1, home), envelope(2, home)]).await;
    emit(home, vec![]).await;
    emit(home, vec![envelope(3, home)]).await;
    let page = log.read(0, LOW, 10).await.unwrap();
    assert_eq!(positions(&page), [1, 2, 3]);
    let logged: Vec<Envelope> = page.events.into_iter().map(readable).collect();
    assert_eq!(logged, [envelope(1, home), envelope(2, home), envelope(3, home)]);
    assert_eq!((page.through, log.head().await.unwrap()), (3, 3));
}

pub async fn a_refused_commit_tells_nothing(home: &dyn LogHome) {
    let log = home.log();
    let writes = vec![put(item("a", "1", json!({})), Expect::Version(1))];
    let refused = home.table(SHELF).commit(Commit { writes, events: vec![envelope(1, home)], idempotency: None }).await;
    assert!(refused.is_err());
    assert_eq!(log.head().await.unwrap(), 0);
    emit(home, vec![envelope(2, home)]).await;
    assert_eq!(at(home, 1).await, Some(envelope(2, home)), "a refused commit leaves no gap");
}

pub async fn types_are_filtered(home: &dyn LogHome) {
    let log = home.log();
    emit(home, vec![envelope(1, home), verified(2, home), envelope(3, home), verified(4, home)]).await;
    let verified_only = log.read(0, &["user.verified"], 10).await.unwrap();
    assert_eq!((positions(&verified_only), verified_only.through), (vec![2, 4], 4));
    let both = log.read(0, &["user.verified", "stock.low"], 10).await.unwrap();
    assert_eq!(positions(&both), [1, 2, 3, 4]);
    for types in [&["order.placed"][..], &[]] {
        let none = log.read(0, types, 10).await.unwrap();
        assert_eq!((positions(&none), none.through), (vec![], 4), "what nobody wants is passed over");
    }
}

pub async fn pages_of_the_log(home: &dyn LogHome) {
    let log = home.log();
    for n in 0..10 {
        emit(home, vec![envelope(n * 2, home), verified(n * 2 + 1, home)]).await;
    }
    let mut after = 0;
    let mut seen = Vec::new();
    while after < 20 {
        let page = log.read(after, LOW, 3).await.unwrap();
        assert!(page.events.len() <= 3 && page.through > after, "a page keeps to its limit and goes on");
        seen.extend(positions(&page));
        after = page.through;
    }
    assert_eq!(seen, (0..10).map(|n| n * 2 + 1).collect::<Vec<_>>());
    let beyond = log.read(20, LOW, 3).await.unwrap();
    assert_eq!((positions(&beyond), beyond.through), (vec![], 20));
    assert_eq!(log.read(1000, LOW, 3).await.unwrap().through, 1000, "it never goes back");
}

pub async fn an_event_at_its_position(home: &dyn LogHome) {
    low_events(home, 1..4).await;
    assert_eq!(at(home, 2).await, Some(envelope(2, home)));
    assert_eq!(at(home, 0).await, None);
    assert_eq!(at(home, 4).await, None);
}

pub async fn what_cannot_be_read_keeps_nothing_back(home: &dyn LogHome) {
    let log = home.log();
    low_events(home, 1..2).await;
    let texts = ["", "no JSON", "{\"id\":\"evt_", r#"{"type":"stock.low","data":{"of":"another version"}}"#];
    for text in texts {
        home.append_text("stock.low", text);
    }
    home.append_text("stock.vanished", "{}");
    low_events(home, 2..3).await;
    let page = log.read(0, LOW, 10).await.unwrap();
    assert_eq!((positions(&page), page.through), (vec![1, 2, 3, 4, 5, 7], 7), "an unknown type is nobody's");
    for (event, text) in page.events[1..5].iter().zip(texts) {
        let unreadable = event.envelope.clone().unwrap_err();
        assert_eq!(unreadable.text, text);
        assert!(!unreadable.reason.is_empty());
        assert_eq!(log.at(event.position).await.unwrap().unwrap(), *event);
    }
    assert_eq!(readable(page.events[5].clone()), envelope(2, home));
    assert_eq!(log.prune(Timestamp::MAX, 100, 100).await.unwrap(), 6, "it is forgotten like any other");
}

pub async fn pruning(home: &dyn LogHome) {
    let log = home.log();
    low_events(home, 1..6).await;
    home.clock().advance(Duration::from_secs(60));
    low_events(home, 6..9).await;
    let border = home.clock().now();
    assert_eq!(log.prune(border, 3, 2).await.unwrap(), 2, "at most the limit");
    assert_eq!(log.prune(border, 3, 100).await.unwrap(), 1, "not what is still needed");
    assert_eq!(log.prune(border, 3, 100).await.unwrap(), 0);
    assert_eq!(log.prune(border, 100, 100).await.unwrap(), 2, "not what is young");
    assert_eq!(positions(&log.read(0, LOW, 10).await.unwrap()), [6, 7, 8]);
    assert_eq!(at(home, 5).await, None);
    assert_eq!(log.prune(Timestamp::MAX, 100, 100).await.unwrap(), 2, "the newest stays");
    assert_eq!(log.head().await.unwrap(), 8);
    low_events(home, 9..10).await;
    assert_eq!(positions(&log.read(0, LOW, 10).await.unwrap()), [8, 9], "positions are never used again");
}

pub async fn limits_of_the_log(home: &dyn LogHome) {
    let log = home.log();
    for limit in [0, 1001] {
        assert!(matches!(log.read(0, LOW, limit).await, Err(StoreError::Invalid(_))), "{limit}");
        assert!(matches!(log.prune(Timestamp::MAX, 10, limit).await, Err(StoreError::Invalid(_))), "{limit}");
    }
}

pub async fn appended_changes(home: &dyn LogHome) {
    let mut appended = home.log().appended();
    assert_eq!(*appended.borrow_and_update(), 0);
    emit(home, vec![envelope(1, home), envelope(2, home)]).await;
    tokio::time::timeout(Duration::from_secs(10), appended.changed()).await.expect("it tells in time").unwrap();
    assert_eq!(*appended.borrow_and_update(), 2);
    let writes = vec![put(item("a", "1", json!({})), Expect::Absent)];
    home.table(SHELF).commit(Commit { writes, ..Commit::default() }).await.unwrap();
    assert!(!appended.has_changed().unwrap(), "no event, no change");
}

pub async fn tables_share_it(home: &dyn LogHome) {
    emit(home, vec![envelope(1, home)]).await;
    home.table(CELLAR).commit(Commit { events: vec![envelope(2, home)], ..Commit::default() }).await.unwrap();
    assert_eq!(positions(&home.log().read(0, LOW, 10).await.unwrap()), [1, 2]);
}

/// A reader that follows the log while many write sees every event: none appears behind it.
pub async fn no_gap_is_ever_seen(home: &dyn LogHome) {
    let log = home.log();
    let writers = (0..8_u128).map(|writer| {
        let events: Vec<Envelope> = (0..25).map(|n| envelope(writer * 100 + n, home)).collect();
        let store = home.table(SHELF);
        tokio::spawn(async move {
            for event in events {
                store.commit(Commit { events: vec![event], ..Commit::default() }).await.unwrap();
            }
        })
    });
    let writers = tokio::spawn(join_all(writers.collect::<Vec<_>>()));
    let mut appended = log.appended();
    let mut seen = Vec::new();
    let mut after = 0;
    while seen.len() < 200 {
        let page = log.read(after, LOW, 7).await.unwrap();
        if page.events.is_empty() {
            tokio::time::timeout(Duration::from_secs(10), appended.changed()).await.expect("it goes on").unwrap();
        }
        after = page.through;
        seen.extend(positions(&page));
    }
    assert_eq!(seen, (1..=200).collect::<Vec<Position>>());
    for joined in writers.await.unwrap() {
        joined.unwrap();
    }
}
