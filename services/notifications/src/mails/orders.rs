//! Mails about orders.

use contracts::{CancelReason, OrderCancelled, OrderConfirmed, OrderPlaced, OrderShipped};
use kernel::EventId;

use super::message::MoneyBack;
use super::subscription::{Mails, drafts};
use super::{Draft, Message};

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &OrderPlaced| {
            let message = Message::OrderToAdmin { total: event.order.total };
            drafts([Draft::to_house(app, message).about(&event.order)])
        })
        // With the receipt, since a confirmed order is paid.
        .on(|_, delivery, event: &OrderConfirmed| {
            let paid_at = delivery.envelope.time;
            let receipt = Message::Receipt { payment_id: event.payment_id, paid: event.order.total, paid_at };
            drafts([Message::OrderConfirmation, receipt].map(|message| Draft::to_customer(&event.order, message)))
        })
        .on(|_, _, event: &OrderShipped| {
            let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
            let message = Message::Shipped { carrier: filled(&event.carrier), tracking_number: filled(&event.tracking_number) };
            drafts([Draft::to_customer(&event.order, message)])
        })
        .on(|_, _, event: &OrderCancelled| drafts(cancelled(event)))
}

/// Nothing for a customer who changed their mind before they had been told anything.
fn cancelled(event: &OrderCancelled) -> Option<Draft> {
    if event.reason == CancelReason::ByCustomer && !event.was_confirmed {
        return None;
    }
    let money = MoneyBack::of(event.was_confirmed, event.payment_id.is_some());
    let message = Message::Cancellation { total: event.order.total, reason: event.reason, money };
    // The order emits its cancellation again when stock or money turns up late; the customer hears of it once.
    Some(Draft { once_about: Some(EventId(event.order.order_id.0)), ..Draft::to_customer(&event.order, message) })
}

impl MoneyBack {
    fn of(was_confirmed: bool, payment_tried: bool) -> Self {
        if was_confirmed {
            return Self::Returned;
        }
        if payment_tried { Self::HoldLifted } else { Self::NothingTaken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CancelReason::*;
    use kernel::{Currency, Money};

    #[test]
    fn what_becomes_of_the_money() {
        for (was_confirmed, may_hold_money, expect) in
            [(false, false, MoneyBack::NothingTaken), (false, true, MoneyBack::HoldLifted), (true, true, MoneyBack::Returned)]
        {
            assert_eq!(MoneyBack::of(was_confirmed, may_hold_money), expect);
        }
    }

    #[test]
    fn a_cancellation_is_mailed_when_the_customer_must_know() {
        for (reason, was_confirmed, expect) in
            [(ByCustomer, false, false), (ByCustomer, true, true), (OutOfStock, false, true), (Expired, false, true), (ByAdmin, true, true)]
        {
            let order = contracts::OrderRef {
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
