//! Why a business refuses.

use kernel::{Code, Problem, TextError};

pub const STAFF_MAX: usize = 40;
/// How many businesses one person may register or work for.
pub const BUSINESSES_PER_USER_MAX: u64 = 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusinessError {
    /// Also for those who may not know that there is one.
    #[error("there is no such business")]
    NotFound,
    #[error("{field}: {reason}")]
    Field { field: &'static str, reason: String },
    #[error("only {0} may do this")]
    NotAllowed(&'static str),
    #[error("a business that is {status} cannot {wanted}")]
    Illegal { status: &'static str, wanted: &'static str },
    #[error("confirm your e-mail address before you register a business")]
    Unverified,
    #[error("the business has an owner already")]
    Claimed,
    #[error("the business takes no enquiries here")]
    NobodyToAsk,
    #[error("a business keeps at least one owner")]
    LastOwner,
    #[error("at most {STAFF_MAX} people act for a business")]
    TooManyStaff,
    #[error("one person acts for at most {BUSINESSES_PER_USER_MAX} businesses")]
    TooManyBusinesses,
    #[error("add a category and an address or a position before publication")]
    Incomplete,
    #[error("the slug {0} belongs to another business")]
    SlugTaken(String),
}

impl From<BusinessError> for Problem {
    fn from(error: BusinessError) -> Self {
        let code = match &error {
            BusinessError::Field { field, reason } => return Self::field(*field, reason),
            BusinessError::NotFound => Code::NotFound,
            BusinessError::NotAllowed(_) | BusinessError::Unverified => Code::Forbidden,
            BusinessError::Illegal { .. } => Code::IllegalTransition,
            BusinessError::SlugTaken(_) => Code::AlreadyExists,
            BusinessError::Claimed
            | BusinessError::NobodyToAsk
            | BusinessError::LastOwner
            | BusinessError::TooManyStaff
            | BusinessError::TooManyBusinesses
            | BusinessError::Incomplete => Code::Conflict,
        };
        Self::new(code, error.to_string())
    }
}

/// The error of a field whose text does not fit.
pub fn bad_text(field: &'static str) -> impl Fn(TextError) -> BusinessError {
    move |error| BusinessError::Field { field, reason: error.to_string() }
}
