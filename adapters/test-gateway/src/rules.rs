//! What the gateway decides: from what the book says and what is asked, the writes and the answer. The
//! rules wait for nothing, so they can be asked again when the book has moved.

use kernel::{Currency, Money, PaymentId, RefundId, Timestamp};
use ports::store::{Stored, Write};
use ports::{Authorization, GatewayError, RefundState};

use crate::book::{Lost, Operation, OperationKind, Payment, Refund, State, put};
use crate::cards::{self, Behaviour, TestCard};

/// What is written, and what is answered once it is. Without writes the answer stands at once.
pub(crate) struct Step<T> {
    pub writes: Vec<Write>,
    pub answer: Result<T, GatewayError>,
}

impl<T> Step<T> {
    fn answer(answer: T) -> Self {
        Self { writes: Vec::new(), answer: Ok(answer) }
    }

    fn refuse(reason: &str) -> Self {
        Self { writes: Vec::new(), answer: Err(GatewayError::Invalid(reason.into())) }
    }

    fn lost(writes: Vec<Write>) -> Self {
        Self { writes, answer: Err(GatewayError::Unknown("no answer in time".into())) }
    }
}

pub(crate) type Decided<T> = Result<Step<T>, GatewayError>;
type Known = Option<Stored<Payment>>;

pub(crate) fn card_of(method: &str) -> Result<&'static TestCard, GatewayError> {
    cards::find(method).ok_or_else(|| GatewayError::Invalid("the test gateway takes its documented test numbers only".into()))
}

/// `lost` is the mark of an earlier request that was lost on the way.
pub(crate) fn authorize(known: Known, lost: Option<&Lost>, card: &TestCard, request: &Authorization, now: Timestamp) -> Decided<Payment> {
    if request.amount.amount <= 0 {
        return Ok(Step::refuse("the amount must be positive"));
    }
    if let Some(Stored { value: payment, .. }) = known {
        let voided = payment.state == State::Voided;
        let same = payment.amount == request.amount && payment.behaviour() == Some(card.behaviour);
        return Ok(if voided || same { Step::answer(payment) } else { Step::refuse("the payment's id was used for another") });
    }
    let state = match card.behaviour {
        Behaviour::Unavailable => {
            return Ok(Step { writes: Vec::new(), answer: Err(GatewayError::Unavailable("this card's bank does not answer".into())) });
        }
        Behaviour::RequestLost if lost.is_none() => {
            return Ok(Step::lost(vec![put(&Lost { payment_id: request.payment_id }, None)?]));
        }
        Behaviour::Decline => State::Declined { code: "card_declined".into() },
        Behaviour::InsufficientFunds => State::Declined { code: "insufficient_funds".into() },
        Behaviour::RequiresAction => State::RequiresAction,
        Behaviour::Approve
        | Behaviour::AnswerLost
        | Behaviour::RequestLost
        | Behaviour::Slow
        | Behaviour::CaptureAnswerLost
        | Behaviour::RefundRefused => State::Authorized,
    };
    let payment = Payment {
        id: request.payment_id,
        amount: request.amount,
        card: Some(card.number.into()),
        reference: request.reference.clone(),
        return_url: request.return_url.clone(),
        state,
        refunded: Money::zero(request.amount.currency),
        at: now,
    };
    let mut writes = vec![put(&payment, None)?];
    if payment.state == State::Authorized {
        writes.push(record(&payment, OperationKind::Authorize, payment.amount)?);
    }
    Ok(if card.behaviour == Behaviour::AnswerLost { Step::lost(writes) } else { Step { writes, answer: Ok(payment) } })
}

pub(crate) fn capture(known: Known, now: Timestamp) -> Decided<Payment> {
    let Some(known) = known else {
        return Ok(never_seen());
    };
    match known.state {
        State::Captured => Ok(Step::answer(known.value)),
        State::Authorized => {
            let amount = known.amount;
            let step = moved(known, State::Captured, Some((OperationKind::Capture, amount)), now)?;
            let lost = step.answer.as_ref().is_ok_and(|payment| payment.behaviour() == Some(Behaviour::CaptureAnswerLost));
            Ok(if lost { Step::lost(step.writes) } else { step })
        }
        State::RequiresAction | State::Voided | State::Declined { .. } => Ok(Step::refuse("the payment is not authorized")),
    }
}

