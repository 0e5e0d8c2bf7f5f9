//! The business: what it says of itself, who acts for it, whether everybody may see it.

mod error;
pub mod hours;
mod json_ld;
pub mod membership;
pub mod pending;
pub mod profile;
pub mod rating;
#[cfg(test)]
mod tests;
pub mod views;
pub mod zone;

use std::collections::BTreeSet;

use contracts::{
    BusinessChanged, BusinessClaimed, BusinessCreated, BusinessEditDecided, BusinessEditSubmitted, BusinessPublished, BusinessRejected,
    BusinessRemoved, BusinessStaffChanged, BusinessSubmitted, BusinessSuspended, Decision,
};
use kernel::{Actor, BusinessId, ClaimId, Paragraph, StaffRole, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use self::error::STAFF_MAX;
use self::pending::PendingChange;
use self::profile::{Field, Profile};
use crate::lead::LeadTerms;

pub use self::error::BusinessError;

/// Minor units.
pub const LEAD_PRICE_MAX: i64 = 100_000_000;

/// Why moderation decides against a business or a claim.
pub type Reason = Paragraph<1, 500>;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::Display, strum::EnumIter, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = BusinessStatus)]
pub enum Status {
    /// Seen by its own people only.
    Draft,
    /// Waits for moderation.
    Pending,
    /// Seen by everybody.
    Published,
    /// Taken away by moderation, until it is restored.
    Suspended,
    /// Gone for good. The item stays, so that an import does not bring it back.
    Removed,
}

use Status::{Draft, Pending, Published, Removed, Suspended};

/// Every move that there is: from, on which command, to.
const LIFECYCLE: &[(Status, &str, Status)] = &[
    (Draft, "submit", Pending),
    (Pending, "withdraw", Draft),
    (Pending, "reject", Draft),
    (Pending, "approve", Published),
    (Published, "suspend", Suspended),
    (Suspended, "restore", Published),
    (Draft, "remove", Removed),
    (Pending, "remove", Removed),
    (Published, "remove", Removed),
    (Suspended, "remove", Removed),
];

/// Somebody who acts for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BusinessMember)]
pub struct Member {
    pub user_id: UserId,
    pub role: StaffRole,
    pub since: Timestamp,
}

/// Where an imported business comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `osm:node/123`: the same in every file.
    pub id: String,
    /// What the people who work for it have changed: an import leaves it alone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kept: BTreeSet<Field>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Business {
    pub id: BusinessId,
    pub slug: String,
    pub status: Status,
    pub profile: Profile,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    #[serde(default, skip_serializing_if = "LeadTerms::is_default")]
    pub lead_terms: LeadTerms,
    /// Why moderation rejected or suspended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderation_reason: Option<String>,
    /// What a published business wants to change of what people know it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingChange>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it was first published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

/// How an import finds the business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub id: BusinessId,
    pub source_id: String,
    pub slug: String,
}

/// The lifecycle as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> draft: registered\n    [*] --> published: imported\n");
    for (from, command, to) in LIFECYCLE {
        text.push_str(&format!("    {from} --> {to}: {command}\n"));
    }
    text.push_str("    removed --> [*]\n");
    text
}

impl Business {
    pub fn register(
        id: BusinessId,
        owner: UserId,
        slug: String,
        profile: Profile,
        now: Timestamp,
    ) -> Result<Decision<Self>, BusinessError> {
        let members = vec![Member { user_id: owner, role: StaffRole::Owner, since: now }];
        let business = Self { members, ..Self::new(id, slug, Draft, profile.checked()?, now) };
        let created = BusinessCreated { business_id: id, name: business.profile.name.clone(), owner_id: Some(owner), published: false };
        let staff = BusinessStaffChanged { business_id: id, user_id: owner, role: Some(StaffRole::Owner) };
        Ok(Decision::changed(business).emit(created).emit(staff))
    }

    /// A listing from a file: nobody's until it is claimed, published as it arrives.
    pub fn import(imported: Imported, profile: Profile, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        let source = Source { id: imported.source_id, kept: BTreeSet::new() };
        let business = Self::new(imported.id, imported.slug, Published, profile.checked_import()?, now);
        let business = Self { source: Some(source), published_at: Some(now), ..business };
        let created = BusinessCreated { business_id: business.id, name: business.profile.name.clone(), owner_id: None, published: true };
        Ok(Decision::changed(business).emit(created))
    }

