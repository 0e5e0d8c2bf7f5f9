//! Mails about businesses, claims and leads. Those about leads never say who asked.

use contracts::{
    BusinessClaimed, BusinessEditDecided, BusinessEditSubmitted, BusinessPublished, BusinessRejected, BusinessSubmitted, BusinessSuspended,
    ClaimRefused, ClaimRequested, LeadAnswered, LeadCredited, LeadDelivered, LeadReturned,
};

use super::subscription::{Mails, to_house, to_owners, to_person};
use super::{Draft, Message};
use crate::lookup;

pub fn subscribe(mails: Mails) -> Mails {
    leads(businesses(mails))
}

fn businesses(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &BusinessSubmitted| {
            let BusinessSubmitted { business_id, name: business } = event.clone();
            to_house(app, Message::BusinessSubmitted { business_id, business })
        })
        .on(|app, _, event: &BusinessPublished| {
            let BusinessPublished { business_id, name: business, slug } = event.clone();
            to_owners(app, business_id, Message::BusinessPublished { slug, business })
        })
        .on(|app, _, event: &BusinessRejected| {
            let BusinessRejected { business_id, name: business, reason } = event.clone();
            to_owners(app, business_id, Message::BusinessRejected { business_id, business, reason })
        })
        .on(|app, _, event: &BusinessEditSubmitted| {
            let BusinessEditSubmitted { business_id, name: business } = event.clone();
            to_house(app, Message::BusinessEditSubmitted { business_id, business })
        })
        .on(|app, _, event: &BusinessEditDecided| {
            let BusinessEditDecided { business_id, name: business, reason } = event.clone();
            to_owners(app, business_id, Message::BusinessEditDecided { business_id, business, reason })
        })
        .on(|app, _, event: &BusinessSuspended| {
            let BusinessSuspended { business_id, name: business, reason } = event.clone();
            to_owners(app, business_id, Message::BusinessSuspended { business_id, business, reason })
        })
        .on(|app, _, event: &ClaimRequested| to_house(app, Message::ClaimRequested { business: event.business_name.clone() }))
        .on(|app, _, event: &BusinessClaimed| {
            let BusinessClaimed { business_id, name: business, owner_id, .. } = event.clone();
            to_person(app, owner_id, Message::ClaimDecided { business_id, business, reason: None })
        })
        .on(|app, _, event: &ClaimRefused| {
            let ClaimRefused { business_id, business_name: business, user_id, reason, .. } = event.clone();
            to_person(app, user_id, Message::ClaimDecided { business_id, business, reason: Some(reason) })
        })
}

fn leads(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &LeadDelivered| {
            let LeadDelivered { lead_id, business_id, price } = *event;
            Box::pin(async move {
                let business = lookup::business_name(app, business_id).await?;
                let message = Message::NewLead { lead_id, business_id, business, price };
                Ok(Draft::to_accounts(&lookup::managers(app, business_id).await?, &message))
            })
        })
        .on(|app, _, event: &LeadAnswered| {
            let LeadAnswered { lead_id, business_id, reply, customer_id } = *event;
            Box::pin(async move {
                let Some(found) = app.shared.dependencies.directory.enquiry_reply(lead_id, reply).await? else { return Ok(Vec::new()) };
                let business = lookup::business_name(app, business_id).await?;
                let message = Message::LeadAnswered { business, name: found.name, message: found.message, reply: found.reply };
                Ok(vec![Draft { user_id: customer_id, ..Draft::to(&found.email, message) }])
            })
        })
        .on(|app, _, event: &LeadReturned| {
            let LeadReturned { lead_id, business_id, reason } = *event;
            Box::pin(async move {
                let business = lookup::business_name(app, business_id).await?;
                to_house(app, Message::LeadReturned { lead_id, business, reason }).await
            })
        })
        .on(|app, _, event: &LeadCredited| {
            let LeadCredited { lead_id, business_id, credit } = *event;
            Box::pin(async move {
                let business = lookup::business_name(app, business_id).await?;
                to_owners(app, business_id, Message::LeadCredited { lead_id, business_id, business, credit }).await
            })
        })
}
