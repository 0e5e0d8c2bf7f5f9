//! Mails about reviews.

use contracts::{ReviewPublished, ReviewRejected, ReviewReminderDue, ReviewSubmitted};

use super::subscription::{Mails, drafts, to_person};
use super::{Draft, Message};
use crate::lookup;

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &ReviewSubmitted| {
            drafts(event.awaits_moderation.then(|| Draft::to_house(app, Message::ReviewSubmitted { stars: event.stars })))
        })
        // To the owners; the goods of the house have none, so the admin hears of them.
        .on(|app, _, event: &ReviewPublished| {
            let ReviewPublished { review_id, business_id, stars, .. } = *event;
            let message = Message::NewReview { review_id, business_id, stars };
            Box::pin(async move {
                let owners = lookup::owners(app, business_id).await?;
                Ok(if owners.is_empty() { vec![Draft::to_house(app, message)] } else { Draft::to_accounts(&owners, &message) })
            })
        })
        .on(|app, _, event: &ReviewRejected| to_person(app, event.author_id, Message::ReviewRejected { reason: event.reason.clone() }))
        // A guest has no account to review with.
        .on(|app, _, event: &ReviewReminderDue| {
            Box::pin(async move {
                let order = lookup::order(app, event.order_id).await?;
                Ok(order.customer_id.map(|_| Draft::to_customer_of(&order, Message::ReviewReminder)).into_iter().collect())
            })
        })
}
