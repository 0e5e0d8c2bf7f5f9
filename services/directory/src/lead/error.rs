//! Why a lead refuses.

use kernel::{Code, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeadError {
    #[error("there is no such lead")]
    NotFound,
    #[error("{field} {reason}")]
    Field { field: &'static str, reason: &'static str },
    #[error("the business takes no more enquiries this month")]
    CapReached,
    #[error("too many enquiries from this address; wait a day")]
    TooMany,
    #[error("a lead that is {status} cannot {wanted}")]
    Illegal { status: &'static str, wanted: &'static str },
    #[error("a lead can be returned within 7 days of its delivery")]
    TooLate,
    #[error("the return of this lead was refused")]
    ReturnRefused,
}

impl From<LeadError> for Problem {
    fn from(error: LeadError) -> Self {
        let message = error.to_string();
        match error {
            LeadError::NotFound => Self::new(Code::NotFound, message),
            LeadError::Field { field, reason } => Self::field(field, reason),
            LeadError::CapReached => Self::new(Code::Conflict, message),
            LeadError::TooMany => Self::new(Code::TooManyAttempts, message).retry_after(24 * 3600),
            LeadError::Illegal { .. } | LeadError::TooLate | LeadError::ReturnRefused => Self::new(Code::IllegalTransition, message),
        }
    }
}
