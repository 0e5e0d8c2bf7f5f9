//! The real bootstrap, started as Lambda starts it, with events of the forms that Lambda hands over.

#![allow(clippy::unwrap_used)]

mod fakes;

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use fakes::{Answered, Cloud, REFUSED, RuntimeApi};
use serde_json::{Value, json};

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct Function {
    api: RuntimeApi,
    cloud: Cloud,
    child: Option<Child>,
}

fn command(service: &str, role: &str, runtime: &RuntimeApi, cloud: &Cloud) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    command.env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).envs([
        ("SERVICE", service),
        ("ROLE", role),
        ("TABLE_PREFIX", "souk-"),
        ("EVENT_BUS", "souk"),
        ("QUEUE_PREFIX", "souk-"),
        ("METRICS", "true"),
        ("FILES_BUCKET", "souk-files"),
        ("SIGNING_KEY_PARAMETER", "souk-signing-key"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_LAMBDA_FUNCTION_NAME", "souk"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ]);
    command.env("AWS_LAMBDA_RUNTIME_API", runtime.address.to_string());
    command.env("AWS_ENDPOINT_URL", format!("http://{}", cloud.address));
    command
}

impl Function {
    fn start(service: &str, role: &str) -> Self {
        Self::start_with(service, role, &[])
    }

    fn start_with(service: &str, role: &str, variables: &[(&str, &str)]) -> Self {
        let (api, cloud) = (RuntimeApi::start(), Cloud::start());
        let child = command(service, role, &api, &cloud).envs(variables.iter().copied()).spawn().unwrap();
        let function = Self { api, cloud, child: Some(child) };
        assert!(function.api.first_asked(PATIENCE).is_some(), "it never asked for work: {}", text(&function.stop_anyhow()));
        function
    }

    fn invoke(&self, event: Value) -> Answered {
        self.api.invoke(event, PATIENCE).expect("an answer in time")
    }

    /// What the function wrote, each line as JSON.
    fn stop(mut self) -> Vec<Value> {
        let output = self.end().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a line that is no JSON: {line}"))).collect()
    }

    fn stop_anyhow(mut self) -> Output {
        self.end().unwrap()
    }

    fn end(&mut self) -> Option<Output> {
        let mut child = self.child.take()?;
        child.kill().ok()?;
        child.wait_with_output().ok()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.end();
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A request as API Gateway's HTTP API hands it over, payload 2.0.
fn gateway_request(method: &str, path: &str, headers: &Value) -> Value {
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "r3pmxmplak", "domainName": "r3pmxmplak.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "r3pmxmplak",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "205.255.255.176", "userAgent": "curl/8.5" },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("{method} {path}"), "stage": "$default",
            "time": "21/Nov/2026:05:16:23 +0000", "timeEpoch": 1_583_817_383_220_i64,
        },
        "isBase64Encoded": false,
    })
}

fn balancer_request(method: &str, path: &str) -> Value {
    json!({
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/souk/49e9d65c45c6791a" } },
        "httpMethod": method, "path": path, "queryStringParameters": {},
        "headers": { "accept": "application/json", "host": "shop.example", "x-amzn-trace-id": "Root=1-5bdb40ca-556d8b0c50dc66f0511bf520", "x-forwarded-for": "203.0.113.9, 72.12.164.125" },
        "body": "", "isBase64Encoded": false,
    })
}

fn envelope(kind_text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": "evt_00000000000000000000000001", "source": "orders", "type": "order.confirmed",
        "subject": "ord_00000000000000000000000007", "time": "2026-11-21T05:16:23.220Z", "sequence": "000000000000201",
        "causationid": "req_1", "correlationid": "req_1", "traceparent": TRACE, "actor": { "kind": "system" },
        "datacontenttype": "application/json",
        "data": {
            "order_id": "ord_00000000000000000000000007", "number": kind_text, "email": "ann@example.com",
            "total": { "amount": 4488, "currency": "EUR" }, "payment_id": "pay_00000000000000000000000005",
        },
    })
}

fn stream_record(sequence: &str, events: &[Value]) -> Value {
    let texts: Vec<_> = events.iter().map(|event| json!({ "S": event.to_string() })).collect();
    let mut image =
        json!({ "pk": { "S": "order#7" }, "sk": { "S": "order" }, "v": { "N": "2" }, "data": { "M": { "status": { "S": "confirmed" } } } });
    if !texts.is_empty() {
        image["events"] = json!({ "L": texts });
    }
    json!({
        "eventID": sequence, "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_479_499_740, "Keys": { "pk": { "S": "order#7" }, "sk": { "S": "order" } },
            "NewImage": image, "SequenceNumber": sequence, "SizeBytes": 112, "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/souk-orders/stream/2026-11-21T00:00:00.000",
    })
}

fn message(id: &str, queue: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": format!("receipt-{id}"), "body": body,
        "attributes": { "ApproximateReceiveCount": "3", "SentTimestamp": "1545082649183", "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185" },
        "messageAttributes": {}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-central-1:123456789012:{queue}"), "awsRegion": "eu-central-1",
    })
}

