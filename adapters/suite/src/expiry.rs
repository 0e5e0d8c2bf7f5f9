//! An item ends at its time, whether it has been swept or not.

use kernel::Duration;
use ports::Clock;
use ports::store::{Expect, IndexEntry, Key, Query, Refusal, Write};
use serde_json::json;

use crate::{Home, SHELF, commit, conflict, entered, expiring, get, item, listed, place, put, query, version};

/// An item that ends in a minute, also entered in index 1.
async fn enter(home: &dyn Home, sk: &str) {
    let new = entered(item("p", sk, json!({ "n": 1 })), vec![IndexEntry::new(1, "q", sk)]);
    let new = expiring(new, home.clock().now().plus(Duration::from_secs(60)));
    commit(&home.table(SHELF), vec![put(new, Expect::Absent)]).await.unwrap();
}

pub async fn reads_hide_it(home: &dyn Home) {
    let store = home.table(SHELF);
    enter(home, "a").await;
    place(&store, "p", "b").await;
    home.clock().advance(Duration::from_millis(59_999));
    let found = get(&store, "p", "a").await.expect("it has a millisecond left");
    assert_eq!(found.expires_at, Some(home.clock().now().plus(Duration::from_millis(1))));
    assert_eq!(listed(&store, Query::table("p")).await, ["a", "b"]);
    home.clock().advance(Duration::from_millis(1));
    assert_eq!(get(&store, "p", "a").await, None);
    assert_eq!(listed(&store, Query::table("p")).await, ["b"]);
    assert_eq!(listed(&store, Query::table("p").descending()).await, ["b"]);
    assert_eq!(listed(&store, Query::index(1, "q")).await, Vec::<String>::new());
}

pub async fn a_new_item_takes_its_place(home: &dyn Home) {
    let store = home.table(SHELF);
    enter(home, "a").await;
    enter(home, "b").await;
    home.clock().advance(Duration::from_secs(60));
    enter(home, "a").await;
    assert_eq!(version(&store, "p", "a").await, Some(1));
    assert_eq!(listed(&store, Query::index(1, "q")).await, ["a"]);
    commit(&store, vec![put(item("p", "b", json!({})), Expect::Absent)]).await.unwrap();
    home.clock().advance(Duration::from_secs(3600));
    assert_eq!(listed(&store, Query::table("p")).await, ["b"], "the new one does not expire");
    assert_eq!(listed(&store, Query::index(1, "q")).await, Vec::<String>::new(), "and has no entry");
}

pub async fn writes_take_it_for_absent(home: &dyn Home) {
    let store = home.table(SHELF);
    enter(home, "a").await;
    home.clock().advance(Duration::from_secs(60));
    let key = Key::new("p", "a");
    let refused = [
        put(item("p", "a", json!({})), Expect::Version(1)),
        Write::Delete { key: key.clone(), expect: Expect::Version(1) },
        Write::Check { key: key.clone(), expect: Expect::Version(1) },
        Write::Add { key: key.clone(), deltas: vec![("n", 1)], bounds: vec![] },
    ];
    for write in refused {
        assert_eq!(commit(&store, vec![write.clone()]).await, conflict(&[(0, Refusal::Expectation)]), "{write:?}");
    }
    commit(&store, vec![Write::Check { key: key.clone(), expect: Expect::Absent }]).await.unwrap();
    commit(&store, vec![Write::Delete { key, expect: Expect::Absent }]).await.unwrap();
    assert_eq!(get(&store, "p", "a").await, None);
}

/// A page may be short or empty, but then says that there is more.
pub async fn a_page_of_expired_items_continues(home: &dyn Home) {
    let store = home.table(SHELF);
    for n in 0..30 {
        enter(home, &format!("{n:02}")).await;
    }
    home.clock().advance(Duration::from_secs(60));
    enter(home, "98").await;
    enter(home, "99").await;
    for limit in [1, 2, 5, 100] {
        assert_eq!(listed(&store, Query::table("p").limit(limit)).await, ["98", "99"], "limit {limit}");
        assert_eq!(listed(&store, Query::index(1, "q").limit(limit)).await, ["98", "99"], "limit {limit}");
        assert_eq!(listed(&store, Query::table("p").descending().limit(limit)).await, ["99", "98"], "limit {limit}");
    }
    // Expired items that are larger than a page: what is read counts, not what is shown.
    let large = json!({ "text": "x".repeat(300 * 1024) });
    for n in 0..8 {
        let new = expiring(item("large", &n.to_string(), large.clone()), home.clock().now().plus(Duration::from_secs(1)));
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    place(&store, "large", "9").await;
    home.clock().advance(Duration::from_secs(1));
    let first = query(&store, Query::table("large")).await;
    assert!(first.items.is_empty() && first.next.is_some(), "{} items", first.items.len());
    assert_eq!(listed(&store, Query::table("large")).await, ["9"]);
}
