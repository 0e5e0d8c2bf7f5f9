//! Which mails follow from an event, and what they say. Pure.

use contracts::{
    BusinessClaimed, BusinessPublished, BusinessRejected, BusinessSuspended, CancelReason, ClaimRefused, LeadDelivered, OrderCancelled,
    OrderConfirmed, OrderRef, OrderShipped, PasswordResetRequested, PaymentRefunded, ReviewPublished, StockLow, UserRegistered,
    VerificationRequested,
};
use kernel::{Email, Timestamp};
use ports::reads::{Account, OrderSummary};

use crate::mail::Draft;
use crate::message::{Content, LineData, Message, MoneyBack, OrderData, OrderName, greeting_name, one_line};

const TITLE_CHARACTERS_MAX: usize = 120;
const CODE_CHARACTERS_MAX: usize = 64;
const REASON_CHARACTERS_MAX: usize = 500;
/// Goods that a reminder names.
const REMINDED_MAX: usize = 10;

pub fn welcome(event: &UserRegistered) -> Draft {
    let message = Message::Welcome { name: greeting_name(&event.name) };
    Draft { to: event.email.clone(), content: message.into(), order_id: None, user_id: Some(event.user_id) }
}

pub fn verification(event: &VerificationRequested) -> Draft {
    let message = Message::Verification { user_id: event.user_id, name: greeting_name(&event.name), serial: event.serial };
    Draft { to: event.email.clone(), content: message.into(), order_id: None, user_id: Some(event.user_id) }
}

pub fn password_reset(event: &PasswordResetRequested) -> Draft {
    let message = Message::PasswordReset { user_id: event.user_id, name: greeting_name(&event.name), serial: event.serial };
    Draft { to: event.email.clone(), content: message.into(), order_id: None, user_id: Some(event.user_id) }
}

/// To the customer, with the receipt, since a confirmed order is paid; and to the admin.
pub fn confirmed(event: &OrderConfirmed, order: &OrderSummary, paid_at: Timestamp, admin: &Email) -> Vec<Draft> {
    let showing = |to: &Email, message| Draft {
        to: to.clone(),
        content: Content { message, order: Some(order_data(order)) },
        order_id: Some(order.id),
        user_id: order.customer_id,
    };
    let receipt = Message::Receipt { payment_id: event.payment_id, paid: event.order.total, paid_at };
    let to_admin = Message::OrderToAdmin { customer: order.email.to_string() };
    vec![showing(&order.email, Message::OrderConfirmation), showing(&order.email, receipt), showing(admin, to_admin)]
}

pub fn refunded(event: &PaymentRefunded, order: &OrderSummary) -> Draft {
    let name = OrderName { id: order.id, number: order.number.clone(), guest: order.customer_id.is_none() };
    let message = Message::PaymentRefunded { order: name, refund: event.refund, refunded: event.refunded, paid: event.payment.amount };
    about_summary(order, message)
}

/// Nothing for a customer who changed their mind before they had been told anything.
pub fn cancelled(event: &OrderCancelled) -> Option<Draft> {
    if event.reason == CancelReason::ByCustomer && !event.was_confirmed {
        return None;
    }
    let money = MoneyBack::of(event.reason, event.was_confirmed, event.payment_id.is_some());
    let message = Message::Cancellation { order: order_name(&event.order), total: event.order.total, reason: event.reason, money };
    Some(about_order(&event.order, message))
}

pub fn shipped(event: &OrderShipped) -> Draft {
    let short = |text: &Option<String>| text.as_deref().map(|text| one_line(text, CODE_CHARACTERS_MAX)).filter(|text| !text.is_empty());
    let message = Message::Shipped {
        order: order_name(&event.order),
        carrier: short(&event.carrier),
        tracking_number: short(&event.tracking_number),
    };
    about_order(&event.order, message)
}

pub fn stock_low(event: &StockLow, admin: &Email) -> Draft {
    let message = Message::LowStockToAdmin {
        variant_id: event.variant_id,
        sku: one_line(&event.sku, CODE_CHARACTERS_MAX),
        available: event.available,
        threshold: event.threshold,
    };
    Draft { to: admin.clone(), content: message.into(), order_id: None, user_id: None }
}

pub fn published(event: &BusinessPublished, owners: &[Account]) -> Vec<Draft> {
    to_people(owners, &Message::BusinessPublished { slug: event.slug.clone(), business: one_line(&event.name, TITLE_CHARACTERS_MAX) })
}

pub fn rejected(event: &BusinessRejected, owners: &[Account]) -> Vec<Draft> {
    let business = one_line(&event.name, TITLE_CHARACTERS_MAX);
    let reason = one_line(&event.reason, REASON_CHARACTERS_MAX);
    to_people(owners, &Message::BusinessRejected { business_id: event.business_id, business, reason })
}

