//! `bench`: a release build, ten thousand products, and the load driver; the result as a table and as JSON.

mod cost;
mod lambda;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{get, wait_until_ready};
use crate::process::{self, Server};
use crate::products::shopify_csv;
use crate::{Outcome, search, table};

const PRODUCTS: u32 = 10_000;
const READY_TIMEOUT: Duration = Duration::from_secs(60);
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

/// How long and how often things are measured.
struct Effort {
    seconds: &'static str,
    warm_up_seconds: &'static str,
    starts: usize,
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
    let effort = if options.quick {
        Effort { seconds: "2", warm_up_seconds: "0.5", starts: 3 }
    } else {
        Effort { seconds: "5", warm_up_seconds: "1", starts: 10 }
    };
    process::run(process::cargo(root).args(["build", "--release", "--package", "souk", "--package", "bench"]))?;
    let bench = Bench { root: root.to_path_buf(), folder: root.join("target/bench"), effort };
    let report = bench.measure()?;
    let path = root.join(REPORT);
    let text = serde_json::to_string_pretty(&report).map_err(|error| format!("cannot write the report: {error}"))?;
    process::write(&path, &(text + "\n"))?;
    print!("{}", render(&report));
    println!("as JSON: {REPORT}");
    Ok(())
}

struct Bench {
    root: PathBuf,
    folder: PathBuf,
    effort: Effort,
}

impl Bench {
    fn measure(&self) -> Outcome<Value> {
        let import_seconds = self.prepare()?;
        let starts = self.starts()?;
        let server = self.serve()?;
        wait_until_ready(server.address, READY_TIMEOUT)?;
        let idle = idle_kib(server.pid())?;

        let watch = MemoryWatch::start(server.pid());
        let load = self.drive(&server, &["--connections", "1,16,64"])?;
        let capacity = checkouts_per_second(&load).ok_or("the driver reported no checkouts at 64 connections")?;
        let rate = format!("{:.0}", capacity / 2.0);
        let paced = self.drive(&server, &["--connections", "64", "--flow", "checkout", "--rate", &rate])?;
        let peak = watch.finish();
        server.stop()?;
        Ok(json!({
            "machine": machine(),
            "products": PRODUCTS,
            "import_seconds": import_seconds,
            "start_ms": starts,
            "start_ms_median": median(&starts),
            "resident_idle_kib": idle,
            "resident_load_kib": peak,
            "cells": load["cells"],
            "paced": paced["cells"][0],
        }))
    }

    /// A fresh database with the catalog in it; returns how long the import took.
    fn prepare(&self) -> Outcome<f64> {
        let catalog = process::empty_folder(self.folder.clone())?.join("products.csv");
        let data = self.data();
        process::folder(&data)?;
        process::write(&catalog, &shopify_csv(PRODUCTS))?;
        let begin = Instant::now();
        process::output(Command::new(self.souk()).args(["import", "products"]).arg(&catalog).arg("--data").arg(&data))?;
        let seconds = begin.elapsed().as_secs_f64();
        self.digest()?;
        Ok(seconds)
    }

