//! Prints how many judged queries have an expected place among their first three hits:
//! `quality [--queries FILE] [PLACES.geojson|PRODUCTS.csv ...]`, by default the queries of the tests over the
//! places in the shared data.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use tantivy_search::TantivySearch;

#[tokio::main]
async fn main() {
    let (mut queries, mut files) = (support::queries("judged.txt"), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--queries" => queries = PathBuf::from(arguments.next().expect("--queries FILE")),
            _ => files.push(PathBuf::from(argument)),
        }
    }
    if files.is_empty() {
        let data = support::shared_data().expect("no shared/data folder: name the files");
        files = support::PLACES.map(|file| data.join(file)).into();
    }
    let search = TantivySearch::in_memory().expect("an index in memory");
    let mut documents = 0;
    for file in &files {
        let read = support::documents(file);
        documents += read.len();
        support::fill(&search, read).await;
    }
    let (asked, hits) = support::judge(&search, &support::read_judged(&queries)).await;
    #[allow(clippy::cast_precision_loss)]
    let share = hits as f64 * 100.0 / asked as f64;
    println!("{documents} documents; {hits} of {asked} queries have an expected place in the top 3: {share:.1} %");
}
