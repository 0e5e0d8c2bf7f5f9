//! Who may see an order, and in which part.

use kernel::Actor;

use super::{Line, Order, OrderError};

/// In which part somebody deals with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Who placed it: signed in, or a guest with its token.
    Customer,
    /// Who sells something in it.
    Seller,
    /// Admins and support.
    Staff,
}

impl Order {
    /// The actor's part; `with_token` if they present the token of a guest's order. Without a part, the order does not exist
    /// for them.
    pub fn part_of(&self, actor: &Actor, with_token: bool) -> Result<Part, OrderError> {
        let owns = actor.user_id().is_some() && actor.user_id() == self.customer_id;
        if actor.is_staff() {
            Ok(Part::Staff)
        } else if owns || (with_token && self.is_a_guests()) {
            Ok(Part::Customer)
        } else if self.lines.iter().any(|line| actor.acts_for(line.seller_id)) {
            Ok(Part::Seller)
        } else {
            Err(OrderError::NotFound)
        }
    }

    /// The lines that the actor may see: a seller sees only their own.
    pub fn lines_for(&self, actor: &Actor, with_token: bool) -> Vec<&Line> {
        let part = self.part_of(actor, with_token);
        let sees = |line: &&Line| match part {
            Ok(Part::Customer | Part::Staff) => true,
            Ok(Part::Seller) | Err(_) => actor.acts_for(line.seller_id),
        };
        self.lines.iter().filter(sees).collect()
    }

    /// Whether the actor acts for all who sell something in it.
    pub fn is_all_of(&self, actor: &Actor) -> bool {
        self.lines.iter().all(|line| actor.acts_for(line.seller_id))
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
    use crate::order::tests::{NOW, SELLER, admin, method, order_that_is, placed};
    use crate::order::{Advance, CancelReason, Status, StatusName as Name};

    #[test]
    fn parts() {
        let member = |id, businesses: &[BusinessId], role| {
            let businesses = businesses.iter().map(|id| Membership { business_id: *id, role }).collect();
            Actor::User { id: UserId(id), roles: vec![Role::Customer], businesses }
        };
        let user = |id, businesses: &[BusinessId]| member(id, businesses, StaffRole::Owner);
        let guest_order = placed();
        let owned = Order { customer_id: Some(UserId(7)), ..placed() };
        let erased = owned.clone().anonymize(UserId(7), None).unwrap().into_state();
        for (order, actor, token, expect) in [
            (&guest_order, Actor::Guest, false, None),
            (&guest_order, Actor::Guest, true, Some(Part::Customer)),
            (&guest_order, user(7, &[]), false, None),
            (&owned, Actor::Guest, true, None),
            (&owned, user(7, &[]), false, Some(Part::Customer)),
            (&owned, user(8, &[]), true, None),
            (&owned, user(8, &[SELLER]), false, Some(Part::Seller)),
            (&owned, user(8, &[BusinessId(6)]), false, None),
            (&owned, admin(), false, Some(Part::Staff)),
            (&erased, Actor::Guest, true, None),
        ] {
            assert_eq!(order.part_of(&actor, token).ok(), expect, "{actor:?} {token}");
        }
        let mut shared = order_that_is(Name::Confirmed);
        shared.lines.push(Line { seller_id: BusinessId(6), ..shared.lines[0].clone() });
        let seller = user(8, &[SELLER]);
        let paid_by_seller = shared.clone().pay(&method("other card"), Part::Seller, &seller, NOW);
        assert_eq!(paid_by_seller.unwrap_err(), OrderError::SellersDoNotPay);
        assert_eq!(shared.lines_for(&seller, false).len(), 1);
        assert_eq!(shared.clone().cancel(Part::Seller, &seller, None, NOW).unwrap_err(), OrderError::NotAllowed);
        assert_eq!(shared.advance(Advance::Processing, &seller, None, NOW).unwrap_err(), OrderError::NotAllowed);
        let cancelled = order_that_is(Name::Processing).cancel(Part::Seller, &seller, None, NOW).unwrap();
        assert_eq!(cancelled.state().status, Status::Cancelled(CancelReason::BySeller));

        let staff = member(8, &[SELLER], StaffRole::Staff);
        let confirmed = || order_that_is(Name::Confirmed);
        assert_eq!(confirmed().cancel(Part::Seller, &staff, None, NOW).unwrap_err(), OrderError::NotAllowed, "it refunds money");
        assert!(confirmed().advance(Advance::Processing, &staff, None, NOW).unwrap().is_changed(), "staff packs and ships");
    }
}
