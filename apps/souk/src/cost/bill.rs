//! From what a run took to a month's bill, as pure arithmetic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measured::{Measured, Runs};
use super::prices::{Assumptions, PriceLine, Prices};

/// The lines of a bill, in the order in which they are printed.
pub const KEYS: &[&str] = &[
    "dynamodb.writes",
    "dynamodb.reads",
    "dynamodb.storage",
    "dynamodb.recovery",
    "eventbridge.events",
    "eventbridge.archive",
    "sqs.requests",
    "lambda.requests",
    "lambda.arm64",
    "lambda.x86_64",
    "apigateway.requests",
    "ses.mails",
    "cognito.users",
    "s3.storage",
    "cloudfront.traffic",
    "cloudfront.requests",
    "cloudwatch.logs",
    "cloudwatch.metrics",
    "cloudwatch.alarms",
    "cloudwatch.dashboards",
    "secrets.stored",
];

const GIGABYTE: f64 = 1e9;

/// What a month is to be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Traffic {
    /// The measured run, as often as it takes for so many confirmed orders.
    Orders(f64),
    /// The measured run, as often as it takes for so many requests.
    Requests(f64),
    /// So many requests of each route, and so many orders, on which everything hangs that follows from events.
    Plan(Plan),
}

/// A file that says what a month is like.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub orders: f64,
    /// As the stacks are set; directly unless told.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// `"POST /api/v1/orders" = 1000`.
    pub routes: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Processor {
    Arm64,
    #[value(name = "x86_64")]
    X86,
}

/// How the stacks bring events to their consumers: the setting `delivery` of `infra/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// The bus calls a function for each event.
    #[default]
    Direct,
    /// Each consumer has a queue, which Lambda polls, and its function takes batches.
    Queues,
}

/// Which service a route, a consumer and a schedule belong to.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    pub routes: BTreeMap<String, String>,
    pub consumers: BTreeMap<String, String>,
    pub schedules: BTreeMap<String, String>,
}

pub struct Request<'a> {
    pub prices: &'a Prices,
    pub region: &'a str,
    pub processor: Processor,
    pub delivery: Delivery,
    pub measured: &'a Measured,
    pub owners: &'a Owners,
    pub traffic: &'a Traffic,
    /// Customers who sign in during the month.
    pub users: f64,
}

/// Where money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    State,
    Events,
    Compute,
    Rest,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BillLine {
    pub group: Group,
    pub service: String,
    pub unit: String,
    pub quantity: f64,
    /// US dollars.
    pub cost: f64,
    /// With what AWS gives every month.
    pub cost_with_free: f64,
}

/// US dollars of one service of the shop, without what AWS gives.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Share {
    pub writes: f64,
    pub reads: f64,
    pub events: f64,
    pub compute: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    pub delivery: Delivery,
    pub orders: f64,
    pub requests: f64,
    pub lines: Vec<BillLine>,
    pub services: BTreeMap<String, Share>,
}

impl Bill {
    pub fn total(&self, cost: impl Fn(&BillLine) -> f64) -> f64 {
        self.lines.iter().map(cost).sum()
    }

    pub fn group(&self, group: Group, cost: impl Fn(&BillLine) -> f64) -> f64 {
        self.lines.iter().filter(|line| line.group == group).map(cost).sum()
    }
}

/// Fails if the run has nothing to scale by, or a price is missing.
pub fn bill(request: &Request<'_>) -> Result<Bill, String> {
    let scales = Scales::of(request.measured, request.traffic, &request.prices.assumptions)?;
    let mut usage = Usage::default();
    usage.store(request, &scales);
    usage.functions(request, &scales);
    usage.events(request, &scales);
    usage.fixed(request, &scales);
    let price = |key: &str| {
        let line = request.prices.lines.iter().find(|line| line.key == key).ok_or_else(|| format!("the table has no price of {key}"))?;
        let dollars = line.price.get(request.region).ok_or_else(|| format!("the table has no price of {key} in {}", request.region))?;
        Ok::<(&PriceLine, f64), String>((line, dollars / line.per))
    };
    let mut lines = Vec::new();
    for key in KEYS {
        let quantity = usage.quantities.get(key).copied().unwrap_or(0.0);
        let (line, dollars) = price(key)?;
        if quantity > 0.0 {
            lines.push(BillLine {
                group: group_of(key),
                service: line.service.clone(),
                unit: line.unit.clone(),
                quantity,
                cost: quantity * dollars,
                cost_with_free: (quantity - line.free).max(0.0) * dollars,
            });
        }
    }
    let mut services: BTreeMap<String, Share> = BTreeMap::new();
    for ((service, key), quantity) in usage.by_service {
        let cost = quantity * price(key)?.1;
        let share = services.entry(service).or_default();
        match group_of(key) {
            Group::State if key == "dynamodb.writes" => share.writes += cost,
            Group::State => share.reads += cost,
            Group::Events => share.events += cost,
            Group::Compute => share.compute += cost,
            Group::Rest => {}
        }
    }
    Ok(Bill { delivery: request.delivery, orders: scales.orders, requests: scales.requests, lines, services })
}

