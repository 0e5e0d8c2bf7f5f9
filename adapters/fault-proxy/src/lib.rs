//! A proxy before DynamoDB that lets a share of the calls fail the way the real one may fail: with
//! conflicts, throttling, errors before and after the work, answers that are lost, and batches of which a
//! part is left. It never makes up a refusal that has a meaning, such as a failed condition.
//!
//! `GET /faults` tells how many calls there were and how many faults of each kind.

mod fault;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ports::{Entropy, FixedEntropy};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use fault::{Fault, kinds};
use fault::{conflict, error, halved, with_rest};

type Answer = Response<Bytes>;

/// Says for every call, by the name of its operation, whether and how it fails.
pub type Plan = Box<dyn Fn(&str) -> Option<Fault> + Send + Sync>;

/// A share of the calls fails, from 0 to 1. The same seed and the same calls in the same order meet the
/// same faults.
pub fn by_chance(seed: u64, rate: f64) -> Plan {
    let chance = FixedEntropy::new(seed);
    let number = move || {
        let mut bytes = [0; 4];
        chance.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    };
    Box::new(move |operation| {
        let kinds = kinds(operation);
        let fails = !kinds.is_empty() && f64::from(number()) < rate * f64::from(u32::MAX);
        fails.then(|| kinds[number() as usize % kinds.len()])
    })
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost on purpose")
    }
}

impl std::error::Error for Lost {}

struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: Authority,
    plan: Plan,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    calls: u64,
    faults: BTreeMap<&'static str, u64>,
}

/// Serves for as long as it is polled.
pub async fn serve(listener: TcpListener, upstream: &str, plan: Plan) -> Result<Infallible, Box<dyn std::error::Error + Send + Sync>> {
    let upstream = upstream.parse::<Uri>()?.authority().cloned().ok_or("the upstream has no host and port")?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let counted = Mutex::new(Counted::default());
    let proxy = Arc::new(Proxy { client, upstream, plan, counted });
    loop {
        let (stream, _) = listener.accept().await?;
        let proxy = proxy.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let proxy = proxy.clone();
                async move { proxy.call(request).await.map(|answer| answer.map(Full::new)) }
            });
            // Connections that end early are what this is for.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Proxy {
    async fn call(&self, request: Request<Incoming>) -> Result<Answer, Lost> {
        if request.uri().path() == "/faults" {
            return Ok(self.told());
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let (number, fault) = target.strip_prefix("DynamoDB_20120810.").map_or((0, None), |operation| self.count(operation));
        let request = Request::from_parts(head, body);
        let Some(fault) = fault else {
            return self.forward(request).await;
        };
        match fault {
            Fault::Throttled => Ok(error(StatusCode::BAD_REQUEST, "ThrottlingException", "Rate exceeded")),
            Fault::Exceeded => {
                Ok(error(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException", "The level of throughput was exceeded"))
            }
            Fault::Conflict => Ok(conflict(request.body(), number)),
            Fault::ErrorBefore => Ok(internal()),
            Fault::ErrorAfter => self.forward(request).await.map(|_| internal()),
            Fault::LostAfter => {
                self.forward(request).await?;
                Err(Lost)
            }
            Fault::KeysLeft => match halved(request.body()) {
                Some((half, rest)) => self.forward(request.map(|_| half)).await.map(|answer| with_rest(answer, &rest)),
                None => self.forward(request).await,
            },
        }
    }

    /// The number of the call, and how it fails.
    fn count(&self, operation: &str) -> (u64, Option<Fault>) {
        let fault = (self.plan)(operation);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.calls += 1;
        if let Some(fault) = fault {
            *counted.faults.entry(fault.name()).or_default() += 1;
        }
        (counted.calls, fault)
    }

    fn told(&self) -> Answer {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        answer(StatusCode::OK, &json!({ "calls": counted.calls, "faults": counted.faults }))
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Answer, Lost> {
        let mut request = request.map(Full::new);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{}{path}", self.upstream).parse().map_err(|_| Lost)?;
        remove_framing(request.headers_mut());
        let (mut head, body) = self.client.request(request).await.map_err(|_| Lost)?.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        remove_framing(&mut head.headers);
        Ok(Response::from_parts(head, body))
    }
}

/// Each side frames its messages itself.
fn remove_framing(headers: &mut hyper::HeaderMap) {
    const FRAMING: [HeaderName; 3] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    for name in FRAMING {
        headers.remove(name);
    }
}

fn internal() -> Answer {
    error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal server error")
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}
