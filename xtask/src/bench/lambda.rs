//! `bench lambda`: how large the bootstrap is, how long it takes from its start to its first call for
//! work, and what memory it has, against a Runtime API and a cloud that answer at once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fakes::{Cloud, RuntimeApi};
use crate::{Outcome, lambda, table};

const STARTS: usize = 50;
const INVOCATIONS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(30);

struct Case {
    service: &'static str,
    role: &'static str,
    event: fn() -> Value,
}

const CASES: [Case; 4] = [
    Case { service: "cart", role: "api", event: request },
    Case { service: "orders", role: "events", event: messages },
    Case { service: "orders", role: "relay", event: records },
    Case { service: "orders", role: "tick", event: || json!({ "schedule": "orders.expire" }) },
];

struct Function {
    child: Child,
    runtime: RuntimeApi,
    /// From exec to the first call for work.
    started_in: Duration,
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run(root: &Path) -> Outcome {
    let bootstrap = lambda::build_here(root)?;
    let size = lambda::size_mib(&bootstrap)?;
    let time_zones = lambda::size_mib(&lambda::time_zones(root)?)?;
    println!("bootstrap: {size:.1} MiB stripped; aim: at most {:.0} MiB", lambda::SIZE_AIM_MIB);
    println!("with the time_zones of time zones beside it: {:.1} MiB", size + time_zones);
    let cloud = Cloud::start();
    let mut rows = Vec::new();
    for case in &CASES {
        let mut starts = (0..STARTS).map(|_| Ok(start(&bootstrap, case, &cloud)?.started_in)).collect::<Outcome<Vec<_>>>()?;
        starts.sort();
        let function = start(&bootstrap, case, &cloud)?;
        let idle = resident_mib(function.child.id())?;
        let begun = Instant::now();
        for _ in 0..INVOCATIONS {
            let answered = function.runtime.invoke((case.event)(), PATIENCE).ok_or("an invocation got no answer")?;
            answered.map_err(|error| format!("{} {} failed: {error}", case.service, case.role))?;
        }
        let each = begun.elapsed() / u32::try_from(INVOCATIONS).unwrap_or(1);
        let after = resident_mib(function.child.id())?;
        let millis = |span: Duration| format!("{:.1}", span.as_secs_f64() * 1000.0);
        rows.push(vec![
            format!("{} {}", case.service, case.role),
            millis(starts[STARTS / 2]),
            millis(starts[STARTS - 1]),
            format!("{idle:.1}"),
            format!("{after:.1}"),
            millis(each),
        ]);
    }
    let head = ["function", "to first call, ms", "longest, ms", "memory, MiB", "after 100, MiB", "invocation, ms"];
    print!("{}", table::render(&head, &rows));
    println!("aims: 15 ms to the first call (median of {STARTS}), 20 MiB");
    Ok(())
}

fn start(bootstrap: &Path, case: &Case, cloud: &Cloud) -> Outcome<Function> {
    let runtime = RuntimeApi::start();
    let mut command = Command::new(bootstrap);
    command.env_clear().stdout(Stdio::null()).stderr(Stdio::null()).envs([
        ("SERVICE", case.service),
        ("ROLE", case.role),
        ("TABLE_PREFIX", "souk-"),
        ("EVENT_BUS", "souk"),
        ("QUEUE_PREFIX", "souk-"),
        ("USER_POOL_ID", "eu-central-1_bench"),
        ("USER_POOL_CLIENT_ID", "bench"),
        ("SOUK_LOG", "warn"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ]);
    command.env("AWS_LAMBDA_RUNTIME_API", runtime.address.to_string()).env("AWS_ENDPOINT_URL", format!("http://{}", cloud.address));
    let begun = Instant::now();
    let child = command.spawn().map_err(|error| format!("{}: {error}", bootstrap.display()))?;
    let asked = runtime.first_asked(PATIENCE);
    let started_in = asked.map_or(Duration::ZERO, |asked| asked - begun);
    let function = Function { child, runtime, started_in };
    if asked.is_some() { Ok(function) } else { Err(format!("{} {} never asked for work", case.service, case.role)) }
}

fn resident_mib(pid: u32) -> Outcome<f64> {
    let kib = super::resident_kib(pid).ok_or("cannot read the function's memory from /proc")?;
    Ok(f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0)
}

fn request() -> Value {
    let path = "/api/v1/carts/crt_00000000000000000000000009";
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": { "accept": "application/json" },
        "requestContext": {
            "accountId": "1", "apiId": "1", "domainName": "localhost", "domainPrefix": "1", "requestId": "1", "routeKey": "$default", "stage": "$default",
            "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "bench" },
            "time": "21/Nov/2026:05:16:23 +0000", "timeEpoch": 1_583_817_383_220_i64,
        },
        "isBase64Encoded": false,
    })
}

fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "evt_00000000000000000000000001", "source": "inventory", "type": "stock.reserved",
        "subject": "ord_00000000000000000000000007", "time": "2026-11-21T05:16:23.220Z", "sequence": "000000000000201",
        "causationid": "req_1", "correlationid": "req_1", "actor": { "kind": "system" }, "datacontenttype": "application/json",
        "data": {
            "order_id": "ord_00000000000000000000000007", "number": "S-0000-0007", "email": "ann@example.com",
            "total": { "amount": 3390, "currency": "EUR" },
        },
    })
}

fn messages() -> Value {
    let body = json!({ "version": "0", "id": "1", "detail-type": "stock.reserved", "source": "souk.inventory", "detail": event() });
    json!({ "Records": [{
        "messageId": "1", "receiptHandle": "1", "body": body.to_string(), "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:1:souk-orders", "awsRegion": "eu-central-1",
    }] })
}

fn records() -> Value {
    let image = json!({ "pk": { "S": "order#7" }, "sk": { "S": "order" }, "events": { "L": [{ "S": event().to_string() }] } });
    json!({ "Records": [{ "eventID": "1", "eventName": "MODIFY", "dynamodb": { "NewImage": image, "SequenceNumber": "1" } }] })
}
