//! What everything takes in DynamoDB's units. The figures are worked out by hand from AWS's rules, so that
//! every home is held to the same.

use std::sync::Arc;

use kernel::Duration;
use ports::store::{Bound, Commit, Consistency, Expect, IdempotencyRecord, IndexEntry, Key, NewItem, Query, Write};
use ports::{Clock, Store};
use serde_json::{Value, json};

use crate::{Home, SHELF, entered, envelope, expiring, item, put, writes};

/// An item in partition `p` with a version from 1 to 99 and so many bytes: `pk` 2 + 1, `sk` 2 and its key,
/// `v` 1 + 2, `w` 1 + 8, `data` 4 + 3, in it 1 + `text` 4 and the text.
fn of_bytes(sk: &str, bytes: usize) -> NewItem {
    item("p", sk, json!({ "text": "x".repeat(bytes - 29 - sk.len()) }))
}

/// The same, entered in index 1 under `q` and its own key: `i1pk` 4 + 1, `i1sk` 4 and the key.
fn in_index(sk: &str, bytes: usize) -> NewItem {
    entered(of_bytes(sk, bytes - 9 - sk.len()), vec![IndexEntry::new(1, "q", sk)])
}

async fn units(store: &Arc<dyn Store>, commit: Commit) -> f64 {
    store.commit(commit).await.expect("nothing speaks against it").units
}

async fn write(store: &Arc<dyn Store>, write: Write) -> f64 {
    units(store, writes(vec![write])).await
}

async fn size(store: &Arc<dyn Store>, sk: &str) -> usize {
    let found = store.get(&Key::new("p", sk), Consistency::Strong).await.expect("a read succeeds");
    found.value.expect("the item is there").size_bytes
}

pub async fn sizes_of_items(home: &dyn Home) {
    let store = home.table(SHELF);
    // Beside the members of `data`: 2 + 1, 2 + 1, 1 + 2, 1 + 8, 4 + 3.
    let cases: [(Value, usize); 11] = [
        (json!({}), 0),
        (json!({ "a": "" }), 1 + 1),
        (json!({ "name": "K\u{e4}se \u{1F375}" }), 1 + 4 + 5 + 1 + 4),
        (json!({ "quoted": "a \"b\" \\ \n \u{1}" }), 1 + 6 + 11),
        (json!({ "yes": true, "no": false, "nil": null }), (1 + 3 + 1) + (1 + 2 + 1) + (1 + 3 + 1)),
        (json!({ "a": 0, "b": 1, "c": 12, "d": 123, "e": 1000 }), 5 * 2 + 1 + 2 + 2 + 3 + 2),
        (json!({ "a": -1, "b": -123 }), 2 * 2 + 3 + 4),
        (json!({ "most": i64::MAX, "least": i64::MIN }), (1 + 4 + 11) + (1 + 5 + 12)),
        (json!({ "fraction": 48.137 }), 1 + 8 + (3 + 1 + 2) + 1 + 1 + 2),
        (json!({ "list": [1, "two", [], {}] }), 1 + 4 + 3 + (1 + 2) + (1 + 3) + (1 + 3) + (1 + 3)),
        (json!({ "map": { "n": 1, "deep": { "s": "abc" } } }), 1 + 3 + 3 + (1 + 1 + 2) + (1 + 4 + 3) + (1 + 1 + 3)),
    ];
    for (n, (body, members)) in cases.into_iter().enumerate() {
        let sk = char::from(b'a' + u8::try_from(n).expect("a few cases")).to_string();
        write(&store, put(item("p", &sk, body.clone()), Expect::Absent)).await;
        assert_eq!(size(&store, &sk).await, 25 + members, "{body}");
    }
    // An entry: 4 + 1, 4 + 2. An end: `expires` 7 + 8 for thirteen digits, `ttl` 3 + 6 for ten. Zeros at the end of a number
    // do not count, so it must not end in any.
    let at = kernel::Timestamp::from_millis(home.clock().now().as_millis().div_euclid(1_000_000) * 1_000_000 + 1_111_111);
    let full = expiring(entered(item("p", "z", json!({})), vec![IndexEntry::new(2, "q", "zz")]), at);
    write(&store, put(full, Expect::Absent)).await;
    assert_eq!(size(&store, "z").await, 25 + 11 + 15 + 9);
    // Without a version there is no digit, `v` 1 + 1, and no token.
    write(&store, put(item("p", "y", json!({})), Expect::Anything)).await;
    assert_eq!(size(&store, "y").await, 15);
}

