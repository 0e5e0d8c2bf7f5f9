//! Requests of API Gateway (HTTP API, payload 2.0) and of load balancers, answered by the same routes
//! as in every other home.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};
use shell::http::{client_address, set_client};
use tower::ServiceExt as _;

use crate::invocation::Invocations;

pub struct ApiFunction {
    router: Router,
    invocations: Arc<Invocations>,
}

impl ApiFunction {
    pub fn new(router: Router, invocations: Invocations) -> Self {
        Self { router, invocations: Arc::new(invocations) }
    }

    pub async fn answer(&self, mut request: Request) -> Response<Body> {
        let begun = Instant::now();
        if let Some(address) = client_of(&request) {
            set_client(request.extensions_mut(), address);
        }
        take_trace(request.headers_mut());
        let answer = match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let failed = answer.status().is_server_error();
        self.invocations.write([self.invocations.measure(begun, failed)]);
        answer
    }
}

/// The gateway names the client; a load balancer puts it at the end of a header that it got from the client.
fn client_of(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        RequestContext::Alb(_) => {
            let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            client_address(forwarded.rsplit(',').next()?)
        }
        // The crate knows further callers; this function is set up for none of them.
        _ => None,
    }
}

/// A request without a trace of its own is part of the one that X-Ray has begun for it.
fn take_trace(headers: &mut HeaderMap) {
    if headers.contains_key("traceparent") {
        return;
    }
    let xray = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    let trace = xray.and_then(aws::trace::traceparent).and_then(|text| HeaderValue::from_str(&text).ok());
    if let Some(trace) = trace {
        headers.insert("traceparent", trace);
    }
}
