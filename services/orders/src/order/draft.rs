//! What a checkout knows before there is an order.

use kernel::{Actor, CartId, Email, Money, OrderId, PostalAddress, Timestamp, UserId};

use super::{DraftLine, Happening, Line, Method, Note, Order, OrderError, Payment, Pricing, Quote, ReturnUrl, Status, StatusChange};

/// An order in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub cart_id: CartId,
    pub request_fingerprint: Option<String>,
    pub customer_id: Option<UserId>,
    pub email: Email,
    pub lines: Vec<DraftLine>,
    pub shipping_address: Option<PostalAddress>,
    pub billing_address: Option<PostalAddress>,
    pub note: Option<Note>,
    pub payment_method: Option<Method>,
    pub return_url: Option<ReturnUrl>,
}

impl Draft {
    pub(super) fn into_order(self, pricing: &Pricing, by: &Actor, now: Timestamp) -> Result<Order, OrderError> {
        let ships = self.lines.iter().any(|line| line.offer.requires_shipping);
        if ships && self.shipping_address.is_none() {
            return Err(OrderError::AddressMissing);
        }
        let country = self.shipping_address.as_ref().map(|address| address.address_country.as_str());
        let Quote { lines, parts, .. } = Quote::of(self.lines, country, pricing)?;
        Ok(Order {
            id: OrderId::of_cart(self.cart_id),
            request_fingerprint: self.request_fingerprint,
            customer_id: self.customer_id,
            email: self.email,
            lines,
            parts,
            shipping_address: self.shipping_address,
            billing_address: self.billing_address,
            note: self.note,
            status: Status::Pending,
            payment: Payment {
                payment_id: None,
                tries: 0,
                method: self.payment_method,
                return_url: self.return_url,
                action_url: None,
                declined: None,
                captured: None,
                refunded: Money::zero(pricing.currency),
                refused_refunds: Vec::new(),
            },
            history: vec![StatusChange { at: now, to: Status::Pending, by: by.label(), what: Happening::Placed, note: None }],
            placed_at: now,
            expires_at: now.plus(pricing.deadline_of(self.customer_id)),
        })
    }
}

impl Line {
    pub(super) fn reference(&self) -> contracts::OrderLine {
        contracts::OrderLine { variant_id: self.variant_id, sku: self.sku.clone(), quantity: self.quantity }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Offer;

    use super::*;
    use crate::order::tests::{NOW, draft, line, offer, pricing};

    #[test]
    fn sums() {
        let net = Pricing { prices_include_tax: false, ..pricing() };
        let digital = DraftLine { offer: Offer { requires_shipping: false, ..offer(1000, 700) }, quantity: 1 };
        for (pricing, lines, expect) in [
            (pricing(), vec![line(1, 4999, 1900)], (4999, 490, 798, 5489)),
            (pricing(), vec![line(1, 5000, 1900)], (5000, 0, 798, 5000)),
            (pricing(), vec![digital.clone()], (1000, 0, 65, 1000)),
            (net.clone(), vec![line(3, 333, 1900)], (1189, 490, 190, 1679)),
            (net, vec![digital, line(1, 50, 700)], (1124, 490, 74, 1614)),
        ] {
            let order = Order::place(draft(lines), &pricing, &Actor::Guest, NOW).unwrap().into_state();
            let sums = (order.subtotal().amount, order.shipping().amount, order.tax().amount, order.total().amount);
            assert_eq!(sums, expect);
        }
    }

    #[test]
    fn what_is_no_order() {
        let base = || draft(vec![line(1, 100, 1900)]);
        let dollars = DraftLine { offer: Offer { unit_price: Money::new(100, "USD".parse().unwrap()), ..offer(100, 1900) }, quantity: 1 };
        for (draft, expect) in [
            (draft(Vec::new()), OrderError::Lines),
            (draft(vec![line(0, 100, 1900)]), OrderError::Lines),
            (draft(vec![line(1, 100, 1900); 49]), OrderError::Lines),
            (draft(vec![dollars]), OrderError::Money(kernel::MoneyError::Currencies)),
            (Draft { shipping_address: None, ..base() }, OrderError::AddressMissing),
        ] {
            assert_eq!(Order::place(draft, &pricing(), &Actor::Guest, NOW).unwrap_err(), expect);
        }
    }
}