pub async fn reads(home: &dyn Home) {
    let store = home.table(SHELF);
    for (sk, bytes) in [("a", 4096), ("b", 4097), ("c", 100)] {
        write(&store, put(of_bytes(sk, bytes), Expect::Absent)).await;
        assert_eq!(size(&store, sk).await, bytes);
    }
    for (sk, strong) in [("a", 1.0), ("b", 2.0), ("c", 1.0), ("missing", 1.0)] {
        let key = Key::new("p", sk);
        assert_eq!(store.get(&key, Consistency::Strong).await.unwrap().units, strong, "{sk}");
        assert_eq!(store.get(&key, Consistency::Eventual).await.unwrap().units, strong / 2.0, "{sk}");
    }
    let keys: Vec<Key> = ["c", "a", "missing", "b"].map(|sk| Key::new("p", sk)).into();
    assert_eq!(store.get_many(&keys, Consistency::Strong).await.unwrap().units, 5.0, "each is rounded up");
    assert_eq!(store.get_many(&keys, Consistency::Eventual).await.unwrap().units, 2.5);
    assert_eq!(store.get_many(&[], Consistency::Strong).await.unwrap().units, 0.0, "nothing is asked");
}

pub async fn queries(home: &dyn Home) {
    let store = home.table(SHELF);
    for (sk, bytes) in [("a", 3000), ("b", 3000), ("c", 3000), ("d", 100)] {
        write(&store, put(in_index(sk, bytes), Expect::Absent)).await;
        assert_eq!(size(&store, sk).await, bytes);
    }
    // The sum is rounded up once, and read eventually. An index has only keys: they are read, and every item by itself.
    let cases = [
        (Query::table("p"), 1.5),
        (Query::index(1, "q"), 0.5 + 4.0 * 0.5),
        (Query::table("p").limit(1), 0.5),
        (Query::table("p").limit(2), 1.0),
        (Query::index(1, "q").limit(2).descending(), 0.5 + 2.0 * 0.5),
        (Query::index(1, "nobody"), 0.5),
        (Query::table("p").prefix("d"), 0.5),
        (Query::table("nobody"), 0.5),
    ];
    for (query, expected) in cases {
        assert_eq!(store.query(&query).await.unwrap().units, expected, "{query:?}");
    }
}

pub async fn what_has_expired_is_read_all_the_same(home: &dyn Home) {
    let store = home.table(SHELF);
    let soon = home.clock().now().plus(Duration::from_secs(1));
    write(&store, put(expiring(of_bytes("a", 5000), soon), Expect::Absent)).await;
    write(&store, put(of_bytes("b", 100), Expect::Absent)).await;
    home.clock().advance(Duration::from_secs(1));
    let found = store.get(&Key::new("p", "a"), Consistency::Strong).await.unwrap();
    assert_eq!((found.value, found.units), (None, 2.0));
    assert_eq!(store.query(&Query::table("p")).await.unwrap().units, 1.0);
    assert_eq!(write(&store, put(of_bytes("a", 100), Expect::Absent)).await, 5.0, "it is still there to be replaced");
}

/// Only a guarded put is a plain write; other single writes are transactions, to be safe to repeat.
pub async fn single_writes(home: &dyn Home) {
    let store = home.table(SHELF);
    let key = |sk: &str| Key::new("p", sk);
    let steps = [
        ("new", put(of_bytes("a", 1024), Expect::Absent), 1.0),
        ("a byte more", put(of_bytes("b", 1025), Expect::Absent), 2.0),
        ("growing", put(of_bytes("a", 3000), Expect::Version(1)), 3.0),
        ("shrinking takes what was there", put(of_bytes("a", 200), Expect::Version(2)), 3.0),
        ("small again", put(of_bytes("a", 300), Expect::Version(3)), 1.0),
        ("deleting takes what was there", Write::Delete { key: key("b"), expect: Expect::Version(1) }, 4.0),
        ("deleting nothing", Write::Delete { key: key("b"), expect: Expect::Anything }, 2.0),
    ];
    for (what, step, expected) in steps {
        assert_eq!(write(&store, step).await, expected, "{what}");
    }
    assert_eq!(units(&store, Commit::default()).await, 0.0, "nothing to do");
}