fn metric<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["_aws"].is_object() && line.get(name).is_some()).collect()
}

#[test]
fn requests_of_a_gateway_and_of_a_balancer() {
    let function = Function::start("cart", "api");
    let live = function.invoke(gateway_request("GET", "/health/live", &json!({}))).unwrap();
    assert_eq!(live["statusCode"], 200, "{live}");
    let unknown = "/api/v1/carts/crt_00000000000000000000000009";
    let missing =
        function.invoke(gateway_request("GET", unknown, &json!({ "traceparent": TRACE, "x-request-id": "req-of-a-test" }))).unwrap();
    assert_eq!(missing["statusCode"], 404, "{missing}");
    assert_eq!(missing["headers"]["content-type"], "application/problem+json", "{missing}");
    assert_eq!(missing["headers"]["x-request-id"], "req-of-a-test", "{missing}");
    let balanced = function.invoke(balancer_request("GET", unknown)).unwrap();
    assert_eq!(balanced["statusCode"], 404, "{balanced}");
    let reads = function.cloud.calls("DynamoDB_20120810.GetItem");
    assert!(!reads.is_empty() && reads.iter().all(|read| read.body["TableName"] == "souk-cart"), "{reads:?}");
    assert!(function.cloud.calls("secretsmanager.GetSecretValue").len() == 1, "the shop's own tokens need the key, once");
    let lines = function.stop();
    let measured = metric(&lines, "duration");
    assert_eq!(measured.len(), 3, "{lines:?}");
    assert!(measured.iter().all(|line| line["service"] == "cart" && line["role"] == "api" && line["errors"] == 0.0), "{measured:?}");
    assert!(measured[1]["read_units"].as_f64().unwrap() > 0.0, "{measured:?}");
}

#[test]
fn queues_are_looked_after_by_a_function_without_a_table() {
    let function = Function::start_with("operations", "api", &[("DELIVERY", "direct")]);
    assert_eq!(function.invoke(gateway_request("GET", "/health/ready", &json!({}))).unwrap()["statusCode"], 200);
    let reads = function.cloud.calls("DynamoDB_20120810.GetItem");
    assert!(!reads.is_empty() && reads.iter().all(|read| read.body["TableName"] == "souk-identity"), "{reads:?}");
    for (method, path) in [("GET", "/api/v1/admin/queues"), ("POST", "/api/v1/admin/queues/cart/dead-letters/redrive")] {
        let refused = function.invoke(gateway_request(method, path, &json!({}))).unwrap();
        assert_eq!(refused["statusCode"], 401, "{refused}");
    }
    assert!(function.cloud.calls("AmazonSQS.GetQueueUrl").is_empty(), "guests cause no call");
}

