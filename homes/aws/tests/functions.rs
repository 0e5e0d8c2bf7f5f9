//! Functions over stores in memory: what a request and a message change, and what they tell.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../../apps/lambda/tests/fakes/mod.rs"]
mod fakes;

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use contracts::Envelope;
use fakes::Cloud;
use home_aws::{ApiFunction, EventsFunction, Invocations, Tick, TickFunction};
use memory::MemoryStores;
use ports::store::{Store, TableSchema};
use ports::{Blobs, Clock, Mailer, PaymentGateway, SystemClock, SystemEntropy};
use serde_json::{Value, json};
use shell::{Api, ApiConfig, Authenticator, Passwords, Runtime, Signer, SigningKey};
use test_gateway::TestGateway;
use wiring::{Config, ConfigError, Platform, TimeZoneSource};

const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const TRACE: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";

/// A home that keeps everything in memory.
struct Shelf {
    runtime: Arc<Runtime>,
    stores: MemoryStores,
}

impl Shelf {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self { stores: MemoryStores::new(clock.clone()), runtime: Runtime::new(clock, Arc::new(SystemEntropy)) }
    }

    fn invocations(&self, service: &str, role: &'static str) -> Invocations {
        Invocations::new(self.runtime.clone(), service, role, true)
    }

    fn api(&self, service: &str) -> ApiFunction {
        let mut service_value = wiring::service(&Config::default(), self, service).unwrap();
        let config = ApiConfig {
            runtime: self.runtime.clone(),
            authenticator: wiring::authenticator(self).unwrap(),
            limits: Config::default().limits,
            ready: Arc::new(|| Box::pin(async { Ok(()) })),
        };
        let api = Api::new(config, std::slice::from_mut(&mut service_value)).unwrap();
        ApiFunction::new(api.router(), self.invocations(service, "api"))
    }

    fn events(&self, service: &str, cloud: &Cloud) -> EventsFunction {
        let clients = Arc::new(aws::Clients::at(&format!("http://{}", cloud.address)));
        let queues = aws::Queues::new(clients, "souk-", Arc::new(SystemEntropy));
        let built = wiring::service(&Config::default(), self, service).unwrap();
        EventsFunction::new(self.runtime.clone(), built, queues, self.invocations(service, "events"))
    }

    /// Everything that was told so far.
    async fn told(&self) -> Vec<Envelope> {
        let kinds: Vec<&str> = contracts::Event::TYPES.iter().map(|(kind, _)| *kind).collect();
        let page = self.stores.log().read(0, &kinds, 1000).await.unwrap();
        page.events.into_iter().map(|logged| (*logged.envelope.unwrap()).clone()).collect()
    }
}

impl Platform for Shelf {
    fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    fn store(&self, schema: TableSchema) -> Arc<dyn Store> {
        self.stores.table(schema)
    }

    fn files(&self) -> Result<Arc<dyn Blobs>, ConfigError> {
        Ok(Arc::new(memory::MemoryBlobs::default()))
    }

    fn signer(&self) -> Result<Arc<Signer>, ConfigError> {
        Ok(Arc::new(Signer::new("http://127.0.0.1:8080", &SigningKey([7; 32])).unwrap()))
    }

    fn passwords(&self) -> Arc<Passwords> {
        Arc::new(Passwords::default())
    }

    fn gateway(&self) -> Result<Arc<dyn PaymentGateway>, ConfigError> {
        let table = self.stores.table(test_gateway::TABLE);
        Ok(Arc::new(TestGateway::new(table, self.runtime.clock.clone(), test_gateway::Options::default())))
    }

    fn mailer(&self) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
        Ok(None)
    }

    fn time_zones(&self) -> Result<TimeZoneSource, ConfigError> {
        Ok(Box::new(|| Err("none of these functions asks for them".into())))
    }
}

