//! Mails about money that goes back.

use contracts::{PaymentRefunded, RefundFailed};

use super::subscription::Mails;
use super::{Draft, Message};
use crate::lookup;

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &PaymentRefunded| {
            Box::pin(async move {
                let order = lookup::order(app, event.payment.order_id).await?;
                let message = Message::PaymentRefunded { refund: event.refund, refunded: event.refunded, paid: event.payment.amount };
                Ok(vec![Draft::to_customer_of(&order, message)])
            })
        })
        .on(|app, _, event: &RefundFailed| {
            Box::pin(async move {
                let order = lookup::order(app, event.payment.order_id).await?;
                let message = Message::RefundFailed { refund: event.refund, answer: event.message.clone() };
                Ok(vec![Draft::to_house(app, message).about(&order)])
            })
        })
}
