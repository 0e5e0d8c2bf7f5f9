//! What the services keep of people, for the right to get a copy of it (GDPR, articles 15 and 20). The right to have
//! it erased is an event, `user.erased`, which every service with personal data hears.

use async_trait::async_trait;
use kernel::{Email, Problem, UserId};
use serde_json::Value;

/// Whose data it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub user_id: UserId,
    /// Only an address that is verified to be the person's own: what is kept of guests is found by it, and whoever
    /// registers a stranger's address must not get that.
    pub verified_email: Option<Email>,
}

/// Implemented by each service that keeps personal data.
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// All that the service keeps of the person, as an object of named lists; `null` if that is nothing. Secrets and
    /// other people's data are left out.
    async fn export(&self, person: &Person) -> Result<Value, Problem>;
}
