use kernel::{Code, Problem};

use super::BUSINESSES_MAX;

/// Why a rule refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("must name at most {BUSINESSES_MAX} businesses, and only for the role business")]
    Businesses,
    #[error("the link is not valid or has been used; ask for a new one")]
    Link,
    #[error("another account has this address")]
    EmailTaken,
    #[error("the account is disabled")]
    Disabled,
    #[error("the account has been erased")]
    Erased,
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        let message = error.to_string();
        match error {
            UserError::Businesses => Self::field("businesses", message),
            UserError::Link => Self::new(Code::InvalidToken, message),
            UserError::EmailTaken => Self::new(Code::AlreadyExists, message),
            UserError::Disabled | UserError::Erased => Self::new(Code::IllegalTransition, message),
        }
    }
}
