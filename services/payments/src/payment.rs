//! A payment: one try to pay an order. It knows what it has come to (`Status`), what the order wants
//! of it (`Goal`), and so what is to be asked of the gateway next (`GatewayQuestion`).
//!
//! Money is taken as soon as it is reserved, since payments begin only once the stock is held. An order's latest try
//! takes the place of the former one, which is released: what it may have taken goes back. So one payment of an order
//! is kept at most. Pending and settled refunds never exceed what was captured.

mod error;
mod refund;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use contracts::{
    Decision, Decline, DeclineCode, Event, GatewayState, OrderRef, PaymentCaptured, PaymentFailed, PaymentRef, PaymentRequiresAction,
    PaymentTry,
};
use kernel::{Actor, Money, OrderId, PaymentId, RefundId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use error::PaymentError;
pub use refund::{Reason, Refund, RefundStatus};
pub use status::Status;

/// How long the gateway may be away before the customer is told that the payment failed.
pub const PENDING_MAX: Duration = Duration::from_secs(600);
/// How long the customer may take to confirm at their bank.
pub const ACTION_MAX: Duration = Duration::from_secs(3600);
const HISTORY_MAX: usize = 50;
const RETRY_MAX_SECS: u64 = 60;

/// What the order wants of the payment. It only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Take the money.
    Capture,
    /// The order is cancelled, or another payment took this one's place: give it back.
    Release,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PaymentStep)]
pub struct StatusChange {
    pub status: Status,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub order_number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    pub amount: Money,
    /// What the gateway calls the means of payment; kept only as long as it may have to be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Where the bank's page sends the customer back to; kept as long as the means of payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// What people may see of it.
    pub method_label: String,
    pub status: Status,
    pub goal: Goal,
    /// Whether it was opened on the news that the stock of the order is held.
    pub stock_held: bool,
    /// A later try has taken its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Decline>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// Vain questions to the gateway since the last step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// When the gateway is to be asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    /// What it has come to since it was opened, as pending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<StatusChange>,
}

/// What to ask of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayQuestion {
    /// The first authorization.
    Authorize,
    /// Find it, or else authorize it: the former answer did not arrive.
    FindOrAuthorize,
    Find,
    Capture,
    /// Find it, or else capture it: the former answer did not arrive.
    FindOrCapture,
    Void,
    Refund(RefundId, Money),
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayAnswer {
    /// The gateway is away, does not say, or does not know the payment: ask again later.
    Nothing,
    Found(GatewayState),
    /// The gateway will not authorize it, whatever the bank says.
    Refused,
    RefundSettled(RefundId),
    RefundRefused(RefundId, String),
}

/// How a new try stands to the order's present payment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Entry {
    /// It is the present payment already.
    Known,
    First(Payment),
    /// It takes the place of the former.
    Replaces {
        former: Payment,
        latest: Payment,
    },
    /// A later try is here already, or the order is paid: the new one is released at once.
    Late(Payment),
}

impl Payment {
    /// A new try to pay an order whose stock is held, before the gateway was asked.
    pub fn open(order: &OrderRef, wanted: &PaymentTry, now: Timestamp) -> Self {
        Self {
            method: Some(wanted.payment_method.clone()),
            return_url: wanted.return_url.clone(),
            method_label: label(&wanted.payment_method),
            stock_held: true,
            ..Self::unheard_of(order, wanted.payment_id, now)
        }
    }

    /// A try of which nothing has been heard but that its order was cancelled.
    pub fn unheard_of(order: &OrderRef, id: PaymentId, now: Timestamp) -> Self {
        Self {
            id,
            order_id: order.order_id,
            order_number: order.number.clone(),
            customer_id: order.customer_id,
            amount: order.total,
            method: None,
            return_url: None,
            method_label: String::new(),
            status: Status::Pending,
            goal: Goal::Capture,
            stock_held: false,
            superseded: false,
            action_url: None,
            failure: None,
            refunds: Vec::new(),
            tries: 0,
            next_check_at: Some(now),
            opened_at: now,
            history: Vec::new(),
        }
    }

    /// The customer was erased: amounts and dates stay. The means of payment is forgotten as soon as it need not be sent
    /// again, as ever.
    pub fn anonymize(mut self) -> Decision<Self> {
        let before = self.clone();
        self.customer_id = None;
        self.method_label = UNNAMED_METHOD.to_owned();
        for refund in self.refunds.iter_mut().filter(|refund| refund.requested_by != Actor::System.label()) {
            refund.reason.clear();
        }
        if self == before { Decision::unchanged(self) } else { Decision::changed(self) }
    }

