//! A real kill: this test starts itself as another process, lets it write, and kills it.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kernel::{Rating, Timestamp};
use ports::Search;
use ports::search::{Change, Document, Kind, Mark, SearchQuery};
use tantivy_search::TantivySearch;

const CHILD: &str = "SOUK_TEST_KILL_INDEX";
const ACKNOWLEDGED: &str = "acknowledged ";
/// After so many acknowledged batches the child is killed, in the middle of a rebuild too.
const BATCHES: usize = 30;
const DOCUMENTS: u64 = 5;

fn document(n: u64, name: &str) -> Document {
    Document {
        kind: Kind::Product,
        id: format!("prd_{n:026}"),
        slug: format!("p{n}"),
        name: format!("{name} {n}"),
        description: String::new(),
        address: String::new(),
        district: String::new(),
        phone: None,
        website: None,
        categories: Vec::new(),
        tags: Vec::new(),
        price: None,
        rating: Rating::default(),
        position: None,
        hours: None,
        image_url: None,
        language: None,
        created_at: Timestamp::from_millis(0),
    }
}

fn puts(from: u64, to: u64) -> Vec<Change> {
    (from..to).map(|n| Change::Put(Box::new(document(n, "Teller")))).collect()
}

async fn total(search: &TantivySearch, text: &str) -> u64 {
    search.search(SearchQuery::new(text, Timestamp::from_millis(0))).await.unwrap().total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    if let Some(folder) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&folder)).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let acknowledged = run_and_kill(folder.path());
        let search = TantivySearch::open(folder.path()).unwrap();
        let mark = search.mark().await.unwrap().unwrap().position;
        assert!(mark >= acknowledged, "marked {mark}, acknowledged {acknowledged}");
        // The batch and its mark are one: not a document more or less than the mark says.
        assert_eq!(total(&search, "teller").await, mark * DOCUMENTS);
    }
}

/// The last mark that the child had acknowledged when it was killed.
fn run_and_kill(folder: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_kill_loses_nothing_that_was_acknowledged", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut marks = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(mark) = line.unwrap().strip_prefix(ACKNOWLEDGED) {
            marks.push(mark.parse().unwrap());
        }
        if marks.len() == BATCHES {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && marks.len() >= BATCHES, "{status} after {} batches", marks.len());
    marks.into_iter().max().unwrap()
}

async fn write_until_killed(folder: &Path) {
    let search = TantivySearch::open(folder).unwrap();
    let mut position = search.mark().await.unwrap().map_or(0, |mark| mark.position);
    loop {
        let mut rebuild = search.rebuild().await.unwrap();
        rebuild.add((0..position * DOCUMENTS).map(|n| document(n, "Teller")).collect()).await.unwrap();
        for _ in 0..7 {
            let batch = puts(position * DOCUMENTS, (position + 1) * DOCUMENTS);
            position += 1;
            search.apply(batch, Some(Mark { position, event: None })).await.unwrap();
            println!("{ACKNOWLEDGED}{position}");
        }
        assert_eq!(rebuild.finish(Mark { position, event: None }).await.unwrap(), position * DOCUMENTS);
    }
}

#[tokio::test]
async fn a_rebuild_takes_the_place_of_the_index_or_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let search = TantivySearch::open(folder.path()).unwrap();
    search.apply(puts(0, 10), Some(Mark { position: 1, event: None })).await.unwrap();

    let mut dropped = search.rebuild().await.unwrap();
    dropped.add(vec![document(50, "Tasse")]).await.unwrap();
    assert!(search.rebuild().await.is_err(), "one at a time");
    drop(dropped);
    assert_eq!((total(&search, "teller").await, total(&search, "tasse").await), (10, 0));

    let mut rebuild = search.rebuild().await.unwrap();
    search.apply(vec![Change::Remove(document(3, "").id), Change::Put(Box::new(document(4, "Schale")))], None).await.unwrap();
    // Read before the batch: what the batch knew is newer.
    rebuild.add((0..6).map(|n| document(n, "Teller")).collect()).await.unwrap();
    assert_eq!(rebuild.finish(Mark { position: 2, event: None }).await.unwrap(), 5);
    assert_eq!((total(&search, "teller").await, total(&search, "schale").await), (4, 1));
    drop(search);

    let again = TantivySearch::open(folder.path()).unwrap();
    assert_eq!((total(&again, "teller").await, again.mark().await.unwrap().unwrap().position), (4, 2));
    let folders = std::fs::read_dir(folder.path()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(folders, 1);
}
