//! How an order is paid: the customer's tries, and what came of the latest.

use contracts::{PaymentRef, PaymentTry};
use kernel::{Money, OrderId, PaymentId};

use super::{Order, OrderError};

/// How the order is paid. Each means of payment that the customer chooses is a try with an id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The try that counts: the one whose money was taken, until then the latest.
    pub payment_id: Option<PaymentId>,
    pub tries: u8,
    /// What the gateway calls the means of payment.
    pub method: Option<String>,
    /// Where the customer must confirm the latest try.
    pub action_url: Option<String>,
    pub captured: Option<Money>,
    pub refunded: Money,
}

impl Payment {
    /// What payments are asked to take.
    pub(super) fn latest_try(&self) -> Option<PaymentTry> {
        let (payment_id, payment_method) = (self.payment_id?, self.method.clone()?);
        Some(PaymentTry { payment_id, payment_method })
    }

    pub(super) fn start_try(&mut self, order: OrderId) {
        self.tries += 1;
        self.payment_id = Some(try_id(order, self.tries));
        self.action_url = None;
    }
}

/// The id follows from the order, so that a rule that runs again asks for the same payment; a later
/// try has a higher one.
pub(super) fn try_id(order: OrderId, number: u8) -> PaymentId {
    PaymentId((order.0 & !0xFF) | u128::from(number))
}

impl Order {
    pub(super) fn take_payment(&mut self, payment_id: PaymentId, amount: Money) {
        self.payment.payment_id = Some(payment_id);
        self.payment.captured = Some(amount);
        self.payment.action_url = None;
    }

    /// Whether the payment is the try that counts. Another one was given up for it and is released by
    /// payments without us. Neither: somebody is wrong, and nothing is changed.
    pub(super) fn is_latest_try(&self, payment: &PaymentRef) -> Result<bool, OrderError> {
        if payment.amount != self.total {
            return Err(OrderError::WrongAmount { amount: payment.amount, total: self.total });
        }
        if self.payment.payment_id == Some(payment.payment_id) {
            return Ok(true);
        }
        let other = (1..=self.payment.tries).any(|number| try_id(self.id, number) == payment.payment_id);
        if other { Ok(false) } else { Err(OrderError::UnknownPayment(payment.payment_id)) }
    }
}
