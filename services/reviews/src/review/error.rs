use kernel::{Code, Problem};

use super::{RATING_MAX, Status};

/// Why a rule refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    #[error("the rating must be 1 to {RATING_MAX}")]
    Rating,
    #[error("you have reviewed this already")]
    Exists,
    #[error("nobody can review a business of their own")]
    OwnBusiness,
    #[error("only customers can review this: buy, book or enquire first")]
    NotCustomer,
    #[error("confirm your e-mail address before you write a review")]
    Unverified,
    /// For those who may not know that there is such a review, too.
    #[error("there is no such review")]
    Unknown,
    #[error("only owners and managers of the business can answer")]
    NotBusiness,
    #[error("nobody votes for a review of their own, or of their own business")]
    OwnVote,
    #[error("a {status} review cannot be {wanted}")]
    Illegal { status: Status, wanted: &'static str },
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let text = error.to_string();
        match error {
            ReviewError::Rating => Self::field("rating", text),
            ReviewError::Unknown => Self::not_found("review"),
            ReviewError::OwnBusiness
            | ReviewError::NotCustomer
            | ReviewError::Unverified
            | ReviewError::NotBusiness
            | ReviewError::OwnVote => Self::forbidden(text),
            ReviewError::Exists => Self::new(Code::AlreadyExists, text),
            ReviewError::Illegal { .. } => Self::new(Code::IllegalTransition, text),
        }
    }
}
