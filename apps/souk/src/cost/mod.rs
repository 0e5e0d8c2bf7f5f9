//! `souk cost`: what a run would cost on AWS in a month.

pub mod bill;
mod measured;
mod prices;
mod print;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use home_embedded::Home;
use wiring::Config;

use crate::output::{CliError, say_json};
use bill::{Delivery, Owners, Plan, Processor, Request, Traffic};
use measured::Measured;
use prices::Prices;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const METRICS_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(clap::Args)]
pub struct Cost {
    /// The metrics of a run: the address of a shop that runs, or a file with the text of its /metrics
    #[arg(value_name = "URL|FILE")]
    metrics: String,
    /// The text of /metrics from before the run, which is taken off
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    #[command(flatten)]
    traffic: TrafficArguments,
    /// Customers who sign in during the month
    #[arg(long, default_value_t = 0.0, value_name = "NUMBER")]
    users: f64,
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// What the functions run on
    #[arg(long, value_enum, default_value_t = Processor::Arm64)]
    processor: Processor,
    /// How events come to their consumers, instead of what the traffic file says; directly unless told
    #[arg(long, value_enum)]
    delivery: Option<Delivery>,
    /// Messages of a queue and records of a stream handed to a function at once, instead of what the table assumes
    #[arg(long, value_name = "NUMBER")]
    batch: Option<f64>,
    /// Another table of prices
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct TrafficArguments {
    /// The run, as often as it takes for so many confirmed orders
    #[arg(long, value_name = "NUMBER")]
    orders: Option<f64>,
    /// The run, as often as it takes for so many requests of the API
    #[arg(long, value_name = "NUMBER")]
    requests: Option<f64>,
    /// A TOML file: `orders`, perhaps `delivery`, and under `[routes]` how many requests of each
    #[arg(long, value_name = "FILE")]
    traffic: Option<PathBuf>,
}

pub fn run(config: &Config, arguments: &Cost) -> Result<(), CliError> {
    let mut prices = Prices::load(arguments.prices.as_deref())?;
    if !prices.regions().contains(&arguments.region.as_str()) {
        return Err(CliError::Input(format!("no prices of {}; there are {}", arguments.region, prices.regions().join(", "))));
    }
    if let Some(batch) = arguments.batch {
        prices.assumptions.batch = at_least("--batch", batch, 1.0)?;
    }
    let traffic = traffic(&arguments.traffic)?;
    let planned = if let Traffic::Plan(plan) = &traffic { plan.delivery } else { None };
    let delivery = arguments.delivery.or(planned).unwrap_or_default();
    let mut measured = read(&arguments.metrics)?;
    if let Some(earlier) = &arguments.since {
        measured = measured.since(&parse(&text_of(earlier)?, &earlier.display().to_string())?);
    }
    let owners = owners(config)?;
    let bill = bill::bill(&Request {
        prices: &prices,
        region: &arguments.region,
        processor: arguments.processor,
        delivery,
        measured: &measured,
        owners: &owners,
        traffic: &traffic,
        users: at_least("--users", arguments.users, 0.0)?,
    })
    .map_err(CliError::Input)?;
    if arguments.json { say_json(&bill) } else { print::print(&bill, &prices, &arguments.region, &measured) }
}

fn traffic(arguments: &TrafficArguments) -> Result<Traffic, CliError> {
    match (arguments.orders, arguments.requests, &arguments.traffic) {
        (Some(orders), _, _) => Ok(Traffic::Orders(at_least("--orders", orders, 1.0)?)),
        (_, Some(requests), _) => Ok(Traffic::Requests(at_least("--requests", requests, 1.0)?)),
        (_, _, Some(file)) => {
            let plan: Plan = Figment::new()
                .merge(Toml::string(&text_of(file)?))
                .extract()
                .map_err(|error| CliError::Input(format!("{}: {error}", file.display())))?;
            for (name, number) in plan.routes.iter().map(|(name, number)| (name.as_str(), *number)).chain([("orders", plan.orders)]) {
                at_least(name, number, 0.0)?;
            }
            Ok(Traffic::Plan(plan))
        }
        (None, None, None) => Err(CliError::Input("say what traffic: --orders, --requests or --traffic".into())),
    }
}

fn at_least(name: &str, number: f64, least: f64) -> Result<f64, CliError> {
    let fits = number.is_finite() && number >= least;
    if fits { Ok(number) } else { Err(CliError::Input(format!("{name} is a number of at least {least}, not {number}"))) }
}

fn read(source: &str) -> Result<Measured, CliError> {
    if source.starts_with("http://") || source.starts_with("https://") {
        let address = if source.ends_with("/metrics") { source.to_owned() } else { format!("{}/metrics", source.trim_end_matches('/')) };
        let wrong = |error: ureq::Error| CliError::Input(format!("{address}: {error}"));
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).build().into();
        let mut answer = agent.get(&address).call().map_err(wrong)?;
        let text = answer.body_mut().with_config().limit(METRICS_BYTES_MAX).read_to_string().map_err(wrong)?;
        parse(&text, &address)
    } else {
        parse(&text_of(Path::new(source))?, source)
    }
}

fn text_of(file: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(file).map_err(|error| CliError::Input(format!("{}: {error}", file.display())))
}

fn parse(text: &str, from: &str) -> Result<Measured, CliError> {
    Measured::parse(text).map_err(|reason| CliError::Input(format!("{from}: {reason}")))
}

fn owners(config: &Config) -> Result<Owners, CliError> {
    let manifest = wiring::manifest(&Home::in_memory(config)?.services()?);
    let mut owners = Owners { routes: BTreeMap::new(), consumers: BTreeMap::new(), schedules: BTreeMap::new() };
    for service in manifest.services {
        let name = || service.name.to_owned();
        owners.routes.extend(service.routes.iter().map(|route| (format!("{} {}", route.method, route.path), name())));
        owners.consumers.extend(service.consumers.iter().map(|consumer| (consumer.name.to_owned(), name())));
        owners.schedules.extend(service.schedules.iter().map(|schedule| (schedule.name.to_owned(), name())));
    }
    Ok(owners)
}
