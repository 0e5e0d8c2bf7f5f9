//! Who asks for something.

use serde::{Deserialize, Serialize};

use crate::{BusinessId, Problem, UserId};

/// What a user may do beyond being a customer; every user is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    Customer,
    /// Acts for the businesses that the user owns or works for.
    Business,
    /// Sees everything and helps customers, changes no configuration.
    Support,
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What somebody does for a business. All of them act for it; the role says how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Everything, also the staff.
    Owner,
    /// What costs or brings money: profile, products, prices, stock, cancellations, answers, leads.
    Manager,
    /// Sees all of that, packs and ships.
    Staff,
}

impl StaffRole {
    pub fn manages(self) -> bool {
        match self {
            Self::Owner | Self::Manager => true,
            Self::Staff => false,
        }
    }
}

/// That a user acts for a business, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Membership {
    pub business_id: BusinessId,
    pub role: StaffRole,
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
        businesses: Vec<Membership>,
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
        self.is_admin() || self.role_in(business).is_some()
    }

    /// Whether the actor may do for the business what costs money: its owners and managers, and admins.
    pub fn manages(&self, business: BusinessId) -> bool {
        self.is_admin() || self.role_in(business).is_some_and(StaffRole::manages)
    }

    /// As which of its people; admins are none by being admins.
    pub fn role_in(&self, business: BusinessId) -> Option<StaffRole> {
        self.memberships().iter().find(|membership| membership.business_id == business).map(|membership| membership.role)
    }

    fn memberships(&self) -> &[Membership] {
        match self {
            Self::User { businesses, .. } => businesses,
            Self::Guest | Self::System => &[],
        }
    }

    /// The business for which the actor deals: the one that they name or, if they act for one only, that one.
    ///
    /// Errors: 403 for a business that they do not act for, 422 for `seller_id` if they act for several and name none.
    pub fn own_business(&self, wanted: Option<BusinessId>) -> Result<BusinessId, Problem> {
        match (wanted, self.memberships()) {
            (Some(wanted), own) if own.iter().any(|membership| membership.business_id == wanted) => Ok(wanted),
            (None, [only]) => Ok(only.business_id),
            (None, [_, _, ..]) => Err(Problem::field("seller_id", "must name one of your businesses")),
            (Some(_), _) | (None, []) => Err(Problem::forbidden("this is for those who act for the business")),
        }
    }

    /// Whose things the actor may list: staff everybody's (`None`) or those of the business that they name, others those
    /// of their own business. Errors as in `own_business`.
    pub fn listed_seller(&self, wanted: Option<BusinessId>) -> Result<Option<BusinessId>, Problem> {
        if self.is_staff() { Ok(wanted) } else { self.own_business(wanted).map(Some) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_its_people_act_for_a_business_and_some_manage_it() {
        let business = BusinessId(7);
        let user = |roles: &[Role], businesses: Vec<Membership>| Actor::User { id: UserId(1), roles: roles.to_vec(), businesses };
        let member = |role| user(&[Role::Customer, Role::Business], vec![Membership { business_id: business, role }]);
        for (actor, acts, manages) in [
            (Actor::Guest, false, false),
            (user(&[Role::Customer], vec![]), false, false),
            (user(&[Role::Customer, Role::Support], vec![]), false, false),
            (member(StaffRole::Staff), true, false),
            (member(StaffRole::Manager), true, true),
            (member(StaffRole::Owner), true, true),
            (user(&[Role::Admin], vec![]), true, true),
            (Actor::System, true, true),
        ] {
            assert_eq!((actor.acts_for(business), actor.manages(business)), (acts, manages), "{actor:?}");
            assert_eq!(actor.acts_for(BusinessId(8)), actor.is_admin(), "another business: {actor:?}");
        }
    }
}
