use contracts::ORDER_LINES_MAX;
use kernel::{Code, Problem};

/// Why a rule refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    #[error("the order holds no stock that could be shipped")]
    NothingHeld,
    #[error("the order was shipped although its stock had been given back")]
    ShippedUnheld,
    #[error("an order has at most {ORDER_LINES_MAX} different variants")]
    TooManyLines,
    #[error("a variant of the order has no stock record")]
    StockMissing,
}

impl From<ReservationError> for Problem {
    fn from(error: ReservationError) -> Self {
        match error {
            // Both may only be early: a later try finds what was missing, or a person looks at the dead letter.
            ReservationError::NothingHeld | ReservationError::ShippedUnheld => Self::new(Code::IllegalTransition, error.to_string()),
            ReservationError::TooManyLines | ReservationError::StockMissing => Self::internal(error),
        }
    }
}
