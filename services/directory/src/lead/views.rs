//! What clients send and see of enquiries and leads.

use contracts::ReturnReason;
use kernel::{BusinessId, Email, LeadId, Money, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::enquiry::{Contact, Enquiry, Message, Name, Phone};
use super::{Lead, LeadError, RETURN_WITHIN, Status};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnquiryInput {
    #[schema(inline)]
    pub name: Name,
    pub email: Email,
    #[schema(inline)]
    pub phone: Option<Phone>,
    #[schema(inline)]
    pub message: Message,
    /// To be left empty: a form hides it from people, and programs fill it in.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub website: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EnquiryView {
    pub id: LeadId,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnInput {
    pub reason: ReturnReason,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    pub name: String,
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    pub message: String,
}

/// A lead; who asked is shown to the business once the lead is released.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeadView {
    pub id: LeadId,
    pub business_id: BusinessId,
    pub status: Status,
    /// The enquiry without what could be a contact.
    pub preview: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The same person asked within 30 days: never charged, and released with that lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactView>,
    pub asked_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Until then the lead can be returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returnable_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_reason: Option<ReturnReason>,
}

impl LeadView {
    pub fn of(lead: &Lead, contact: Option<Contact>) -> Self {
        Self {
            id: lead.id,
            business_id: lead.business_id,
            status: lead.status,
            preview: lead.preview.clone(),
            price: lead.price,
            duplicate_of: lead.duplicate_of,
            contact: contact.map(|contact| ContactView {
                name: contact.name,
                email: contact.email.to_string(),
                phone: contact.phone,
                message: contact.message,
            }),
            asked_at: lead.asked_at,
            delivered_at: lead.delivered_at,
            returnable_until: lead.delivered_at.map(|delivered_at| delivered_at.plus(RETURN_WITHIN)),
            return_reason: lead.return_reason,
        }
    }
}

impl EnquiryInput {
    pub fn into_enquiry(self) -> Result<Enquiry, LeadError> {
        Enquiry::new(self.name, self.email, self.phone, self.message, !self.website.trim().is_empty())
    }
}
