//! One cell of the table: one flow at one number of connections, for a while.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::LocalSet;

use crate::client::{Connection, Failure};
use crate::flows::{Flow, Visitor};
use crate::metrics::Events;
use crate::shop::Shop;

const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
const LATENCY_US_MAX: u64 = 60_000_000;
const FIRST_ERRORS_MAX: usize = 3;
/// A connection that fails this often is not going to recover, and need not fill the log.
const ERRORS_PER_CONNECTION_MAX: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// The next operation starts when the last one is answered.
    Closed,
    /// This many operations a second start, on schedule; latency counts from the scheduled moment.
    Open(f64),
}

#[derive(Debug, Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub flow: Flow,
    pub connections: u16,
    pub warm_up: Duration,
    pub window: Duration,
    pub pace: Pace,
}

#[derive(Debug, Serialize)]
pub struct Cell {
    pub flow: &'static str,
    pub connections: u16,
    /// The wanted rate of a paced cell.
    pub rate: Option<f64>,
    pub seconds: f64,
    /// From the first scrape of the metrics to the last, warm-up included.
    pub whole_seconds: f64,
    pub operations: u64,
    pub operations_per_second: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// Processor time that the driver itself took from the machine, its share of the kernel's included.
    pub driver_cpu_us_per_operation: Option<f64>,
    pub errors: u64,
    pub first_errors: Vec<String>,
    pub events: Events,
}

/// What all connections of a cell write down. They share one thread, so no lock is needed.
struct Book {
    from: Instant,
    until: Instant,
    latencies: Histogram<u64>,
    /// Warm-up included.
    all: u64,
    errors: u64,
    first_errors: Vec<String>,
}

impl Book {
    fn done(&mut self, started: Instant, ended: Instant) {
        self.all += 1;
        if ended >= self.from && ended < self.until {
            let micros = u64::try_from(ended.duration_since(started).as_micros()).unwrap_or(LATENCY_US_MAX);
            self.latencies.saturating_record(micros.max(1));
        }
    }

    fn failed(&mut self, failure: &Failure) {
        self.errors += 1;
        if self.first_errors.len() < FIRST_ERRORS_MAX {
            self.first_errors.push(failure.to_string());
        }
    }
}

pub async fn measure(load: &Load, shop: &Rc<Shop>) -> Result<Cell, Failure> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.address).await?);
    }
    let (begin, processor) = (Instant::now(), processor_time());
    let from = begin + load.warm_up;
    let latencies = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).map_err(|_| Failure::Malformed("no histogram"))?;
    let book = Book { from, until: from + load.window, latencies, all: 0, errors: 0, first_errors: Vec::new() };
    let book = Rc::new(RefCell::new(book));

    let tasks = LocalSet::new();
    for (index, connection) in connections.into_iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let visitor = Visitor::new(connection, shop.clone(), u64::from(index) + 1);
        tasks.spawn_local(visit(visitor, load.clone(), schedule(load, begin, index), book.clone()));
    }
    tasks.await;

    let whole = begin.elapsed();
    let book = book.borrow();
    let spent = processor.and_then(|before| Some(processor_time()? - before));
    Ok(cell(load, &book, whole, spent))
}

/// How long this process has run on a processor so far. It has one thread, so its first thread is all of it.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

/// When a connection's operations are due: the first moment and the distance to the next.
fn schedule(load: &Load, begin: Instant, index: u32) -> Option<(Instant, Duration)> {
    match load.pace {
        Pace::Closed => None,
        Pace::Open(rate) => {
            let distance = Duration::from_secs_f64(f64::from(load.connections) / rate.max(0.001));
            // Spread over one distance, so that the connections do not march in step.
            let offset = distance.mul_f64(f64::from(index) / f64::from(load.connections.max(1)));
            Some((begin + offset, distance))
        }
    }
}

async fn visit(mut visitor: Visitor, load: Load, schedule: Option<(Instant, Duration)>, book: Rc<RefCell<Book>>) {
    let until = book.borrow().until;
    let mut due = schedule.map(|(first, _)| first);
    let mut errors = 0;
    while Instant::now() < until && errors < ERRORS_PER_CONNECTION_MAX {
        if let Err(failure) = bounded(visitor.prepare(load.flow)).await {
            book.borrow_mut().failed(&failure);
            errors += 1;
            continue;
        }
        let started = match (due, schedule) {
            (Some(context), Some((_, distance))) => {
                if context >= until {
                    break;
                }
                tokio::time::sleep_until(context.into()).await;
                due = Some(context + distance);
                context
            }
            _ => Instant::now(),
        };
        match bounded(visitor.operate(load.flow)).await {
            Ok(()) => book.borrow_mut().done(started, Instant::now()),
            Err(failure) => {
                errors += 1;
                book.borrow_mut().failed(&failure);
                // The connection may hold half an answer: only a new one is in a known state.
                match Connection::open(load.address).await {
                    Ok(connection) => visitor.reconnect(connection),
                    Err(failure) => return book.borrow_mut().failed(&failure),
                }
            }
        }
    }
}

async fn bounded<F: Future<Output = Result<(), Failure>>>(operation: F) -> Result<(), Failure> {
    tokio::time::timeout(OPERATION_TIMEOUT, operation).await.unwrap_or(Err(Failure::Timeout))
}

fn cell(load: &Load, book: &Book, whole: Duration, processor: Option<Duration>) -> Cell {
    let operations = book.latencies.len();
    Cell {
        flow: load.flow.name(),
        connections: load.connections,
        rate: match load.pace {
            Pace::Closed => None,
            Pace::Open(rate) => Some(rate),
        },
        seconds: load.window.as_secs_f64(),
        whole_seconds: whole.as_secs_f64(),
        operations,
        operations_per_second: operations as f64 / load.window.as_secs_f64(),
        p50_us: book.latencies.value_at_quantile(0.50),
        p99_us: book.latencies.value_at_quantile(0.99),
        max_us: book.latencies.max(),
        driver_cpu_us_per_operation: processor.map(|time| time.as_secs_f64() * 1e6 / book.all.max(1) as f64),
        errors: book.errors,
        first_errors: book.first_errors.clone(),
        events: Events::default(),
    }
}

#[cfg(test)]
mod tests;
