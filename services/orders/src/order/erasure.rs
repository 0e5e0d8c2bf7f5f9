//! A person is erased, and their orders stay without them.

use contracts::{Decision, OrderAnonymized};
use kernel::{Actor, Email, UserId};

use super::{Decided, Order, Status};

impl Order {
    /// The customer had their account erased, whose verified address this is. What the law wants kept stays: lines,
    /// amounts, dates and numbers. As long as there is something to deliver, the shop keeps the delivery address and the
    /// customer's note to it, and nothing else.
    pub fn anonymize(mut self, user: UserId, verified: Option<&Email>) -> Decided {
        let is_theirs = match self.customer_id {
            Some(customer) => customer == user,
            None => verified == Some(&self.email),
        };
        if !is_theirs {
            return Ok(Decision::unchanged(self));
        }
        let label = Actor::User { id: user, roles: Vec::new(), businesses: Vec::new() }.label();
        for change in &mut self.history {
            // What people wrote may name the person; what Souk noted are amounts and articles.
            if change.by != Actor::System.label() {
                change.note = None;
            }
            if change.by == label {
                change.by = Actor::Guest.label();
            }
        }
        self.email = Email::erased(self.id);
        (self.customer_id, self.guest_token, self.request_fingerprint) = (None, None, None);
        (self.billing_address, self.payment.method) = (None, None);
        self.forget_delivery();
        let event = OrderAnonymized { order_id: self.id };
        Ok(Decision::changed(self).emit(event))
    }

    /// Where to deliver the order of an erased person is forgotten once the goods have left, or will not.
    pub(super) fn forget_delivery(&mut self) {
        let to_deliver = match self.status {
            Status::Pending | Status::AwaitingPayment | Status::Confirmed | Status::Processing => true,
            Status::Shipped | Status::Delivered | Status::Cancelled(_) | Status::Refunded => false,
        };
        if self.email.is_erased() && !to_deliver {
            (self.shipping_address, self.note) = (None, None);
        }
    }
}
