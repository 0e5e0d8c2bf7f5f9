//! Payments for customers and staff. Guests see none: they follow their order.

use axum::extract::State;
use kernel::{Actor, Money, OrderId, Page, PaymentId, Problem, RefundId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use shell::http::{Admin, Anyone, Json, Listing, OpenApiRouter, Paging, Path, SignedIn, Staff, Versioned};
use shell::{DecisionContext, HandlerResult, Reply};
use utoipa::{IntoParams, ToSchema};

use crate::breaker::State as BreakerState;
use crate::payment::{Payment, Reason, Refund, RefundStatus, Status, StatusChange};
use crate::{App, settle, storage};

pub(crate) fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        list_of_order,
        show,
        refresh,
        list,
        refund: [Conflict, IllegalTransition, RefundTooLarge],
        retry_refund: [Conflict, IllegalTransition],
        breaker,
    )
    .with_state(app)
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PaymentView {
    id: PaymentId,
    order_id: OrderId,
    order_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<UserId>,
    amount: Money,
    /// What the customer paid with, as far as it may be shown.
    #[schema(example = "card ending in 4242")]
    method: String,
    status: Status,
    /// Where the customer confirms, while the status is `requires_action`.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<contracts::Decline>,
    refunds: Vec<RefundView>,
    /// Sum of the settled refunds.
    refunded: Money,
    /// What can still be refunded.
    refundable: Money,
    opened_at: Timestamp,
    updated_at: Timestamp,
    history: Vec<StatusChange>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct RefundView {
    id: RefundId,
    amount: Money,
    status: RefundStatus,
    reason: String,
    /// Shown to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    requested_at: Timestamp,
    /// The refused refund in whose place it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<RefundId>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount": { "amount": 490, "currency": "EUR" }, "reason": "The pot arrived broken." }))]
struct RefundRequest {
    /// Everything that is left, if no amount is given.
    #[serde(default)]
    amount: Option<Money>,
    #[schema(inline, example = "The pot arrived broken.")]
    reason: Reason,
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StatusFilter {
    /// Only payments in this status.
    status: Option<Status>,
}

/// List the payments of an order, the latest try first. The list of an order that is not the caller's is empty.
#[utoipa::path(get, path = "/orders/{order_id}/payments", tag = "payments", operation_id = "listOrderPayments",
    params(("order_id" = OrderId, Path)), responses((status = 200, body = Page<PaymentView>)))]
async fn list_of_order(request: SignedIn, State(app): State<App>, Path(id): Path<OrderId>) -> HandlerResult {
    let mut payments = storage::of_order(app.work.table(), id).await?;
    payments.retain(|payment| payment.is_seen_by(&request.actor));
    payments.sort_by_key(|payment| std::cmp::Reverse(payment.id));
    Ok(Reply::ok(&Page { items: payments.iter().map(|payment| PaymentView::of(payment, &request.actor)).collect(), next: None }))
}

/// Get a payment.
#[utoipa::path(get, path = "/payments/{payment_id}", tag = "payments", operation_id = "getPayment",
    params(("payment_id" = PaymentId, Path)), responses((status = 200, body = PaymentView)))]
async fn show(request: Versioned<SignedIn>, State(app): State<App>, Path(id): Path<PaymentId>) -> HandlerResult {
    let payment = storage::seen(app.work.table(), id).await?;
    if !payment.is_seen_by(&request.actor) {
        return Err(Problem::not_found(format!("payment {id}")).into());
    }
    Ok(Reply::ok(&PaymentView::of(&payment, &request.actor)).etag(payment.version))
}

/// Ask the gateway now what became of an open payment, instead of waiting for the next check. For customers who come back
/// from their bank, signed in or not: the answer is empty.
#[utoipa::path(post, path = "/payments/{payment_id}/refresh", tag = "payments", operation_id = "refreshPayment",
    params(("payment_id" = PaymentId, Path)), responses((status = 204)))]
async fn refresh(_: Anyone, State(app): State<App>, Path(id): Path<PaymentId>) -> HandlerResult {
    let payment = storage::seen(app.work.table(), id).await?;
    settle::refresh(&app, payment).await?;
    Ok(Reply::no_content())
}

