//! What surrounds a function, as far as a bootstrap can tell: Lambda's Runtime API, and a cloud that has
//! empty tables and takes everything. The standard library is all it needs, so that the benchmark can
//! have it too.

use std::collections::VecDeque;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// A request, as much as the fakes look at.
pub struct Request {
    pub method: String,
    pub path: String,
    /// The operation of an AWS call: `DynamoDB_20120810.GetItem`.
    pub target: String,
    pub body: String,
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Response {
    pub fn json(body: &Value) -> Self {
        Self { status: 200, headers: vec![("content-type", "application/x-amz-json-1.0".into())], body: body.to_string() }
    }
}

/// Answers on a free port of this machine until the process ends; a thread per connection.
pub fn serve(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(&stream, &*answer));
        }
    });
    address
}

fn converse(stream: &TcpStream, answer: &dyn Fn(&Request) -> Response) {
    stream.set_nodelay(true).expect("a TCP connection");
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let Response { status, headers, body } = answer(&request);
        let mut text = format!("HTTP/1.1 {status} Fine\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if (&*stream).write_all(format!("{text}\r\n{body}").as_bytes()).is_err() {
            return;
        }
    }
}

/// `None` when the other side has closed the connection.
fn read(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut chunked, mut target) = (0, false, String::new());
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "transfer-encoding" => chunked = value.contains("chunked"),
            "x-amz-target" => value.trim().clone_into(&mut target),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let size = usize::from_str_radix(line(reader)?.trim(), 16).ok()?;
            take(reader, size, &mut body)?;
            line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else {
        take(reader, length, &mut body)?;
    }
    Some(Request { method, path, target, body: String::from_utf8_lossy(&body).into_owned() })
}

fn line(reader: &mut impl std::io::BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

fn take(reader: &mut impl std::io::BufRead, length: usize, body: &mut Vec<u8>) -> Option<()> {
    let read = reader.take(u64::try_from(length).ok()?).read_to_end(body).ok()?;
    (read == length).then_some(())
}

/// What a function answered: JSON, or the error it reported.
pub type Answered = Result<Value, Value>;

/// Hands out invocations and takes the answers.
pub struct RuntimeApi {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    answers: Mutex<Receiver<Answered>>,
}

struct Shared {
    events: Mutex<VecDeque<Value>>,
    wake: Condvar,
    /// When the function asked for its first event.
    asked_at: Mutex<Option<Instant>>,
    answers: Mutex<Sender<Answered>>,
}

impl RuntimeApi {
    pub fn start() -> Self {
        let (sender, answers) = channel();
        let shared =
            Arc::new(Shared { events: Mutex::default(), wake: Condvar::new(), asked_at: Mutex::default(), answers: Mutex::new(sender) });
        let own = shared.clone();
        let address = serve(move |request| own.answer(request));
        Self { address, shared, answers: Mutex::new(answers) }
    }

    /// The function's answer to an event; `None` if there is none in time.
    pub fn invoke(&self, event: Value, patience: Duration) -> Option<Answered> {
        self.shared.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
        self.shared.wake.notify_all();
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience).ok()
    }

    /// When the function first asked for work, which is when it has started.
    pub fn first_asked(&self, patience: Duration) -> Option<Instant> {
        let asked = self.shared.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.wake.wait_timeout_while(asked, patience, |asked| asked.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Shared {
    fn answer(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.path.rsplit('/').next()) {
            ("GET", Some("next")) => self.next(),
            ("POST", Some(end @ ("response" | "error"))) => {
                let body = serde_json::from_str(&request.body).unwrap_or_else(|_| Value::String(request.body.clone()));
                let answered = if end == "response" { Ok(body) } else { Err(body) };
                // Nobody listens any more once the test is over.
                let _ = self.answers.lock().unwrap_or_else(PoisonError::into_inner).send(answered);
                Response { status: 202, headers: Vec::new(), body: "{}".into() }
            }
            _ => Response { status: 404, headers: Vec::new(), body: "{}".into() },
        }
    }

    /// Waits for an event, as the Runtime API does.
    fn next(&self) -> Response {
        let now = Instant::now();
        self.asked_at.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(now);
        self.wake.notify_all();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = loop {
            match events.pop_front() {
                Some(event) => break event,
                None => events = self.wake.wait(events).unwrap_or_else(PoisonError::into_inner),
            }
        };
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + Duration::from_secs(30);
        let headers = vec![
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:souk".to_owned()),
            ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        Response { status: 200, headers, body: event.to_string() }
    }
}

/// A call that the cloud has seen.
#[derive(Debug, Clone)]
pub struct CloudCall {
    pub target: String,
    pub body: Value,
}

/// Tables that are empty, a bus, queues and a secret.
pub struct Cloud {
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<CloudCall>>>,
}

/// The bus refuses an event whose text holds this.
pub const REFUSED: &str = "refuse-me";

impl Cloud {
    pub fn start() -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = calls.clone();
        let address = serve(move |request| {
            let body = serde_json::from_str(&request.body).unwrap_or_default();
            let answer = cloud_answer(&request.target, &body);
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(CloudCall { target: request.target.clone(), body });
            Response::json(&answer)
        });
        Self { address, calls }
    }

    /// The calls of one operation so far.
    pub fn calls(&self, target: &str) -> Vec<CloudCall> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.target == target).cloned().collect()
    }
}

fn cloud_answer(target: &str, body: &Value) -> Value {
    let capacity = json!({ "TableName": body["TableName"], "CapacityUnits": 0.5, "ReadCapacityUnits": 0.5 });
    match target {
        "DynamoDB_20120810.GetItem" => json!({ "ConsumedCapacity": capacity }),
        "DynamoDB_20120810.Query" => json!({ "Items": [], "Count": 0, "ScannedCount": 0, "ConsumedCapacity": capacity }),
        "AWSEvents.PutEvents" => {
            let entries = body["Entries"].as_array().cloned().unwrap_or_default();
            let refused = |entry: &Value| entry["Detail"].as_str().unwrap_or_default().contains(REFUSED);
            let count = entries.iter().filter(|entry| refused(entry)).count();
            let results = entries.iter().enumerate().map(|(place, entry)| match refused(entry) {
                true => json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "not now" }),
                false => json!({ "EventId": format!("00000000-0000-0000-0000-{place:012}") }),
            });
            json!({ "FailedEntryCount": count, "Entries": results.collect::<Vec<_>>() })
        }
        "AmazonSQS.GetQueueUrl" => {
            json!({ "QueueUrl": format!("http://127.0.0.1/123456789012/{}", body["QueueName"].as_str().unwrap_or_default()) })
        }
        "AmazonSQS.ChangeMessageVisibilityBatch" => json!({ "Successful": [], "Failed": [] }),
        "secretsmanager.GetSecretValue" => json!({ "Name": body["SecretId"], "SecretString": "5a".repeat(32) }),
        _ => json!({}),
    }
}
