//! How an order is stored. It is written with each of its steps, and paid for by its size: what follows from the rest
//! is left out, and the currency, of which an order has one, is named once.

use kernel::{Currency, Money};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Line, Order, Part, Payment, RefusedRefund, StatusChange};

#[derive(Serialize, Deserialize)]
struct StoredOrder {
    currency: Currency,
    #[serde(flatten)]
    order: Order<i64>,
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let order = self.clone().with_amounts(|money: Money| money.amount);
        StoredOrder { currency: self.currency(), order }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredOrder { currency, order } = StoredOrder::deserialize(deserializer)?;
        Ok(order.with_amounts(|amount| Money::new(amount, currency)))
    }
}

impl<M> Order<M> {
    fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> Order<N> {
        Order {
            id: self.id,
            request_fingerprint: self.request_fingerprint,
            customer_id: self.customer_id,
            email: self.email,
            lines: self.lines.into_iter().map(|line| line.with_amounts(&amount)).collect(),
            parts: self.parts.into_iter().map(|part| part.with_amounts(&amount)).collect(),
            shipping_address: self.shipping_address,
            billing_address: self.billing_address,
            note: self.note,
            status: self.status,
            payment: self.payment.with_amounts(&amount),
            history: self.history.into_iter().map(|change| change.with_amounts(&amount)).collect(),
            placed_at: self.placed_at,
            expires_at: self.expires_at,
        }
    }
}

impl<M> Line<M> {
    fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> Line<N> {
        Line {
            product_id: self.product_id,
            variant_id: self.variant_id,
            seller_id: self.seller_id,
            sku: self.sku,
            title: self.title,
            quantity: self.quantity,
            unit_price: amount(self.unit_price),
            tax_rate: self.tax_rate,
            tax: amount(self.tax),
            total: amount(self.total),
            image_url: self.image_url,
        }
    }
}

impl<M> Part<M> {
    fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> Part<N> {
        Part { seller_id: self.seller_id, shipping: amount(self.shipping), status: self.status, parcels: self.parcels }
    }
}

impl<M> StatusChange<M> {
    fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> StatusChange<N> {
        StatusChange { at: self.at, to: self.to, by: self.by, what: self.what.with_amounts(amount), note: self.note }
    }
}

impl<M> RefusedRefund<M> {
    fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> RefusedRefund<N> {
        RefusedRefund { refund_id: self.refund_id, amount: amount(self.amount), message: self.message, at: self.at }
    }
}

impl<M> Payment<M> {
    fn with_amounts<N>(self, amount: impl Fn(M) -> N) -> Payment<N> {
        Payment {
            payment_id: self.payment_id,
            tries: self.tries,
            method: self.method,
            return_url: self.return_url,
            action_url: self.action_url,
            declined: self.declined,
            captured: self.captured.map(&amount),
            refunded: amount(self.refunded),
            refused_refunds: self.refused_refunds.into_iter().map(|refused| refused.with_amounts(&amount)).collect(),
        }
    }
}