    /// Lets the consumers handle the events of the import, and the search find every product, so that an idle shop is idle.
    fn digest(&self) -> Outcome {
        let server = self.serve()?;
        wait_until_ready(server.address, READY_TIMEOUT)?;
        settled(server.address)?;
        let begin = Instant::now();
        while get(server.address, "/api/v1/search?limit=1", None)?.json()?["total"].as_u64() < Some(PRODUCTS.into()) {
            if begin.elapsed() > READY_TIMEOUT {
                return Err("the search did not find every product".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        server.stop()
    }

    fn souk(&self) -> PathBuf {
        self.root.join("target/release/souk")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn serve(&self) -> Outcome<Server> {
        let mut command = Command::new(self.souk());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data()).env("SOUK_LIMITS__RATE_LIMIT", "false");
        Server::start(&mut command, &self.folder.join("server.log"))
    }

    /// Milliseconds from exec to the first answer that the server is ready, sorted.
    fn starts(&self) -> Outcome<Vec<f64>> {
        let mut milliseconds = Vec::new();
        for _ in 0..self.effort.starts {
            let begin = Instant::now();
            let server = self.serve()?;
            let ready = wait_until_ready(server.address, READY_TIMEOUT)?;
            milliseconds.push(ready.duration_since(begin).as_secs_f64() * 1000.0);
            server.stop()?;
        }
        milliseconds.sort_by(f64::total_cmp);
        Ok(milliseconds)
    }

    fn drive(&self, server: &Server, arguments: &[&str]) -> Outcome<Value> {
        let mut command = Command::new(self.root.join("target/release/bench"));
        command.args(["--address", &server.address.to_string(), "--seconds", self.effort.seconds]);
        command.args(["--warm-up-seconds", self.effort.warm_up_seconds]).args(arguments);
        // Its progress, on standard error, goes to the terminal while it runs.
        command.stderr(std::process::Stdio::inherit());
        let text = process::output(&mut command)?;
        serde_json::from_str(&text).map_err(|error| format!("the driver printed no JSON: {error}"))
    }
}

/// The metrics once no consumer has anything to do. Every consumer tells its backlog four times a second: ten quiet
/// looks in a row have heard them all.
fn settled(address: SocketAddr) -> Outcome<String> {
    let (begin, mut quiet) = (Instant::now(), 0);
    loop {
        let metrics = get(address, "/metrics", None)?.body;
        let backlogs: Vec<&str> = metrics.lines().filter(|line| line.starts_with("souk_queue_backlog{")).collect();
        quiet = if !backlogs.is_empty() && backlogs.iter().all(|line| line.ends_with(" 0")) { quiet + 1 } else { 0 };
        if quiet == 10 {
            return Ok(metrics);
        }
        if begin.elapsed() > READY_TIMEOUT {
            return Err("the consumers did not catch up".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Looks at a process's memory until it is told to finish, and keeps the most it saw.
struct MemoryWatch {
    stop: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl MemoryWatch {
    fn start(pid: u32) -> Self {
        let (stop, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, seen) = (stop.clone(), peak.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                seen.fetch_max(resident_kib(pid).unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self { stop, peak, thread }
    }

    fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // The thread only reads a file and cannot panic; what it saw is in the counter either way.
        let _ = self.thread.join();
        self.peak.load(Ordering::Relaxed)
    }
}

/// The memory once it has not changed for three seconds.
fn idle_kib(pid: u32) -> Outcome<u64> {
    let (begin, mut steady, mut last) = (Instant::now(), 0, 0);
    while begin.elapsed() < READY_TIMEOUT {
        std::thread::sleep(Duration::from_millis(500));
        let now = resident_kib(pid).ok_or("cannot read the server's memory from /proc")?;
        steady = if now.abs_diff(last) < 128 { steady + 1 } else { 0 };
        last = now;
        if steady == 6 {
            return Ok(now);
        }
    }
    Err("the server's memory did not come to rest".into())
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".to_owned());
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    format!("{processors} cores, {model}, kernel {}, driver on the same machine", kernel.trim())
}

fn checkouts_per_second(load: &Value) -> Option<f64> {
    let cells = load["cells"].as_array()?;
    let cell = cells.iter().find(|cell| cell["flow"] == "checkout" && cell["connections"] == 64)?;
    cell["operations_per_second"].as_f64().filter(|&rate| rate > 0.0)
}

fn median(sorted: &[f64]) -> f64 {
    match (sorted.get((sorted.len().max(1) - 1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

fn render(report: &Value) -> String {
    let cells: Vec<Vec<String>> = report["cells"].as_array().into_iter().flatten().map(row).collect();
    let mut text = format!("\n{}\n\n", report["machine"].as_str().unwrap_or_default());
    // "driver us": processor time per operation that the driver took from the server on the shared cores.
    text.push_str(&table::render(&["flow", "connections", "per second", "p50 ms", "p99 ms", "events/s", "driver us", "errors"], &cells));
    let paced = &report["paced"];
    let events = &paced["events"];
    let number = |value: &Value, digits: usize| value.as_f64().map_or_else(|| "?".to_owned(), |value| format!("{value:.digits$}"));
    let milliseconds = |value: &Value| value.as_f64().map_or_else(|| "?".to_owned(), |seconds| format!("{:.1}", seconds * 1000.0));
    let mebibytes = |value: &Value| value.as_f64().map_or_else(|| "?".to_owned(), |kib| format!("{:.0}", kib / 1024.0));
    let rows = [
        (
            format!("checkouts at half load ({}/s): p50, p99 ms", number(&paced["rate"], 0)),
            format!("{}, {}", micros(&paced["p50_us"]), micros(&paced["p99_us"])),
        ),
        (
            "event lag at that load: p50, p99 ms".to_owned(),
            format!("{}, {}", milliseconds(&events["lag_p50_seconds"]), milliseconds(&events["lag_p99_seconds"])),
        ),
        ("resident memory, idle, MiB".to_owned(), mebibytes(&report["resident_idle_kib"])),
        ("resident memory, most under load, MiB".to_owned(), mebibytes(&report["resident_load_kib"])),
        ("exec to ready, median, ms".to_owned(), number(&report["start_ms_median"], 1)),
        (format!("import of {PRODUCTS} products, s"), number(&report["import_seconds"], 1)),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(what, value)| vec![what, value]).collect();
    format!("{text}\n{}", table::render(&["besides", ""], &rows))
}

fn row(cell: &Value) -> Vec<String> {
    let count = |value: &Value| value.as_u64().unwrap_or(0).to_string();
    let events = cell["events"]["delivered"].as_f64().unwrap_or(0.0) / cell["whole_seconds"].as_f64().unwrap_or(1.0);
    vec![
        cell["flow"].as_str().unwrap_or_default().to_owned(),
        count(&cell["connections"]),
        format!("{:.0}", cell["operations_per_second"].as_f64().unwrap_or(0.0)),
        micros(&cell["p50_us"]),
        micros(&cell["p99_us"]),
        format!("{events:.0}"),
        cell["driver_cpu_us_per_operation"].as_f64().map_or_else(|| "?".to_owned(), |micros| format!("{micros:.1}")),
        count(&cell["errors"]),
    ]
}

fn micros(value: &Value) -> String {
    value.as_f64().map_or_else(|| "?".to_owned(), |micros| format!("{:.2}", micros / 1000.0))
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
        assert_eq!((median(&[1.0, 2.0, 9.0]), median(&[1.0, 2.0]), median(&[])), (2.0, 1.5, 0.0));
    }

    #[test]
    fn reads_memory_of_this_process() {
        assert!(resident_kib(std::process::id()).is_some_and(|kib| kib > 100));
    }
}
