//! A claim: somebody says that a listed business is theirs, and an admin decides.

pub mod views;

use contracts::{ClaimRefused, ClaimRequested, Decision};
use kernel::{BusinessId, ClaimId, Code, Paragraph, Problem, Timestamp, UserId, stable_id};
use serde::{Deserialize, Serialize};

use crate::business::Reason;

/// Why a business is somebody's, in their words.
pub type Proof = Paragraph<1, 2_000>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
    pub proof: Proof,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub requested_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("there is no such claim")]
    NotFound,
    #[error("the claim has been decided")]
    Decided,
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::NotFound => Self::new(Code::NotFound, error.to_string()),
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
        proof: Proof,
        now: Timestamp,
    ) -> Decision<Self> {
        match before {
            Some(claim) if claim.status != Status::Refused => Decision::unchanged(claim),
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
                let event = ClaimRequested { claim_id: claim.id, business_id, business_name: claim.business_name.clone(), user_id };
                Decision::changed(claim).emit(event)
            }
        }
    }

    /// The event about the new owner comes from the business.
    pub fn approve(self, now: Timestamp) -> Result<Decision<Self>, ClaimError> {
        match self.status {
            Status::Open => Ok(Decision::changed(Self { status: Status::Approved, decided_at: Some(now), ..self })),
            Status::Approved => Ok(Decision::unchanged(self)),
            Status::Refused => Err(ClaimError::Decided),
        }
    }

    pub fn refuse(self, reason: &Reason, now: Timestamp) -> Result<Decision<Self>, ClaimError> {
        match self.status {
            Status::Open => {
                let event = ClaimRefused {
                    claim_id: self.id,
                    business_id: self.business_id,
                    business_name: self.business_name.clone(),
                    user_id: self.user_id,
                    reason: reason.to_string(),
                };
                let refused = Self { status: Status::Refused, reason: Some(reason.to_string()), decided_at: Some(now), ..self };
                Ok(Decision::changed(refused).emit(event))
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
        let request = |before, proof: &str| Claim::request(before, BusinessId(1), "Café", UserId(2), Proof::new(proof).unwrap(), now);
        let reason = Reason::new("no proof").unwrap();
        let open = request(None, "I am the owner, see the imprint");
        assert_eq!((open.state().status, open.events().len()), (Status::Open, 1));
        assert!(Proof::new(" ").is_err());
        let open = open.into_state();
        assert!(!request(Some(open.clone()), "again").is_changed());
        let approved = open.clone().approve(now).unwrap().into_state();
        assert!(!approved.clone().approve(now).unwrap().is_changed());
        assert_eq!(approved.clone().refuse(&reason, now), Err(ClaimError::Decided));
        assert!(!request(Some(approved), "again").is_changed());
        let refused = open.refuse(&reason, now).unwrap().into_state();
        assert!(!refused.clone().refuse(&reason, now).unwrap().is_changed());
        assert_eq!(refused.clone().approve(now), Err(ClaimError::Decided));
        let again = request(Some(refused), "here is the trade licence").into_state();
        assert_eq!((again.status, again.reason), (Status::Open, None));
    }
}
