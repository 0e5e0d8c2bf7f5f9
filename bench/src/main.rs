//! The load driver: it drives a running Souk over HTTP with a fixed number of connections and prints
//! what it measured as one JSON document. It shares the machine with the server it measures, so it does
//! as little per request as it can: one thread, prebuilt bytes, no JSON parser on the way.

mod chance;
mod client;
mod flows;
mod measure;
mod metrics;
mod scan;
mod shop;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use serde::Serialize;

use client::{Connection, Failure};
use flows::Flow;
use measure::{Cell, Load, Pace};
use metrics::Metrics;
use shop::Shop;

#[derive(Parser)]
#[command(about = "Drives a running Souk over HTTP and prints what it measured as JSON")]
struct Arguments {
    /// Where the shop listens.
    #[arg(long)]
    address: SocketAddr,
    /// What to do, in this order. All flows by default.
    #[arg(long = "flow", value_enum)]
    flows: Vec<Flow>,
    /// How many connections at once; one cell is measured for each flow and number.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    connections: Vec<u16>,
    /// How long one cell is measured, after its warm-up.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long a cell runs before it is measured.
    #[arg(long, default_value_t = 1.0)]
    warm_up_seconds: f64,
    /// Operations per second over all connections, started on schedule whether or not earlier ones are
    /// answered late. Without it, every connection starts the next operation when the last one is answered.
    #[arg(long)]
    rate: Option<f64>,
    /// How many products' variants to look up before the start, for carts and checkouts.
    #[arg(long, default_value_t = 1000)]
    sample: usize,
}

#[derive(Serialize)]
struct Report {
    products: usize,
    cells: Vec<Cell>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(report) => print(&report),
        Err(failure) => fail(&failure.to_string()),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("bench: {message}");
    ExitCode::FAILURE
}

fn print(report: &Report) -> ExitCode {
    match serde_json::to_string(report) {
        Ok(text) => println!("{text}"),
        Err(error) => return fail(&format!("cannot write the report: {error}")),
    }
    let errors: u64 = report.cells.iter().map(|cell| cell.errors).sum();
    if errors == 0 { ExitCode::SUCCESS } else { fail(&format!("{errors} operations failed")) }
}

async fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let mut control = Connection::open(arguments.address).await?;
    let shop = Rc::new(Shop::explore(&mut control, arguments.sample).await?);
    eprintln!("bench: {} products, {} variants for carts", shop.products.len(), shop.variants.len());
    let flows = if arguments.flows.is_empty() { Flow::ALL.to_vec() } else { arguments.flows.clone() };
    let mut cells = Vec::new();
    for flow in flows {
        for &connections in &arguments.connections {
            let load = Load {
                address: arguments.address,
                flow,
                connections,
                warm_up: Duration::from_secs_f64(arguments.warm_up_seconds),
                window: Duration::from_secs_f64(arguments.seconds),
                pace: arguments.rate.map_or(Pace::Closed, Pace::Open),
            };
            cells.push(cell(&load, &shop).await?);
        }
    }
    Ok(Report { products: shop.products.len(), cells })
}

async fn cell(load: &Load, shop: &Rc<Shop>) -> Result<Cell, Failure> {
    // A connection per scrape, because the server may close one that was idle for a whole cell.
    let before = Metrics::scrape(&mut Connection::open(load.address).await?).await?;
    let mut cell = measure::measure(load, shop).await?;
    let after = Metrics::scrape(&mut Connection::open(load.address).await?).await?;
    cell.events = after.since(&before);
    eprintln!(
        "bench: {:>8} x{:<3} {:>9.0}/s  p50 {:>8} us  p99 {:>8} us  {} errors",
        load.flow.name(),
        load.connections,
        cell.operations_per_second,
        cell.p50_us,
        cell.p99_us,
        cell.errors
    );
    for error in &cell.first_errors {
        eprintln!("bench: error: {error}");
    }
    Ok(cell)
}
