//! What the store does on this machine: `cargo run --release -p sqlite --example throughput [folder] [part of a name]`.
//! The folder should be on the disk that matters; the figures include its flushes.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contracts::{Envelope, StockLow};
use kernel::Actor;
use ports::store::{Body, Bound, Commit, Consistency, Expect, IdempotencyRecord, IndexEntry, Key, NewItem, Query, TableSchema, Write};
use ports::{Clock, Store, SystemClock};
use serde_json::json;
use sqlite::Sqlite;

const TABLE: TableSchema = TableSchema { name: "orders", indexes: 2 };
const ITEMS: u64 = 100_000;
const SPAN: Duration = Duration::from_secs(4);
const TEXT: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna";

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let folder = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(PathBuf::from(folder))?,
        None => tempfile::tempdir()?,
    };
    let sqlite = Sqlite::open(folder.path().join("souk.db"), &[TABLE], Arc::new(SystemClock))?;
    let store = sqlite.table(&TABLE);
    fill(&store).await?;

    let get = work(&store, |store, _, n| async move {
        let number = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % ITEMS;
        let found = store.get(&Key::new(format!("item#{number:08}"), "item"), Consistency::Strong).await?;
        if found.value.is_some() { Ok(()) } else { Err(format!("item {number} is missing").into()) }
    });
    let list = work(&store, |store, _, n| async move {
        let page = store.query(&Query::index(1, format!("group#{}", n % 1000)).limit(20)).await?;
        if page.value.items.len() == 20 { Ok(()) } else { Err(format!("{} items", page.value.items.len()).into()) }
    });
    let small = work(&store, |store, task, n| async move {
        store.commit(small(task, n)).await?;
        Ok(())
    });
    let checkout = work(&store, |store, _, n| async move {
        store.commit(checkout(n)?).await?;
        Ok(())
    });

    measure("point gets, one task", 1, &get).await?;
    measure("point gets, 64 tasks", 64, &get).await?;
    measure("pages of 20 by index, 64 tasks", 64, &list).await?;
    measure("commits of 3 writes, one task", 1, &small).await?;
    measure("commits of 3 writes, 64 tasks", 64, &small).await?;
    measure("commits of 3 writes, 256 tasks", 256, &small).await?;
    measure("commits like a checkout's, 64 tasks", 64, &checkout).await?;
    sqlite.close().await?;
    Ok(())
}

fn work<F, R>(store: &Arc<dyn Store>, run: F) -> impl Fn(u64, u64) -> Running + Clone + Send + Sync + 'static
where
    F: Fn(Arc<dyn Store>, u64, u64) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let store = store.clone();
    move |task, n| Box::pin(run(store.clone(), task, n))
}

/// Runs the work in so many tasks for a while; prints how often it was done and how long it took.
async fn measure<W>(name: &str, tasks: u64, work: &W) -> Result<(), Failure>
where
    W: Fn(u64, u64) -> Running + Clone + Send + Sync + 'static,
{
    if std::env::args().nth(2).is_some_and(|part| !name.contains(&part)) {
        return Ok(());
    }
    let start = Instant::now();
    let joined = (0..tasks).map(|task| {
        let work = work.clone();
        tokio::spawn(async move {
            let mut spans_us = Vec::new();
            while start.elapsed() < SPAN {
                let before = Instant::now();
                work(task, next()).await?;
                spans_us.push(before.elapsed().as_micros());
            }
            Ok::<_, Failure>(spans_us)
        })
    });
    let mut spans_us = Vec::new();
    for task in joined.collect::<Vec<_>>() {
        spans_us.extend(task.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    spans_us.sort_unstable();
    let at = |share: f64| spans_us.get((spans_us.len() as f64 * share) as usize).copied().unwrap_or(0);
    let most = spans_us.last().copied().unwrap_or(0);
    let rate = spans_us.len() as f64 / seconds;
    println!("{name:<40} {rate:>10.0}/s   p50 {:>6} us   p99 {:>6} us   p99.9 {:>6} us   most {most:>7} us", at(0.5), at(0.99), at(0.999));
    Ok(())
}

fn next() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

async fn fill(store: &Arc<dyn Store>) -> Result<(), Failure> {
    for first in (0..ITEMS).step_by(100) {
        let writes = (first..first + 100).map(|n| {
            let entry = IndexEntry::new(1, format!("group#{}", n % 1000), format!("{n:08}"));
            let item = item(format!("item#{n:08}"), "item", &json!({ "number": n, "text": TEXT, "n": i64::MAX / 2 }))?;
            Ok(Write::Put { item: NewItem { indexes: vec![entry], ..item }, expect: Expect::Absent })
        });
        store.commit(Commit { writes: writes.collect::<Result<_, Failure>>()?, ..Commit::default() }).await?;
    }
    Ok(())
}

fn item(pk: String, sk: &str, body: &serde_json::Value) -> Result<NewItem, Failure> {
    Ok(NewItem { key: Key::new(pk, sk), body: Body::of(body)?, indexes: Vec::new(), expires_at: None })
}

/// A new item, one that is changed again and again, and one that follows from it.
fn small(task: u64, n: u64) -> Commit {
    let body = Body::from_stored(format!(r#"{{"number":{n},"text":"{TEXT}"}}"#));
    let put = |pk: String, expect| Write::Put {
        item: NewItem { key: Key::new(pk, "item"), body: body.clone(), indexes: Vec::new(), expires_at: None },
        expect,
    };
    let writes = vec![
        put(format!("new#{n:012}"), Expect::Absent),
        put(format!("item#{:08}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1000), Expect::Anything),
        put(format!("task#{task}"), Expect::Anything),
    ];
    Commit { writes, ..Commit::default() }
}

/// An order that is new or changes its status, with two index entries; a hold that expires; a counter
/// of stock; the record of the event that was consumed, and an event.
fn checkout(n: u64) -> Result<Commit, Failure> {
    let now = SystemClock.now();
    let number = n / 2;
    let status = if n.is_multiple_of(2) { "placed" } else { "confirmed" };
    let order = item(format!("order#{number:012}"), "order", &json!({ "number": number, "status": status, "text": TEXT.repeat(8) }))?;
    let by_status = IndexEntry::new(1, status, format!("{number:012}"));
    let by_user = IndexEntry::new(2, format!("user#{}", number % 1000), format!("{number:012}"));
    let order = NewItem { indexes: vec![by_status, by_user], ..order };
    let hold = NewItem {
        expires_at: Some(now.plus(Duration::from_secs(900))),
        ..item(format!("hold#{n:012}"), "hold", &json!({ "quantity": 1 }))?
    };
    let stock = Key::new(format!("item#{:08}", 2000 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1000), "item");
    Ok(Commit {
        writes: vec![
            Write::Put { item: order, expect: Expect::Anything },
            Write::Put { item: hold, expect: Expect::Absent },
            Write::Add { key: stock, deltas: vec![("n", -1)], bounds: vec![Bound::AtLeast("n", 1)] },
        ],
        events: vec![Envelope {
            id: u128::from(n).into(),
            time: now,
            sequence: 100,
            causation_id: format!("req_{n}"),
            correlation_id: format!("req_{n}"),
            traceparent: None,
            actor: Actor::System,
            event: StockLow {
                variant_id: u128::from(n).into(),
                seller_id: None,
                sku: TEXT.into(),
                title: TEXT.into(),
                available: 1,
                threshold: 2,
            }
            .into(),
        }],
        idempotency: Some(IdempotencyRecord {
            id: format!("orders#{:026}", n),
            fingerprint: None,
            response: None,
            expires_at: now.plus(Duration::from_secs(86_400)),
        }),
    })
}
