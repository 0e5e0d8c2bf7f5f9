//! How an order is paid: the customer's tries, and what came of the latest.

use contracts::{Decline, PaymentRef, PaymentTry, RefundFailed};
use kernel::{Money, OrderId, PaymentId, RefundId, Timestamp};
use serde::{Deserialize, Serialize};

use super::amount::{StoredAmount, is_zero};
use super::{Method, Order, OrderError};

/// Where the bank's page sends the customer back to.
pub type ReturnUrl = kernel::Line<1, 2000>;

/// Refused refunds that are kept; of more, the oldest goes.
const REFUSED_MAX: usize = 20;

/// Money that should have gone back to the customer, and what the gateway said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "M: StoredAmount")]
pub struct RefusedRefund<M = Money> {
    pub refund_id: RefundId,
    pub amount: M,
    pub message: String,
    pub at: Timestamp,
}

/// How the order is paid. Each means of payment that the customer chooses is a try with an id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "M: StoredAmount")]
pub struct Payment<M = Money> {
    /// The try that counts: the one whose money was taken, until then the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    pub tries: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<ReturnUrl>,
    /// Where the customer must confirm the latest try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// Why the latest try came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<Decline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<M>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: M,
    /// Refunds that a person has to look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_refunds: Vec<RefusedRefund<M>>,
}

impl Payment {
    /// Whether nothing is heard of the latest try before the customer does something.
    pub(super) fn rests(&self) -> bool {
        self.payment_id.is_none() || self.action_url.is_some() || self.declined.is_some()
    }

    /// What payments are asked to take.
    pub(super) fn latest_try(&self) -> Option<PaymentTry> {
        Some(PaymentTry {
            payment_id: self.payment_id?,
            payment_method: self.method.clone()?.into_string(),
            return_url: self.return_url.clone().map(ReturnUrl::into_string),
        })
    }

    pub(super) fn choose(&mut self, method: &Method, back: Option<&ReturnUrl>) {
        (self.method, self.return_url) = (Some(method.clone()), back.cloned());
    }

    /// Notes a refusal, in the place of the one that was tried again; `false` if it is known.
    pub(super) fn note_refused(&mut self, failed: &RefundFailed, now: Timestamp) -> bool {
        if self.refused_refunds.iter().any(|refused| refused.refund_id == failed.refund_id) {
            return false;
        }
        self.forget_refused(failed.refund_id, failed.retry_of);
        if self.refused_refunds.len() >= REFUSED_MAX {
            self.refused_refunds.remove(0);
        }
        let (refund_id, amount, message) = (failed.refund_id, failed.refund, failed.message.clone());
        self.refused_refunds.push(RefusedRefund { refund_id, amount, message, at: now });
        true
    }

    pub(super) fn forget_refused(&mut self, refund: RefundId, retry_of: Option<RefundId>) {
        self.refused_refunds.retain(|refused| refused.refund_id != refund && Some(refused.refund_id) != retry_of);
    }

    pub(super) fn start_try(&mut self, order: OrderId) {
        self.tries += 1;
        self.payment_id = Some(PaymentId::of_try(order, self.tries));
        (self.action_url, self.declined) = (None, None);
    }
}

impl Order {
    pub(super) fn take_payment(&mut self, payment_id: PaymentId, amount: Money) {
        self.payment.payment_id = Some(payment_id);
        self.payment.captured = Some(amount);
        (self.payment.action_url, self.payment.declined) = (None, None);
    }

    /// Whether the payment is the try that counts. Another one was given up for it and is released by
    /// payments alone. One that is neither is an error, and changes nothing.
    pub(super) fn is_latest_try(&self, payment: &PaymentRef) -> Result<bool, OrderError> {
        let total = self.total();
        if payment.amount != total {
            return Err(OrderError::WrongAmount { amount: payment.amount, total });
        }
        if self.payment.payment_id == Some(payment.payment_id) {
            return Ok(true);
        }
        let other = (1..=self.payment.tries).any(|number| PaymentId::of_try(self.id, number) == payment.payment_id);
        if other { Ok(false) } else { Err(OrderError::UnknownPayment(payment.payment_id)) }
    }
}
