//! The proxy as a process: prints its address and serves until it is ended.

use std::convert::Infallible;

use clap::Parser;
use tokio::net::TcpListener;

/// Stands before a DynamoDB and lets some of its calls fail.
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// Where the calls go, as http://host:port.
    #[arg(long)]
    upstream: String,
    /// The same seed and the same calls in the same order meet the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The share of the calls that fail, from 0 to 1.
    #[arg(long, default_value_t = 0.1)]
    rate: f64,
}

#[tokio::main]
async fn main() -> Result<Infallible, Box<dyn std::error::Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(&arguments.listen).await?;
    println!("http://{}", listener.local_addr()?);
    fault_proxy::serve(listener, &arguments.upstream, fault_proxy::by_chance(arguments.seed, arguments.rate)).await
}