    pub fn is_seen_by(&self, actor: &Actor) -> bool {
        actor.is_staff() || (actor.user_id().is_some() && actor.user_id() == self.customer_id)
    }

    /// How this new try stands to the order's present payment. Tries are numbered by the time of
    /// their making, so one that arrives late is told from one that is new.
    pub fn enter(self, present: Option<&Self>, cancelled: bool, now: Timestamp) -> Entry {
        let Some(present) = present else {
            return Entry::First(if cancelled { self.toward(Goal::Release, now) } else { self });
        };
        if present.id == self.id {
            return Entry::Known;
        }
        if present.status == Status::Captured || present.id > self.id {
            return Entry::Late(Self { superseded: true, ..self }.toward(Goal::Release, now));
        }
        let latest = if cancelled || present.goal == Goal::Release { self.toward(Goal::Release, now) } else { self };
        let former = Self { superseded: true, ..present.clone() }.toward(Goal::Release, now);
        Entry::Replaces { former, latest }
    }

    /// The payment once the order wants this of it. A step back is none: what was given up stays so.
    #[must_use]
    pub fn toward(mut self, goal: Goal, now: Timestamp) -> Self {
        if goal <= self.goal {
            return self;
        }
        self.goal = goal;
        self.tries = 0;
        self.give_back(now);
        self.schedule(now);
        self
    }

    /// What to ask of the gateway now, if anything is open.
    pub fn ask(&self, now: Timestamp) -> Option<GatewayQuestion> {
        let waited = now.since(self.opened_at);
        match (self.status, self.goal) {
            (Status::Pending, Goal::Capture) if waited >= PENDING_MAX => Some(GatewayQuestion::Void),
            (Status::Pending, Goal::Capture) => {
                Some(if self.tries == 0 { GatewayQuestion::Authorize } else { GatewayQuestion::FindOrAuthorize })
            }
            (Status::RequiresAction, Goal::Capture) if waited >= ACTION_MAX => Some(GatewayQuestion::Void),
            (Status::RequiresAction, Goal::Capture) => Some(GatewayQuestion::Find),
            (Status::Authorized, Goal::Capture) => {
                Some(if self.tries == 0 { GatewayQuestion::Capture } else { GatewayQuestion::FindOrCapture })
            }
            (Status::Pending | Status::RequiresAction | Status::Authorized, Goal::Release) => Some(GatewayQuestion::Void),
            (Status::Captured, Goal::Capture | Goal::Release) => {
                let pending = self.refunds.iter().find(|refund| refund.status == RefundStatus::Pending);
                pending.map(|refund| GatewayQuestion::Refund(refund.id, refund.amount))
            }
            (Status::Voided | Status::Failed, Goal::Capture | Goal::Release) => None,
        }
    }

    /// The payment once the order wants `goal` of it and the gateway has answered, in turn.
    pub fn settle(self, goal: Goal, answers: &[GatewayAnswer], now: Timestamp) -> Decision<Self> {
        let mut next = self.clone().toward(goal, now);
        let mut events = Vec::new();
        for answer in answers {
            match answer {
                GatewayAnswer::Nothing => next.ask_later(now),
                GatewayAnswer::Found(found) => next.learn(found, now, &mut events),
                GatewayAnswer::Refused => next.refused(now, &mut events),
                GatewayAnswer::RefundSettled(id) => events.extend(next.refund_settled(*id, now)),
                GatewayAnswer::RefundRefused(id, message) => events.extend(next.refund_refused(*id, message, now)),
            }
        }
        let decision = if next == self { Decision::unchanged(next) } else { Decision::changed(next) };
        events.into_iter().fold(decision, Decision::emit)
    }

    pub fn updated_at(&self) -> Timestamp {
        self.history.last().map_or(self.opened_at, |step| step.at)
    }

    /// All that it has come to, from its opening on.
    pub fn steps(&self) -> Vec<StatusChange> {
        std::iter::once(StatusChange { status: Status::Pending, at: self.opened_at }).chain(self.history.iter().copied()).collect()
    }

