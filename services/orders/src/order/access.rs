//! Who may see an order, and as what.

use contracts::CancelReason;
use kernel::{Actor, BusinessId};

use super::{Order, OrderError, Part};

/// As what somebody deals with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Who placed it: signed in, or a guest with its token.
    Customer,
    /// Who sells a part of it. Of the rest they see nothing.
    Seller,
    /// Admins and support.
    Staff,
}

impl Party {
    pub fn cancel_reason(self) -> CancelReason {
        match self {
            Self::Customer => CancelReason::ByCustomer,
            Self::Seller => CancelReason::BySeller,
            Self::Staff => CancelReason::ByAdmin,
        }
    }
}

impl Order {
    /// As what the actor deals with the order as a whole; `with_token` if they present the token of a guest's order. For
    /// everybody else there is no such order.
    pub fn party_of(&self, actor: &Actor, with_token: bool) -> Result<Party, OrderError> {
        let owns = actor.user_id().is_some() && actor.user_id() == self.customer_id;
        if actor.is_staff() {
            Ok(Party::Staff)
        } else if owns || (with_token && self.is_a_guests()) {
            Ok(Party::Customer)
        } else {
            Err(OrderError::NotFound)
        }
    }

    /// The part of a seller, for those who act for the seller and for staff.
    pub fn part_for(&self, actor: &Actor, seller: BusinessId) -> Result<&Part, OrderError> {
        let may_see = actor.is_staff() || actor.acts_for(seller);
        self.part(seller).filter(|_| may_see).ok_or(OrderError::NotFound)
    }

    /// The seller whose part is meant: the one that is named, or that of all there is.
    pub fn meant_part(&self, named: Option<BusinessId>) -> Result<BusinessId, OrderError> {
        match (named, &self.parts[..]) {
            (Some(seller), _) => Ok(seller),
            (None, [only]) => Ok(only.seller_id),
            (None, _) => Err(OrderError::WhosePart),
        }
    }

    /// Whether a token opens it: no account has it, and nobody was erased from it.
    pub fn is_a_guests(&self) -> bool {
        self.customer_id.is_none() && !self.email.is_erased()
    }
}

#[cfg(test)]
mod tests {
    use kernel::{BusinessId, Membership, Role, StaffRole, UserId};

    use super::*;
    use crate::order::tests::{NOW, OTHER, SELLER, admin, order_that_is, placed, placed_of_two};
    use crate::order::{Advance, Status, StatusName as Name};

    fn member(id: u128, businesses: &[BusinessId], role: StaffRole) -> Actor {
        let businesses = businesses.iter().map(|id| Membership { business_id: *id, role }).collect();
        Actor::User { id: UserId(id), roles: vec![Role::Customer], businesses }
    }

    fn user(id: u128, businesses: &[BusinessId]) -> Actor {
        member(id, businesses, StaffRole::Owner)
    }

    #[test]
    fn parties() {
        let guest_order = placed();
        let owned = Order { customer_id: Some(UserId(7)), ..placed() };
        let erased = owned.clone().anonymize(UserId(7), None).unwrap().into_state();
        for (order, actor, token, expect) in [
            (&guest_order, Actor::Guest, false, None),
            (&guest_order, Actor::Guest, true, Some(Party::Customer)),
            (&guest_order, user(7, &[]), false, None),
            (&owned, Actor::Guest, true, None),
            (&owned, user(7, &[]), false, Some(Party::Customer)),
            (&owned, user(8, &[]), true, None),
            // To the seller it is a part.
            (&owned, user(8, &[SELLER]), false, None),
            (&owned, admin(), false, Some(Party::Staff)),
            (&erased, Actor::Guest, true, None),
        ] {
            assert_eq!(order.party_of(&actor, token).ok(), expect, "{actor:?} {token}");
        }
    }

    #[test]
    fn sellers_see_and_do_their_part() {
        let order = placed_of_two();
        for (actor, seller, sees) in [
            (user(8, &[SELLER]), SELLER, true),
            (user(8, &[SELLER]), OTHER, false),
            (user(8, &[OTHER]), OTHER, true),
            (user(8, &[]), SELLER, false),
            (Actor::Guest, SELLER, false),
            (admin(), OTHER, true),
            (admin(), BusinessId(99), false),
        ] {
            assert_eq!(order.part_for(&actor, seller).is_ok(), sees, "{actor:?} {seller}");
        }
        let lines: Vec<_> = order.lines_of(OTHER).map(|line| line.seller_id).collect();
        assert_eq!(lines, [OTHER]);
        assert_eq!(order.meant_part(Some(OTHER)), Ok(OTHER));
        assert_eq!(order.meant_part(None), Err(OrderError::WhosePart));
        assert_eq!(placed().meant_part(None), Ok(SELLER));

        let (seller, stranger) = (user(8, &[SELLER]), user(9, &[OTHER]));
        let confirmed = || order_that_is(Name::Confirmed);
        assert_eq!(confirmed().advance(SELLER, Advance::Processing, &stranger, None, NOW).unwrap_err(), OrderError::NotAllowed);
        assert_eq!(confirmed().cancel_part(SELLER, Party::Seller, &stranger, None, NOW).unwrap_err(), OrderError::NotAllowed);
        let cancelled = order_that_is(Name::Processing).cancel_part(SELLER, Party::Seller, &seller, None, NOW).unwrap();
        assert_eq!(cancelled.state().status, Status::Cancelled(CancelReason::BySeller));

        let staff = member(8, &[SELLER], StaffRole::Staff);
        assert_eq!(
            confirmed().cancel_part(SELLER, Party::Seller, &staff, None, NOW).unwrap_err(),
            OrderError::NotAllowed,
            "it refunds money"
        );
        assert!(confirmed().advance(SELLER, Advance::Processing, &staff, None, NOW).unwrap().is_changed(), "staff packs and ships");
    }
}
