//! What waits for a look: a published business does not turn into another one on its own.

use kernel::{CategoryId, Timestamp};
use serde::{Deserialize, Serialize};

use super::profile::Profile;

/// The name, the website and the categories that a published business wants to have. The rest of a profile changes at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PendingChange)]
pub struct PendingChange {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Wait only if the first of them, the main one, is another one.
    pub categories: Vec<CategoryId>,
    pub since: Timestamp,
}

impl PendingChange {
    /// What of the wanted profile may be shown at once, and what waits.
    pub fn split(shown: &Profile, wanted: Profile, now: Timestamp) -> (Profile, Option<Self>) {
        let same_kind = wanted.categories.first() == shown.categories.first();
        if wanted.name == shown.name && wanted.website == shown.website && same_kind {
            return (wanted, None);
        }
        let pending = Self { name: wanted.name, website: wanted.website, categories: wanted.categories.clone(), since: now };
        let categories = if same_kind { wanted.categories } else { shown.categories.clone() };
        (Profile { name: shown.name.clone(), website: shown.website.clone(), categories, ..wanted }, Some(pending))
    }

    pub fn applied_to(self, profile: Profile) -> Profile {
        let Self { name, website, categories, since: _ } = self;
        Profile { name, website, categories, ..profile }
    }

    /// Whether it is what waits already, since whenever.
    pub fn repeats(&self, before: &Self) -> bool {
        (&self.name, &self.website, &self.categories) == (&before.name, &before.website, &before.categories)
    }
}