pub fn suspended(event: &BusinessSuspended, owners: &[Account]) -> Vec<Draft> {
    let business = one_line(&event.name, TITLE_CHARACTERS_MAX);
    let reason = one_line(&event.reason, REASON_CHARACTERS_MAX);
    to_people(owners, &Message::BusinessSuspended { business_id: event.business_id, business, reason })
}

pub fn claimed(event: &BusinessClaimed, owner: &[Account]) -> Vec<Draft> {
    let business = one_line(&event.name, TITLE_CHARACTERS_MAX);
    to_people(owner, &Message::ClaimDecided { business_id: event.business_id, business, reason: None })
}

pub fn claim_refused(event: &ClaimRefused, claimant: &[Account]) -> Vec<Draft> {
    let business = one_line(&event.business_name, TITLE_CHARACTERS_MAX);
    let reason = Some(one_line(&event.reason, REASON_CHARACTERS_MAX));
    to_people(claimant, &Message::ClaimDecided { business_id: event.business_id, business, reason })
}

pub fn new_lead(event: &LeadDelivered, business: &str, owners: &[Account]) -> Vec<Draft> {
    let message = Message::NewLead {
        lead_id: event.lead_id,
        business_id: event.business_id,
        business: one_line(business, TITLE_CHARACTERS_MAX),
        price: event.price,
        duplicate: event.duplicate_of.is_some(),
    };
    to_people(owners, &message)
}

/// To the owners; the goods of the house have none, so the admin hears of them.
pub fn new_review(event: &ReviewPublished, owners: &[Account], admin: &Email) -> Vec<Draft> {
    let message = Message::NewReview { review_id: event.review_id, stars: event.stars };
    if owners.is_empty() {
        return vec![Draft { to: admin.clone(), content: message.into(), order_id: None, user_id: None }];
    }
    to_people(owners, &message)
}

/// A guest has no account to review with.
pub fn review_reminder(order: &OrderSummary) -> Vec<Draft> {
    if order.customer_id.is_none() {
        return Vec::new();
    }
    let name = OrderName { id: order.id, number: order.number.clone(), guest: false };
    let titles = order.lines.iter().take(REMINDED_MAX).map(|line| one_line(&line.title, TITLE_CHARACTERS_MAX)).collect();
    vec![about_summary(order, Message::ReviewReminder { order: name, titles })]
}

fn to_people(people: &[Account], message: &Message) -> Vec<Draft> {
    let draft =
        |account: &Account| Draft { to: account.email.clone(), content: message.clone().into(), order_id: None, user_id: Some(account.id) };
    people.iter().map(draft).collect()
}

fn about_order(order: &OrderRef, message: Message) -> Draft {
    Draft { to: order.email.clone(), content: message.into(), order_id: Some(order.order_id), user_id: order.customer_id }
}

fn about_summary(order: &OrderSummary, message: Message) -> Draft {
    Draft { to: order.email.clone(), content: message.into(), order_id: Some(order.id), user_id: order.customer_id }
}

fn order_name(order: &OrderRef) -> OrderName {
    OrderName { id: order.order_id, number: order.number.clone(), guest: order.customer_id.is_none() }
}

fn order_data(order: &OrderSummary) -> OrderData {
    let line = |line: &ports::reads::OrderLineSummary| LineData {
        sku: one_line(&line.sku, CODE_CHARACTERS_MAX),
        title: one_line(&line.title, TITLE_CHARACTERS_MAX),
        quantity: line.quantity,
        unit: line.unit_price.amount,
        total: line.total.amount,
    };
    OrderData {
        id: order.id,
        number: order.number.clone(),
        guest: order.customer_id.is_none(),
        placed_at: order.placed_at,
        currency: order.total.currency,
        lines: order.lines.iter().map(line).collect(),
        subtotal: order.subtotal.amount,
        shipping: order.shipping.amount,
        tax: order.tax.amount,
        total: order.total.amount,
        address: order.shipping_address.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Currency, Money};

    #[test]
    fn a_cancellation_is_mailed_when_the_customer_must_know() {
        use CancelReason::*;
        for (reason, was_confirmed, expect) in [
            (ByCustomer, false, false),
            (ByCustomer, true, true),
            (OutOfStock, false, true),
            (PaymentDeclined, false, true),
            (Expired, false, true),
            (ByAdmin, true, true),
        ] {
            let order = OrderRef {
                order_id: 1.into(),
                number: "S-1".into(),
                customer_id: None,
                email: "ann@example.com".parse().unwrap(),
                total: Money::new(1999, Currency::EUR),
            };
            let event = OrderCancelled { order, reason, payment_id: None, was_confirmed };
            assert_eq!(cancelled(&event).is_some(), expect, "{reason:?} {was_confirmed}");
        }
    }
}
