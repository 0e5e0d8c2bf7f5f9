//! Who acts for which business, as it is found by the person.

use contracts::Decision;
use kernel::{BusinessId, UserId};
use serde::{Deserialize, Serialize};

use super::error::{BUSINESSES_PER_USER_MAX, BusinessError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub user_id: UserId,
    pub business_id: BusinessId,
}

/// For how many businesses a person acts. Whoever adds one changes it, so that two who add one at once do not both
/// pass the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipCount {
    pub user_id: UserId,
    pub businesses: u64,
}

impl MembershipCount {
    pub fn joined(before: Option<Self>, user_id: UserId) -> Result<Decision<Self>, BusinessError> {
        let businesses = before.map_or(0, |before| before.businesses);
        if businesses >= BUSINESSES_PER_USER_MAX {
            return Err(BusinessError::TooManyBusinesses);
        }
        Ok(Decision::changed(Self { user_id, businesses: businesses + 1 }))
    }
}
