//! Indexes: sparse, and always as the items are.

use ports::store::{Expect, IndexEntry, Key, Query, Write};
use serde_json::json;

use crate::{Home, SHELF, commit, entered, item, listed, place, put};

async fn enter(home: &dyn Home, sk: &str, indexes: Vec<IndexEntry>) {
    commit(&home.table(SHELF), vec![put(entered(item("a", sk, json!({})), indexes), Expect::Anything)]).await.unwrap();
}

pub async fn sparse(home: &dyn Home) {
    let store = home.table(SHELF);
    place(&store, "a", "without").await;
    enter(home, "with", vec![IndexEntry::new(1, "new", "1")]).await;
    assert_eq!(listed(&store, Query::index(1, "new")).await, ["with"]);
    assert_eq!(listed(&store, Query::index(1, "a")).await, Vec::<String>::new());
    assert_eq!(listed(&store, Query::index(2, "new")).await, Vec::<String>::new());
    let page = crate::query(&store, Query::index(1, "new")).await;
    assert_eq!(page.items[0].key, Key::new("a", "with"), "the item comes with its own key");
}

pub async fn an_update_moves_the_entry(home: &dyn Home) {
    let store = home.table(SHELF);
    enter(home, "x", vec![IndexEntry::new(1, "new", "1")]).await;
    enter(home, "y", vec![IndexEntry::new(1, "new", "2")]).await;
    enter(home, "x", vec![IndexEntry::new(1, "paid", "1")]).await;
    assert_eq!(listed(&store, Query::index(1, "new")).await, ["y"]);
    assert_eq!(listed(&store, Query::index(1, "paid")).await, ["x"]);
    enter(home, "y", vec![IndexEntry::new(1, "paid", "0")]).await;
    assert_eq!(listed(&store, Query::index(1, "paid")).await, ["y", "x"]);
    enter(home, "x", vec![]).await;
    assert_eq!(listed(&store, Query::index(1, "paid")).await, ["y"]);
    enter(home, "x", vec![IndexEntry::new(2, "paid", "9")]).await;
    assert_eq!(listed(&store, Query::index(1, "paid")).await, ["y"]);
    assert_eq!(listed(&store, Query::index(2, "paid")).await, ["x"]);
}

pub async fn a_delete_removes_the_entry(home: &dyn Home) {
    let store = home.table(SHELF);
    enter(home, "x", vec![IndexEntry::new(1, "new", "1"), IndexEntry::new(2, "old", "1")]).await;
    commit(&store, vec![Write::Delete { key: Key::new("a", "x"), expect: Expect::Anything }]).await.unwrap();
    assert_eq!(listed(&store, Query::index(1, "new")).await, Vec::<String>::new());
    assert_eq!(listed(&store, Query::index(2, "old")).await, Vec::<String>::new());
}

pub async fn equal_sort_keys_are_all_listed(home: &dyn Home) {
    let store = home.table(SHELF);
    for sk in ["1", "2", "3", "4", "5"] {
        enter(home, sk, vec![IndexEntry::new(1, "same", "same")]).await;
    }
    for limit in [1, 2, 5, 100] {
        let mut keys = listed(&store, Query::index(1, "same").limit(limit)).await;
        keys.sort();
        assert_eq!(keys, ["1", "2", "3", "4", "5"], "limit {limit}");
        let mut keys = listed(&store, Query::index(1, "same").descending().limit(limit)).await;
        keys.sort();
        assert_eq!(keys, ["1", "2", "3", "4", "5"], "descending, limit {limit}");
    }
}

pub async fn two_indexes_are_apart(home: &dyn Home) {
    let store = home.table(SHELF);
    enter(home, "x", vec![IndexEntry::new(2, "p", "1"), IndexEntry::new(1, "q", "2")]).await;
    enter(home, "y", vec![IndexEntry::new(1, "p", "1")]).await;
    assert_eq!(listed(&store, Query::index(1, "p")).await, ["y"]);
    assert_eq!(listed(&store, Query::index(2, "p")).await, ["x"]);
    assert_eq!(listed(&store, Query::index(1, "q")).await, ["x"]);
    assert_eq!(listed(&store, Query::index(2, "q")).await, Vec::<String>::new());
}
