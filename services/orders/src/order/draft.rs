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