    /// Nobody's, and from nowhere.
    fn new(id: BusinessId, slug: String, status: Status, profile: Profile, now: Timestamp) -> Self {
        Self {
            id,
            slug,
            status,
            profile,
            members: Vec::new(),
            source: None,
            lead_terms: LeadTerms::default(),
            moderation_reason: None,
            pending: None,
            created_at: now,
            updated_at: now,
            published_at: None,
        }
    }

    /// The file says it again. What its people have changed stays, and what was removed stays away.
    pub fn import_again(self, profile: &Profile, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        match self.status {
            Removed => return Ok(Decision::unchanged(self)),
            Draft | Pending | Published | Suspended => {}
        }
        let kept = self.source.as_ref().map(|source| source.kept.clone()).unwrap_or_default();
        let fresh = self.profile.clone().refreshed(&profile.clone().checked_import()?, &kept);
        if fresh == self.profile {
            return Ok(Decision::unchanged(self));
        }
        Ok(Self { profile: fresh, updated_at: now, ..self }.edited())
    }

    /// Whether name, website and main category wait for a look when the actor edits them.
    pub fn holds_back(&self, actor: &Actor) -> bool {
        self.is_published() && !actor.is_admin()
    }

    /// Replaces the profile, or what of it may change at once. What waited before is replaced, too.
    pub fn edit(self, actor: &Actor, slug: String, profile: Profile, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        self.require(actor, StaffRole::Manager)?;
        self.require_there("be edited")?;
        // Hours of an import that are not understood may stay, but no new ones come in.
        let profile = if profile.opening_hours == self.profile.opening_hours { profile.checked_import()? } else { profile.checked()? };
        let (profile, pending) = if self.holds_back(actor) { PendingChange::split(&self.profile, profile, now) } else { (profile, None) };
        let repeats = |(pending, before): (&PendingChange, &PendingChange)| pending.repeats(before);
        let pending = if pending.as_ref().zip(self.pending.as_ref()).is_some_and(repeats) { self.pending.clone() } else { pending };
        if self.profile == profile && slug == self.slug && pending == self.pending {
            return Ok(Decision::unchanged(self));
        }
        let asks = pending.is_some() && pending != self.pending;
        let shows = self.profile != profile || slug != self.slug;
        let submitted = BusinessEditSubmitted { business_id: self.id, name: self.profile.name.clone() };
        let edited = Self { slug, pending, updated_at: now, ..self.with_own(profile) };
        let decision = if shows { edited.edited() } else { Decision::changed(edited) };
        Ok(if asks { decision.emit(submitted) } else { decision })
    }

    /// The profile that a change of a part of it is a change of: with what waits for a look, where the actor's changes wait.
    pub fn wanted_by(&self, actor: &Actor) -> Profile {
        match self.pending.clone().filter(|_| self.holds_back(actor)) {
            Some(pending) => pending.applied_to(self.profile.clone()),
            None => self.profile.clone(),
        }
    }

    /// Shows what waited for a look.
    pub fn approve_change(self, slug: String, now: Timestamp) -> Decision<Self> {
        let Some(pending) = self.pending.clone() else { return Decision::unchanged(self) };
        let profile = pending.applied_to(self.profile.clone());
        let decided = BusinessEditDecided { business_id: self.id, name: profile.name.clone(), reason: None };
        Self { slug, pending: None, updated_at: now, ..self.with_own(profile) }.edited().emit(decided)
    }

    pub fn reject_change(self, reason: &Reason, now: Timestamp) -> Decision<Self> {
        if self.pending.is_none() {
            return Decision::unchanged(self);
        }
        let decided = BusinessEditDecided { business_id: self.id, name: self.profile.name.clone(), reason: Some(reason.to_string()) };
        Decision::changed(Self { pending: None, updated_at: now, ..self }).emit(decided)
    }

    /// With a profile that no import takes back where it differs.
    fn with_own(mut self, profile: Profile) -> Self {
        let differences = self.profile.differences(&profile);
        if let Some(source) = &mut self.source {
            source.kept.extend(differences);
        }
        Self { profile, ..self }
    }

    pub fn submit(self, actor: &Actor, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        self.require(actor, StaffRole::Manager)?;
        match self.status {
            Draft => {}
            Pending => return Ok(Decision::unchanged(self)),
            Published | Suspended | Removed => return Err(self.illegal("submit")),
        }
        if self.profile.categories.is_empty() || (self.profile.address.is_none() && self.profile.position.is_none()) {
            return Err(BusinessError::Incomplete);
        }
        let submitted = BusinessSubmitted { business_id: self.id, name: self.profile.name.clone() };
        Ok(Decision::changed(self.moved(Pending, None, now)).emit(submitted))
    }