#[test]
fn the_stream_comes_again_from_the_first_event_that_was_not_published() {
    let function = Function::start("orders", "relay");
    let good = json!({ "Records": [stream_record("100", &[envelope("S-1")]), stream_record("200", &[]), stream_record("300", &[envelope("S-2"), envelope("S-3")])] });
    assert_eq!(function.invoke(good).unwrap(), json!({ "batchItemFailures": [] }));
    let puts = function.cloud.calls("AWSEvents.PutEvents");
    let entries = puts[0].body["Entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(
        (&entries[0]["Source"], &entries[0]["DetailType"], &entries[0]["EventBusName"]),
        (&json!("souk.orders"), &json!("order.confirmed"), &json!("souk"))
    );
    assert_eq!(entries[0]["TraceHeader"], "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
    let bad = json!({ "Records": [stream_record("400", &[envelope("S-4")]), stream_record("500", &[envelope(REFUSED)]), stream_record("600", &[envelope("S-6")])] });
    assert_eq!(function.invoke(bad).unwrap(), json!({ "batchItemFailures": [{ "itemIdentifier": "500" }] }));
    let lines = function.stop();
    let sales = metric(&lines, "order_value");
    assert_eq!(sales.len(), 2, "{lines:?}");
    assert_eq!((&sales[0]["order_value"], &sales[0]["currency"]), (&json!(134.64), &json!("EUR")));
    assert_eq!(sales[1]["order_value"], 44.88, "what comes again is counted then");
}

#[test]
fn a_bad_message_fails_alone() {
    let function = Function::start("payments", "events");
    let unwanted =
        json!({ "version": "0", "id": "1", "detail-type": "order.confirmed", "source": "souk.orders", "detail": envelope("S-1") });
    let batch = json!({ "Records": [
        message("m1", "souk-payments", &unwanted.to_string()),
        message("m2", "souk-payments", "no event"),
        message("m3", "souk-nobody", &unwanted.to_string()),
    ] });
    let last = json!({ "Records": [message("m4", "souk-payments", "no event")] }).to_string().replace("\"3\"", "\"5\"");
    let answer = function.invoke(batch).unwrap();
    let failed: Vec<_> =
        answer["batchItemFailures"].as_array().unwrap().iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect();
    assert!(failed.contains(&"m2") && failed.contains(&"m3"), "{answer}");
    let rests = function.cloud.calls("AmazonSQS.ChangeMessageVisibilityBatch");
    assert!(rests.iter().any(|rest| rest.body.to_string().contains("receipt-m2")), "{rests:?}");
    function.invoke(serde_json::from_str(&last).unwrap()).unwrap();
    let lines = function.stop();
    let measured = metric(&lines, "deliveries");
    assert_eq!(measured.iter().map(|line| line["deliveries"].as_f64().unwrap()).sum::<f64>(), 4.0, "{measured:?}");
    let alarming: Vec<_> = metric(&lines, "late").into_iter().map(|line| (&line["late"], &line["given_up"])).collect();
    assert_eq!(alarming, [(&json!(3.0), &Value::Null), (&json!(1.0), &json!(1.0))], "all have waited for years, and one had its last try");
}

#[test]
fn a_call_of_the_bus_fails_if_its_event_does() {
    let function = Function::start_with("orders", "events", &[("CONSUMER", "orders"), ("METRICS", "false")]);
    let event = |kind: &str, detail: &Value| {
        json!({
            "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": kind, "source": "souk.payments",
            "account": "123456789012", "time": "2026-11-21T05:16:23Z", "region": "eu-central-1", "resources": [], "detail": detail,
        })
    };
    let mut unknown = envelope("S-1");
    unknown["type"] = json!("order.enchanted");
    for detail in [unknown, json!({ "one": 1 })] {
        let failed = function.invoke(event("payment.captured", &detail)).unwrap_err();
        assert!(failed["errorMessage"].is_string() && failed["errorType"].is_string(), "{failed}");
    }
    // The order is not there: it may be a moment later, and so it is tried again.
    let mut early = envelope("S-1");
    early["source"] = json!("payments");
    early["type"] = json!("payment.captured");
    early["data"] = json!({
        "order_id": "ord_00000000000000000000000007", "payment_id": "pay_00000000000000000000000005", "amount": { "amount": 4488, "currency": "EUR" }, "stock_held": true,
    });
    let early = function.invoke(event("payment.captured", &early)).unwrap_err();
    assert!(early["errorMessage"].as_str().unwrap().starts_with("not-found: "), "{early}");
    let lines = function.stop();
    let tries: Vec<_> = lines.iter().filter(|line| line["consumer"] == "orders" && line["deliveries"].is_number()).collect();
    let tries: Vec<_> = tries.iter().map(|line| (line["deliveries"].as_f64().unwrap(), line["failures"].as_f64().unwrap())).collect();
    assert_eq!(tries, [(1.0, 1.0), (1.0, 1.0), (3.0, 3.0)], "what is no event will not become one");
    assert!(metric(&lines, "deliveries").is_empty(), "numbers are in the log, and no metrics");
}

#[test]
fn a_timer_names_the_schedule() {
    let function = Function::start("orders", "tick");
    assert_eq!(function.invoke(json!({ "schedule": "orders.expire" })), Ok(Value::Null));
    assert!(!function.cloud.calls("DynamoDB_20120810.Query").is_empty(), "it looked for what is due");
    let failed = function.invoke(json!({ "schedule": "orders.unknown" })).unwrap_err();
    assert!(failed.to_string().contains("orders.unknown"), "{failed}");
}

#[test]
fn what_is_wrong_with_the_environment_is_said_in_one_line() {
    let (api, cloud) = (RuntimeApi::start(), Cloud::start());
    /// Service, role, what is set besides, and the sentence.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 8] = [
        ("cart", "worker", &[], "bootstrap: ROLE is worker; it must be api, events, relay or tick"),
        ("shoes", "api", &[], "bootstrap: there is no service shoes;"),
        ("catalog", "api", &[("FILES_BUCKET", "")], "bootstrap: FILES_BUCKET is not set"),
        ("orders", "relay", &[("EVENT_BUS", "")], "bootstrap: EVENT_BUS is not set"),
        ("orders", "events", &[("CONSUMER", "cart")], "bootstrap: CONSUMER is cart, whom the service does not have"),
        ("operations", "api", &[], "bootstrap: DELIVERY is not set"),
        ("directory", "api", &[("BORDERS_FILE", "/nowhere/time-zones.tzb")], "bootstrap: /nowhere/time-zones.tzb: No such file"),
        ("cart", "api", &[("SIGNING_KEY_PARAMETER", "")], "bootstrap: SIGNING_KEY_PARAMETER is not set"),
    ];
    for (service, role, variables, sentence) in cases {
        let output = command(service, role, &api, &cloud).envs(variables.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with(sentence) && said.trim_end().lines().count() == 1, "{said}");
        assert_eq!(output.status.code(), Some(2), "{said}");
    }
}
