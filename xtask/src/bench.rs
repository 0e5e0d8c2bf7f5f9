//! `bench`: a release build, ten thousand products, and the load driver; the result as a table and as JSON.

mod cost;
mod lambda;
mod search;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::get;
use crate::process::{self, Server};
use crate::shop::Shop;
use crate::{Outcome, table};

const PRODUCTS: u32 = 10_000;
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const REPORT: &str = "target/bench.json";

#[derive(Args)]
pub struct Options {
    /// Shorter cells and fewer starts: for a look, not for comparing.
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Measure the search index alone, on generated documents.
    Search(search::Load),
    /// Print how many judged queries find the expected place among the first three.
    SearchQuality(search::Quality),
    /// Meter orders and looks, and print what they would cost on AWS.
    Cost,
    /// Measure the bootstrap of the functions on AWS: size, start, memory.
    Lambda,
}

pub fn run(root: &Path, options: &Options) -> Outcome {
    match &options.part {
        None => run_shop(root, options),
        Some(Part::Search(load)) => search::load(root, load),
        Some(Part::SearchQuality(quality)) => search::quality(root, quality),
        Some(Part::Cost) => cost::run(root),
        Some(Part::Lambda) => lambda::run(root),
    }
}

fn run_shop(root: &Path, options: &Options) -> Outcome {
    let (shop, driver) = (Shop::build(root, "target/bench")?, root.join("target/release/bench"));
    let bench = if options.quick {
        Bench { shop, driver, seconds: "2", warm_up_seconds: "0.5", starts: 3 }
    } else {
        Bench { shop, driver, seconds: "5", warm_up_seconds: "1", starts: 10 }
    };
    let report = bench.measure()?;
    print!("{}", render(&report));
    write_report(root, REPORT, &report)
}

fn write_report(root: &Path, path: &str, report: &Value) -> Outcome {
    process::write(&root.join(path), &format!("{report:#}\n"))?;
    println!("as JSON: {path}");
    Ok(())
}

struct Bench {
    shop: Shop,
    driver: PathBuf,
    seconds: &'static str,
    warm_up_seconds: &'static str,
    starts: usize,
}

impl Bench {
    fn measure(&self) -> Outcome<Value> {
        let import = self.shop.import(PRODUCTS)?;
        self.digest()?;
        let starts = self.starts()?;
        let server = self.shop.serve(&[])?;
        let idle = idle_kib(server.pid())?;

        forget_peak(server.pid())?;
        let load = self.drive(&server, &["--connections", "1,16,64"])?;
        let capacity = checkouts_per_second(&load).ok_or("the driver reported no checkouts at 64 connections")?;
        let rate = format!("{:.0}", capacity / 2.0);
        let paced = self.drive(&server, &["--connections", "64", "--flow", "checkout", "--rate", &rate])?;
        let peak = memory_kib(server.pid(), "VmHWM")?;
        server.stop()?;
        Ok(json!({
            "machine": machine(),
            "products": PRODUCTS,
            "import_seconds": import.as_secs_f64(),
            "start_ms": starts,
            "start_ms_median": median(&starts),
            "resident_idle_kib": idle,
            "resident_load_kib": peak,
            "cells": load["cells"],
            "paced": paced["cells"][0],
        }))
    }

    /// Lets the consumers handle the events of the import, and the search find every product, so that an idle shop is idle.
    fn digest(&self) -> Outcome {
        let server = self.shop.serve(&[])?;
        settled(server.address)?;
        process::wait_for(READY_TIMEOUT, LOOK_INTERVAL, || {
            let found = get(server.address, "/api/v1/search?limit=1", None)?.json()?;
            Ok((found["total"].as_u64() >= Some(PRODUCTS.into())).then_some(()))
        })
        .map_err(|error| format!("the search did not find every product: {error}"))?;
        server.stop()
    }

