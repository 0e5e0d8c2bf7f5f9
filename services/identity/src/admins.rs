//! The admins that can act, so that the last one cannot lock everybody out.

use contracts::Decision;
use kernel::{Code, Problem, UserId};
use serde::{Deserialize, Serialize};

use crate::user::User;

/// Kept as one item: two admins who disable each other at once meet in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Admins {
    pub user_ids: Vec<UserId>,
}

pub const ADMINS_MAX: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdminsError {
    #[error("this is the last admin; make another one first")]
    LastAdmin,
    #[error("there are {ADMINS_MAX} admins already")]
    TooMany,
}

impl From<AdminsError> for Problem {
    fn from(error: AdminsError) -> Self {
        match error {
            AdminsError::LastAdmin | AdminsError::TooMany => Self::new(Code::Conflict, error.to_string()),
        }
    }
}

impl Admins {
    /// Follows what has become of the user.
    pub fn follow(mut self, user: &User) -> Result<Decision<Self>, AdminsError> {
        let index = self.user_ids.iter().position(|id| *id == user.id);
        match (user.is_active_admin(), index) {
            (true, Some(_)) | (false, None) => Ok(Decision::unchanged(self)),
            (true, None) if self.user_ids.len() >= ADMINS_MAX => Err(AdminsError::TooMany),
            (true, None) => {
                self.user_ids.push(user.id);
                Ok(Decision::changed(self))
            }
            (false, Some(_)) if self.user_ids.len() == 1 => Err(AdminsError::LastAdmin),
            (false, Some(index)) => {
                self.user_ids.remove(index);
                Ok(Decision::changed(self))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::tests::{admin, ann, at, reason};

    #[test]
    fn the_last_admin_stays() {
        let root = admin(1);
        let second = admin(2);
        let admins = Admins::default().follow(&ann()).unwrap();
        assert!(!admins.is_changed(), "a customer is none of them");
        let admins = admins.into_state().follow(&root).unwrap().into_state();
        assert!(!admins.clone().follow(&root).unwrap().is_changed());

        let disabled = |user: &User| user.clone().disable(reason("left"), at(5)).unwrap().into_state();
        let demoted = |user: &User| user.clone().set_roles(vec![], None, 1.into(), at(5)).unwrap().into_state();
        assert_eq!(admins.clone().follow(&disabled(&root)), Err(AdminsError::LastAdmin));
        assert_eq!(admins.clone().follow(&demoted(&root)), Err(AdminsError::LastAdmin));

        let admins = admins.follow(&second).unwrap().into_state();
        let admins = admins.follow(&disabled(&root)).unwrap().into_state();
        assert_eq!(admins.user_ids, [second.id]);
        assert_eq!(admins.follow(&demoted(&second)), Err(AdminsError::LastAdmin));
    }
}