pub async fn transactions(home: &dyn Home) {
    let store = home.table(SHELF);
    let check = |sk: &str, expect| Write::Check { key: Key::new("p", sk), expect };
    let both = vec![put(of_bytes("a", 1024), Expect::Absent), put(of_bytes("b", 1025), Expect::Absent)];
    assert_eq!(units(&store, writes(both)).await, 6.0, "twice one and two");
    let checked = vec![check("b", Expect::Version(1)), put(of_bytes("c", 100), Expect::Absent)];
    assert_eq!(units(&store, writes(checked)).await, 6.0, "a check takes what it looks at");
    let absent = vec![check("d", Expect::Absent), Write::Delete { key: Key::new("p", "c"), expect: Expect::Anything }];
    assert_eq!(units(&store, writes(absent)).await, 4.0);
    assert_eq!(write(&store, check("b", Expect::Version(1))).await, 4.0, "a check is always part of a transaction");
}

pub async fn entries(home: &dyn Home) {
    let store = home.table(SHELF);
    let moved = |bytes| NewItem { indexes: vec![IndexEntry::new(1, "r", "a")], ..in_index("a", bytes) };
    let steps = [
        ("added", in_index("a", 1500), Expect::Absent, 2.0 + 1.0),
        ("it stays where it was", in_index("a", 600), Expect::Version(1), 2.0),
        ("moved and grown", moved(1500), Expect::Version(2), 2.0 + 1.0 + 1.0),
        ("removed", of_bytes("a", 600), Expect::Version(3), 2.0 + 1.0),
        ("none", of_bytes("a", 600), Expect::Version(4), 1.0),
    ];
    for (what, new, expect, expected) in steps {
        assert_eq!(write(&store, put(new, expect)).await, expected, "{what}");
    }
    let derived = || put(in_index("d", 600), Expect::Anything);
    assert_eq!(write(&store, derived()).await, 2.0 * 1.0 + 1.0);
    assert_eq!(write(&store, derived()).await, 2.0 * 1.0, "an index takes nothing where no key has changed");
    let pair = vec![put(in_index("e", 600), Expect::Absent), put(in_index("f", 1500), Expect::Absent)];
    assert_eq!(units(&store, writes(pair)).await, 2.0 * (1.0 + 2.0) + 2.0, "an index takes the same in a transaction");
    let delete = |sk: &str| Write::Delete { key: Key::new("p", sk), expect: Expect::Version(1) };
    assert_eq!(write(&store, delete("f")).await, 2.0 * 2.0 + 1.0);
    // The key 2 + 1, 2 + 1, and the entry 4 + 1, 4 + the rest.
    let long = |sk_bytes: usize| entered(of_bytes("g", 500), vec![IndexEntry::new(1, "q", "x".repeat(sk_bytes))]);
    assert_eq!(write(&store, put(long(1024 - 15), Expect::Absent)).await, 2.0 + 1.0);
    assert_eq!(write(&store, put(long(1024 - 14), Expect::Version(1))).await, 2.0 + 1.0 + 2.0, "an entry of more than a kilobyte");
}

pub async fn counters(home: &dyn Home) {
    let store = home.table(SHELF);
    let add = |sk: &str| Write::Add { key: Key::new("p", sk), deltas: vec![("n", 1)], bounds: vec![Bound::AtLeast("n", 0)] };
    // `n` is a byte of overhead, one of its name, and 1 + 1 for two digits, 1 + 2 for three.
    let counted = |sk: &str, n: i64, bytes: usize, digits: usize| {
        let text = "x".repeat(bytes - 29 - sk.len() - 3 - digits);
        item("p", sk, json!({ "n": n, "text": text }))
    };
    write(&store, put(counted("a", 1, 500, 1), Expect::Absent)).await;
    assert_eq!(write(&store, add("a")).await, 2.0 * 1.0);
    write(&store, put(entered(counted("b", 1, 1500, 1), vec![IndexEntry::new(1, "q", "b"), IndexEntry::new(2, "q", "b")]), Expect::Absent))
        .await;
    assert_eq!(write(&store, add("b")).await, 2.0 * 2.0, "its entries stay as they are");
    assert_eq!(units(&store, writes(vec![add("a"), add("b")])).await, 2.0 * (1.0 + 2.0));
    // With its first version an item gets its token: a byte for the digit and 1 + 8.
    write(&store, put(counted("d", 1, 500, 1), Expect::Anything)).await;
    let before = size(&store, "d").await;
    write(&store, add("d")).await;
    assert_eq!(size(&store, "d").await, before + 10);
    // From 99 to 101 there is a digit more.
    write(&store, put(counted("c", 99, 1024, 1), Expect::Absent)).await;
    assert_eq!(size(&store, "c").await, 1024);
    let add_two = Write::Add { key: Key::new("p", "c"), deltas: vec![("n", 2)], bounds: vec![] };
    assert_eq!((write(&store, add_two).await, size(&store, "c").await), (2.0 * 2.0, 1025));
}

