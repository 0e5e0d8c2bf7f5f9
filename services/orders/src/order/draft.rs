//! What a checkout knows before there is an order.

use kernel::{Actor, CartId, Currency, Duration, Email, Money, OrderId, PostalAddress, Timestamp, UserId};
use ports::reads::Offer;

use super::{Line, Method, Note, Order, OrderError, Payment, Quote, Status, StatusChange};

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
}

/// What is ordered, as the catalog sells it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLine {
    pub offer: Offer,
    pub quantity: u32,
}

/// What the shop's configuration says about sums and deadlines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// Every price is in it.
    pub currency: Currency,
    /// Whether the prices of the catalog have the tax in them.
    pub prices_include_tax: bool,
    pub shipping: ShippingPrice,
    /// Where goods are shipped to, as ISO 3166-1 alpha-2; everywhere if none is named.
    pub countries: Vec<String>,
    /// How long an order waits to be paid.
    pub payment_deadline: Duration,
}

/// What shipping costs, for orders with something to ship. It carries no tax of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippingPrice {
    pub flat: Money,
    /// Lines worth this much are shipped for nothing.
    pub free_from: Option<Money>,
}

impl Draft {
    pub(super) fn into_order(self, pricing: &Pricing, by: &Actor, now: Timestamp) -> Result<Order, OrderError> {
        let ships = self.lines.iter().any(|line| line.offer.requires_shipping);
        if ships && self.shipping_address.is_none() {
            return Err(OrderError::AddressMissing);
        }
        let country = self.shipping_address.as_ref().map(|address| address.address_country.as_str());
        let Quote { lines, shipping } = Quote::of(self.lines, country, pricing)?;
        Ok(Order {
            id: OrderId::of_cart(self.cart_id),
            request_fingerprint: self.request_fingerprint,
            customer_id: self.customer_id,
            email: self.email,
            lines,
            shipping,
            shipping_address: self.shipping_address,
            billing_address: self.billing_address,
            note: self.note,
            status: Status::Pending,
            payment: Payment {
                payment_id: None,
                tries: 0,
                method: self.payment_method,
                action_url: None,
                declined: None,
                captured: None,
                refunded: Money::zero(pricing.currency),
            },
            tracking: None,
            history: vec![StatusChange { at: now, to: Status::Pending, by: by.label(), note: None }],
            placed_at: now,
            expires_at: now.plus(pricing.payment_deadline),
        })
    }
}

impl Line {
    pub(super) fn reference(&self) -> contracts::OrderLine {
        contracts::OrderLine { variant_id: self.variant_id, sku: self.sku.clone(), quantity: self.quantity }
    }
}
