//! For which businesses a user acts, as the directory says.

use contracts::Decision;
use kernel::{BusinessId, Membership, Role, StaffRole, Timestamp};

use crate::user::{BusinessNews, Status, User};

/// Businesses of which a user remembers the latest news; more than anybody acts for.
const NEWS_MAX: usize = 100;

impl User {
    /// The user acts for the business in this role from now on, or no longer. Whoever acts for one has the role
    /// business. Tokens that name a business too many end at once.
    pub fn follow_business(mut self, business_id: BusinessId, role: Option<StaffRole>, sequence: u64, now: Timestamp) -> Decision<Self> {
        match self.status {
            Status::Active | Status::Disabled => {}
            Status::Erased => return Decision::unchanged(self),
        }
        let known = self.business_news.iter().position(|news| news.business_id == business_id);
        if known.is_some_and(|index| self.business_news[index].sequence >= sequence) {
            return Decision::unchanged(self);
        }
        if let Some(index) = known {
            self.business_news.remove(index);
        }
        if self.business_news.len() >= NEWS_MAX {
            self.business_news.remove(0);
        }
        self.business_news.push(BusinessNews { business_id, sequence });
        let before = self.businesses.len();
        self.businesses.retain(|membership| membership.business_id != business_id);
        if let Some(role) = role {
            self.businesses.push(Membership { business_id, role });
            self.businesses.sort_unstable_by_key(|membership| membership.business_id);
            if !self.roles.contains(&Role::Business) {
                self.roles.push(Role::Business);
                self.roles.sort_unstable();
            }
        } else if self.businesses.len() < before {
            if self.businesses.is_empty() {
                self.roles.retain(|role| *role != Role::Business);
            }
            self.end_access(now);
        }
        Decision::changed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::Registration;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn ann() -> User {
        let registration =
            Registration { email: "ann@example.com".parse().unwrap(), name: "Ann".parse().unwrap(), password_hash: "hash".into() };
        User::register(1.into(), registration, at(0)).into_state()
    }

    /// Follows the news in this order: business, whether the user acts for it, sequence.
    #[track_caller]
    fn check(news: &[(u128, bool, u64)], businesses: &[u128]) {
        let followed = news.iter().fold(ann(), |user, (business, acts, sequence)| {
            user.follow_business(BusinessId(*business), acts.then_some(StaffRole::Owner), *sequence, at(9)).into_state()
        });
        let owned = |id: &u128| Membership { business_id: BusinessId(*id), role: StaffRole::Owner };
        assert_eq!(followed.businesses, businesses.iter().map(owned).collect::<Vec<_>>(), "{news:?}");
        assert_eq!(followed.roles.contains(&Role::Business), !businesses.is_empty(), "{news:?}");
    }

    #[test]
    fn late_news_moves_nothing_backwards() {
        check(&[(7, true, 100)], &[7]);
        check(&[(7, true, 100), (5, true, 100)], &[5, 7]);
        check(&[(7, true, 100), (7, false, 300)], &[]);
        check(&[(7, false, 300), (7, true, 100)], &[]);
        check(&[(7, true, 100), (7, false, 300), (7, true, 100)], &[]);
        check(&[(7, true, 100), (7, false, 300), (7, true, 500)], &[7]);
        check(&[(7, true, 100), (5, true, 900), (7, false, 300)], &[5]);
    }

    #[test]
    fn tokens_end_when_a_business_is_lost() {
        let gained = ann().follow_business(BusinessId(7), Some(StaffRole::Manager), 100, at(9)).into_state();
        assert_eq!(gained.tokens_valid_from, ann().tokens_valid_from, "nobody is signed out for what they gain");
        let demoted = gained.clone().follow_business(BusinessId(7), Some(StaffRole::Staff), 150, at(10)).into_state();
        assert_eq!(demoted.businesses, [Membership { business_id: BusinessId(7), role: StaffRole::Staff }], "counts with the next request");
        assert!(!gained.clone().follow_business(BusinessId(7), Some(StaffRole::Manager), 100, at(10)).is_changed());
        let lost = gained.follow_business(BusinessId(7), None, 200, at(10)).into_state();
        assert!(lost.tokens_valid_from > at(10));
        let erased = ann().erase("usr_1@erased.invalid".parse().unwrap(), at(1)).into_state();
        assert!(!erased.follow_business(BusinessId(7), Some(StaffRole::Manager), 100, at(2)).is_changed());
    }
}