pub(crate) fn void(known: Known, id: PaymentId, now: Timestamp) -> Decided<Payment> {
    let Some(known) = known else {
        // Nobody has said the amount, and nothing is held: zero.
        let nothing = Money::zero(Currency::EUR);
        let payment = Payment {
            id,
            amount: nothing,
            card: None,
            reference: String::new(),
            return_url: None,
            state: State::Voided,
            refunded: nothing,
            at: now,
        };
        let writes = vec![put(&payment, None)?, record(&payment, OperationKind::Void, nothing)?];
        return Ok(Step { writes, answer: Ok(payment) });
    };
    let freed = match known.state {
        State::Voided | State::Declined { .. } => return Ok(Step::answer(known.value)),
        State::Captured => return Ok(Step::refuse("the payment is captured: refund it")),
        State::Authorized => known.amount,
        State::RequiresAction => Money::zero(known.amount.currency),
    };
    moved(known, State::Voided, Some((OperationKind::Void, freed)), now)
}

pub(crate) fn refund(
    known: Known,
    earlier: Option<Stored<Refund>>,
    id: PaymentId,
    refund_id: RefundId,
    amount: Money,
    now: Timestamp,
) -> Decided<Refund> {
    if let Some(Stored { value: refund, .. }) = earlier {
        let same = refund.payment_id == id && refund.amount == amount;
        return Ok(if same { Step::answer(refund) } else { Step::refuse("the refund's id was used for another") });
    }
    let Some(Stored { value: mut payment, version }) = known else {
        return Ok(never_seen());
    };
    if payment.state != State::Captured {
        return Ok(Step::refuse("the payment is not captured"));
    }
    if amount.amount <= 0 {
        return Ok(Step::refuse("the amount must be positive"));
    }
    let sum = match payment.refunded.plus(amount) {
        Ok(sum) if sum.amount <= payment.amount.amount => sum,
        Ok(_) => return Ok(Step::refuse("the refund exceeds what was captured")),
        Err(_) => return Ok(Step::refuse("the refund is in another currency or out of range")),
    };
    let state = if payment.behaviour() == Some(Behaviour::RefundRefused) { RefundState::Refused } else { RefundState::Settled };
    let refund = Refund { id: refund_id, payment_id: id, amount, state, at: now };
    let mut writes = vec![put(&refund, None)?];
    if state == RefundState::Settled {
        (payment.refunded, payment.at) = (sum, now);
        writes.push(put(&payment, Some(version))?);
        writes.push(put(&Operation { refund_id: Some(refund_id), ..operation(&payment, OperationKind::Refund, amount) }, None)?);
    }
    Ok(Step { writes, answer: Ok(refund) })
}

/// The customer has decided on the bank's page. A second decision changes nothing.
pub(crate) fn confirm(known: Known, approve: bool, now: Timestamp) -> Decided<Payment> {
    let Some(known) = known else {
        return Ok(never_seen());
    };
    match known.state {
        State::RequiresAction if approve => {
            let amount = known.amount;
            moved(known, State::Authorized, Some((OperationKind::Authorize, amount)), now)
        }
        State::RequiresAction => moved(known, State::Declined { code: "authentication_failed".into() }, None, now),
        State::Authorized | State::Captured | State::Voided | State::Declined { .. } => Ok(Step::answer(known.value)),
    }
}

fn never_seen<T>() -> Step<T> {
    Step::refuse("there is no such payment")
}

/// The payment in another state, with the operation that brought it there.
fn moved(known: Stored<Payment>, state: State, operation: Option<(OperationKind, Money)>, now: Timestamp) -> Decided<Payment> {
    let Stored { value: mut payment, version } = known;
    (payment.state, payment.at) = (state, now);
    let mut writes = vec![put(&payment, Some(version))?];
    if let Some((kind, amount)) = operation {
        writes.push(record(&payment, kind, amount)?);
    }
    Ok(Step { writes, answer: Ok(payment) })
}

fn record(payment: &Payment, kind: OperationKind, amount: Money) -> Result<Write, GatewayError> {
    put(&operation(payment, kind, amount), None)
}

fn operation(payment: &Payment, kind: OperationKind, amount: Money) -> Operation {
    Operation { kind, payment_id: payment.id, refund_id: None, amount, reference: payment.reference.clone(), at: payment.at }
}
