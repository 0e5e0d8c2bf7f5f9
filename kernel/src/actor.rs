//! Who asks for something.

use serde::{Deserialize, Serialize};

use crate::{BusinessId, UserId};

/// What a user may do beyond being a customer; every user is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Customer,
    /// Acts for the businesses that the user owns or works for.
    Business,
    /// Sees everything and helps customers, changes no configuration.
    Support,
    Admin,
}

/// The one on whose behalf a command runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Actor {
    /// Nobody signed in. What a guest may see follows from the unguessable id that they present.
    Guest,
    User {
        id: UserId,
        roles: Vec<Role>,
        /// The businesses for which the user acts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        businesses: Vec<BusinessId>,
    },
    /// Souk itself: a consumer of an event, a timer, the command line.
    System,
}

impl Actor {
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Guest | Self::System => None,
        }
    }

    pub fn has_role(&self, role: Role) -> bool {
        match self {
            Self::User { roles, .. } => roles.contains(&role),
            Self::Guest => false,
            Self::System => true,
        }
    }

    pub fn is_admin(&self) -> bool {
        self.has_role(Role::Admin)
    }

    /// Admins and support read everything.
    pub fn is_staff(&self) -> bool {
        self.is_admin() || self.has_role(Role::Support)
    }

    /// Whether the actor may act for the business: its own people, and admins.
    pub fn acts_for(&self, business: BusinessId) -> bool {
        match self {
            Self::User { businesses, .. } => self.is_admin() || businesses.contains(&business),
            Self::Guest => false,
            Self::System => true,
        }
    }

    /// A short text for logs and the history of an item: `user:usr_…`, `guest`, `system`.
    pub fn label(&self) -> String {
        match self {
            Self::Guest => "guest".into(),
            Self::User { id, .. } => format!("user:{id}"),
            Self::System => "system".into(),
        }
    }
}
