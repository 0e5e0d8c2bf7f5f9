//! `bench search` and `bench search-quality`: the search index alone, without the shop around it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

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
        let numbers = [("--documents", *documents), ("--seconds", options.seconds), ("--clients", options.clients)];
        let mut command = example(root, "load");
        for (name, number) in numbers {
            command.args([name, &number.to_string()]);
        }
        command.arg("--folder").arg(root.join("target/bench-search"));
        let text = process::output(&mut command)?;
        let report: Value = serde_json::from_str(text.trim()).map_err(|error| format!("the load driver printed no JSON: {error}"))?;
        print!("{}", render(&report));
        reports.push(report);
    }
    let path = root.join(REPORT);
    let text = serde_json::to_string_pretty(&reports).map_err(|error| format!("cannot write the report: {error}"))?;
    process::write(&path, &(text + "\n"))?;
    println!("as JSON: {REPORT}");
    Ok(())
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
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let mut text = format!(
        "\n{} documents: {:.0} MB in {} segments, built in {:.1} s, {:.0} MB resident; a change is found after {:.0} ms\n",
        report["documents"],
        number(&report["bytes"]) / 1e6,
        report["segments"],
        number(&report["build_seconds"]),
        number(&report["resident_mb"]),
        number(&report["change_visible_ms"]),
    );
    let mut rows = Vec::new();
    for (kind, figures) in report["kinds"].as_object().into_iter().flatten() {
        let figure = |name: &str| format!("{:.1}", number(&figures[name]));
        rows.push(vec![kind.clone(), figure("per_second"), figure("p50_ms"), figure("p99_ms"), figure("cpu_ms_per_query")]);
    }
    text.push_str(&table::render(&["query", "per second", "p50 ms", "p99 ms", "CPU ms"], &rows));
    text
}
