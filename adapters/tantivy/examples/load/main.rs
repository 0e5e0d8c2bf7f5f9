//! Measures the index on generated documents:
//! `load [--documents N] [--seconds S] [--clients C] [--folder DIR] [--kind KIND] [--keep yes]`. Prints one line
//! of JSON. With `--keep`, an index that is in the folder already is asked as it is, and stays.

mod town;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Timestamp;
use ports::Search;
use ports::search::{Area, Change, FacetName, Mark, SearchQuery, SuggestQuery};
use serde_json::{Value, json};
use tantivy_search::TantivySearch;

use crate::town::{Country, Dice};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KINDS: [&str; 4] = ["text", "text+geo", "facets", "suggestions"];

struct Options {
    documents: u64,
    seconds: u64,
    clients: u64,
    folder: PathBuf,
    kind: Option<String>,
    keep: bool,
}

fn options() -> Options {
    let folder = std::env::temp_dir().join("souk-search-load");
    let mut options = Options { documents: 100_000, seconds: 5, clients: 16, folder, kind: None, keep: false };
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        let number = || value.parse().expect("a number");
        match name.as_str() {
            "--documents" => options.documents = number(),
            "--seconds" => options.seconds = number(),
            "--clients" => options.clients = number(),
            "--folder" => options.folder = PathBuf::from(&value),
            "--kind" => options.kind = Some(value),
            "--keep" => options.keep = value == "yes",
            _ => panic!("{name} is no option"),
        }
    }
    options
}

#[tokio::main]
async fn main() {
    let options = options();
    let built = options.keep && options.folder.exists();
    if options.folder.exists() && !built {
        std::fs::remove_dir_all(&options.folder).expect("the old index is removed");
    }
    let country = Arc::new(Country::new(7));
    let search = TantivySearch::open(&options.folder).expect("an index");
    let build = if built { 0.0 } else { build(&search, &country, options.documents).await };
    let update = update(&search, &country).await;
    let mut kinds = serde_json::Map::new();
    for kind in KINDS.into_iter().filter(|kind| options.kind.as_deref().is_none_or(|only| only == *kind)) {
        measure(&search, &country, kind, options.clients, Duration::from_secs(1)).await;
        kinds.insert(kind.into(), measure(&search, &country, kind, options.clients, Duration::from_secs(options.seconds)).await);
    }
    let status = search.status().await.expect("the status");
    let report = json!({
        "documents": status.documents, "bytes": status.bytes, "segments": status.segments, "clients": options.clients,
        "build_seconds": build, "change_visible_ms": update, "resident_mb": resident_mb(), "kinds": kinds,
    });
    println!("{report}");
    drop(search);
    if !options.keep {
        std::fs::remove_dir_all(&options.folder).expect("the index is removed");
    }
}

/// Fills it as a rebuild does. Returns seconds.
async fn build(search: &TantivySearch, country: &Country, documents: u64) -> f64 {
    let begun = Instant::now();
    let mut rebuild = search.rebuild().await.expect("a rebuild");
    for from in (0..documents).step_by(1000) {
        let batch = (from..documents.min(from + 1000)).map(|n| country.document(n)).collect();
        rebuild.add(batch).await.expect("documents are added");
    }
    rebuild.finish(Mark::default()).await.expect("the rebuild ends");
    round(begun.elapsed().as_secs_f64())
}

/// How long a change takes until it is on disk and found: the median of 20, in milliseconds.
async fn update(search: &TantivySearch, country: &Country) -> f64 {
    let mut taken: Vec<f64> = Vec::new();
    for n in 0..20 {
        let begun = Instant::now();
        search.apply(vec![Change::Put(Box::new(country.document(n)))], None).await.expect("a change");
        taken.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    taken.sort_by(f64::total_cmp);
    round(taken[10])
}

async fn measure(search: &TantivySearch, country: &Arc<Country>, kind: &'static str, clients: u64, span: Duration) -> Value {
    let (cpu_before, begun) = (cpu_seconds(), Instant::now());
    let tasks = (0..clients).map(|client| {
        let (search, country) = (search.clone(), country.clone());
        tokio::spawn(async move {
            let mut dice = Dice::new(client + 1000);
            let mut taken = Vec::new();
            while begun.elapsed() < span {
                let asked = Instant::now();
                ask(&search, &country, kind, &mut dice).await;
                taken.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            taken
        })
    });
    let mut taken = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        taken.extend(task.await.expect("a client"));
    }
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
    taken.sort_by(f64::total_cmp);
    let at = |share: f64| round(taken[((taken.len() - 1) as f64 * share) as usize]);
    json!({
        "per_second": round(taken.len() as f64 / elapsed), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0),
        "cpu_ms_per_query": round(cpu * 1000.0 / taken.len() as f64), "queries": taken.len(),
    })
}

async fn ask(search: &TantivySearch, country: &Country, kind: &str, dice: &mut Dice) {
    let now = Timestamp::from_millis(1_790_000_000_000);
    let mut query = SearchQuery::new(country.text(dice), now);
    match kind {
        "text" => {}
        "text+geo" => {
            query.position = Some(country.place(dice));
            query.area = (dice.below(2) == 0).then_some(Area::Radius(5_000.0));
        }
        "facets" => {
            query.facets = vec![FacetName::Kind, FacetName::Category, FacetName::Tag, FacetName::Rating];
            if dice.below(2) == 0 {
                query.text = String::new();
                query.categories = vec![Country::topic(dice)];
            }
        }
        _ => {
            let query = SuggestQuery { prefix: country.prefix(dice), kinds: Vec::new(), position: None, limit: 8 };
            search.suggest(query).await.expect("suggestions");
            return;
        }
    }
    search.search(query).await.expect("an answer");
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Of this process, user and system; 0 where /proc does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).map_or(0.0, |kb| round(kb / 1024.0))
}
