//! The file: opened again, copied, swept, shared with another process, refused.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use kernel::Duration;
use ports::store::{Body, Commit, CommitError, Consistency, Expect, IndexEntry, Key, NewItem, Query, StoreError, TableSchema, Write};
use ports::{Clock, ManualClock, Store};
use rusqlite::Connection;
use serde_json::json;
use sqlite::{BackupError, OpenError, Sqlite};

const SHELF: TableSchema = TableSchema { name: "shelf", indexes: 1 };

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(suite::start_of_time()))
}

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, &[SHELF], clock()).unwrap()
}

fn put(sk: &str, expect: Expect) -> Commit {
    let item = NewItem { key: Key::new("p", sk), body: Body::of(&json!({ "n": 1 })).unwrap(), indexes: vec![], expires_at: None };
    Commit { writes: vec![Write::Put { item, expect }], ..Commit::default() }
}

async fn version(store: &Arc<dyn Store>, sk: &str) -> Option<u64> {
    store.get(&Key::new("p", sk), Consistency::Strong).await.unwrap().value.map(|item| item.version)
}

#[tokio::test]
async fn what_was_written_is_there_after_a_drop_and_after_a_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    for (n, closes) in [(0, true), (1, false), (2, false)] {
        let sqlite = open(&path);
        let store = sqlite.table(&SHELF);
        assert_eq!(version(&store, "a").await, if n == 0 { None } else { Some(n) });
        store.commit(put("a", if n == 0 { Expect::Absent } else { Expect::Version(n) })).await.unwrap();
        if closes {
            sqlite.close().await.unwrap();
            assert!(!folder.path().join("souk.db-wal").exists(), "a closed file has no log beside it");
        }
    }
    assert_eq!(version(&open(&path).table(&SHELF), "a").await, Some(3));
}

#[tokio::test]
async fn a_closed_file_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = open(&folder.path().join("souk.db"));
    let store = sqlite.table(&SHELF);
    sqlite.close().await.unwrap();
    sqlite.close().await.unwrap();
    let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    assert!(unavailable(&store.get(&Key::new("p", "a"), Consistency::Strong).await.unwrap_err()));
    assert!(unavailable(&sqlite.log().head().await.unwrap_err()));
    assert!(unavailable(&sqlite.sweep(1).await.unwrap_err()));
    assert!(matches!(store.commit(put("a", Expect::Absent)).await, Err(CommitError::Store(error)) if unavailable(&error)));
}

#[tokio::test]
async fn closing_does_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let sqlite = open(&path);
    let store = sqlite.table(&SHELF);
    // A first poll puts each commit into the queue.
    let mut waiting: Vec<_> = (0..200).map(|n| Box::pin(store.commit(put(&format!("{n}"), Expect::Absent)))).collect();
    for commit in &mut waiting {
        assert!(poll_once(commit.as_mut()).await.is_none_or(|done| done.is_ok()));
    }
    sqlite.close().await.unwrap();
    let reopened = open(&path);
    let page = reopened.table(&SHELF).query(&Query::table("p").limit(1000)).await.unwrap().value;
    assert_eq!(page.items.len(), 200);
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn files_of_others_and_of_newer_programs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let refused = |name: &str| Sqlite::open(path(name), &[SHELF], clock()).err().unwrap();

    std::fs::write(path("text"), "This is no database, but long enough to have a header. ".repeat(20)).unwrap();
    assert!(matches!(refused("text"), OpenError::Foreign(_)));

    Connection::open(path("foreign")).unwrap().execute_batch("CREATE TABLE mine (n)").unwrap();
    assert!(matches!(refused("foreign"), OpenError::Foreign(_)));
    let other = Connection::open(path("foreign")).unwrap();
    assert!(other.prepare("SELECT * FROM shelf").is_err(), "nothing was added");

    open(&path("newer")).close().await.unwrap();
    Connection::open(path("newer")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(refused("newer"), OpenError::Newer { found: 99, .. }));
    assert!(refused("newer").to_string().contains("use a newer program"));

    assert!(matches!(refused("no/such/folder"), OpenError::Sqlite { .. }));
    for (name, indexes) in [("log", 0), ("", 0), ("a\"b", 0), ("sqlite_x", 0), ("fine", 6)] {
        assert!(matches!(Sqlite::open(path("new"), &[TableSchema { name, indexes }], clock()), Err(OpenError::Schema(..))), "{name}");
    }
}

