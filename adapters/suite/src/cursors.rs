//! Pages: each goes on after the last item of the one before, whatever has happened since.

use kernel::Cursor;
use ports::store::{Expect, IndexEntry, Key, Query, Start, StoreError, Write, encode_start};
use serde_json::json;

use crate::{Home, SHELF, commit, entered, item, listed, place, put, query};

pub async fn pages_join_up(home: &dyn Home) {
    let store = home.table(SHELF);
    let keys: Vec<String> = (0..23).map(|n| format!("{n:02}")).collect();
    for key in &keys {
        place(&store, "p", key).await;
    }
    for limit in [1, 2, 7, 22, 23, 24] {
        assert_eq!(listed(&store, Query::table("p").limit(limit)).await, keys, "limit {limit}");
        let backwards: Vec<String> = keys.iter().rev().cloned().collect();
        assert_eq!(listed(&store, Query::table("p").descending().limit(limit)).await, backwards, "limit {limit}");
    }
    let first = query(&store, Query::table("p").limit(7)).await;
    assert_eq!(first.items.len(), 7, "a page is as full as it may be");
    assert!(query(&store, Query::table("p").limit(24)).await.next.is_none());
}

pub async fn pages_of_an_index_join_up(home: &dyn Home) {
    let store = home.table(SHELF);
    for n in 0..20 {
        let new = entered(item(&format!("p{}", n % 3), &format!("{n:02}"), json!({})), vec![IndexEntry::new(1, "q", format!("{}", n / 4))]);
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    let all = listed(&store, Query::index(1, "q").limit(1000)).await;
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(sorted, (0..20).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    for limit in [1, 3, 4, 19, 20] {
        assert_eq!(listed(&store, Query::index(1, "q").limit(limit)).await, all, "limit {limit}");
        let mut backwards = listed(&store, Query::index(1, "q").descending().limit(limit)).await;
        backwards.reverse();
        assert_eq!(backwards, all, "descending, limit {limit}");
    }
}

/// Items come and go between two pages; the rest is listed once.
pub async fn stable_under_change(home: &dyn Home) {
    let store = home.table(SHELF);
    for (sk, entry) in [("10", "b"), ("20", "b"), ("30", "b"), ("40", "b")] {
        let new = entered(item("p", sk, json!({})), vec![IndexEntry::new(1, "q", entry)]);
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    let tables = query(&store, Query::table("p").limit(2)).await;
    let indexed = query(&store, Query::index(1, "q").limit(2)).await;
    let backwards = query(&store, Query::table("p").descending().limit(2)).await;
    for sk in ["05", "15", "25", "45"] {
        let new = entered(item("p", sk, json!({})), vec![IndexEntry::new(1, "q", "b")]);
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    for sk in ["10", "20"] {
        commit(&store, vec![Write::Delete { key: Key::new("p", sk), expect: Expect::Anything }]).await.unwrap();
    }
    assert_eq!(listed(&store, Query::table("p").after(tables.next)).await, ["25", "30", "40", "45"]);
    assert_eq!(listed(&store, Query::table("p").descending().after(backwards.next)).await, ["25", "15", "05"]);
    let rest = listed(&store, Query::index(1, "q").after(indexed.next)).await;
    for sk in ["30", "40"] {
        assert_eq!(rest.iter().filter(|key| *key == sk).count(), 1, "{sk} in {rest:?}");
    }
}

pub async fn forged_cursors_are_refused(home: &dyn Home) {
    let store = home.table(SHELF);
    for sk in ["a1", "a2", "b1", "b2"] {
        let new = entered(item("p", sk, json!({})), vec![IndexEntry::new(1, "q", sk)]);
        commit(&store, vec![put(new, Expect::Absent)]).await.unwrap();
    }
    let in_table = query(&store, Query::table("p").limit(1)).await.next.expect("there is more");
    let in_index = query(&store, Query::index(1, "q").limit(1)).await.next.expect("there is more");
    let outside = encode_start(&Query::table("p"), &Start { sk: "b1".into(), key: Key::new("p", "b1") });
    let cases = [
        (Query::table("p"), in_index),
        (Query::index(1, "q"), in_table.clone()),
        (Query::table("p").prefix("b"), in_table),
        (Query::table("p").prefix("a"), outside),
        (Query::table("p"), Cursor(String::new())),
        (Query::table("p"), Cursor("nonsense".into())),
        (Query::table("p"), Cursor("W10".into())),
        (Query::table("p"), Cursor("\u{1F375}'; --".into())),
    ];
    for (ask, cursor) in cases {
        let ask = ask.after(Some(cursor));
        assert_eq!(store.query(&ask).await, Err(StoreError::Cursor), "{ask:?}");
    }
}
