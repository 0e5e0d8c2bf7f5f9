//! Why a payment refuses.

use kernel::{Code, Money, Problem};

use super::status::Status;

pub const REFUNDS_MAX: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("the payment is {}: only what was captured can be refunded", .0.as_str())]
    NotCaptured(Status),
    #[error("the refund exceeds what is left of the payment: {0}")]
    RefundTooLarge(Money),
    #[error("the amount must be positive and in the payment's currency")]
    RefundAmount,
    #[error("there is no such refund")]
    UnknownRefund,
    #[error("only a refund that was refused is tried again, and once")]
    NotRefused,
    #[error("a payment has at most {REFUNDS_MAX} refunds")]
    TooManyRefunds,
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::UnknownRefund => Self::not_found("such refund"),
            PaymentError::NotCaptured(_) | PaymentError::NotRefused => Self::new(Code::IllegalTransition, error.to_string()),
            PaymentError::RefundTooLarge(_) => Self::new(Code::RefundTooLarge, error.to_string()),
            PaymentError::TooManyRefunds => Self::new(Code::Conflict, error.to_string()),
            PaymentError::RefundAmount => Self::field("amount", error.to_string()),
        }
    }
}
