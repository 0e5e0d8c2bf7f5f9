//! The payment gateway behind a circuit breaker and a time limit, and how a payment's questions are
//! put to it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contracts::GatewayState;
use kernel::{Money, PaymentId, RefundId, Timestamp};
use ports::{Authorization, Clock, GatewayError, GatewayPayment, GatewayRefund, PaymentGateway, RefundState};

use crate::breaker::{Breaker, Limits, Outcome, Permit, State};
use crate::payment::{GatewayAnswer, GatewayQuestion, Goal, Payment};

#[derive(Debug, Clone, Copy)]
pub struct GuardOptions {
    pub breaker: Limits,
    /// What one call may take; after that its outcome is unknown.
    pub call: Duration,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self { breaker: Limits::default(), call: Duration::from_secs(5) }
    }
}

/// A gateway that is left alone while it does not answer.
pub struct GuardedGateway {
    gateway: Arc<dyn PaymentGateway>,
    clock: Arc<dyn Clock>,
    call_limit: Duration,
    breaker: Mutex<Breaker>,
}

impl GuardedGateway {
    pub fn new(gateway: Arc<dyn PaymentGateway>, clock: Arc<dyn Clock>, options: GuardOptions) -> Self {
        Self { gateway, clock, call_limit: options.call, breaker: Mutex::new(Breaker::new(options.breaker)) }
    }

    /// The breaker's state, for people and metrics.
    pub fn state(&self) -> State {
        self.with_breaker(|breaker| breaker.state())
    }

    /// Whether calls go through without question.
    pub fn is_closed(&self) -> bool {
        match self.state() {
            State::Closed { .. } => true,
            State::Open { .. } | State::HalfOpen { .. } => false,
        }
    }

    /// Whether a call now would reach the gateway, be it as the probe.
    pub fn is_reachable(&self) -> bool {
        match self.state() {
            State::Closed { .. } => true,
            State::Open { until } | State::HalfOpen { until } => self.clock.now() >= until,
        }
    }

    async fn guarded<T>(&self, call: impl Future<Output = Result<T, GatewayError>>) -> Result<T, GatewayError> {
        let permit = self
            .with_breaker(|breaker| breaker.admit(self.clock.now()))
            .map_err(|until| GatewayError::Unavailable(format!("it did not answer lately and is left alone until {until}")))?;
        let result = match tokio::time::timeout(self.call_limit, call).await {
            Ok(result) => result,
            Err(_) => Err(GatewayError::Unknown(format!("no answer within {:?}", self.call_limit))),
        };
        self.report(permit, &result);
        result
    }

