//! What clients send and see of claims.

use kernel::{BusinessId, ClaimId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Claim, Proof, Status};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "proof": "My name is on the door, and in the register of the town." }))]
pub struct ClaimInput {
    /// How an admin can see that the business is yours.
    #[schema(inline)]
    pub proof: Proof,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimView {
    pub id: ClaimId,
    pub business_id: BusinessId,
    pub business_name: String,
    pub user_id: UserId,
    pub proof: String,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub requested_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}

impl From<Claim> for ClaimView {
    fn from(claim: Claim) -> Self {
        Self {
            id: claim.id,
            business_id: claim.business_id,
            business_name: claim.business_name,
            user_id: claim.user_id,
            proof: claim.proof.into_string(),
            status: claim.status,
            reason: claim.reason,
            requested_at: claim.requested_at,
            decided_at: claim.decided_at,
        }
    }
}