#[tokio::test]
async fn tables_and_indexes_are_added_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let sqlite = open(&path);
    sqlite.table(&SHELF).commit(put("old", Expect::Absent)).await.unwrap();
    sqlite.close().await.unwrap();
    let (wider, cellar) = (TableSchema { indexes: 3, ..SHELF }, TableSchema { name: "cellar", indexes: 0 });
    let sqlite = Sqlite::open(&path, &[wider, cellar], clock()).unwrap();
    let store = sqlite.table(&wider);
    let item = NewItem {
        key: Key::new("p", "new"),
        body: Body::of(&json!({})).unwrap(),
        indexes: vec![IndexEntry::new(3, "q", "1")],
        expires_at: None,
    };
    store.commit(Commit { writes: vec![Write::Put { item, expect: Expect::Absent }], ..Commit::default() }).await.unwrap();
    assert_eq!(version(&store, "old").await, Some(1));
    assert_eq!(store.query(&Query::index(3, "q")).await.unwrap().value.items.len(), 1);
    sqlite.table(&cellar).commit(put("a", Expect::Absent)).await.unwrap();
}

/// Rows of the first layout get their size when the file is opened.
#[tokio::test]
async fn sizes_are_added_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let sqlite = open(&path);
    for n in 0..1200 {
        let mut commit = put(&format!("{n:04}"), Expect::Absent);
        if let Write::Put { item, .. } = &mut commit.writes[0] {
            item.indexes = vec![IndexEntry::new(1, "q", format!("{n:04}"))];
            item.expires_at = (n == 7).then(|| suite::start_of_time().plus(Duration::from_millis(1_111_111)));
        }
        sqlite.table(&SHELF).commit(commit).await.unwrap();
    }
    sqlite.close().await.unwrap();
    let sizes = |path: &Path| -> Vec<i64> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection.prepare("SELECT size FROM shelf ORDER BY sk").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let before = sizes(&path);
    // 2 + 1, 2 + 4, 1 + 2, 1 + 8, 4 + 3 + 1 + 1 + 2, 4 + 1, 4 + 4; and with its end 7 + 8 and 3 + 6 more.
    assert_eq!((before[0], before[7], before.len()), (45, 69, 1200));
    let older = Connection::open(&path).unwrap();
    older.execute_batch("ALTER TABLE shelf DROP COLUMN size; PRAGMA user_version = 1").unwrap();
    drop(older);
    let sqlite = open(&path);
    assert_eq!(sizes(&path), before);
    sqlite.table(&SHELF).commit(put("new", Expect::Absent)).await.unwrap();
    assert_eq!(sizes(&path).len(), 1201);
}

#[tokio::test]
async fn a_backup_is_whole_and_refuses_to_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = open(&folder.path().join("souk.db"));
    let store = sqlite.table(&SHELF);
    // Pairs are written together, so a copy that holds one of a pair alone is torn.
    let pairs = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0..400 {
                let mut both = put(&format!("a{n:04}"), Expect::Absent);
                both.writes.extend(put(&format!("b{n:04}"), Expect::Absent).writes);
                store.commit(both).await.unwrap();
            }
        }
    });
    while version(&store, "a0050").await.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let target = folder.path().join("copy.db");
    sqlite.backup(&target).await.unwrap();
    pairs.await.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&target).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "only the owner may read it");
    assert!(matches!(sqlite.backup(&target).await, Err(BackupError::Exists(_))));
    assert!(matches!(sqlite.backup(folder.path().join("no/folder.db")).await, Err(BackupError::Sqlite(_) | BackupError::Io(_))));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("partial")), "{names:?}");

    let copy = open(&target);
    let count =
        async |prefix: &str| copy.table(&SHELF).query(&Query::table("p").prefix(prefix).limit(1000)).await.unwrap().value.items.len();
    let (a, b) = (count("a").await, count("b").await);
    assert!(a == b && a > 50, "{a} and {b}");
    copy.table(&SHELF).commit(put("c", Expect::Absent)).await.unwrap();
    assert_eq!(version(&store, "c").await, None);
}

