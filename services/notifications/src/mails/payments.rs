//! Mails about money that does not come, and that goes back.

use contracts::{PaymentFailed, PaymentRefunded, RefundFailed};

use super::subscription::Mails;
use super::{Draft, Message};
use crate::lookup;

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, delivery, event: &PaymentFailed| {
            Box::pin(async move {
                let order = lookup::order(app, event.payment.order_id).await?;
                let left = order.pay_by.map_or(0, |pay_by| pay_by.since(delivery.envelope.time).as_secs() / 60);
                // Paid or ended meanwhile, there is nothing to try again.
                let minutes = u32::try_from(left).ok().filter(|minutes| *minutes > 0);
                let declined = |minutes| {
                    let message = Message::PaymentDeclined { code: event.decline.code, total: order.total, minutes };
                    Draft::to_customer_of(&order, message)
                };
                Ok(minutes.map(declined).into_iter().collect())
            })
        })
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
