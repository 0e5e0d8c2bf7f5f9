//! How an order is stored. It is written with each of its steps, and paid for by its size: what follows from the rest
//! is left out, and the currency, of which an order has one, is named once.

use kernel::{
    BusinessId, CartId, Currency, Email, Money, OrderId, PaymentId, PostalAddress, ProductId, TaxRate, Timestamp, UserId, VariantId,
};
use serde::{Deserialize, Serialize};

use super::draft::number;
use super::{Line, Order, Payment, Status, StatusChange, Tracking};

/// Amounts are minor units of `currency`.
#[derive(Serialize, Deserialize)]
pub struct StoredOrder {
    id: OrderId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<UserId>,
    email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guest_token: Option<String>,
    currency: Currency,
    lines: Vec<StoredLine>,
    #[serde(default, skip_serializing_if = "is_zero")]
    shipping: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shipping_address: Option<PostalAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    billing_address: Option<PostalAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    status: Status,
    payment: StoredPayment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
    history: Vec<StatusChange>,
    placed_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct StoredLine {
    product_id: ProductId,
    variant_id: VariantId,
    seller_id: BusinessId,
    sku: String,
    title: String,
    quantity: u32,
    unit_price: i64,
    tax_rate: TaxRate,
    tax: i64,
    total: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredPayment {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
    tries: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    captured: Option<i64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    refunded: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl From<Order> for StoredOrder {
    fn from(order: Order) -> Self {
        let line = |line: Line| StoredLine {
            product_id: line.product_id,
            variant_id: line.variant_id,
            seller_id: line.seller_id,
            sku: line.sku,
            title: line.title,
            quantity: line.quantity,
            unit_price: line.unit_price.amount,
            tax_rate: line.tax_rate,
            tax: line.tax.amount,
            total: line.total.amount,
            image_url: line.image_url,
        };
        let amount = |money: Money| money.amount;
        let payment = StoredPayment {
            payment_id: order.payment.payment_id,
            tries: order.payment.tries,
            method: order.payment.method,
            action_url: order.payment.action_url,
            captured: order.payment.captured.map(amount),
            refunded: order.payment.refunded.amount,
        };
        Self {
            id: order.id,
            request_fingerprint: order.request_fingerprint,
            customer_id: order.customer_id,
            email: order.email,
            guest_token: order.guest_token,
            currency: order.total.currency,
            lines: order.lines.into_iter().map(line).collect(),
            shipping: order.shipping.amount,
            shipping_address: order.shipping_address,
            billing_address: order.billing_address,
            note: order.note,
            status: order.status,
            payment,
            tracking: order.tracking,
            history: order.history,
            placed_at: order.placed_at,
            expires_at: order.expires_at,
        }
    }
}

impl From<StoredOrder> for Order {
    fn from(kept: StoredOrder) -> Self {
        let money = |amount| Money::new(amount, kept.currency);
        let line = |line: StoredLine| Line {
            product_id: line.product_id,
            variant_id: line.variant_id,
            seller_id: line.seller_id,
            sku: line.sku,
            title: line.title,
            quantity: line.quantity,
            unit_price: money(line.unit_price),
            tax_rate: line.tax_rate,
            tax: money(line.tax),
            total: money(line.total),
            image_url: line.image_url,
        };
        let payment = Payment {
            payment_id: kept.payment.payment_id,
            tries: kept.payment.tries,
            method: kept.payment.method,
            action_url: kept.payment.action_url,
            captured: kept.payment.captured.map(money),
            refunded: money(kept.payment.refunded),
        };
        // An order's sums were checked when it was placed, and these are the same.
        let subtotal: i64 = kept.lines.iter().map(|line| line.total).sum();
        let tax: i64 = kept.lines.iter().map(|line| line.tax).sum();
        Self {
            id: kept.id,
            number: number(kept.id),
            cart_id: CartId(kept.id.0),
            request_fingerprint: kept.request_fingerprint,
            customer_id: kept.customer_id,
            email: kept.email,
            guest_token: kept.guest_token,
            subtotal: money(subtotal),
            shipping: money(kept.shipping),
            tax: money(tax),
            total: money(subtotal + kept.shipping),
            lines: kept.lines.into_iter().map(line).collect(),
            shipping_address: kept.shipping_address,
            billing_address: kept.billing_address,
            note: kept.note,
            status: kept.status,
            payment,
            tracking: kept.tracking,
            history: kept.history,
            placed_at: kept.placed_at,
            expires_at: kept.expires_at,
        }
    }
}
