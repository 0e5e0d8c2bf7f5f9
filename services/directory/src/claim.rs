//! A claim: somebody says that a listed business is theirs, and an admin decides.

use contracts::{ClaimRefused, ClaimRequested, Decision};
use kernel::{BusinessId, ClaimId, Code, Problem, Timestamp, UserId, stable_id};
use serde::{Deserialize, Serialize};

use crate::text::paragraph;

pub const PROOF_CHARS_MAX: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ClaimStatus)]
pub enum Status {
    Open,
    Approved,
    /// The same person may claim again, with a better proof.
    Refused,
}

/// One per person and business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub id: ClaimId,
    pub business_id: BusinessId,
    pub business_name: String,
    pub user_id: UserId,
    /// Why it is theirs, in their words.
    pub proof: String,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub requested_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("must be 1 to {PROOF_CHARS_MAX} characters")]
    Proof,
    #[error("the claim has been decided")]
    Decided,
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Proof => Self::field("proof", error.to_string()),
            ClaimError::Decided => Self::new(Code::IllegalTransition, error.to_string()),
        }
    }
}

pub fn claim_id(business: BusinessId, user: UserId) -> ClaimId {
    ClaimId(stable_id(&["claim", &business.to_string(), &user.to_string()]))
}

impl Claim {
    pub fn request(
        before: Option<Self>,
        business_id: BusinessId,
        business_name: &str,
        user_id: UserId,
        proof: &str,
        now: Timestamp,
    ) -> Result<Decision<Self>, ClaimError> {
        let proof = paragraph(proof, 1, PROOF_CHARS_MAX).ok_or(ClaimError::Proof)?;
        match before {
            Some(claim) if claim.status != Status::Refused => Ok(Decision::unchanged(claim)),
            Some(_) | None => {
                let claim = Self {
                    id: claim_id(business_id, user_id),
                    business_id,
                    business_name: business_name.to_owned(),
                    user_id,
                    proof,
                    status: Status::Open,
                    reason: None,
                    requested_at: now,
                    decided_at: None,
                };
                let told = ClaimRequested { claim_id: claim.id, business_id, business_name: claim.business_name.clone(), user_id };
                Ok(Decision::changed(claim).emit(told))
            }
        }
    }

    /// The business tells of its new owner.
    pub fn approve(self, now: Timestamp) -> Result<Decision<Self>, ClaimError> {
        match self.status {
            Status::Open => Ok(Decision::changed(Self { status: Status::Approved, decided_at: Some(now), ..self })),
            Status::Approved => Ok(Decision::unchanged(self)),
            Status::Refused => Err(ClaimError::Decided),
        }
    }

    /// `reason` has been checked.
    pub fn refuse(self, reason: String, now: Timestamp) -> Result<Decision<Self>, ClaimError> {
        match self.status {
            Status::Open => {
                let told = ClaimRefused {
                    claim_id: self.id,
                    business_id: self.business_id,
                    business_name: self.business_name.clone(),
                    user_id: self.user_id,
                    reason: reason.clone(),
                };
                let refused = Self { status: Status::Refused, reason: Some(reason), decided_at: Some(now), ..self };
                Ok(Decision::changed(refused).emit(told))
            }
            Status::Refused => Ok(Decision::unchanged(self)),
            Status::Approved => Err(ClaimError::Decided),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_decided_once() {
        let now = Timestamp::from_millis(1);
        let request = |before, proof: &str| Claim::request(before, BusinessId(1), "Café", UserId(2), proof, now);
        let open = request(None, "I am the owner, see the imprint").unwrap();
        assert_eq!((open.state.status, open.events.len()), (Status::Open, 1));
        assert_eq!(request(None, " "), Err(ClaimError::Proof));
        let open = open.state;
        assert!(!request(Some(open.clone()), "again").unwrap().changed);
        let approved = open.clone().approve(now).unwrap().state;
        assert!(!approved.clone().approve(now).unwrap().changed);
        assert_eq!(approved.clone().refuse("no".into(), now), Err(ClaimError::Decided));
        assert!(!request(Some(approved), "again").unwrap().changed);
        let refused = open.refuse("no proof".into(), now).unwrap().state;
        assert!(!refused.clone().refuse("still".into(), now).unwrap().changed);
        assert_eq!(refused.clone().approve(now), Err(ClaimError::Decided));
        let again = request(Some(refused), "here is the trade licence").unwrap().state;
        assert_eq!((again.status, again.reason), (Status::Open, None));
    }
}