#[tokio::test]
async fn a_sweep_deletes_what_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let clock = clock();
    let sqlite = Sqlite::open(&path, &[SHELF], clock.clone()).unwrap();
    let store = sqlite.table(&SHELF);
    for n in 0..10 {
        let mut commit = put(&format!("{n}"), Expect::Absent);
        if let Write::Put { item, .. } = &mut commit.writes[0] {
            item.expires_at = (n < 7).then(|| clock.now().plus(Duration::from_secs(1 + n / 6)));
            item.indexes = vec![IndexEntry::new(1, "q", "1")];
        }
        store.commit(commit).await.unwrap();
    }
    assert_eq!(sqlite.sweep(1000).await.unwrap(), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(sqlite.sweep(4).await.unwrap(), 4);
    assert_eq!(sqlite.sweep(4).await.unwrap(), 2);
    assert_eq!(sqlite.sweep(4).await.unwrap(), 0);
    let rows: i64 = Connection::open(&path).unwrap().query_row("SELECT count(*) FROM shelf WHERE x1p = 'q'", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 4, "three that stay, and one that has a second left");
    assert!(sqlite.sweep(0).await.is_err() && sqlite.sweep(1001).await.is_err());
}

/// An import beside a running server: both see all, and no version is taken twice.
#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let (one, two) = (open(&path), open(&path));
    let run = |sqlite: &Sqlite| {
        let store = sqlite.table(&SHELF);
        tokio::spawn(async move {
            let mut won = 0;
            for n in 0..100 {
                won += usize::from(store.commit(put(&format!("{n}"), Expect::Absent)).await.is_ok());
            }
            won
        })
    };
    let (first, second) = (run(&one), run(&two));
    assert_eq!(first.await.unwrap() + second.await.unwrap(), 100);
    one.table(&SHELF).commit(put("late", Expect::Absent)).await.unwrap();
    assert_eq!(version(&two.table(&SHELF), "late").await, Some(1));
}

/// The queue is full while another process holds the file: the rest is refused at once.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_that_wait_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let sqlite = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits: Vec<_> = (0..3000)
        .map(|n| {
            let store = sqlite.table(&SHELF);
            tokio::spawn(async move { store.commit(put(&format!("{n}"), Expect::Absent)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_batch("COMMIT").unwrap();
    let (mut done, mut refused) = (0, 0);
    for commit in commits {
        match commit.await.unwrap() {
            Ok(_) => done += 1,
            Err(CommitError::Store(StoreError::Unavailable(reason))) if reason == "overloaded" => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(done >= 1024 && refused >= 1000, "{done} done, {refused} refused");
    let rows: i64 = other.query_row("SELECT count(*) FROM shelf", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, done);
}

/// One commit that the file refuses does not take along those it shares a transaction with.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_cannot_be_written_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let sqlite = open(&path);
    let other = Connection::open(&path).unwrap();
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON shelf WHEN new.sk = 'poison' BEGIN SELECT RAISE(ABORT, 'refused'); END";
    other.execute_batch(trigger).unwrap();
    // They gather while the file is held, so that they share a transaction.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits: Vec<_> = ["a", "b", "poison", "c"]
        .map(|sk| {
            let store = sqlite.table(&SHELF);
            (sk, tokio::spawn(async move { store.commit(put(sk, Expect::Absent)).await }))
        })
        .into();
    tokio::time::sleep(Duration::from_millis(200)).await;
    other.execute_batch("COMMIT").unwrap();
    for (sk, commit) in commits {
        match (sk, commit.await.unwrap()) {
            ("poison", Err(CommitError::Store(StoreError::Failed(reason)))) => assert!(reason.contains("refused"), "{reason}"),
            (_, result) => assert!(result.is_ok(), "{sk}: {result:?}"),
        }
    }
    let store = sqlite.table(&SHELF);
    for (sk, expected) in [("a", Some(1)), ("b", Some(1)), ("poison", None), ("c", Some(1))] {
        assert_eq!(version(&store, sk).await, expected, "{sk}");
    }
}
