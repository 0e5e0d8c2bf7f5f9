//! Events of the directory. Those about leads never hold who asked or what they wrote: only the
//! directory keeps that, and hands it to the business once it is released.

use kernel::{BusinessId, CategoryId, ClaimId, LeadId, Money, StaffRole, UserId};
use serde::{Deserialize, Serialize};

/// A business was registered by its owner, or imported without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessCreated {
    pub business_id: BusinessId,
    pub name: String,
    pub owner_id: Option<UserId>,
    /// Imports are published as they arrive.
    pub published: bool,
}

/// Something that the public page of a business shows is different now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessChanged {
    pub business_id: BusinessId,
    pub published: bool,
    /// As everybody sees it; empty in events of before it was told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slug: String,
}

/// The owner asks for publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessSubmitted {
    pub business_id: BusinessId,
    pub name: String,
}

/// It can be seen by everybody, for the first time or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessPublished {
    pub business_id: BusinessId,
    pub name: String,
    pub slug: String,
}

/// A published business wants another name, website or main category; an admin decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessEditSubmitted {
    pub business_id: BusinessId,
    /// As everybody sees it.
    pub name: String,
}

/// What a published business wanted to change is shown now, or is not (with a reason).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessEditDecided {
    pub business_id: BusinessId,
    /// As everybody sees it from now on.
    pub name: String,
    /// Why it was rejected; none where it was approved.
    pub reason: Option<String>,
}

/// Moderation gave it back to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessRejected {
    pub business_id: BusinessId,
    pub name: String,
    pub reason: String,
}

/// It cannot be seen any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessSuspended {
    pub business_id: BusinessId,
    pub name: String,
    pub reason: String,
}

/// It is gone for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessRemoved {
    pub business_id: BusinessId,
    /// Who acted for it.
    pub members: Vec<UserId>,
}

/// Somebody acts for the business in this role from now on, or no longer (`None`). Also told for the
/// owner of a new business and of one that was claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessStaffChanged {
    pub business_id: BusinessId,
    pub user_id: UserId,
    pub role: Option<StaffRole>,
}

/// A listed business has found its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessClaimed {
    pub business_id: BusinessId,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slug: String,
    pub claim_id: ClaimId,
    pub owner_id: UserId,
}

/// Somebody says that a listed business is theirs; an admin decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequested {
    pub claim_id: ClaimId,
    pub business_id: BusinessId,
    pub business_name: String,
    pub user_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRefused {
    pub claim_id: ClaimId,
    pub business_id: BusinessId,
    pub business_name: String,
    pub user_id: UserId,
    pub reason: String,
}

/// A category was made, renamed, moved or deleted. The businesses in it and below it show it
/// differently now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryChanged {
    pub category_id: CategoryId,
    pub name: String,
    pub deleted: bool,
}

/// An enquiry reached the business; its price is fixed. The contact is still hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadDelivered {
    pub lead_id: LeadId,
    pub business_id: BusinessId,
    /// Zero for one that is free. It is charged unless the same person has asked lately, which the business does not learn
    /// before the lead is released.
    pub price: Money,
}

/// The lead is paid for, free, or covered by the plan: the business sees the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadBilled {
    pub lead_id: LeadId,
    pub business_id: BusinessId,
    /// Zero where there was nothing to charge.
    pub price: Money,
    /// Who asked, if they were signed in; they may review a business that has paid for their enquiry.
    pub customer_id: Option<UserId>,
}

/// The business has answered whoever asked. What it wrote is asked of the directory, as the contact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadAnswered {
    pub lead_id: LeadId,
    pub business_id: BusinessId,
    /// Which of the answers: 0 is the first.
    pub reply: u32,
    /// Who asked, if they were signed in; they may review the business.
    pub customer_id: Option<UserId>,
}

/// Why a business gives a lead back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    WrongNumber,
    WrongCategory,
    Spam,
    Duplicate,
}

/// The business wants its money back; an admin decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadReturned {
    pub lead_id: LeadId,
    pub business_id: BusinessId,
    pub reason: ReturnReason,
}

/// The return was accepted: what was charged for the lead goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadCredited {
    pub lead_id: LeadId,
    pub business_id: BusinessId,
    /// Zero where nothing had been charged.
    pub credit: Money,
}
