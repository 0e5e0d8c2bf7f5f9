//! Staff that the operator makes in the user pool, as its tokens say.

use contracts::Decision;
use kernel::{Role, Timestamp};

use crate::user::{Status, User};

impl User {
    /// Takes over what a token of the user pool says that the operator has granted there. Only staff is made
    /// so: a business comes from the directory. Nothing is taken away, and nothing that an older token says
    /// counts, since roles may have been taken away after it was made.
    pub fn adopt_roles(mut self, granted: &[Role], issued_at: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Active if self.email_proven && issued_at >= self.tokens_valid_from => {}
            Status::Active | Status::Disabled | Status::Erased => return Decision::unchanged(self),
        }
        let adopted = self.adoptable(granted);
        if adopted.is_empty() {
            return Decision::unchanged(self);
        }
        self.roles.extend(adopted);
        self.roles.sort_unstable();
        Decision::changed(self)
    }

    /// The roles of staff among these that the user has not.
    pub fn adoptable(&self, granted: &[Role]) -> Vec<Role> {
        [Role::Support, Role::Admin].into_iter().filter(|role| granted.contains(role) && !self.roles.contains(role)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::tests::{admin, ann, at, disabled, erased, unverified};

    #[test]
    fn staff_is_adopted_from_the_pool() {
        use Role::{Admin, Business, Customer, Support};
        let second = |secs: i64| Timestamp::from_millis(secs * 1000);
        let demoted = admin(1).set_roles(vec![], None, 1.into(), at(5)).unwrap().into_state();
        assert_eq!(demoted.tokens_valid_from, second(6));
        for (user, granted, issued_at, expect) in [
            (ann(), vec![Admin], second(9), vec![Customer, Admin]),
            (ann(), vec![Customer, Business, Support], second(9), vec![Customer, Support]),
            (ann(), vec![], second(9), vec![Customer]),
            (admin(1), vec![], second(9), vec![Customer, Admin]),
            (admin(1), vec![Admin], second(9), vec![Customer, Admin]),
            (unverified(), vec![Admin], second(9), vec![Customer]),
            (disabled(), vec![Admin], second(9), vec![Customer]),
            (erased(), vec![Admin], second(9), vec![Customer]),
            // A token from before the role was taken away does not bring it back.
            (demoted.clone(), vec![Admin], second(5), vec![Customer]),
            (demoted, vec![Admin], second(6), vec![Customer, Admin]),
        ] {
            let before = user.clone();
            let decision = user.adopt_roles(&granted, issued_at);
            assert_eq!(decision.state().roles, expect, "{granted:?} for {before:?}");
            assert_eq!(decision.is_changed(), before.roles != expect);
            assert_eq!(decision.state().tokens_valid_from, before.tokens_valid_from, "nobody is signed out for what they gain");
            assert!(decision.events().is_empty());
        }
    }
}