    pub fn withdraw(self, actor: &Actor, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        self.require(actor, StaffRole::Manager)?;
        match self.status {
            Pending => Ok(Decision::changed(self.moved(Draft, None, now))),
            Draft => Ok(Decision::unchanged(self)),
            Published | Suspended | Removed => Err(self.illegal("withdraw")),
        }
    }

    pub fn approve(self, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        match self.status {
            Pending => Ok(self.publish(now)),
            Published => Ok(Decision::unchanged(self)),
            Draft | Suspended | Removed => Err(self.illegal("approve")),
        }
    }

    pub fn restore(self, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        match self.status {
            Suspended => Ok(self.publish(now)),
            Published => Ok(Decision::unchanged(self)),
            Draft | Pending | Removed => Err(self.illegal("restore")),
        }
    }

    pub fn reject(self, reason: &Reason, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        match self.status {
            Pending => {}
            Draft => return Ok(Decision::unchanged(self)),
            Published | Suspended | Removed => return Err(self.illegal("reject")),
        }
        let rejected = BusinessRejected { business_id: self.id, name: self.profile.name.clone(), reason: reason.to_string() };
        Ok(Decision::changed(self.moved(Draft, Some(reason), now)).emit(rejected))
    }

    pub fn suspend(self, reason: &Reason, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        match self.status {
            Published => {}
            Suspended => return Ok(Decision::unchanged(self)),
            Draft | Pending | Removed => return Err(self.illegal("suspend")),
        }
        let suspended = BusinessSuspended { business_id: self.id, name: self.profile.name.clone(), reason: reason.to_string() };
        Ok(Decision::changed(self.moved(Suspended, Some(reason), now)).emit(suspended))
    }

    pub fn remove(self, actor: &Actor, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        self.require(actor, StaffRole::Owner)?;
        match self.status {
            Draft | Pending | Published | Suspended => {}
            Removed => return Ok(Decision::unchanged(self)),
        }
        let members = self.members.iter().map(|member| member.user_id).collect();
        let removed = BusinessRemoved { business_id: self.id, members };
        Ok(Decision::changed(Self { members: Vec::new(), pending: None, ..self.moved(Removed, None, now) }).emit(removed))
    }

    /// Gives somebody a role, or takes it away (`None`).
    pub fn set_staff(self, actor: &Actor, user: UserId, role: Option<StaffRole>, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        // Whoever leaves needs nobody's leave.
        if !(role.is_none() && actor.user_id() == Some(user) && self.role_of(user).is_some()) {
            self.require(actor, StaffRole::Owner)?;
        }
        self.require_there("change its staff")?;
        if self.role_of(user) == role {
            return Ok(Decision::unchanged(self));
        }
        let mut members: Vec<Member> = self.members.iter().filter(|member| member.user_id != user).copied().collect();
        members.extend(role.map(|role| Member { user_id: user, role, since: now }));
        if !members.iter().any(|member| member.role == StaffRole::Owner) {
            return Err(BusinessError::LastOwner);
        }
        if members.len() > STAFF_MAX {
            return Err(BusinessError::TooManyStaff);
        }
        let event = BusinessStaffChanged { business_id: self.id, user_id: user, role };
        Ok(Decision::changed(Self { members, updated_at: now, ..self }).emit(event))
    }

    /// Somebody who acts for it had their account erased. The business stays, if need be without an owner: then an
    /// admin looks after it, and one that is published and has nobody left can be claimed.
    pub fn forget_member(self, user: UserId, now: Timestamp) -> Decision<Self> {
        if self.role_of(user).is_none() {
            return Decision::unchanged(self);
        }
        let members = self.members.iter().filter(|member| member.user_id != user).copied().collect();
        let event = BusinessStaffChanged { business_id: self.id, user_id: user, role: None };
        Decision::changed(Self { members, updated_at: now, ..self }).emit(event)
    }

