//! What clients send and see of enquiries and leads.

use contracts::ReturnReason;
use kernel::{BusinessId, Email, LeadId, Money, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::enquiry::{Contact, Enquiry, LeadReply, Message, Name, Phone};
use super::{Lead, LeadError, RETURN_WITHIN, Status};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Ann Lee", "email": "ann@example.com", "message": "Could you bake a cake for forty people by Friday?" }))]
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
#[schema(example = json!({ "reason": "spam" }))]
pub struct ReturnInput {
    pub reason: ReturnReason,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "Gladly. Which kind of cake?" }))]
pub struct ReplyInput {
    #[schema(inline)]
    pub text: Message,
}

/// An enquiry as whoever sent it sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnEnquiry {
    pub id: LeadId,
    pub business_id: BusinessId,
    /// Absent for a business that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_name: Option<String>,
    pub message: String,
    pub asked_at: Timestamp,
    /// What the business has answered, the first one first.
    pub replies: Vec<LeadReply>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    pub name: String,
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    pub message: String,
    /// What the business has answered, the first one first.
    pub replies: Vec<LeadReply>,
}

/// What a business learns of an enquiry before it is released: nothing of its words, since any of them could be a contact.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeadPreview {
    /// How long the message is.
    pub message_chars: u32,
}

/// A lead; who asked is shown to the business once the lead is released.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeadView {
    pub id: LeadId,
    pub business_id: BusinessId,
    pub status: Status,
    #[schema(inline)]
    pub preview: LeadPreview,
    /// One of many of a client, from an address that nobody has shown to be theirs: it costs nothing and is not released,
    /// unless an admin delivers it.
    pub unconfirmed: bool,
    /// What such a lead costs. One that turns out to be a duplicate is not charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The same person asked within 30 days: never charged, and released with that lead. Shown once it is released, and to
    /// the staff of the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactView>,
    pub asked_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// When the business first answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// Until then the lead can be returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returnable_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_reason: Option<ReturnReason>,
}

impl LeadView {
    /// For the people of the business, with who asked once that is released.
    pub fn of(lead: &Lead, contact: Option<Contact>) -> Self {
        let duplicate_of = lead.duplicate_of.filter(|_| contact.is_some());
        Self { duplicate_of, ..Self::for_staff(lead, contact) }
    }

    /// For those who decide about the lead.
    pub fn for_staff(lead: &Lead, contact: Option<Contact>) -> Self {
        Self {
            id: lead.id,
            business_id: lead.business_id,
            status: lead.status,
            preview: LeadPreview { message_chars: lead.message_chars },
            unconfirmed: lead.unconfirmed,
            price: lead.price,
            duplicate_of: lead.duplicate_of,
            contact: contact.map(|contact| ContactView {
                name: contact.name,
                email: contact.email.to_string(),
                phone: contact.phone,
                message: contact.message,
                replies: contact.replies,
            }),
            answered_at: lead.answered_at,
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