fn registration(email: &str) -> lambda_http::Request {
    let event = json!({
        "version": "2.0", "routeKey": "POST /api/v1/auth/register", "rawPath": "/api/v1/auth/register", "rawQueryString": "",
        "headers": { "content-type": "application/json", "x-amzn-trace-id": XRAY },
        "requestContext": {
            "accountId": "123456789012", "apiId": "r3pmxmplak", "domainName": "localhost", "domainPrefix": "r3pmxmplak",
            "http": { "method": "POST", "path": "/api/v1/auth/register", "protocol": "HTTP/1.1", "sourceIp": "205.255.255.176", "userAgent": "curl/8.5" },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "POST /api/v1/auth/register", "stage": "$default",
            "time": "21/Nov/2026:05:16:23 +0000", "timeEpoch": 1_583_817_383_220_i64,
        },
        "body": json!({ "email": email, "password": "correct horse battery", "name": "Ann" }).to_string(),
        "isBase64Encoded": false,
    });
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

fn batch(queue: &str, bodies: &[String]) -> SqsEvent {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(place, body)| {
            json!({
                "messageId": format!("m{place}"), "receiptHandle": format!("r{place}"), "body": body,
                "attributes": { "ApproximateReceiveCount": "2" }, "messageAttributes": {}, "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:eu-central-1:123456789012:{queue}"), "awsRegion": "eu-central-1",
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

/// As EventBridge hands an event to a queue.
fn on_the_bus(envelope: &Envelope) -> String {
    json!({ "version": "0", "id": "1", "detail-type": envelope.event.kind(), "source": "souk.identity", "detail": envelope }).to_string()
}

#[tokio::test]
async fn a_request_and_its_event_are_one_trace() {
    let (shelf, cloud) = (Shelf::new(), Cloud::start());
    let answer = shelf.api("identity").answer(registration("ann@example.com")).await;
    assert_eq!(answer.status(), 202);
    let told = shelf.told().await;
    let registered = told.iter().find(|envelope| envelope.event.kind() == "user.verification_requested").expect("a registration");
    assert_eq!(registered.traceparent, TRACE.parse().ok(), "X-Ray's trace goes on in the events");

    let events = shelf.events("notifications", &cloud);
    let body = on_the_bus(registered);
    for time in ["first", "second"] {
        let response = events.deliver_all(&batch("souk-notifications", std::slice::from_ref(&body))).await;
        assert!(response.batch_item_failures.is_empty(), "{time}: {response:?}");
    }
    let mails: Vec<_> = shelf.told().await.into_iter().filter(|envelope| envelope.event.kind() == "mail.queued").collect();
    assert!(mails.len() <= 1 && mails.iter().all(|mail| mail.traceparent == TRACE.parse().ok()), "{mails:?}");
}

#[tokio::test]
async fn bad_messages_fail_alone_and_rest() {
    let (shelf, cloud) = (Shelf::new(), Cloud::start());
    shelf.api("identity").answer(registration("ann@example.com")).await;
    let good = on_the_bus(&shelf.told().await[0]);
    let unknown = good.replace("user.verification_requested", "user.enchanted");
    let events = shelf.events("notifications", &cloud);
    let response = events.deliver_all(&batch("souk-notifications", &["{}".into(), good.clone(), unknown])).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(failed, ["m0", "m2"]);
    let rests = cloud.calls("AmazonSQS.ChangeMessageVisibilityBatch");
    let entries = rests[0].body["Entries"].as_array().unwrap();
    assert_eq!(entries.iter().map(|entry| entry["ReceiptHandle"].as_str().unwrap()).collect::<Vec<_>>(), ["r0", "r2"]);
    let stray = events.deliver_all(&batch("souk-nobody", &[good])).await;
    assert_eq!(stray.batch_item_failures.len(), 1, "nobody's queue");
}

#[tokio::test]
async fn an_event_of_the_bus_is_for_one_consumer() {
    let (shelf, cloud) = (Shelf::new(), Cloud::start());
    shelf.api("identity").answer(registration("ann@example.com")).await;
    let event: Value = serde_json::from_str(&on_the_bus(&shelf.told().await[0])).unwrap();
    let events = shelf.events("notifications", &cloud).called_for("notifications").unwrap();
    for time in ["first", "second"] {
        assert_eq!(events.answer(event.clone()).await.unwrap(), Value::Null, "{time}");
    }
    let mails: Vec<_> = shelf.told().await.into_iter().filter(|envelope| envelope.event.kind() == "mail.queued").collect();
    assert!(mails.len() <= 1, "{mails:?}");
    // An event that was redriven has another source and type, and says the same.
    let mut again = event.clone();
    (again["source"], again["detail-type"]) = (json!("redrive"), json!("notifications"));
    events.answer(again).await.unwrap();

    let mut unknown = event.clone();
    unknown["detail"]["type"] = json!("user.enchanted");
    for bad in [json!({}), json!([]), json!("text"), unknown] {
        let problem = events.answer(bad.clone()).await.unwrap_err();
        assert_eq!(problem.code, kernel::Code::Internal, "{bad}: a call that fails is made again, and ends among the dead letters");
    }
    assert!(shelf.events("notifications", &cloud).called_for("cart").is_none(), "a consumer of another service");
    assert!(shelf.events("notifications", &cloud).answer(event).await.is_err(), "for nobody");
    let batch = json!({ "Records": [{ "messageId": "m0", "receiptHandle": "r0", "body": "{}", "attributes": {}, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:souk-notifications", "awsRegion": "eu-central-1" }] });
    let answered = shelf.events("notifications", &cloud).answer(batch).await.unwrap();
    assert_eq!(answered["batchItemFailures"], json!([{ "itemIdentifier": "m0" }]), "a batch answers for each message");
    assert!(cloud.calls("AmazonSQS.ChangeMessageVisibilityBatch").len() == 1, "only messages rest");
}

#[tokio::test]
async fn a_tick_runs_the_schedule_that_it_names() {
    let shelf = Shelf::new();
    let service = wiring::service(&Config::default(), &shelf, "orders").unwrap();
    let function = TickFunction::new(shelf.runtime.clone(), service, shelf.invocations("orders", "tick"));
    function.run(&Tick { schedule: "orders.expire".into() }).await.unwrap();
    let problem = function.run(&Tick { schedule: "payments.settle".into() }).await.unwrap_err();
    assert!(problem.detail.contains("payments.settle"), "{problem}");
}

/// The gateway verifies tokens for these; the function does not rely on it.
#[tokio::test]
async fn a_closed_operation_stays_closed() {
    let shelf = Shelf::new();
    let authenticator: Arc<dyn Authenticator> = wiring::authenticator(&shelf).unwrap();
    assert!(authenticator.authenticate("nonsense").await.is_err());
    let mut request = registration("ann@example.com");
    *request.uri_mut() = "/api/v1/me".parse().unwrap();
    *request.method_mut() = http::Method::GET;
    assert_eq!(shelf.api("identity").answer(request).await.status(), 401);
}
