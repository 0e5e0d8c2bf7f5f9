//! `bench search` and `bench search-quality`: the search index alone, without the shop around it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::{figure, write_report};
use crate::{Outcome, process, table};

const REPORT: &str = "target/bench-search.json";

#[derive(Args)]
pub struct Load {
    /// Sizes of the index, in documents.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    documents: Vec<u64>,
    /// Of each kind of query.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    #[arg(long, default_value_t = 16)]
    clients: u64,
}

#[derive(Args)]
pub struct Quality {
    /// Judged queries over the places, in the form of `adapters/tantivy/tests/judged.txt`, which is the default.
    #[arg(long)]
    queries: Option<PathBuf>,
    /// GeoJSON with OpenStreetMap's tags, instead of the made-up town.
    places: Vec<PathBuf>,
}

pub fn load(root: &Path, options: &Load) -> Outcome {
    let mut reports = Vec::new();
    for documents in &options.documents {
        let mut command = example(root, "load");
        command.args(["--documents", &documents.to_string(), "--seconds", &options.seconds.to_string()]);
        command.args(["--clients", &options.clients.to_string()]);
        command.arg("--folder").arg(root.join("target/bench-search"));
        let report = process::json(&mut command)?;
        print!("{}", render(&report));
        reports.push(report);
    }
    write_report(root, REPORT, &reports.into())
}

/// The town of the tests, unless there are other places.
pub fn quality(root: &Path, options: &Quality) -> Outcome {
    if options.places.is_empty() && options.queries.is_none() {
        let mut command = process::cargo(root);
        command.args(["test", "--quiet", "--package", "home-embedded", "--test", "search_quality", "--", "--nocapture"]);
        return process::run(&mut command);
    }
    let mut command = example(root, "quality");
    if let Some(queries) = &options.queries {
        command.arg("--queries").arg(queries);
    }
    process::run(command.args(&options.places))
}

fn example(root: &Path, name: &str) -> std::process::Command {
    let mut command = process::cargo(root);
    command.args(["run", "--quiet", "--release", "--package", "tantivy-search", "--example", name, "--"]);
    command
}

fn render(report: &Value) -> String {
    let number = |name: &str, factor: f64, digits: usize| figure(&report[name], factor, digits);
    let mut text = format!(
        "\n{} documents: {} MB in {} segments, built in {} s, {} MB resident; a change is found after {} ms\n",
        number("documents", 1.0, 0),
        number("bytes", 1e-6, 0),
        number("segments", 1.0, 0),
        number("build_seconds", 1.0, 1),
        number("resident_mb", 1.0, 0),
        number("change_visible_ms", 1.0, 0),
    );
    let row = |(kind, figures): (&String, &Value)| {
        let columns = ["per_second", "p50_ms", "p99_ms", "cpu_ms_per_query"].map(|name| figure(&figures[name], 1.0, 1));
        std::iter::once(kind.clone()).chain(columns).collect()
    };
    let rows: Vec<Vec<String>> = report["kinds"].as_object().into_iter().flatten().map(row).collect();
    text.push_str(&table::render(&["query", "per second", "p50 ms", "p99 ms", "CPU ms"], &rows));
    text
}