fn group_of(key: &str) -> Group {
    match key.split('.').next() {
        Some("dynamodb") => Group::State,
        Some("eventbridge" | "sqs") => Group::Events,
        Some("lambda") => Group::Compute,
        _ => Group::Rest,
    }
}

/// How much more the month has of everything than the run.
struct Scales<'a> {
    measured: &'a Measured,
    traffic: &'a Traffic,
    follow: f64,
    ticks_per_month: f64,
    orders: f64,
    requests: f64,
}

impl<'a> Scales<'a> {
    fn of(measured: &'a Measured, traffic: &'a Traffic, assumptions: &Assumptions) -> Result<Self, String> {
        let (orders, requests) = (measured.orders(), measured.requests());
        let by = |wanted: f64, had: f64, what: &str| {
            if had > 0.0 { Ok(wanted / had) } else { Err(format!("no {what} in the measured run, so there is nothing to scale")) }
        };
        let (follow, requests) = match traffic {
            Traffic::Orders(wanted) => {
                let follow = by(*wanted, orders, "confirmed order")?;
                (follow, requests * follow)
            }
            Traffic::Requests(wanted) => (by(*wanted, requests, "request of the API")?, *wanted),
            Traffic::Plan(plan) => {
                if let Some(route) = plan.routes.keys().find(|route| !measured.routes.contains_key(*route)) {
                    return Err(format!("{route} is not in the measured run"));
                }
                let follow = if plan.orders > 0.0 { by(plan.orders, orders, "confirmed order")? } else { 0.0 };
                (follow, plan.routes.values().sum())
            }
        };
        Ok(Self { measured, traffic, follow, ticks_per_month: assumptions.ticks_per_month, orders: orders * follow, requests })
    }

    fn of_route(&self, route: &str) -> f64 {
        match self.traffic {
            Traffic::Orders(_) | Traffic::Requests(_) => self.follow,
            Traffic::Plan(plan) => {
                let measured = self.measured.routes.get(route).map_or(0.0, |runs| runs.count);
                plan.routes.get(route).map_or(0.0, |wanted| if measured > 0.0 { wanted / measured } else { 0.0 })
            }
        }
    }

    fn of_schedule(&self, name: &str) -> f64 {
        let runs = self.measured.schedules.get(name).map_or(0.0, |runs| runs.count);
        if runs > 0.0 { self.ticks_per_month / runs } else { 0.0 }
    }

    /// Work outside of requests, events and schedules is that of a start, which a month does not repeat.
    fn of_operation(&self, operation: &str) -> f64 {
        match (operation.strip_prefix("event > "), operation.strip_prefix("tick ")) {
            (Some(_), _) => self.follow,
            (None, Some(schedule)) => self.of_schedule(schedule),
            (None, None) if self.measured.routes.contains_key(operation) => self.of_route(operation),
            (None, None) => 0.0,
        }
    }
}

#[derive(Default)]
struct Usage {
    quantities: BTreeMap<&'static str, f64>,
    by_service: BTreeMap<(String, &'static str), f64>,
    invocations: f64,
}

impl Usage {
    fn add(&mut self, key: &'static str, quantity: f64) {
        *self.quantities.entry(key).or_default() += quantity;
    }

    fn add_to(&mut self, service: &str, key: &'static str, quantity: f64) {
        self.add(key, quantity);
        *self.by_service.entry((service.to_owned(), key)).or_default() += quantity;
    }

    fn store(&mut self, request: &Request<'_>, scales: &Scales<'_>) {
        for ((service, operation), store) in &request.measured.store {
            let scale = scales.of_operation(operation);
            // DynamoDB does not say what a refused commit took: about as much as one that was done.
            let refused = if store.commits > 0.0 { store.conflicts * store.write_units / store.commits } else { 0.0 };
            self.add_to(service, "dynamodb.writes", (store.write_units + refused) * scale);
            self.add_to(service, "dynamodb.reads", store.read_units * scale);
        }
    }