    /// Milliseconds from exec to the first answer that the server is ready, sorted.
    fn starts(&self) -> Outcome<Vec<f64>> {
        let mut milliseconds = Vec::new();
        for _ in 0..self.starts {
            let begin = Instant::now();
            let server = self.shop.serve(&[])?;
            milliseconds.push(begin.elapsed().as_secs_f64() * 1000.0);
            server.stop()?;
        }
        milliseconds.sort_by(f64::total_cmp);
        Ok(milliseconds)
    }

    fn drive(&self, server: &Server, arguments: &[&str]) -> Outcome<Value> {
        let mut command = Command::new(&self.driver);
        command.args(["--address", &server.address.to_string(), "--seconds", self.seconds]);
        command.args(["--warm-up-seconds", self.warm_up_seconds]).args(arguments);
        // Its progress, on standard error, goes to the terminal while it runs.
        command.stderr(std::process::Stdio::inherit());
        process::json(&mut command)
    }
}

/// The metrics once no consumer has anything to do. Every consumer tells its backlog four times a second: ten quiet
/// looks in a row have heard them all.
fn settled(address: SocketAddr) -> Outcome<String> {
    let mut quiet = 0;
    let metrics = process::wait_for(READY_TIMEOUT, LOOK_INTERVAL, || {
        let metrics = get(address, "/metrics", None)?.body;
        let mut backlogs = metrics.lines().filter(|line| line.starts_with("souk_queue_backlog{")).peekable();
        quiet = if backlogs.peek().is_some() && backlogs.all(|line| line.ends_with(" 0")) { quiet + 1 } else { 0 };
        Ok((quiet == 10).then_some(metrics))
    });
    metrics.map_err(|error| format!("the consumers did not catch up: {error}"))
}

/// The memory once it has not changed for three seconds.
fn idle_kib(pid: u32) -> Outcome<u64> {
    let (mut steady, mut last) = (0, 0);
    let rest = process::wait_for(READY_TIMEOUT, Duration::from_millis(500), || {
        let now = memory_kib(pid, "VmRSS")?;
        steady = if now.abs_diff(last) < 128 { steady + 1 } else { 0 };
        last = now;
        Ok((steady == 6).then_some(now))
    });
    rest.map_err(|error| format!("the server's memory did not come to rest: {error}"))
}

/// The peak of a process's memory, `VmHWM`, counts from here.
fn forget_peak(pid: u32) -> Outcome {
    process::write(Path::new(&format!("/proc/{pid}/clear_refs")), "5")
}

/// `VmRSS` is what a process has in memory, `VmHWM` the most it had.
fn memory_kib(pid: u32, figure: &str) -> Outcome<u64> {
    let status = process::read(Path::new(&format!("/proc/{pid}/status")))?;
    let value = status.lines().find_map(|line| line.strip_prefix(figure)?.split_whitespace().nth(1)?.parse().ok());
    value.ok_or_else(|| format!("/proc tells no {figure} of process {pid}"))
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".to_owned());
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    format!("{processors} cores, {model}, kernel {}, driver on the same machine", kernel.trim())
}

fn checkouts_per_second(load: &Value) -> Option<f64> {
    let cells = load["cells"].as_array()?;
    let cell = cells.iter().find(|cell| cell["flow"] == "checkout" && cell["connections"] == 64)?;
    cell["operations_per_second"].as_f64().filter(|&rate| rate > 0.0)
}

fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

