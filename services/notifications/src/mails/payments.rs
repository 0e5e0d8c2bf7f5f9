//! Mails about money that goes back.

use contracts::{PaymentRefunded, RefundFailed};
use kernel::Money;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{About, Reader, sample_sale};
use crate::consumer::Mails;
use crate::draft::Draft;
use crate::links::Link;
use crate::lookup;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "mail", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PaymentMail {
    PaymentRefunded { refund: Money, refunded: Money, paid: Money },
    RefundFailed { refund: Money, answer: String },
}

impl PaymentMail {
    pub fn about(&self) -> About {
        match self {
            Self::PaymentRefunded { .. } => About::new(Reader::Customer, "Tells the customer that money was sent back.").link(Link::Order),
            Self::RefundFailed { .. } => {
                About::new(Reader::House, "Tells the admin that a refund was refused and is to be made by hand.").link(Link::AdminOrder)
            }
        }
    }

    pub fn samples() -> Vec<Self> {
        let paid = sample_sale().total;
        let refund = Money { amount: 1999, ..paid };
        vec![
            Self::PaymentRefunded { refund, refunded: refund, paid },
            Self::RefundFailed { refund, answer: "The card has expired.".into() },
        ]
    }
}

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &PaymentRefunded| {
            Box::pin(async move {
                let order = lookup::order(app, event.payment.order_id).await?;
                let mail = PaymentMail::PaymentRefunded { refund: event.refund, refunded: event.refunded, paid: event.payment.amount };
                Ok(vec![Draft::to_customer_of(&order, mail)])
            })
        })
        .on(|app, _, event: &RefundFailed| {
            Box::pin(async move {
                let order = lookup::order(app, event.payment.order_id).await?;
                let mail = PaymentMail::RefundFailed { refund: event.refund, answer: event.message.clone() };
                Ok(vec![Draft::to_house(app, mail).about(&order)])
            })
        })
}