    fn functions(&mut self, request: &Request<'_>, scales: &Scales<'_>) {
        let Assumptions { batch, relay_ms, ticks_per_month, .. } = request.prices.assumptions;
        let owner = |owners: &BTreeMap<String, String>, name: &str| owners.get(name).cloned().unwrap_or_else(|| "other".into());
        for (route, runs) in &request.measured.routes {
            let scale = scales.of_route(route);
            self.run(request, &owner(&request.owners.routes, route), route, *runs, scale, 1.0);
            self.add("apigateway.requests", runs.count * scale);
        }
        let at_once = match request.delivery {
            Delivery::Direct => 1.0,
            Delivery::Queues => batch,
        };
        for (consumer, runs) in &request.measured.consumers {
            let operation = format!("event > {consumer}");
            self.run(request, &owner(&request.owners.consumers, consumer), &operation, *runs, scales.follow, at_once);
        }
        for (schedule, service) in &request.owners.schedules {
            let runs = request.measured.schedules.get(schedule).copied().unwrap_or_default();
            let (runs, scale) =
                if runs.count > 0.0 { (runs, scales.of_schedule(schedule)) } else { (Runs { count: ticks_per_month, seconds: 0.0 }, 1.0) };
            self.run(request, service, &format!("tick {schedule}"), runs, scale, 1.0);
        }
        for ((service, _), count) in &request.measured.events {
            let relays = count * scales.follow / batch;
            self.invoke(request, service, relays, relays * relay_ms / 1000.0);
        }
    }

    /// The invocations in which an operation runs.
    fn run(&mut self, request: &Request<'_>, service: &str, operation: &str, runs: Runs, scale: f64, batch: f64) {
        let Assumptions { store_call_ms, invocation_ms, .. } = request.prices.assumptions;
        let stores = request.measured.store.iter().filter(|((_, name), _)| name == operation);
        let calls: f64 = stores.map(|(_, store)| store.reads + store.commits + store.conflicts).sum();
        let invocations = runs.count * scale / batch;
        let seconds = (runs.seconds + calls * store_call_ms / 1000.0) * scale + invocations * invocation_ms / 1000.0;
        self.invoke(request, service, invocations, seconds);
    }

    fn invoke(&mut self, request: &Request<'_>, service: &str, invocations: f64, seconds: f64) {
        let key = match request.processor {
            Processor::Arm64 => "lambda.arm64",
            Processor::X86 => "lambda.x86_64",
        };
        self.invocations += invocations;
        self.add_to(service, "lambda.requests", invocations);
        self.add_to(service, key, seconds * request.prices.assumptions.memory_mb / 1024.0);
    }

    fn events(&mut self, request: &Request<'_>, scales: &Scales<'_>) {
        let Assumptions { batch, queue_requests, idle_polls_per_queue, event_bytes, .. } = request.prices.assumptions;
        for ((service, _), count) in &request.measured.events {
            let told = count * scales.follow;
            self.add_to(service, "eventbridge.events", told);
            self.add("eventbridge.archive", told * event_bytes / GIGABYTE);
        }
        // Lambda keeps the events of direct calls for nothing. Dead letters lie in queues that nobody polls.
        if request.delivery == Delivery::Direct {
            return;
        }
        for (consumer, service) in &request.owners.consumers {
            let delivered = request.measured.consumers.get(consumer).map_or(0.0, |runs| runs.count) * scales.follow;
            let polls = (idle_polls_per_queue - delivered / batch).max(0.0);
            self.add_to(service, "sqs.requests", delivered * (1.0 + (queue_requests - 1.0) / batch) + polls);
        }
    }

    /// What hangs on orders and requests as a whole, and what costs the same every month.
    fn fixed(&mut self, request: &Request<'_>, scales: &Scales<'_>) {
        let assumed = &request.prices.assumptions;
        let stored = scales.orders * assumed.stored_bytes_per_order / GIGABYTE;
        self.add("dynamodb.storage", stored);
        self.add("dynamodb.recovery", stored);
        self.add("ses.mails", scales.orders * assumed.mails_per_order);
        self.add("cognito.users", request.users);
        self.add("s3.storage", assumed.files_gb);
        self.add("cloudfront.requests", scales.requests * assumed.web_requests_per_request);
        self.add("cloudfront.traffic", scales.requests * assumed.web_bytes_per_request / GIGABYTE);
        self.add("cloudwatch.logs", self.invocations * assumed.log_bytes_per_invocation / GIGABYTE);
        self.add("cloudwatch.metrics", assumed.metrics);
        self.add("cloudwatch.alarms", assumed.alarms);
        self.add("cloudwatch.dashboards", assumed.dashboards);
        self.add("secrets.stored", assumed.secrets);
    }
}

#[cfg(test)]
#[path = "bill_tests.rs"]
mod tests;
