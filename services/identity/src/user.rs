//! An account: who the person is, how they prove it, what they may do.

mod error;
#[cfg(test)]
pub(crate) mod tests;

use contracts::{Decision, PasswordResetRequested, RegisteredAgain, UserDisabled, UserErased, UserVerified, VerificationRequested};
use kernel::{BusinessId, Duration, Email, Line, Membership, Role, StaffRole, Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub use error::UserError;

pub type Name = Line<1, 100>;
pub type Telephone = Line<0, 40>;
/// Why an account is disabled.
pub type Reason = Line<1, 500>;

pub const BUSINESSES_MAX: usize = 20;
/// How long a link in a verification mail works.
pub const VERIFICATION_VALID: Duration = Duration::from_secs(24 * 3600);
/// How long a link in a password mail works.
pub const RESET_VALID: Duration = Duration::from_secs(3600);

/// Active and disabled lead to one another; erased is the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Disabled,
    Erased,
}

/// Who follows a link to verify an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follower {
    /// Signed in, or in possession of the password.
    Owner,
    /// In possession of the mail, and no more is known.
    Somebody,
}

/// The links of one purpose that were mailed so far. Only the latest one works, and only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Links {
    /// How many there were.
    pub serial: u32,
    /// When the latest was made; absent once it is used or called back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
}

impl Links {
    fn next(self, now: Timestamp) -> Self {
        Self { serial: self.serial.saturating_add(1), issued_at: Some(now) }
    }

    fn used(self) -> Self {
        Self { issued_at: None, ..self }
    }

    /// The serial moves on, so that the link is not taken for one that was used.
    fn called_back(self) -> Self {
        Self { serial: self.serial.saturating_add(u32::from(self.issued_at.is_some())), issued_at: None }
    }

    fn works(self, serial: u32, valid: Duration, now: Timestamp) -> bool {
        self.serial == serial && self.issued_at.is_some_and(|issued_at| now < issued_at.plus(valid))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    /// Somebody who reads mails there has followed a link.
    pub email_verified: bool,
    /// Whoever followed the link has proved the account to be theirs as well: by its password, by being signed in, or by
    /// choosing the password. Otherwise a stranger may have registered the address, and its owner only pressed a button.
    #[serde(default)]
    pub email_proven: bool,
    /// The address that the person wants instead, until they prove that it is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<Email>,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub telephone: String,
    /// Empty for an erased account: no password fits. Where a user pool keeps the password, a mark that
    /// is another for another password.
    pub password_hash: String,
    pub roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub businesses: Vec<Membership>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub business_news: Vec<BusinessNews>,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Sessions of an earlier epoch have ended.
    pub epoch: u32,
    /// In whole seconds, as access tokens carry their time. Tokens made before it do not count.
    pub tokens_valid_from: Timestamp,
    #[serde(default)]
    pub verification: Links,
    #[serde(default)]
    pub reset: Links,
    /// Their first address is verified: they have been greeted.
    #[serde(default)]
    pub welcomed: bool,
    pub created_at: Timestamp,
}

/// The latest that was heard about a user in one business: what is older comes too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessNews {
    pub business_id: BusinessId,
    /// The event's sequence, which grows with every event about the business.
    pub sequence: u64,
}

/// What a person gives at registration; the password has been checked and hashed.
#[derive(Debug, Clone)]
pub struct Registration {
    pub email: Email,
    pub name: Name,
    pub password_hash: String,
}

/// What shall change in a profile; absent fields stay.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    pub name: Option<Name>,
    pub telephone: Option<Telephone>,
    pub email: Option<Email>,
}

impl User {
    pub fn register(id: UserId, registration: Registration, now: Timestamp) -> Decision<Self> {
        let user = Self {
            id,
            email: registration.email,
            email_verified: false,
            email_proven: false,
            pending_email: None,
            name: registration.name.into(),
            telephone: String::new(),
            password_hash: registration.password_hash,
            roles: vec![Role::Customer],
            businesses: Vec::new(),
            business_news: Vec::new(),
            status: Status::Active,
            disabled_reason: None,
            epoch: 1,
            tokens_valid_from: whole_second(now),
            verification: Links::default().next(now),
            reset: Links::default(),
            welcomed: false,
            created_at: now,
        };
        let wanted = user.verification_wanted();
        Decision::changed(user).emit(wanted)
    }

