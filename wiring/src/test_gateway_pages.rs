//! The test gateway's own pages: where a customer confirms a payment that needs it, as at a bank; the
//! list of its card numbers; and, in development, a switch that makes it fail for a while.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use http::header;
use kernel::{Duration, PaymentId, Problem};
use ports::{Clock, GatewayState, PaymentGateway as _};
use serde::Deserialize;
use shell::http::{Path, Query};
use shell::{Answer, Failure, Reply};
use test_gateway::TestGateway;

#[derive(Clone)]
struct Pages {
    gateway: Arc<TestGateway>,
    clock: Arc<dyn Clock>,
}

/// `faults` adds the switch: anybody could use it.
pub(crate) fn routes(gateway: Arc<TestGateway>, clock: Arc<dyn Clock>, faults: bool) -> Router {
    let mut router =
        Router::new().route("/test-gateway/cards", get(cards)).route("/test-gateway/actions/{payment_id}", get(ask).post(answer));
    if faults {
        router = router.route("/test-gateway/outage", post(outage));
    }
    router.with_state(Pages { gateway, clock })
}

#[derive(Deserialize)]
struct Outage {
    /// 0 ends it; at most an hour.
    seconds: u32,
}

/// Every call to the gateway fails until the time is over.
async fn outage(State(pages): State<Pages>, Query(outage): Query<Outage>) -> Answer {
    let until = pages.clock.now().plus(Duration::from_secs(u64::from(outage.seconds.min(3600))));
    pages.gateway.set_outage((outage.seconds > 0).then_some(until));
    Ok(Reply::ok(&serde_json::json!({ "until": until })))
}

fn page(title: &str, body: &str) -> impl IntoResponse + use<> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}}td,th{{text-align:left;padding:.3rem .8rem .3rem 0}}\
         button{{font:inherit;padding:.6rem 1.2rem;margin-right:.5rem}}</style><h1>{title}</h1>{body}</html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html))
}

async fn cards() -> impl IntoResponse {
    let rows: String =
        test_gateway::CARDS.iter().map(|card| format!("<tr><td><code>{}</code></td><td>{}</td></tr>", card.number, card.does)).collect();
    page(
        "Cards of the test gateway",
        &format!(
            "<p>No real money moves. Any other number is refused.</p><table><tr><th>Number</th><th>What it does</th></tr>{rows}</table>"
        ),
    )
}

async fn ask(State(pages): State<Pages>, Path(payment): Path<PaymentId>) -> Result<impl IntoResponse, Failure> {
    let found = pages.gateway.find(payment).await.map_err(Problem::unavailable)?.ok_or_else(|| Problem::not_found("such payment"))?;
    let body = match found.state {
        GatewayState::RequiresAction { .. } => format!(
            "<p>Do you want to pay {}?</p><form method=\"post\"><button name=\"approve\" value=\"true\">Confirm</button><button name=\"approve\" value=\"false\">Refuse</button></form>",
            found.amount
        ),
        GatewayState::Authorized | GatewayState::Captured => "<p>You have confirmed this payment. You can close this page.</p>".into(),
        GatewayState::Voided | GatewayState::Declined { .. } => "<p>This payment was refused. You can close this page.</p>".into(),
    };
    Ok(page("The test bank", &body))
}

#[derive(Deserialize)]
struct Answered {
    approve: bool,
}

async fn answer(
    State(pages): State<Pages>,
    Path(payment): Path<PaymentId>,
    axum::Form(answered): axum::Form<Answered>,
) -> Result<impl IntoResponse, Failure> {
    pages
        .gateway
        .confirm_action(payment, answered.approve)
        .await
        .map_err(|error| Problem::new(kernel::Code::Conflict, error.to_string()))?;
    Ok(Redirect::to(&format!("/test-gateway/actions/{payment}")))
}
