//! Money that goes back to the customer, and money that should have.

use contracts::{CancelReason, Decision, PaymentRefunded, RefundFailed};
use kernel::Timestamp;

use super::{Decided, Happening, Order, OrderError, Status};

impl Order {
    /// Money went back. All of it: a sale whose goods have not left is undone, one whose goods have is refunded.
    pub fn payment_refunded(mut self, refund: &PaymentRefunded, now: Timestamp) -> Decided {
        if !self.is_latest_try(&refund.payment)? || refund.refunded.amount <= self.payment.refunded.amount {
            return Ok(Decision::unchanged(self));
        }
        let total = self.total();
        if refund.refunded.minus(total)?.amount > 0 {
            return Err(OrderError::WrongAmount { amount: refund.refunded, total });
        }
        self.payment.refunded = refund.refunded;
        self.payment.forget_refused(refund.refund_id, refund.retry_of);
        // What went back for parts that were cancelled leaves the others as they are.
        let all = refund.refunded == total && refund.refunded.amount > self.given_up().amount;
        let what = Happening::Refunded { amount: refund.refund };
        match self.status {
            Status::Pending | Status::AwaitingPayment => Err(OrderError::TooEarly),
            Status::Confirmed | Status::Processing if all => {
                // It is a cancellation as well, so that the stock is for sale again.
                let sellers = self.cancel_what_is_to_come();
                let cancelled = self.cancellation(CancelReason::ByAdmin, sellers);
                self.step(Status::Refunded, what, now);
                let event = self.status_changed();
                Ok(Decision::changed(self).emit(cancelled).emit(event))
            }
            Status::Shipped | Status::Delivered if all => {
                self.step(Status::Refunded, what, now);
                let event = self.status_changed();
                Ok(Decision::changed(self).emit(event))
            }
            Status::Confirmed | Status::Processing | Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => {
                self.step(self.status, what, now);
                Ok(Decision::changed(self))
            }
        }
    }

    /// Money that should go back did not: staff see it until another try succeeds.
    pub fn refund_failed(mut self, failed: &RefundFailed, now: Timestamp) -> Decided {
        if !self.is_latest_try(&failed.payment)? || !self.payment.note_refused(failed, now) {
            return Ok(Decision::unchanged(self));
        }
        self.step(self.status, Happening::RefundRefused { amount: failed.refund }, now);
        Ok(Decision::changed(self))
    }
}
