//! Refunds: the part of a payment's rules that gives money back.

use contracts::{Decision, Event, PaymentRefunded, RefundFailed};
use kernel::{Actor, Money, RefundId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::REFUNDS_MAX;
use super::{Goal, Payment, PaymentError, Status};

/// Why money goes back.
pub type Reason = kernel::Line<1, 500>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    Settled,
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub amount: Money,
    pub status: RefundStatus,
    pub reason: String,
    pub requested_by: String,
    pub requested_at: Timestamp,
    /// The refused refund in whose place it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RefundId>,
}

impl Payment {
    /// Asks for money back: `amount`, or all that is left. The gateway is asked once this is committed.
    pub fn refund(
        mut self,
        id: RefundId,
        amount: Option<Money>,
        reason: &Reason,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Decision<Self>, PaymentError> {
        if self.refunds.iter().any(|refund| refund.id == id) {
            return Ok(Decision::unchanged(self));
        }
        match self.status {
            Status::Captured => {}
            Status::Pending | Status::RequiresAction | Status::Authorized | Status::Voided | Status::Failed => {
                return Err(PaymentError::NotCaptured(self.status));
            }
        }
        let left = self.refundable();
        let amount = amount.unwrap_or(left);
        if left.is_zero() || (amount.currency == left.currency && amount.amount > left.amount) {
            return Err(PaymentError::RefundTooLarge(left));
        }
        if amount.amount <= 0 || amount.currency != left.currency {
            return Err(PaymentError::RefundAmount);
        }
        // The last one stays free for the refund of a cancelled order.
        if self.refunds.len() + 1 >= REFUNDS_MAX {
            return Err(PaymentError::TooManyRefunds);
        }
        self.add_refund(id, amount, reason, by, now);
        Ok(Decision::changed(self))
    }

    /// A seller does not deliver their part of the order: its share goes back, or what is left of the money.
    pub fn give_back_part(mut self, id: RefundId, amount: Money, now: Timestamp) -> Decision<Self> {
        let left = self.refundable();
        let amount = if amount.amount < left.amount { amount } else { left };
        if amount.is_zero() || self.refunds.iter().any(|refund| refund.id == id) {
            return Decision::unchanged(self);
        }
        self.add_refund(id, amount, "A part of the order was cancelled.", &Actor::System, now);
        Decision::changed(self)
    }

    /// Asks once more for a refund that the gateway refused, under an id that it does not know yet.
    pub fn retry_refund(mut self, id: RefundId, refused: RefundId, by: &Actor, now: Timestamp) -> Result<Decision<Self>, PaymentError> {
        if self.refunds.iter().any(|refund| refund.id == id) {
            return Ok(Decision::unchanged(self));
        }
        let found = self.refunds.iter().find(|refund| refund.id == refused).ok_or(PaymentError::UnknownRefund)?.clone();
        let was_retried = self.refunds.iter().any(|refund| refund.retry_of == Some(refused));
        if found.status != RefundStatus::Refused || was_retried {
            return Err(PaymentError::NotRefused);
        }
        let left = self.refundable();
        if found.amount.amount > left.amount {
            return Err(PaymentError::RefundTooLarge(left));
        }
        if self.refunds.len() + 1 >= REFUNDS_MAX {
            return Err(PaymentError::TooManyRefunds);
        }
        self.add_refund(id, found.amount, &found.reason, by, now);
        for refund in self.refunds.iter_mut().filter(|refund| refund.id == id) {
            refund.retry_of = Some(refused);
        }
        Ok(Decision::changed(self))
    }

    /// What went back for sure.
    pub fn refunded(&self) -> Money {
        self.sum_of_refunds(|status| status == RefundStatus::Settled)
    }

    /// What can still be given back: captured, less settled and pending refunds.
    pub fn refundable(&self) -> Money {
        match self.status {
            Status::Captured => {
                let given = self.sum_of_refunds(|status| status != RefundStatus::Refused);
                Money::new(self.amount.amount.saturating_sub(given.amount), self.amount.currency)
            }
            Status::Pending | Status::RequiresAction | Status::Authorized | Status::Voided | Status::Failed => {
                Money::zero(self.amount.currency)
            }
        }
    }

    /// What was captured for an order that no longer wants it goes back, by one refund. If the gateway refuses it, a person
    /// has to look at it.
    pub(super) fn give_back(&mut self, now: Timestamp) {
        let id = RefundId::of_cancellation(self.order_id);
        let left = self.refundable();
        if self.goal == Goal::Release && !left.is_zero() && self.refunds.iter().all(|refund| refund.id != id) {
            self.add_refund(id, left, "The order was cancelled.", &Actor::System, now);
        }
    }

    pub(super) fn refund_settled(&mut self, id: RefundId, now: Timestamp) -> Option<Event> {
        let refund = self.close_refund(id, RefundStatus::Settled, now)?;
        Some(
            PaymentRefunded {
                payment: self.reference(),
                refund_id: id,
                retry_of: refund.retry_of,
                refund: refund.amount,
                refunded: self.refunded(),
            }
            .into(),
        )
    }

    pub(super) fn refund_refused(&mut self, id: RefundId, message: &str, now: Timestamp) -> Option<Event> {
        let refund = self.close_refund(id, RefundStatus::Refused, now)?;
        Some(
            RefundFailed {
                payment: self.reference(),
                refund_id: id,
                retry_of: refund.retry_of,
                refund: refund.amount,
                message: message.to_owned(),
            }
            .into(),
        )
    }

    fn add_refund(&mut self, id: RefundId, amount: Money, reason: &str, by: &Actor, now: Timestamp) {
        self.refunds.push(Refund {
            id,
            amount,
            status: RefundStatus::Pending,
            reason: reason.to_owned(),
            requested_by: by.label(),
            requested_at: now,
            retry_of: None,
        });
        self.tries = 0;
        self.schedule(now);
    }

    /// The refund, if it was pending: a repeated answer closes nothing.
    fn close_refund(&mut self, id: RefundId, status: RefundStatus, now: Timestamp) -> Option<Refund> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id && refund.status == RefundStatus::Pending)?;
        refund.status = status;
        let refund = refund.clone();
        self.tries = 0;
        self.schedule(now);
        Some(refund)
    }

    fn sum_of_refunds(&self, counts: impl Fn(RefundStatus) -> bool) -> Money {
        let amount = self.refunds.iter().filter(|refund| counts(refund.status)).map(|refund| refund.amount.amount).sum();
        Money::new(amount, self.amount.currency)
    }
}
