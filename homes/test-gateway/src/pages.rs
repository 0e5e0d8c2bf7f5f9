//! The test gateway's own pages: where a customer confirms a payment that needs it, as at a bank; the
//! list of its card numbers; and, in development, a switch that makes it fail for a while.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use contracts::GatewayState;
use kernel::{Duration, PaymentId, Problem};
use ports::PaymentGateway as _;
use serde::Deserialize;
use shell::http::{Form, PageAnswer, Path, Query, escape, link, page};
use shell::{HandlerResult, Reply, RootRoutes};

use crate::Bank;

pub fn routes(bank: &Bank) -> RootRoutes {
    let mut router = RootRoutes::new()
        .get("/test-gateway/cards", cards)
        .get("/test-gateway/actions/{payment_id}", ask)
        .post("/test-gateway/actions/{payment_id}", answer);
    if bank.faults {
        router = router.post("/test-gateway/outage", outage);
    }
    router.with_state(bank.clone())
}

#[derive(Deserialize)]
struct Outage {
    /// 0 ends it; at most an hour.
    seconds: u32,
}

/// Every call to the gateway fails until the time is over.
async fn outage(State(bank): State<Bank>, Query(outage): Query<Outage>) -> HandlerResult {
    let until = bank.clock.now().plus(Duration::from_secs(u64::from(outage.seconds.min(3600))));
    bank.gateway.set_outage((outage.seconds > 0).then_some(until));
    Ok(Reply::ok(&serde_json::json!({ "until": until })))
}

async fn cards() -> Response {
    let rows: String = test_gateway::CARDS
        .iter()
        .map(|card| format!("<tr><td><code>{}</code></td><td>{}</td></tr>", card.number, escape(card.does)))
        .collect();
    page(
        200,
        "Cards of the test gateway",
        &format!(
            "<p>No real money moves. Any other number is refused.</p><table>\n<thead><tr><th scope=\"col\">Number</th><th scope=\"col\">What it does</th></tr></thead>\n<tbody>{rows}</tbody>\n</table>"
        ),
    )
}

async fn ask(State(bank): State<Bank>, Path(payment): Path<PaymentId>) -> PageAnswer {
    let found = bank.gateway.find(payment).await.map_err(Problem::unavailable)?.ok_or_else(|| Problem::not_found("such payment"))?;
    let back = bank.gateway.return_url(payment).await.map_err(Problem::unavailable)?;
    let body = match found.state {
        GatewayState::RequiresAction { .. } => format!(
            "<p>Do you want to pay {}?</p><form method=\"post\"><button name=\"approve\" value=\"true\">Confirm</button><button class=\"second\" name=\"approve\" value=\"false\">Refuse</button></form>",
            found.amount
        ),
        GatewayState::Authorized | GatewayState::Captured => answered_page("You have confirmed this payment.", back.as_deref()),
        GatewayState::Voided | GatewayState::Declined { .. } => answered_page("This payment was refused.", back.as_deref()),
    };
    Ok(page(200, "The test bank", &body))
}

fn answered_page(sentence: &str, back: Option<&str>) -> String {
    match back {
        Some(back) => format!("<p>{sentence}</p><p>{}</p>", link(back, "Back to the shop")),
        None => format!("<p>{sentence} You can close this page.</p>"),
    }
}

#[derive(Deserialize)]
struct Answered {
    approve: bool,
}

async fn answer(State(bank): State<Bank>, Path(payment): Path<PaymentId>, Form(answered): Form<Answered>) -> PageAnswer {
    bank.gateway
        .confirm_action(payment, answered.approve)
        .await
        .map_err(|error| Problem::new(kernel::Code::Conflict, error.to_string()))?;
    // As a bank does: the shop has checked where it leads.
    let back = bank.gateway.return_url(payment).await.map_err(Problem::unavailable)?;
    Ok(Redirect::to(&back.unwrap_or_else(|| format!("/test-gateway/actions/{payment}"))).into_response())
}
