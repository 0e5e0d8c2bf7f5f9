//! Mails about orders: to customers about the whole, to sellers about their parts.

use contracts::{
    CancelReason, OrderCancelled, OrderConfirmed, OrderLinkRequested, OrderPartCancelled, OrderPlaced, OrderRef, OrderShipped,
    ShippedParcel,
};
use kernel::{BusinessId, EventId, Problem};

use super::message::{MoneyBack, ParcelName};
use super::subscription::{Mails, drafts};
use super::{Draft, Message};
use crate::{App, lookup};

pub fn subscribe(mails: Mails) -> Mails {
    to_customers(to_sellers(mails))
}

fn to_customers(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &OrderPlaced| {
            let message = Message::OrderToAdmin { total: event.order.total };
            drafts([Draft::to_house(app, message).about(&event.order)])
        })
        .on(|app, _, event: &OrderShipped| {
            Box::pin(async move {
                let message = Message::Shipped {
                    seller_id: event.seller_id,
                    business: seller_name(app, event.seller_id).await?,
                    parcels: event.parcels.iter().map(ParcelName::of).collect(),
                    to_come: event.to_come.clone(),
                };
                Ok(vec![Draft::to_customer(&event.order, message)])
            })
        })
        .on(|_, _, event: &OrderLinkRequested| drafts([Draft::to_customer(&event.order, Message::OrderLink)]))
}

/// With what the same events tell customers.
fn to_sellers(mails: Mails) -> Mails {
    mails
        // With the receipt, since a confirmed order is paid.
        .on(|app, delivery, event: &OrderConfirmed| {
            Box::pin(async move {
                let paid_at = delivery.envelope.time;
                let receipt = Message::Receipt { payment_id: event.payment_id, paid: event.order.total, paid_at };
                let mut drafts = [Message::OrderConfirmation, receipt].map(|message| Draft::to_customer(&event.order, message)).to_vec();
                for seller in &event.sellers {
                    let message = |business| Message::OrderToSeller { business_id: *seller, business };
                    drafts.extend(to_people_of(app, *seller, &event.order, message).await?);
                }
                Ok(drafts)
            })
        })
        .on(|app, _, event: &OrderCancelled| {
            Box::pin(async move {
                let mut drafts: Vec<Draft> = cancelled(event).into_iter().collect();
                // Before it was confirmed they had not been told to pack it.
                for seller in event.sellers.iter().filter(|_| event.was_confirmed) {
                    drafts.extend(not_to_pack(app, *seller, &event.order, event.reason).await?);
                }
                Ok(drafts)
            })
        })
        .on(|app, _, event: &OrderPartCancelled| {
            Box::pin(async move {
                let OrderPartCancelled { seller_id, reason, amount, .. } = *event;
                let business = seller_name(app, seller_id).await?;
                let message = Message::PartCancelled { seller_id, business, refund: amount, reason };
                let mut drafts = vec![Draft::to_customer(&event.order, message)];
                drafts.extend(not_to_pack(app, seller_id, &event.order, reason).await?);
                Ok(drafts)
            })
        })
}

/// Nothing to the house, which sees it among its orders, and nothing to those who cancelled it themselves.
async fn not_to_pack(app: &App, seller: BusinessId, order: &OrderRef, reason: CancelReason) -> Result<Vec<Draft>, Problem> {
    if seller == BusinessId::HOUSE || reason == CancelReason::BySeller {
        return Ok(Vec::new());
    }
    let message = |business| Message::OrderCancelledToSeller { business_id: seller, business, reason };
    let drafts = to_people_of(app, seller, order, message).await?;
    // The order may emit its cancellation again.
    Ok(drafts.into_iter().map(|draft| Draft { once_about: Some(EventId(order.order_id.0)), ..draft }).collect())
}

async fn to_people_of(
    app: &App,
    seller: BusinessId,
    order: &OrderRef,
    message: impl FnOnce(String) -> Message,
) -> Result<Vec<Draft>, Problem> {
    let people = lookup::managers(app, seller).await?;
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let message = message(lookup::business_name(app, seller).await?);
    Ok(Draft::to_accounts(&people, &message).into_iter().map(|draft| draft.about(order)).collect())
}

async fn seller_name(app: &App, seller: BusinessId) -> Result<Option<String>, Problem> {
    if seller == BusinessId::HOUSE { Ok(None) } else { lookup::business_name(app, seller).await.map(Some) }
}

impl ParcelName {
    fn of(parcel: &ShippedParcel) -> Self {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        Self { carrier: filled(&parcel.carrier), number: filled(&parcel.number), url: filled(&parcel.url) }
    }
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
            let event = OrderCancelled { order, reason, payment_id: None, was_confirmed, sellers: Vec::new() };
            assert_eq!(cancelled(&event).is_some(), expect, "{reason:?} {was_confirmed}");
        }
    }
}