/// List all payments, newest first. A page may hold fewer than asked for and still have a next one.
#[utoipa::path(get, path = "/admin/payments", tag = "payments", operation_id = "listPayments",
    params(StatusFilter, Paging), responses((status = 200, body = Page<PaymentView>)))]
async fn list(request: Staff, State(app): State<App>, listing: Listing<StatusFilter>) -> HandlerResult {
    let page = storage::all(app.work.table(), listing.filter.status, listing.limit, listing.cursor).await?;
    Ok(Reply::ok(&page.map(|payment| PaymentView::of(&payment, &request.actor))))
}

/// Refund a payment, in part or in full. The refund is pending until the gateway has settled it: see the payment.
#[utoipa::path(post, path = "/admin/payments/{payment_id}/refunds", tag = "payments", operation_id = "refundPayment",
    params(("payment_id" = PaymentId, Path)), request_body = RefundRequest, responses((status = 202, body = PaymentView)))]
async fn refund(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path(id): Path<PaymentId>,
    Json(body): Json<RefundRequest>,
) -> HandlerResult {
    let table = app.work.table();
    let load = |_| async {
        let seen = storage::seen(table, id).await?;
        storage::current(table, &seen.value).await
    };
    let rule =
        |payment: Payment, context: &DecisionContext| payment.refund(context.id(0), body.amount, &body.reason, &context.actor, context.now);
    let view = |payment: &Payment, context: &DecisionContext| {
        Reply::accepted(format!("/api/v1/payments/{id}"), &PaymentView::of(payment, &context.actor))
    };
    app.work.update(&request, load, rule, view).await
}

/// Try a refund again that the gateway refused. It is a new refund of the same amount, pending until the gateway has settled it.
#[utoipa::path(post, path = "/admin/payments/{payment_id}/refunds/{refund_id}/retry", tag = "payments", operation_id = "retryRefund",
    params(("payment_id" = PaymentId, Path), ("refund_id" = RefundId, Path)), responses((status = 202, body = PaymentView)))]
async fn retry_refund(
    request: Versioned<Admin>,
    State(app): State<App>,
    Path((id, refused)): Path<(PaymentId, RefundId)>,
) -> HandlerResult {
    let table = app.work.table();
    let load = |_| async {
        let seen = storage::seen(table, id).await?;
        storage::current(table, &seen.value).await
    };
    let rule = |payment: Payment, context: &DecisionContext| payment.retry_refund(context.id(0), refused, &context.actor, context.now);
    let view = |payment: &Payment, context: &DecisionContext| {
        Reply::accepted(format!("/api/v1/payments/{id}"), &PaymentView::of(payment, &context.actor))
    };
    app.work.update(&request, load, rule, view).await
}

/// Get the state of the circuit breaker before the payment gateway.
#[utoipa::path(get, path = "/admin/payments/breaker", tag = "payments", operation_id = "getPaymentBreaker",
    responses((status = 200, body = BreakerState)))]
async fn breaker(_: Staff, State(app): State<App>) -> HandlerResult {
    Ok(Reply::ok(&app.gateway.state()))
}

impl PaymentView {
    pub fn of(payment: &Payment, viewer: &Actor) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            order_number: payment.order_number.clone(),
            customer_id: payment.customer_id,
            amount: payment.amount,
            method: payment.method_label.clone(),
            status: payment.status,
            action_url: payment.action_url.clone(),
            failure: payment.failure.clone(),
            refunds: payment.refunds.iter().map(|refund| RefundView::of(refund, viewer)).collect(),
            refunded: payment.refunded(),
            refundable: payment.refundable(),
            opened_at: payment.opened_at,
            updated_at: payment.updated_at(),
            history: payment.steps(),
        }
    }
}

impl RefundView {
    fn of(refund: &Refund, viewer: &Actor) -> Self {
        Self {
            id: refund.id,
            amount: refund.amount,
            status: refund.status,
            reason: refund.reason.clone(),
            requested_by: viewer.is_staff().then(|| refund.requested_by.clone()),
            requested_at: refund.requested_at,
            retry_of: refund.retry_of,
        }
    }
}