    fn report<T>(&self, permit: Permit, result: &Result<T, GatewayError>) {
        let outcome = match result {
            // A refusal is an answer.
            Ok(_) | Err(GatewayError::Invalid(_)) => Outcome::Success,
            Err(GatewayError::Unavailable(_) | GatewayError::Unknown(_)) => Outcome::Failure,
        };
        let now: Timestamp = self.clock.now();
        let (before, after) = self.with_breaker(|breaker| {
            let before = breaker.state();
            breaker.report(permit, outcome, now);
            (before, breaker.state())
        });
        match (before, after) {
            (State::Closed { .. } | State::HalfOpen { .. }, State::Open { until }) => {
                let reason = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%until, reason, "the payment gateway does not answer: the circuit breaker opens");
            }
            (State::HalfOpen { .. }, State::Closed { .. }) => {
                tracing::info!("the payment gateway answers again: the circuit breaker closes")
            }
            (State::Closed { .. }, State::Closed { .. } | State::HalfOpen { .. })
            | (State::Open { .. }, _)
            | (State::HalfOpen { .. }, State::HalfOpen { .. }) => {}
        }
    }

    fn with_breaker<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        // The breaker is never left half changed, so a panic elsewhere does not spoil it.
        work(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl PaymentGateway for GuardedGateway {
    fn methods(&self) -> &'static [&'static str] {
        self.gateway.methods()
    }

    fn check_method(&self, method: &str) -> Result<(), GatewayError> {
        self.gateway.check_method(method)
    }

    async fn authorize(&self, request: &Authorization) -> Result<GatewayPayment, GatewayError> {
        self.guarded(self.gateway.authorize(request)).await
    }

    async fn capture(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError> {
        self.guarded(self.gateway.capture(payment)).await
    }

    async fn void(&self, payment: PaymentId) -> Result<GatewayPayment, GatewayError> {
        self.guarded(self.gateway.void(payment)).await
    }

    async fn refund(&self, payment: PaymentId, refund: RefundId, amount: Money) -> Result<GatewayRefund, GatewayError> {
        self.guarded(self.gateway.refund(payment, refund, amount)).await
    }

    async fn find(&self, payment: PaymentId) -> Result<Option<GatewayPayment>, GatewayError> {
        self.guarded(self.gateway.find(payment)).await
    }
}

/// Asks what a payment asks once the order wants `goal` of it, and takes the money at once if it is then reserved.
pub(crate) async fn pursue(gateway: &dyn PaymentGateway, payment: &Payment, goal: Goal, now: Timestamp) -> Vec<GatewayAnswer> {
    let payment = payment.clone().toward(goal, now);
    let Some(ask) = payment.ask(now) else { return Vec::new() };
    let mut answers = vec![consult(gateway, &payment, ask).await];
    let reserved = payment.settle(goal, &answers, now).into_state();
    if reserved.ask(now) == Some(GatewayQuestion::Capture) {
        answers.push(consult(gateway, &reserved, GatewayQuestion::Capture).await);
    }
    answers
}

/// Puts a payment's question to the gateway. Every question may be put again: the payment's and the
/// refund's ids are the operation keys.
async fn consult(gateway: &dyn PaymentGateway, payment: &Payment, ask: GatewayQuestion) -> GatewayAnswer {
    let id = payment.id;
    let result = match ask {
        GatewayQuestion::Authorize => authorize(gateway, payment).await,
        GatewayQuestion::FindOrAuthorize => match gateway.find(id).await {
            Ok(None) => authorize(gateway, payment).await,
            found => found,
        },
        GatewayQuestion::Find => gateway.find(id).await,
        GatewayQuestion::Capture => or_find(gateway, id, gateway.capture(id).await).await,
        GatewayQuestion::FindOrCapture => match gateway.find(id).await {
            Ok(Some(GatewayPayment { state: GatewayState::Authorized, .. })) => or_find(gateway, id, gateway.capture(id).await).await,
            found => found,
        },
        GatewayQuestion::Void => or_find(gateway, id, gateway.void(id).await).await,
        GatewayQuestion::Refund(refund, amount) => return answer_to_refund(gateway.refund(id, refund, amount).await, refund, payment),
    };
    match result {
        Ok(Some(known)) => GatewayAnswer::Found(known.state),
        Ok(None) => GatewayAnswer::Nothing,
        Err(GatewayError::Invalid(reason)) => {
            tracing::warn!(payment = %id, reason, "the payment gateway refuses a payment");
            GatewayAnswer::Refused
        }
        Err(error @ (GatewayError::Unavailable(_) | GatewayError::Unknown(_))) => {
            tracing::debug!(payment = %id, %error, "a payment stays open");
            GatewayAnswer::Nothing
        }
    }
}

async fn authorize(gateway: &dyn PaymentGateway, payment: &Payment) -> Result<Option<GatewayPayment>, GatewayError> {
    let method = payment.method.clone().ok_or_else(|| GatewayError::Invalid("no means of payment was chosen".into()))?;
    let request = Authorization {
        payment_id: payment.id,
        amount: payment.amount,
        method,
        reference: payment.order_number.clone(),
        return_url: payment.return_url.clone(),
    };
    gateway.authorize(&request).await.map(Some)
}

/// A capture or a void that the gateway refuses has been overtaken: the gateway is asked by what.
async fn or_find(
    gateway: &dyn PaymentGateway,
    id: PaymentId,
    result: Result<GatewayPayment, GatewayError>,
) -> Result<Option<GatewayPayment>, GatewayError> {
    match result {
        Err(GatewayError::Invalid(reason)) => {
            tracing::warn!(payment = %id, reason, "the payment gateway refuses a step");
            gateway.find(id).await
        }
        other => other.map(Some),
    }
}

fn answer_to_refund(result: Result<GatewayRefund, GatewayError>, id: RefundId, payment: &Payment) -> GatewayAnswer {
    match result {
        Ok(GatewayRefund { state: RefundState::Settled, .. }) => GatewayAnswer::RefundSettled(id),
        Ok(GatewayRefund { state: RefundState::Refused, .. }) => GatewayAnswer::RefundRefused(id, "The gateway refused the refund.".into()),
        Err(GatewayError::Invalid(reason)) => GatewayAnswer::RefundRefused(id, reason),
        Err(error @ (GatewayError::Unavailable(_) | GatewayError::Unknown(_))) => {
            tracing::debug!(payment = %payment.id, refund = %id, %error, "a refund stays open");
            GatewayAnswer::Nothing
        }
    }
}
