use kernel::{Code, Problem};

use super::{QUANTITY_MAX, THRESHOLD_MAX};

/// Why a rule refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// For those who may not know that there is stock, too.
    #[error("there is no stock of this variant")]
    Unknown,
    #[error("this is for owners and managers of the seller, and for admins")]
    NotSeller,
    #[error("{reserved} are promised to orders, so at most {removable} can be taken away")]
    BelowReserved { reserved: i64, removable: i64 },
    #[error("a quantity is between 0 and {QUANTITY_MAX}")]
    Quantity,
    #[error("a threshold is between 0 and {THRESHOLD_MAX}")]
    Threshold,
}

impl From<StockError> for Problem {
    fn from(error: StockError) -> Self {
        let text = error.to_string();
        match error {
            StockError::Unknown => Self::not_found("stock of this variant"),
            StockError::NotSeller => Self::forbidden(text),
            StockError::BelowReserved { .. } => Self::new(Code::InsufficientStock, text),
            StockError::Quantity => Self::field("quantity", text),
            StockError::Threshold => Self::field("threshold", text),
        }
    }
}
