//! Why a lead refuses.

use kernel::{Code, Duration, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeadError {
    #[error("there is no such lead")]
    NotFound,
    #[error("{field} {reason}")]
    Field { field: &'static str, reason: &'static str },
    #[error("the business takes no more enquiries this month")]
    CapReached,
    #[error("too many enquiries; wait a while")]
    TooMany { retry_after: Duration },
    #[error("a lead is answered once it is released")]
    NotReleased,
    #[error("a business answers an enquiry at most 20 times")]
    TooManyReplies,
    #[error("the people of a business do not send it enquiries")]
    OwnBusiness,
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
            LeadError::CapReached | LeadError::NotReleased | LeadError::TooManyReplies => Self::new(Code::Conflict, message),
            LeadError::TooMany { retry_after } => {
                Self::new(Code::TooManyAttempts, message).retry_after(u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX))
            }
            LeadError::OwnBusiness => Self::new(Code::Forbidden, message),
            LeadError::Illegal { .. } | LeadError::TooLate | LeadError::ReturnRefused => Self::new(Code::IllegalTransition, message),
        }
    }
}
