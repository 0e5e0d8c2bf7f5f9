//! Mails about businesses, claims and leads. Those about leads never say who asked.

use contracts::{
    BusinessClaimed, BusinessPublished, BusinessRejected, BusinessSubmitted, BusinessSuspended, ClaimRefused, ClaimRequested, LeadCredited,
    LeadDelivered, LeadReturned, ReturnReason,
};
use kernel::{BusinessId, Currency, LeadId, Money};
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
pub enum DirectoryMail {
    BusinessSubmitted {
        business_id: BusinessId,
        business: String,
    },
    BusinessPublished {
        slug: String,
        business: String,
    },
    BusinessRejected {
        business_id: BusinessId,
        business: String,
        reason: String,
    },
    BusinessSuspended {
        business_id: BusinessId,
        business: String,
        reason: String,
    },
    ClaimRequested {
        business: String,
    },
    ClaimDecided {
        business_id: BusinessId,
        business: String,
        /// Why the claim was refused; none where it was approved.
        reason: Option<String>,
    },
    NewLead {
        lead_id: LeadId,
        business_id: BusinessId,
        business: String,
        price: Money,
        duplicate: bool,
    },
    LeadReturned {
        lead_id: LeadId,
        business: String,
        reason: ReturnReason,
    },
    LeadCredited {
        lead_id: LeadId,
        business_id: BusinessId,
        business: String,
        credit: Money,
    },
}

impl DirectoryMail {
    pub fn about(&self) -> About {
        let house = |purpose| About::new(Reader::House, purpose);
        let owners = |purpose| About::new(Reader::Business, purpose);
        match self {
            Self::BusinessSubmitted { business_id, .. } => {
                house("Tells the admin that a business waits to be published.").link(Link::AdminBusiness(*business_id))
            }
            Self::BusinessPublished { slug, .. } => {
                owners("Tells the owners that their business can be found.").link(Link::Business { slug: slug.clone() })
            }
            Self::BusinessRejected { business_id, .. } => {
                owners("Tells the owners what to change before their business is published.").link(Link::PortalProfile(*business_id))
            }
            Self::BusinessSuspended { business_id, .. } => {
                owners("Tells the owners why their business cannot be seen for now.").link(Link::PortalProfile(*business_id))
            }
            Self::ClaimRequested { .. } => {
                house("Tells the admin that a claim to a business waits for a decision.").link(Link::AdminClaims)
            }
            Self::ClaimDecided { business_id, reason, .. } => {
                let about = owners("Tells who claims a business how an admin decided.");
                if reason.is_none() { about.link(Link::PortalProfile(*business_id)) } else { about }
            }
            Self::NewLead { lead_id, business_id, .. } => {
                owners("Tells the owners about an enquiry, without who asked.").link(Link::PortalLead(*business_id, *lead_id))
            }
            Self::LeadReturned { lead_id, .. } => {
                house("Tells the admin that a business wants its money back for an enquiry.").link(Link::AdminLead(*lead_id))
            }
            Self::LeadCredited { lead_id, business_id, .. } => {
                owners("Tells the owners that an enquiry was taken back.").link(Link::PortalLead(*business_id, *lead_id))
            }
        }
    }

    pub fn samples() -> Vec<Self> {
        let (business_id, lead_id) = (BusinessId(7), LeadId(7));
        let business = || "Old Mill".to_owned();
        let price = Money::new(500, Currency::EUR);
        vec![
            Self::BusinessSubmitted { business_id, business: business() },
            Self::BusinessPublished { slug: "old-mill".into(), business: business() },
            Self::BusinessRejected { business_id, business: business(), reason: "The address lacks its street.".into() },
            Self::BusinessSuspended { business_id, business: business(), reason: "Several guests found it closed for good.".into() },
            Self::ClaimRequested { business: business() },
            Self::ClaimDecided { business_id, business: business(), reason: None },
            Self::NewLead { lead_id, business_id, business: business(), price, duplicate: false },
            Self::LeadReturned { lead_id, business: business(), reason: ReturnReason::WrongNumber },
            Self::LeadCredited { lead_id, business_id, business: business(), credit: price },
        ]
    }
}

pub fn subscribe(mails: Mails) -> Mails {
    leads(businesses(mails))
}

fn businesses(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &BusinessSubmitted| {
            let mail = DirectoryMail::BusinessSubmitted { business_id: event.business_id, business: event.name.clone() };
            drafts([Draft::to_house(app, mail)])
        })
        .on(|app, _, event: &BusinessPublished| {
            let mail = DirectoryMail::BusinessPublished { slug: event.slug.clone(), business: event.name.clone() };
            Box::pin(async move { Ok(Draft::to_accounts(&lookup::owners(app, event.business_id).await?, mail)) })
        })
        .on(|app, _, event: &BusinessRejected| {
            let BusinessRejected { business_id, name, reason } = event.clone();
            let mail = DirectoryMail::BusinessRejected { business_id, business: name, reason };
            Box::pin(async move { Ok(Draft::to_accounts(&lookup::owners(app, business_id).await?, mail)) })
        })
        .on(|app, _, event: &BusinessSuspended| {
            let BusinessSuspended { business_id, name, reason } = event.clone();
            let mail = DirectoryMail::BusinessSuspended { business_id, business: name, reason };
            Box::pin(async move { Ok(Draft::to_accounts(&lookup::owners(app, business_id).await?, mail)) })
        })
        .on(|app, _, event: &ClaimRequested| {
            drafts([Draft::to_house(app, DirectoryMail::ClaimRequested { business: event.business_name.clone() })])
        })
        .on(|app, _, event: &BusinessClaimed| {
            let mail = DirectoryMail::ClaimDecided { business_id: event.business_id, business: event.name.clone(), reason: None };
            Box::pin(async move { Ok(Draft::to_accounts(&lookup::person(app, event.owner_id).await?, mail)) })
        })
        .on(|app, _, event: &ClaimRefused| {
            let ClaimRefused { business_id, business_name, user_id, reason, .. } = event.clone();
            let mail = DirectoryMail::ClaimDecided { business_id, business: business_name, reason: Some(reason) };
            Box::pin(async move { Ok(Draft::to_accounts(&lookup::person(app, user_id).await?, mail)) })
        })
}

fn leads(mails: Mails) -> Mails {
    mails
        .on(|app, _, event: &LeadDelivered| {
            let LeadDelivered { lead_id, business_id, price, duplicate_of } = *event;
            Box::pin(async move {
                let business = lookup::business_name(app, business_id).await?;
                let mail = DirectoryMail::NewLead { lead_id, business_id, business, price, duplicate: duplicate_of.is_some() };
                Ok(Draft::to_accounts(&lookup::owners(app, business_id).await?, mail))
            })
        })
        .on(|app, _, event: &LeadReturned| {
            let LeadReturned { lead_id, business_id, reason } = *event;
            Box::pin(async move {
                let business = lookup::business_name(app, business_id).await?;
                Ok(vec![Draft::to_house(app, DirectoryMail::LeadReturned { lead_id, business, reason })])
            })
        })
        .on(|app, _, event: &LeadCredited| {
            let LeadCredited { lead_id, business_id, credit } = *event;
            Box::pin(async move {
                let business = lookup::business_name(app, business_id).await?;
                let mail = DirectoryMail::LeadCredited { lead_id, business_id, business, credit };
                Ok(Draft::to_accounts(&lookup::owners(app, business_id).await?, mail))
            })
        })
}
