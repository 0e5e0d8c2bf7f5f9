//! Mails about reviews.

use contracts::{ReviewPublished, ReviewRejected, ReviewReminderDue, ReviewSubmitted};
use kernel::{BusinessId, ReviewId};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{About, Reader};
use crate::consumer::{Mails, drafts};
use crate::draft::Draft;
use crate::links::Link;
use crate::lookup;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "mail", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReviewMail {
    /// Stars are 1 to 5.
    ReviewSubmitted {
        stars: u8,
    },
    NewReview {
        review_id: ReviewId,
        business_id: BusinessId,
        stars: u8,
    },
    ReviewRejected {
        reason: String,
    },
    ReviewReminder,
}

impl ReviewMail {
    pub fn about(&self) -> About {
        match *self {
            Self::ReviewSubmitted { .. } => {
                About::new(Reader::House, "Tells the admin that a review waits for moderation.").link(Link::AdminReviews)
            }
            Self::NewReview { review_id, business_id, .. } => {
                About::new(Reader::Business, "Tells the owners what somebody has said of them or their goods.")
                    .link(Link::PortalReview(business_id, review_id))
            }
            Self::ReviewRejected { .. } => About::new(Reader::Member, "Tells the author why a review is not shown.").link(Link::OwnReviews),
            Self::ReviewReminder => {
                About::new(Reader::Customer, "Asks a customer, once for each order, how it was.").link(Link::Order).optional().shows_sale()
            }
        }
    }

    pub fn samples() -> Vec<Self> {
        vec![
            Self::ReviewSubmitted { stars: 4 },
            Self::NewReview { review_id: 7.into(), business_id: 7.into(), stars: 4 },
            Self::ReviewRejected { reason: "It names a person.".into() },
            Self::ReviewReminder,
        ]
    }
}

pub fn subscribe(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &ReviewSubmitted| {
            drafts(event.awaits_moderation.then(|| Draft::to_house(app, ReviewMail::ReviewSubmitted { stars: event.stars })))
        })
        // To the owners; the goods of the house have none, so the admin hears of them.
        .on(|app, _, event: &ReviewPublished| {
            let ReviewPublished { review_id, business_id, stars, .. } = *event;
            let mail = ReviewMail::NewReview { review_id, business_id, stars };
            Box::pin(async move {
                let owners = lookup::owners(app, business_id).await?;
                Ok(if owners.is_empty() { vec![Draft::to_house(app, mail)] } else { Draft::to_accounts(&owners, mail) })
            })
        })
        .on(|app, _, event: &ReviewRejected| {
            Box::pin(async move {
                let mail = ReviewMail::ReviewRejected { reason: event.reason.clone() };
                Ok(Draft::to_accounts(&lookup::person(app, event.author_id).await?, mail))
            })
        })
        // A guest has no account to review with.
        .on(|app, _, event: &ReviewReminderDue| {
            Box::pin(async move {
                let order = lookup::order(app, event.order_id).await?;
                let mail = Draft::to_customer_of(&order, ReviewMail::ReviewReminder);
                Ok(if order.customer_id.is_some() { vec![mail] } else { Vec::new() })
            })
        })
}
