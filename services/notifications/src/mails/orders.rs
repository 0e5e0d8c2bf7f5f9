//! Mails about orders.

use contracts::{CancelReason, OrderCancelled, OrderConfirmed, OrderPlaced, OrderShipped};
use kernel::{Currency, EventId, Money, OrderId, PaymentId, PostalAddress, Timestamp};
use ports::reads::{OrderLineSummary, OrderSummary};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{About, Reader};
use crate::config::example;
use crate::consumer::{Mails, drafts};
use crate::draft::Draft;
use crate::links::Link;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "mail", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OrderMail {
    OrderToAdmin { customer: String, total: Money },
    OrderConfirmation,
    Receipt { payment_id: PaymentId, paid: Money, paid_at: Timestamp },
    Shipped { carrier: Option<String>, tracking_number: Option<String> },
    Cancellation { total: Money, reason: CancelReason, money: MoneyBack },
}

/// What a cancellation means for the customer's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyBack {
    /// Nothing was asked of a bank, or the bank said no.
    NothingTaken,
    /// The bank may hold the amount, or have just taken it; the hold is lifted, or it is returned.
    HoldLifted,
    /// The amount may have been taken; it is returned in full.
    Returned,
}

impl OrderMail {
    pub fn about(&self) -> About {
        let customer = |purpose| About::new(Reader::Customer, purpose).link(Link::Order);
        match self {
            Self::OrderToAdmin { .. } => {
                About::new(Reader::House, "Tells the admin about a new order.").link(Link::AdminOrder).shows_sale()
            }
            Self::OrderConfirmation => customer("Tells the customer that the order is confirmed.").shows_sale(),
            Self::Receipt { .. } => customer("Tells the customer that the payment was taken.").shows_sale(),
            Self::Shipped { .. } => customer("Tells the customer that the goods are on their way."),
            Self::Cancellation { .. } => customer("Tells the customer that and why the order was cancelled."),
        }
    }

    pub fn samples() -> Vec<Self> {
        let total = sample_sale().total;
        vec![
            Self::OrderToAdmin { customer: "ann@example.com".into(), total },
            Self::OrderConfirmation,
            Self::Receipt { payment_id: 7.into(), paid: total, paid_at: sample_sale().placed_at },
            Self::Shipped { carrier: Some("DHL".into()), tracking_number: Some("00340434161094015902".into()) },
            Self::Cancellation { total, reason: CancelReason::OutOfStock, money: MoneyBack::NothingTaken },
        ]
    }
}

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &OrderPlaced| {
            let mail = OrderMail::OrderToAdmin { customer: event.order.email.to_string(), total: event.order.total };
            drafts([Draft::to_house(app, mail).about(&event.order)])
        })
        // With the receipt, since a confirmed order is paid.
        .on(|_, delivery, event: &OrderConfirmed| {
            let paid_at = delivery.envelope.time;
            let receipt = OrderMail::Receipt { payment_id: event.payment_id, paid: event.order.total, paid_at };
            drafts([OrderMail::OrderConfirmation, receipt].map(|mail| Draft::to_customer(&event.order, mail)))
        })
        .on(|_, _, event: &OrderShipped| {
            let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
            let mail = OrderMail::Shipped { carrier: filled(&event.carrier), tracking_number: filled(&event.tracking_number) };
            drafts([Draft::to_customer(&event.order, mail)])
        })
        .on(|_, _, event: &OrderCancelled| drafts(cancelled(event)))
}

/// Nothing for a customer who changed their mind before they had been told anything.
fn cancelled(event: &OrderCancelled) -> Option<Draft> {
    if event.reason == CancelReason::ByCustomer && !event.was_confirmed {
        return None;
    }
    let money = MoneyBack::of(event.reason, event.was_confirmed, event.payment_id.is_some());
    let mail = OrderMail::Cancellation { total: event.order.total, reason: event.reason, money };
    // The order emits its cancellation again when stock or money turns up late; the customer hears of it once.
    Some(Draft { once_about: Some(EventId(event.order.order_id.0)), ..Draft::to_customer(&event.order, mail) })
}

impl MoneyBack {
    fn of(reason: CancelReason, was_confirmed: bool, payment_tried: bool) -> Self {
        if was_confirmed {
            return Self::Returned;
        }
        match reason {
            CancelReason::PaymentDeclined | CancelReason::InsufficientFunds => Self::NothingTaken,
            CancelReason::OutOfStock
            | CancelReason::PaymentFailed
            | CancelReason::Expired
            | CancelReason::ByCustomer
            | CancelReason::BySeller
            | CancelReason::ByAdmin => {
                if payment_tried {
                    Self::HoldLifted
                } else {
                    Self::NothingTaken
                }
            }
        }
    }
}

/// The order of the samples.
pub fn sample_sale() -> OrderSummary {
    let eur = |amount| Money::new(amount, Currency::EUR);
    let line = |sku: &str, title: &str, quantity: u32, unit: i64| OrderLineSummary {
        product_id: 1.into(),
        seller_id: 1.into(),
        sku: sku.into(),
        title: title.into(),
        quantity,
        unit_price: eur(unit),
        total: eur(unit * i64::from(quantity)),
    };
    OrderSummary {
        id: OrderId(0x0193_4f2a_77b1_0000_1234_5678_9abc_def0),
        number: "S-7K3F-92QD".into(),
        customer_id: Some(1.into()),
        email: example("ann"),
        guest_token: None,
        placed_at: Timestamp::from_millis(1_763_692_800_000),
        lines: vec![line("POT-CLAY-L", "Clay Plant Pot, Large", 2, 1999), line("BENCH-OAK", "Garden Bench, Oak", 1, 121_000)],
        subtotal: eur(124_998),
        shipping: eur(490),
        tax: eur(20_036),
        total: eur(125_488),
        shipping_address: Some(PostalAddress {
            name: "Ann Lee".into(),
            street_address: "Marienplatz 8".into(),
            extended_address: String::new(),
            postal_code: "80331".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CancelReason::*;

    #[test]
    fn what_becomes_of_the_money() {
        for (reason, was_confirmed, payment_tried, expect) in [
            (OutOfStock, false, false, MoneyBack::NothingTaken),
            (PaymentDeclined, false, true, MoneyBack::NothingTaken),
            (InsufficientFunds, false, true, MoneyBack::NothingTaken),
            (PaymentFailed, false, true, MoneyBack::HoldLifted),
            (Expired, false, true, MoneyBack::HoldLifted),
            (Expired, false, false, MoneyBack::NothingTaken),
            (ByCustomer, true, true, MoneyBack::Returned),
            (BySeller, true, true, MoneyBack::Returned),
            (ByAdmin, false, true, MoneyBack::HoldLifted),
        ] {
            assert_eq!(MoneyBack::of(reason, was_confirmed, payment_tried), expect, "{reason:?}");
        }
    }

    #[test]
    fn a_cancellation_is_mailed_when_the_customer_must_know() {
        for (reason, was_confirmed, expect) in [
            (ByCustomer, false, false),
            (ByCustomer, true, true),
            (OutOfStock, false, true),
            (PaymentDeclined, false, true),
            (Expired, false, true),
            (ByAdmin, true, true),
        ] {
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
