//! What the services answer when they are not well, from a small endpoint that answers as told.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use aws::{Bus, Clients, PoolKeys, SesMailer};
use ports::{FixedEntropy, Mail, MailError, Mailer, PublicKeys};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Answers = fn(usize, &Value) -> (u16, &'static str, Value);

/// Answers the n-th request as the script says.
struct Endpoint {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Endpoint {
    async fn start(script: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script, shared.clone()));
            }
        });
        Self { url, seen }
    }

    fn clients(&self) -> Arc<Clients> {
        Arc::new(Clients::at(&self.url))
    }

    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, script: Answers, seen: Arc<Mutex<Vec<Value>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let request: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (status, kind, answer) = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            script(seen.len() - 1, &request)
        };
        let body = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nx-amzn-errortype: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
    }
}

fn envelopes(count: usize) -> Vec<String> {
    let envelope = |n| json!({"id": n, "source": "orders", "type": "order.placed", "data": {}}).to_string();
    (0..count).map(envelope).collect()
}

fn bus(endpoint: &Endpoint) -> Bus {
    Bus::new(endpoint.clients(), "bus", Arc::new(FixedEntropy::new(1)))
}

fn entries(request: &Value) -> &Vec<Value> {
    request["Entries"].as_array().unwrap()
}

fn taken(request: &Value, take: impl Fn(usize) -> bool) -> Value {
    let refused = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "later"});
    let answer = |(place, _)| if take(place) { json!({"EventId": "1"}) } else { refused.clone() };
    let answers: Vec<Value> = entries(request).iter().enumerate().map(answer).collect();
    json!({"FailedEntryCount": answers.iter().filter(|answer| answer["ErrorCode"].is_string()).count(), "Entries": answers})
}

#[tokio::test]
async fn only_what_was_refused_is_offered_again() {
    // Of the first batch every second event is refused once.
    let endpoint = Endpoint::start(|n, request| (200, "", taken(request, |place| n > 0 || place % 2 == 0))).await;
    assert_eq!(bus(&endpoint).publish(&envelopes(12)).await, []);
    let ids = |request: &Value| -> Vec<u64> {
        let id = |entry: &Value| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap()["id"].as_u64().unwrap();
        entries(request).iter().map(id).collect()
    };
    let seen: Vec<_> = endpoint.seen().iter().map(ids).collect();
    assert_eq!(seen, [(0..10).collect::<Vec<_>>(), vec![10, 11], vec![1, 3, 5, 7, 9]]);
}

#[tokio::test]
async fn what_stays_refused_is_told_with_its_place_after_a_bounded_number_of_tries() {
    let endpoint = Endpoint::start(|_, request| {
        let keeps = |entry: &Value| !entry["Detail"].as_str().unwrap().contains("\"id\":2");
        let all: Vec<bool> = entries(request).iter().map(keeps).collect();
        (200, "", taken(request, |place| all[place]))
    })
    .await;
    let unpublished = bus(&endpoint).publish(&envelopes(4)).await;
    assert_eq!(unpublished.len(), 1);
    assert_eq!((unpublished[0].place, unpublished[0].retry), (2, true));
    assert!(unpublished[0].reason.contains("ThrottlingException"), "{unpublished:?}");
    assert_eq!(endpoint.seen().len(), 5);
}

#[tokio::test]
async fn a_bus_that_is_not_there_keeps_nothing() {
    let endpoint = Endpoint::start(|_, _| (400, "AccessDeniedException", json!({"message": "no"}))).await;
    let unpublished = bus(&endpoint).publish(&envelopes(2)).await;
    assert_eq!(unpublished.iter().map(|one| (one.place, one.retry)).collect::<Vec<_>>(), [(0, true), (1, true)]);
    let large = vec![json!({"source": "orders", "type": "order.placed", "data": "x".repeat(256 * 1024)}).to_string()];
    let unpublished = bus(&endpoint).publish(&large).await;
    assert_eq!((unpublished[0].place, unpublished[0].retry), (0, false), "it will never fit");
}

#[tokio::test]
async fn mails_are_refused_for_good_only_if_it_is_the_mail() {
    let mail = Mail {
        id: "msg_1".into(),
        from: "shop@example.com".into(),
        to: "ann@example.org".parse().unwrap(),
        subject: "Hello".into(),
        text: "Hello".into(),
        html: "<p>Hello</p>".into(),
    };
    let cases: [(Answers, bool); 6] = [
        (|_, _| (400, "MessageRejected", json!({"message": "virus"})), true),
        (|_, _| (400, "BadRequestException", json!({"message": "no address"})), true),
        (|_, _| (400, "SendingPausedException", json!({"message": "paused"})), false),
        (|_, _| (400, "MailFromDomainNotVerifiedException", json!({"message": "verify"})), false),
        (|_, _| (403, "AccessDeniedException", json!({"message": "no"})), false),
        (|_, _| (500, "InternalFailure", json!({"message": "oh"})), false),
    ];
    for (script, permanent) in cases {
        let endpoint = Endpoint::start(script).await;
        let error = SesMailer::new(endpoint.clients()).send(&mail).await.unwrap_err();
        assert_eq!(matches!(error, MailError::Permanent(_)), permanent, "{error}");
    }
    // A busy moment is waited out.
    let endpoint = Endpoint::start(|n, _| match n {
        0 => (429, "TooManyRequestsException", json!({"message": "slower"})),
        _ => (200, "", json!({"MessageId": "1"})),
    })
    .await;
    SesMailer::new(endpoint.clients()).send(&mail).await.unwrap();
    let sent = &endpoint.seen()[1];
    let headers = sent["Content"]["Simple"]["Headers"].as_array().unwrap();
    assert!(headers.contains(&json!({"Name": "X-Souk-Mail-Id", "Value": "msg_1"})), "{sent}");
    assert_eq!(sent["EmailTags"], json!([{"Name": "souk-mail", "Value": "msg_1"}]));
}

#[tokio::test]
async fn keys_are_had_or_it_is_said_why_not() {
    let endpoint = Endpoint::start(|n, _| (if n == 0 { 200 } else { 503 }, "", json!({"keys": []}))).await;
    let keys = PoolKeys::new(&endpoint.clients(), "eu-central-1_pool");
    assert_eq!(keys.fetch().await.unwrap(), r#"{"keys":[]}"#);
    assert!(keys.fetch().await.unwrap_err().contains("status 503"));
}
