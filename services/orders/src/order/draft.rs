//! What a checkout knows before there is an order, and how its sums are made.

use contracts::ORDER_LINES_MAX;
use kernel::{Actor, CartId, Currency, Duration, Email, Money, OrderId, PostalAddress, Timestamp, UserId};
use ports::reads::Offer;

use super::{Line, Method, Note, Order, OrderError, Payment, Status, StatusChange};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pricing {
    /// Every price is in it.
    pub currency: Currency,
    /// Whether the prices of the catalog have the tax in them.
    pub prices_include_tax: bool,
    pub shipping: ShippingPrice,
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
        if self.lines.is_empty() || self.lines.len() > ORDER_LINES_MAX || self.lines.iter().any(|line| line.quantity == 0) {
            return Err(OrderError::Lines);
        }
        let ships = self.lines.iter().any(|line| line.offer.requires_shipping);
        if ships && self.shipping_address.is_none() {
            return Err(OrderError::AddressMissing);
        }
        let lines = self.lines.into_iter().map(|line| line.priced(pricing)).collect::<Result<Vec<_>, _>>()?;
        let subtotal = Money::sum(pricing.currency, lines.iter().map(|line| line.total))?;
        let shipping = if ships { pricing.shipping.for_lines_worth(subtotal)? } else { Money::zero(pricing.currency) };
        // The order adds them up whenever it is asked.
        subtotal.plus(shipping)?;
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

impl DraftLine {
    fn priced(self, pricing: &Pricing) -> Result<Line, OrderError> {
        let Offer { product_id, variant_id, seller_id, sku, title, unit_price, tax_rate, image_url, .. } = self.offer;
        let quantity = self.quantity;
        let price = unit_price.times(quantity)?;
        let (tax, total) = if pricing.prices_include_tax {
            (tax_rate.included_in(price), price)
        } else {
            let tax = tax_rate.on_top_of(price);
            (tax, price.plus(tax)?)
        };
        Ok(Line { product_id, variant_id, seller_id, sku, title, quantity, unit_price, tax_rate, tax, total, image_url })
    }
}

impl Line {
    pub(super) fn reference(&self) -> contracts::OrderLine {
        contracts::OrderLine { variant_id: self.variant_id, sku: self.sku.clone(), quantity: self.quantity }
    }
}

impl ShippingPrice {
    fn for_lines_worth(self, subtotal: Money) -> Result<Money, OrderError> {
        match self.free_from {
            Some(free_from) if subtotal.minus(free_from)?.amount >= 0 => Ok(Money::zero(subtotal.currency)),
            Some(_) | None => Ok(self.flat),
        }
    }
}