    /// An admin has believed somebody that the listing is theirs.
    pub fn claimed(self, owner: UserId, claim: ClaimId, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        if self.role_of(owner) == Some(StaffRole::Owner) {
            return Ok(Decision::unchanged(self));
        }
        self.may_be_claimed()?;
        let claimed = BusinessClaimed {
            business_id: self.id,
            name: self.profile.name.clone(),
            slug: self.slug.clone(),
            claim_id: claim,
            owner_id: owner,
        };
        let staff = BusinessStaffChanged { business_id: self.id, user_id: owner, role: Some(StaffRole::Owner) };
        let members = vec![Member { user_id: owner, role: StaffRole::Owner, since: now }];
        Ok(Decision::changed(Self { members, updated_at: now, ..self }).emit(claimed).emit(staff))
    }

    pub fn may_be_claimed(&self) -> Result<(), BusinessError> {
        match self.status {
            Published if self.members.is_empty() => Ok(()),
            Published => Err(BusinessError::Claimed),
            Draft | Pending | Suspended | Removed => Err(BusinessError::NotFound),
        }
    }

    /// Refuses enquiries that nobody would read.
    pub fn may_be_asked(&self) -> Result<(), BusinessError> {
        match self.status {
            Published if self.members.is_empty() => Err(BusinessError::NobodyToAsk),
            Published => Ok(()),
            Draft | Pending | Suspended | Removed => Err(BusinessError::NotFound),
        }
    }

    pub fn set_lead_terms(self, terms: LeadTerms, now: Timestamp) -> Result<Decision<Self>, BusinessError> {
        self.require_there("change its terms")?;
        if terms.price.is_some_and(|price| !(0..=LEAD_PRICE_MAX).contains(&price)) {
            return Err(BusinessError::Field { field: "price", reason: format!("must be 0 to {LEAD_PRICE_MAX} minor units") });
        }
        if terms == self.lead_terms {
            return Ok(Decision::unchanged(self));
        }
        Ok(Decision::changed(Self { lead_terms: terms, updated_at: now, ..self }))
    }

    pub fn role_of(&self, user: UserId) -> Option<StaffRole> {
        self.members.iter().find(|member| member.user_id == user).map(|member| member.role)
    }

    /// Refuses those who act for the business with less than `least`; to strangers it does not exist
    /// unless everybody may see it.
    pub fn require(&self, actor: &Actor, least: StaffRole) -> Result<(), BusinessError> {
        let rank = |role: StaffRole| match role {
            StaffRole::Staff => 1,
            StaffRole::Manager => 2,
            StaffRole::Owner => 3,
        };
        let role = actor.user_id().and_then(|user| self.role_of(user));
        match role {
            _ if actor.is_admin() => Ok(()),
            Some(role) if rank(role) >= rank(least) => Ok(()),
            Some(_) => Err(BusinessError::NotAllowed(match least {
                StaffRole::Owner => "an owner of the business",
                StaffRole::Manager | StaffRole::Staff => "an owner or a manager of the business",
            })),
            None if self.is_published() => Err(BusinessError::NotAllowed("its own people")),
            None => Err(BusinessError::NotFound),
        }
    }

    /// Staff of the shop look at every profile; the people of the business at their own.
    pub fn may_manage(&self, actor: &Actor) -> Result<(), BusinessError> {
        if actor.is_staff() { Ok(()) } else { self.require(actor, StaffRole::Staff) }
    }

    pub fn is_published(&self) -> bool {
        match self.status {
            Published => true,
            Draft | Pending | Suspended | Removed => false,
        }
    }

    fn require_there(&self, wanted: &'static str) -> Result<(), BusinessError> {
        match self.status {
            Draft | Pending | Published | Suspended => Ok(()),
            Removed => Err(self.illegal(wanted)),
        }
    }

    fn illegal(&self, wanted: &'static str) -> BusinessError {
        BusinessError::Illegal { status: self.status.into(), wanted }
    }

    fn moved(self, to: Status, reason: Option<&Reason>, now: Timestamp) -> Self {
        Self { status: to, moderation_reason: reason.map(Reason::to_string), updated_at: now, ..self }
    }

    fn publish(self, now: Timestamp) -> Decision<Self> {
        let published = BusinessPublished { business_id: self.id, name: self.profile.name.clone(), slug: self.slug.clone() };
        let published_at = self.published_at.or(Some(now));
        Decision::changed(Self { published_at, ..self.moved(Published, None, now) }).emit(published)
    }

    fn edited(self) -> Decision<Self> {
        let event = BusinessChanged {
            business_id: self.id,
            published: self.is_published(),
            name: self.profile.name.clone(),
            slug: self.slug.clone(),
        };
        Decision::changed(self).emit(event)
    }
}