    fn learn(&mut self, found: &GatewayState, now: Timestamp, events: &mut Vec<Event>) {
        let wanted = self.goal != Goal::Release;
        match (self.status, found) {
            (Status::Pending, GatewayState::RequiresAction { action_url }) => {
                self.step(Status::RequiresAction, now);
                self.action_url = Some(action_url.clone());
                if wanted {
                    events.push(PaymentRequiresAction { payment: self.reference(), action_url: action_url.clone() }.into());
                }
            }
            (Status::Pending | Status::RequiresAction, GatewayState::Authorized) => {
                self.step(Status::Authorized, now);
            }
            (Status::Pending | Status::RequiresAction | Status::Authorized, GatewayState::Captured) => {
                self.step(Status::Captured, now);
                if wanted {
                    events.push(PaymentCaptured { payment: self.reference(), stock_held: self.stock_held }.into());
                }
            }
            (Status::Pending | Status::RequiresAction | Status::Authorized, GatewayState::Voided | GatewayState::Declined { .. }) => {
                if wanted {
                    let (code, message) = match found {
                        GatewayState::Declined { code, .. } => refusal(code),
                        GatewayState::Voided | GatewayState::RequiresAction { .. } | GatewayState::Authorized | GatewayState::Captured => {
                            lapsed()
                        }
                    };
                    self.fail(code, message, now, events);
                } else {
                    self.step(Status::Voided, now);
                }
            }
            // Nothing new: the customer has not confirmed yet, or the gateway is not done.
            (Status::RequiresAction | Status::Authorized, GatewayState::RequiresAction { .. })
            | (Status::Authorized, GatewayState::Authorized) => {
                self.ask_later(now);
            }
            // It is over: a late answer moves nothing back.
            (
                Status::Captured | Status::Voided | Status::Failed,
                GatewayState::RequiresAction { .. }
                | GatewayState::Authorized
                | GatewayState::Captured
                | GatewayState::Voided
                | GatewayState::Declined { .. },
            ) => {}
        }
        self.give_back(now);
        self.schedule(now);
    }

    fn refused(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        match (self.status, self.goal) {
            (Status::Pending | Status::RequiresAction, Goal::Capture) => {
                let message = "The payment could not be made. Please choose another means of payment.";
                self.fail(DeclineCode::PaymentFailed, message, now, events);
                self.schedule(now);
            }
            (Status::Pending | Status::RequiresAction | Status::Authorized, Goal::Release) | (Status::Authorized, Goal::Capture) => {
                self.ask_later(now);
            }
            (Status::Captured | Status::Voided | Status::Failed, Goal::Capture | Goal::Release) => {}
        }
    }

    fn fail(&mut self, code: DeclineCode, message: &str, now: Timestamp, events: &mut Vec<Event>) {
        self.step(Status::Failed, now);
        let decline = Decline { code, message: message.to_owned() };
        self.failure = Some(decline.clone());
        events.push(PaymentFailed { payment: self.reference(), decline }.into());
    }

    fn step(&mut self, status: Status, now: Timestamp) {
        self.status = status;
        self.tries = 0;
        (self.method, self.return_url) = (None, None);
        self.action_url = None;
        if self.history.len() < HISTORY_MAX {
            self.history.push(StatusChange { status, at: now });
        }
    }

    fn ask_later(&mut self, now: Timestamp) {
        self.tries = self.tries.saturating_add(1);
        self.schedule(now);
    }

    fn schedule(&mut self, now: Timestamp) {
        self.next_check_at = self.ask(now).map(|_| now.plus(backoff(self.tries)));
    }

    fn reference(&self) -> PaymentRef {
        PaymentRef { payment_id: self.id, order_id: self.order_id, amount: self.amount }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// At once, then after 1, 2, 4 … seconds, at last every minute.
fn backoff(tries: u32) -> Duration {
    match tries {
        0 => Duration::ZERO,
        tries => Duration::from_secs((1_u64 << (tries - 1).min(6)).min(RETRY_MAX_SECS)),
    }
}

fn refusal(code: &str) -> (DeclineCode, &'static str) {
    match code {
        "insufficient_funds" => {
            (DeclineCode::InsufficientFunds, "The card has not enough funds for this order. Please pay with another one.")
        }
        "authentication_failed" => (DeclineCode::AuthenticationFailed, "The payment was not confirmed with your bank."),
        _ => (DeclineCode::CardDeclined, "The bank declined the payment. Please pay with another card or ask your bank."),
    }
}

fn lapsed() -> (DeclineCode, &'static str) {
    (DeclineCode::PaymentFailed, "The payment could not be completed in time. No money was taken.")
}

const UNNAMED_METHOD: &str = "card";

/// The last four digits of a card; of any other means of payment nothing is shown.
fn label(method: &str) -> String {
    let digits: String = method.chars().filter(|character| *character != ' ').collect();
    if (12..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("card ending in {}", &digits[digits.len() - 4..])
    } else {
        UNNAMED_METHOD.to_owned()
    }
}