    /// Somebody registers the address of this account once more. As long as nobody has proved that
    /// the address is theirs, the latest registration counts: whoever came first may not be the owner,
    /// and must not be signed in when the owner follows the link. Afterwards the account stays as it is, and its owner
    /// is told by a mail, with a link to set the password in case it is forgotten.
    pub fn register_again(mut self, registration: Registration, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Active if !self.email_verified => {
                self.name = registration.name.into();
                self.telephone = String::new();
                self.password_hash = registration.password_hash;
                self.end_sessions(now);
                self.reset = self.reset.called_back();
                self.pending_email = None;
                self.verification = self.verification.next(now);
                let wanted = self.verification_wanted();
                Decision::changed(self).emit(wanted)
            }
            Status::Active => {
                self.reset = self.reset.next(now);
                let Self { id: user_id, email, name, reset, .. } = self.clone();
                Decision::changed(self).emit(RegisteredAgain { user_id, email, name, serial: reset.serial })
            }
            Status::Disabled | Status::Erased => Decision::unchanged(self),
        }
    }

    /// Asks for a new verification mail; nothing happens if there is nothing to verify, or if the
    /// wanted address is another account's by now.
    pub fn request_verification(mut self, email_free: bool, now: Timestamp) -> Decision<Self> {
        let wanted = if self.pending_email.is_some() { email_free } else { !self.email_proven };
        match self.status {
            Status::Active if wanted => {
                self.verification = self.verification.next(now);
                let wanted = self.verification_wanted();
                Decision::changed(self).emit(wanted)
            }
            Status::Active | Status::Disabled | Status::Erased => Decision::unchanged(self),
        }
    }

    /// The link of this serial was followed. Unless that was the account's owner all sessions end, since they may be a
    /// stranger's. Followed again, it changes nothing. `email_free` is about the pending address.
    pub fn verify_email(mut self, serial: u32, by: Follower, email_free: bool, now: Timestamp) -> Result<Decision<Self>, UserError> {
        match self.status {
            Status::Active => {}
            Status::Disabled | Status::Erased => return Err(UserError::Link),
        }
        let used = self.verification.issued_at.is_none();
        if used && self.verification.serial == serial && self.email_verified && self.pending_email.is_none() {
            return Ok(Decision::unchanged(self));
        }
        if !self.verification.works(serial, VERIFICATION_VALID, now) {
            return Err(UserError::Link);
        }
        if let Some(email) = self.pending_email.take() {
            if !email_free {
                return Err(UserError::EmailTaken);
            }
            self.email = email;
            // A link mailed to the old address must not open the account any more.
            self.reset = self.reset.called_back();
        }
        self.verification = self.verification.used();
        if by == Follower::Somebody {
            self.end_sessions(now);
        }
        Ok(self.verified(by))
    }

    /// Asks for a mail with which the password can be set anew.
    pub fn request_reset(mut self, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Active => {
                self.reset = self.reset.next(now);
                let wanted = PasswordResetRequested {
                    user_id: self.id,
                    email: self.email.clone(),
                    name: self.name.clone(),
                    serial: self.reset.serial,
                };
                Decision::changed(self).emit(wanted)
            }
            Status::Disabled | Status::Erased => Decision::unchanged(self),
        }
    }

    /// Whether `reset_password` would accept the link; asked before the costly hash is made.
    pub fn check_reset(&self, serial: u32, now: Timestamp) -> Result<(), UserError> {
        match self.status {
            Status::Active if self.reset.works(serial, RESET_VALID, now) => Ok(()),
            Status::Active | Status::Disabled | Status::Erased => Err(UserError::Link),
        }
    }

    /// A new password, proved by a mailed link. Whoever was signed in no longer is.
    pub fn reset_password(mut self, serial: u32, password_hash: String, now: Timestamp) -> Result<Decision<Self>, UserError> {
        self.check_reset(serial, now)?;
        self.password_hash = password_hash;
        self.reset = self.reset.used();
        self.end_sessions(now);
        if self.pending_email.take().is_some() {
            // Somebody else may have asked for that address.
            self.verification = self.verification.called_back();
        }
        if self.email_proven {
            return Ok(Decision::changed(self));
        }
        self.verification = self.verification.called_back();
        Ok(self.verified(Follower::Owner))
    }

    /// A new password, proved by the old one. All sessions end; the caller starts a new one.
    pub fn change_password(mut self, password_hash: String, now: Timestamp) -> Result<Decision<Self>, UserError> {
        self.check_active()?;
        self.password_hash = password_hash;
        self.reset = self.reset.called_back();
        self.end_sessions(now);
        Ok(Decision::changed(self))
    }

    pub fn sign_out_everywhere(mut self, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Active => {
                self.end_sessions(now);
                Decision::changed(self)
            }
            Status::Disabled | Status::Erased => Decision::unchanged(self),
        }
    }

    /// A token was stolen: no access token made so far counts, of whichever session it is. Sessions
    /// that are not revoked get new ones.
    pub fn revoke_access(mut self, now: Timestamp) -> Decision<Self> {
        self.end_access(now);
        Decision::changed(self)
    }

    /// `email_free`: no other account has the wanted address. If one has, the answer is
    /// the same, and no mail is sent.
    pub fn change_profile(mut self, change: ProfileChange, email_free: bool, now: Timestamp) -> Result<Decision<Self>, UserError> {
        self.check_active()?;
        let before = self.clone();
        if let Some(name) = change.name {
            self.name = name.into();
        }
        if let Some(telephone) = change.telephone {
            self.telephone = telephone.into();
        }
        let mut mail_wanted = false;
        if let Some(email) = change.email {
            if email != self.email {
                mail_wanted = email_free;
                self.verification = if email_free { self.verification.next(now) } else { self.verification.called_back() };
                self.pending_email = Some(email);
            } else if self.pending_email.take().is_some() {
                self.verification = self.verification.called_back();
            }
        }
        if self == before {
            return Ok(Decision::unchanged(self));
        }
        let wanted = mail_wanted.then(|| self.verification_wanted());
        let decision = Decision::changed(self);
        Ok(match wanted {
            Some(wanted) => decision.emit(wanted),
            None => decision,
        })
    }

    pub fn disable(mut self, reason: Reason, now: Timestamp) -> Result<Decision<Self>, UserError> {
        let reason = String::from(reason);
        match self.status {
            Status::Active => {
                self.status = Status::Disabled;
                self.disabled_reason = Some(reason.clone());
                self.verification = self.verification.called_back();
                self.reset = self.reset.called_back();
                self.end_sessions(now);
                let disabled = UserDisabled { user_id: self.id, reason };
                Ok(Decision::changed(self).emit(disabled))
            }
            Status::Disabled => Ok(Decision::unchanged(self)),
            Status::Erased => Err(UserError::Erased),
        }
    }

    pub fn enable(mut self) -> Result<Decision<Self>, UserError> {
        match self.status {
            Status::Disabled => {
                self.status = Status::Active;
                self.disabled_reason = None;
                Ok(Decision::changed(self))
            }
            Status::Active => Ok(Decision::unchanged(self)),
            Status::Erased => Err(UserError::Erased),
        }
    }

    /// Every user stays a customer. Of a business that is new to them they are an owner. One who gets the role business
    /// without a business gets `own`, an id that nobody has; one who loses the role acts for no business any more.
    pub fn set_roles(
        mut self,
        mut roles: Vec<Role>,
        businesses: Option<Vec<BusinessId>>,
        own: BusinessId,
        now: Timestamp,
    ) -> Result<Decision<Self>, UserError> {
        match self.status {
            Status::Active | Status::Disabled => {}
            Status::Erased => return Err(UserError::Erased),
        }
        roles.push(Role::Customer);
        roles.sort_unstable();
        roles.dedup();
        let is_business = roles.contains(&Role::Business);
        let kept = if is_business { self.businesses.clone() } else { Vec::new() };
        let mut businesses: Vec<Membership> = match businesses {
            None => kept,
            Some(wanted) => {
                let owned = |id| Membership { business_id: id, role: StaffRole::Owner };
                let role_kept = |id: BusinessId| kept.iter().copied().find(|membership| membership.business_id == id);
                wanted.into_iter().map(|id| role_kept(id).unwrap_or_else(|| owned(id))).collect()
            }
        };
        businesses.sort_unstable_by_key(|membership| membership.business_id);
        businesses.dedup();
        if businesses.len() > BUSINESSES_MAX || (!is_business && !businesses.is_empty()) {
            return Err(UserError::Businesses);
        }
        if is_business && businesses.is_empty() {
            businesses.push(Membership { business_id: own, role: StaffRole::Owner });
        }
        if roles == self.roles && businesses == self.businesses {
            return Ok(Decision::unchanged(self));
        }
        self.roles = roles;
        self.businesses = businesses;
        // Tokens name the roles, and others may verify them without asking us.
        self.end_access(now);
        Ok(Decision::changed(self))
    }

    /// Made by the operator: the address needs no further proof.
    pub fn trust(mut self) -> Result<Decision<Self>, UserError> {
        self.check_active()?;
        if self.email_proven {
            return Ok(Decision::unchanged(self));
        }
        self.verification = self.verification.called_back();
        // The operator tells them.
        self.welcomed = true;
        Ok(self.verified(Follower::Owner))
    }

    /// Forgets the person and keeps the number, which orders and the books refer to.
    pub fn erase(mut self, nobody: Email, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Active | Status::Disabled => {
                let email = self.email_proven.then(|| self.email.clone());
                self.email = nobody;
                self.email_verified = false;
                self.email_proven = false;
                self.pending_email = None;
                self.name = String::new();
                self.telephone = String::new();
                self.password_hash = String::new();
                self.roles = vec![Role::Customer];
                self.businesses = Vec::new();
                self.status = Status::Erased;
                self.disabled_reason = None;
                self.verification = self.verification.called_back();
                self.reset = self.reset.called_back();
                self.end_sessions(now);
                let erased = UserErased { user_id: self.id, email };
                Decision::changed(self).emit(erased)
            }
            Status::Erased => Decision::unchanged(self),
        }
    }

    pub fn may_sign_in(&self) -> bool {
        match self.status {
            Status::Active => true,
            Status::Disabled | Status::Erased => false,
        }
    }

    pub fn is_active_admin(&self) -> bool {
        self.may_sign_in() && self.roles.contains(&Role::Admin)
    }

    /// The second that an access token made now carries: never before `tokens_valid_from`.
    pub fn token_second(&self, now: Timestamp) -> i64 {
        now.as_secs().max(self.tokens_valid_from.as_secs())
    }

    pub fn check_active(&self) -> Result<(), UserError> {
        match self.status {
            Status::Active => Ok(()),
            Status::Disabled => Err(UserError::Disabled),
            Status::Erased => Err(UserError::Erased),
        }
    }

    fn verified(mut self, by: Follower) -> Decision<Self> {
        let (is_own, first) = (by == Follower::Owner, !self.welcomed);
        (self.email_verified, self.email_proven, self.welcomed) = (true, is_own, true);
        let verified = UserVerified { user_id: self.id, email: self.email.clone(), name: self.name.clone(), proven: is_own, first };
        Decision::changed(self).emit(verified)
    }

    fn verification_wanted(&self) -> VerificationRequested {
        VerificationRequested {
            user_id: self.id,
            email: self.pending_email.as_ref().unwrap_or(&self.email).clone(),
            name: self.name.clone(),
            serial: self.verification.serial,
        }
    }

    fn end_sessions(&mut self, now: Timestamp) {
        self.epoch = self.epoch.saturating_add(1);
        self.end_access(now);
    }

    /// Tokens carry whole seconds, so the boundary is the next one, and later than any boundary before.
    pub(crate) fn end_access(&mut self, now: Timestamp) {
        let second = Duration::from_secs(1);
        self.tokens_valid_from = whole_second(now).plus(second).max(self.tokens_valid_from.plus(second));
    }
}

fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_millis(instant.as_secs().saturating_mul(1000))
}
