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
        (self.customer_id, self.request_fingerprint) = (None, None);
        (self.billing_address, self.payment.method, self.payment.return_url) = (None, None, None);
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

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::order::tests::{NOW, happen, order_that_is};
    use crate::order::{Note, StatusName as Name};

    #[test]
    fn an_erased_person_is_known_only_to_the_parcel() {
        for status in Name::VARIANTS.iter().copied() {
            let note = Some(Note::new("Ring twice.").unwrap());
            let order = Order { customer_id: Some(UserId(7)), note, ..order_that_is(status) };
            let billing_address = order.shipping_address.clone();
            let order = Order { billing_address, ..order };
            let (lines, total) = (order.lines.clone(), order.total());
            let other = "ann@example.com".parse().unwrap();
            assert!(!order.clone().anonymize(UserId(8), Some(&other)).unwrap().is_changed(), "it is another customer's");
            let erased = order.anonymize(UserId(7), None).unwrap().into_state();
            assert_eq!((&erased.lines, erased.total(), erased.status.name()), (&lines, total, status));
            let stored = serde_json::to_string(&erased).unwrap();
            for gone in ["ann@example.com", "damaged", &UserId(7).to_string()] {
                assert!(!stored.contains(gone), "{gone} in {stored}");
            }
            let to_deliver = matches!(status, Name::Pending | Name::AwaitingPayment | Name::Confirmed | Name::Processing);
            let known = stored.matches("Marienplatz").count() + stored.matches("Ring twice").count();
            assert_eq!(known, if to_deliver { 2 } else { 0 }, "{stored}");
        }
        let erased = happen(order_that_is(Name::Processing), "erase", 1, NOW).unwrap().into_state();
        for end in ["shipped", "cancel by shop", "payment.refunded (all)"] {
            let ended = happen(erased.clone(), end, 1, NOW).unwrap().into_state();
            assert_eq!(ended.shipping_address, None, "{end}");
        }
    }
}
