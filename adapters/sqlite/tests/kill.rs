//! A real kill: this test starts itself as another process, lets it commit, and kills it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use contracts::{Envelope, StockLow};
use kernel::Actor;
use ports::store::{Body, Commit, Consistency, Expect, IdempotencyRecord, Key, NewItem, TableSchema, Write};
use ports::{Clock, ManualClock};
use serde_json::json;
use sqlite::Sqlite;

const SHELF: TableSchema = TableSchema { name: "shelf", indexes: 0 };
const CHILD: &str = "SOUK_TEST_KILL_FILE";
const ACKNOWLEDGED: &str = "acknowledged ";
const TASKS: u64 = 8;
/// After so many acknowledgements the child is killed.
const COMMITS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    if let Some(file) = std::env::var_os(CHILD) {
        commit_until_killed(Path::new(&file)).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("souk.db");
    let mut acknowledged = BTreeSet::new();
    for _ in 0..2 {
        acknowledged.extend(run_and_kill(&path));
        check(&path, &acknowledged).await;
    }
}

/// The numbers that the child had acknowledged when it was killed.
fn run_and_kill(path: &Path) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_kill_loses_nothing_that_was_acknowledged", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut numbers = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(number) = line.unwrap().strip_prefix(ACKNOWLEDGED) {
            numbers.push(number.parse().unwrap());
        }
        if numbers.len() == COMMITS {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && numbers.len() >= COMMITS, "{status} after {} commits", numbers.len());
    numbers
}

fn envelope(n: u64) -> Envelope {
    Envelope {
        id: u128::from(n).into(),
        time: suite::start_of_time(),
        sequence: 100,
        causation_id: n.to_string(),
        correlation_id: n.to_string(),
        traceparent: None,
        actor: Actor::System,
        event: StockLow {
            variant_id: u128::from(n).into(),
            seller_id: None,
            sku: "TEA-100".into(),
            title: "Tea".into(),
            available: 2,
            threshold: 3,
        }
        .into(),
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(suite::start_of_time()))
}

async fn commit_until_killed(path: &Path) {
    let sqlite = Sqlite::open(path, &[SHELF], clock()).unwrap();
    let first = sqlite.log().head().await.unwrap() * 1000;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = sqlite.table(&SHELF);
            tokio::spawn(async move {
                for n in (first + task..).step_by(8) {
                    let body = Body::of(&json!({ "number": n })).unwrap();
                    let item = NewItem { key: Key::new(n.to_string(), "item"), body, indexes: vec![], expires_at: None };
                    let expires_at = clock().now().plus(kernel::Duration::from_secs(60));
                    let cause = IdempotencyRecord { id: n.to_string(), fingerprint: None, response: None, expires_at };
                    let writes = vec![Write::Put { item, expect: Expect::Absent }];
                    store.commit(Commit { writes, events: vec![envelope(n)], idempotency: Some(cause) }).await.unwrap();
                    println!("{ACKNOWLEDGED}{n}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Every acknowledged commit is whole, and so is every other one that got into the file.
async fn check(path: &Path, acknowledged: &BTreeSet<u64>) {
    let sqlite = Sqlite::open(path, &[SHELF], clock()).unwrap();
    let (store, log) = (sqlite.table(&SHELF), sqlite.log());
    let mut told = BTreeSet::new();
    let mut after = 0;
    while after < log.head().await.unwrap() {
        let page = log.read(after, &["stock.low"], 1000).await.unwrap();
        told.extend(page.events.iter().map(|event| event.envelope.as_ref().unwrap().causation_id.parse::<u64>().unwrap()));
        after = page.through;
    }
    assert!(acknowledged.is_subset(&told), "events are missing: {:?}", acknowledged.difference(&told));
    assert_eq!(after, told.len() as u64, "positions have no gap");
    for n in &told {
        let item = store.get(&Key::new(n.to_string(), "item"), Consistency::Strong).await.unwrap().value.expect("an event's item is there");
        assert_eq!((item.version, item.body.as_str()), (1, &*format!(r#"{{"number":{n}}}"#)));
        assert!(
            store.get(&IdempotencyRecord::key(&n.to_string()), Consistency::Strong).await.unwrap().value.is_some(),
            "and the record of its cause"
        );
    }
    sqlite.close().await.unwrap();
}