fn render(report: &Value) -> String {
    let cells: Vec<Vec<String>> = report["cells"].as_array().into_iter().flatten().map(cell_row).collect();
    let mut text = format!("\n{}\n\n", report["machine"].as_str().unwrap_or_default());
    // "driver us": processor time per operation that the driver took from the server on the shared cores.
    text.push_str(&table::render(&["flow", "connections", "per second", "p50 ms", "p99 ms", "events/s", "driver us", "errors"], &cells));
    let paced = &report["paced"];
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    let both = |of: &Value, names: [&str; 2], factor: f64, digits: usize| names.map(|name| figure(&of[name], factor, digits)).join(", ");
    let rows = [
        row(
            &format!("checkouts at half load ({}/s): p50, p99 ms", figure(&paced["rate"], 1.0, 0)),
            both(paced, ["p50_us", "p99_us"], 1e-3, 2),
        ),
        row("event lag at that load: p50, p99 ms", both(&paced["events"], ["lag_p50_seconds", "lag_p99_seconds"], 1e3, 1)),
        row("resident memory, idle, MiB", figure(&report["resident_idle_kib"], 1.0 / 1024.0, 0)),
        row("resident memory, most under load, MiB", figure(&report["resident_load_kib"], 1.0 / 1024.0, 0)),
        row("exec to ready, median, ms", figure(&report["start_ms_median"], 1.0, 1)),
        row(&format!("import of {PRODUCTS} products, s"), figure(&report["import_seconds"], 1.0, 1)),
    ];
    format!("{text}\n{}", table::render(&["besides", ""], &rows))
}

fn cell_row(cell: &Value) -> Vec<String> {
    let events = cell["events"]["delivered"].as_f64().unwrap_or(0.0) / cell["whole_seconds"].as_f64().unwrap_or(1.0);
    vec![
        cell["flow"].as_str().unwrap_or_default().to_owned(),
        figure(&cell["connections"], 1.0, 0),
        figure(&cell["operations_per_second"], 1.0, 0),
        figure(&cell["p50_us"], 1e-3, 2),
        figure(&cell["p99_us"], 1e-3, 2),
        format!("{events:.0}"),
        figure(&cell["driver_cpu_us_per_operation"], 1.0, 1),
        figure(&cell["errors"], 1.0, 0),
    ]
}

/// A number of a report in the unit of its column; a question mark where there is none.
fn figure(value: &Value, factor: f64, digits: usize) -> String {
    value.as_f64().map_or_else(|| "?".to_owned(), |value| format!("{:.digits$}", value * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_a_report() {
        let events = json!({"delivered": 900, "lag_p50_seconds": 0.002, "lag_p99_seconds": null});
        let cell = json!({"flow": "checkout", "connections": 64, "operations_per_second": 1500.4, "p50_us": 1234, "p99_us": 9876,
            "whole_seconds": 3.0, "driver_cpu_us_per_operation": 21.04, "errors": 0, "rate": 750.0, "events": events});
        let load = json!({"cells": [cell]});
        assert_eq!(checkouts_per_second(&load), Some(1500.4));
        assert_eq!(checkouts_per_second(&json!({"cells": []})), None);
        let report = json!({"machine": "2 cores", "cells": load["cells"], "paced": cell, "resident_idle_kib": 20480,
            "resident_load_kib": 40960, "start_ms_median": 12.34, "import_seconds": 1.0});
        let text = render(&report);
        for (label, values) in [
            ("checkout ", "64        1500    1.23    9.88       300       21.0       0"),
            ("checkouts at half load (750/s)", "1.23, 9.88"),
            ("event lag", "2.0, ?"),
            ("resident memory, most", "40"),
        ] {
            let line = text.lines().find(|line| line.starts_with(label));
            assert!(line.is_some_and(|line| line.ends_with(values)), "{label}: {text}");
        }
    }

    #[test]
    fn medians() {
        assert_eq!((median(&[1.0, 2.0, 9.0]), median(&[1.0, 2.0]), median(&[4.0])), (2.0, 1.5, 4.0));
    }

    #[test]
    fn reads_memory_of_this_process() {
        let pid = std::process::id();
        forget_peak(pid).unwrap();
        let (now, peak) = (memory_kib(pid, "VmRSS").unwrap(), memory_kib(pid, "VmHWM").unwrap());
        assert!(now > 100 && peak > 100, "{now} KiB, at most {peak} KiB");
        assert!(memory_kib(pid, "VmNone").unwrap_err().contains("VmNone"));
    }
}