pub async fn events_on_a_put(home: &dyn Home) {
    let store = home.table(SHELF);
    // The attribute: its name 6, 3 for the list, 1 for each text.
    let carried = 6 + 3 + 1 + envelope(1, home).stored_json().unwrap().len();
    let emitting = |item: NewItem, expect| Commit { writes: vec![put(item, expect)], events: vec![envelope(1, home)], idempotency: None };
    assert_eq!(units(&store, emitting(of_bytes("a", 1024 - carried), Expect::Absent)).await, 1.0);
    assert_eq!(units(&store, emitting(of_bytes("b", 1025 - carried), Expect::Absent)).await, 2.0);
    assert_eq!(size(&store, "b").await, 1025);
    assert_eq!(write(&store, put(of_bytes("b", 500), Expect::Version(1))).await, 2.0, "the next write drops them");
    assert_eq!(size(&store, "b").await, 500);
    assert_eq!(units(&store, emitting(in_index("c", 1025 - carried), Expect::Absent)).await, 2.0 + 1.0, "no index has them");
    let three = vec![
        put(of_bytes("d", 100), Expect::Anything),
        put(of_bytes("e", 1025 - carried), Expect::Absent),
        put(of_bytes("f", 100), Expect::Absent),
    ];
    let taken = units(&store, Commit { writes: three, events: vec![envelope(1, home)], idempotency: None }).await;
    assert_eq!(taken, 2.0 * (1.0 + 2.0 + 1.0), "on the first that is guarded");
    assert_eq!((size(&store, "d").await, size(&store, "e").await, size(&store, "f").await), (90, 1025, 100));
}

pub async fn events_in_a_record(home: &dyn Home) {
    let store = home.table(SHELF);
    // `pk` 2 + 7 + 30, `sk` 2 + 6, `v` 1 + 2, `data` 4 + 3 and the end are less than 100 bytes; the event about 350.
    let text = envelope(1, home).stored_json().unwrap();
    assert!((300..900).contains(&text.len()), "{text}");
    let events = |n| vec![envelope(n, home)];
    let two = || vec![put(of_bytes("a", 100), Expect::Anything), put(of_bytes("b", 1500), Expect::Anything)];
    assert_eq!(units(&store, Commit { writes: two(), events: events(2), idempotency: None }).await, 2.0 * (1.0 + 2.0 + 1.0));
    let delete = vec![Write::Delete { key: Key::new("p", "b"), expect: Expect::Anything }];
    assert_eq!(units(&store, Commit { writes: delete, events: events(3), idempotency: None }).await, 2.0 * (2.0 + 1.0));
    assert_eq!(units(&store, Commit { events: events(4), ..Commit::default() }).await, 1.0, "a record alone");
    let record = |id: &str| {
        Some(IdempotencyRecord {
            id: id.into(),
            fingerprint: None,
            response: None,
            expires_at: home.clock().now().plus(Duration::from_secs(60)),
        })
    };
    let put_c = || vec![put(of_bytes("c", 1500), Expect::Anything)];
    assert_eq!(
        units(&store, Commit { writes: put_c(), events: events(5), idempotency: record("1") }).await,
        2.0 * (2.0 + 1.0),
        "in the idempotency record"
    );
    assert_eq!(units(&store, Commit { writes: vec![], events: vec![], idempotency: record("2") }).await, 1.0);
    assert_eq!(units(&store, Commit { writes: put_c(), events: vec![], idempotency: record("3") }).await, 2.0 * (2.0 + 1.0));
    let many = (0..5).map(|n| envelope(n, home)).collect::<Vec<_>>();
    let bytes: usize = many.iter().map(|event| 1 + event.stored_json().unwrap().len()).sum();
    // The idempotency record beside its events: 2 + 7, 2 + 5, 1 + 2, `data` 4 + 3 with an id and an end in it, and the end itself.
    let low = f64::from(u32::try_from((bytes + 60).div_ceil(1024)).unwrap());
    let high = f64::from(u32::try_from((bytes + 140).div_ceil(1024)).unwrap());
    let taken = units(&store, Commit { writes: vec![], events: many, idempotency: record("4") }).await;
    assert!((low..=high).contains(&taken), "{taken} for {bytes} bytes of events");
}
