//! Why an order refuses.

use contracts::ORDER_LINES_MAX;
use kernel::{Code, Money, MoneyError, PaymentId, Problem};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Also for those who may not know that there is one.
    #[error("there is no such order")]
    NotFound,
    #[error("only the shop that sells everything in the order may do this")]
    NotAllowed,
    #[error("sellers do not pay for an order")]
    SellersDoNotPay,
    #[error("the order is {status}: it cannot {wanted} now")]
    Illegal { status: &'static str, wanted: &'static str },
    #[error("a payment of the order is running; wait for its outcome")]
    PaymentRunning,
    #[error("too many means of payment were tried; place a new order")]
    TooManyTries,
    #[error("the time to pay has run out")]
    TooLate,
    #[error("an order has 1 to {ORDER_LINES_MAX} lines, each of at least one piece")]
    Lines,
    #[error("is required, since the order has goods to deliver")]
    AddressMissing,
    #[error("the shop does not deliver to this country")]
    NotDelivered,
    #[error("must be a web address")]
    TrackingUrl,
    /// The news overtook what it follows from; its next delivery finds it.
    #[error("the order does not expect this of its payment yet")]
    TooEarly,
    #[error("the order was paid before its stock was held")]
    StockNotHeld,
    #[error("the order has no payment {0}")]
    UnknownPayment(PaymentId),
    #[error("the payment says {amount}, the order {total}")]
    WrongAmount { amount: Money, total: Money },
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let message = error.to_string();
        match error {
            OrderError::NotFound => Self::new(Code::NotFound, message),
            OrderError::NotAllowed | OrderError::SellersDoNotPay => Self::new(Code::Forbidden, message),
            OrderError::Illegal { .. } | OrderError::TooLate | OrderError::TooManyTries => Self::new(Code::IllegalTransition, message),
            OrderError::PaymentRunning | OrderError::TooEarly => Self::new(Code::Conflict, message),
            OrderError::Lines => Self::invalid(message),
            OrderError::AddressMissing => Self::field("shipping_address", message),
            OrderError::NotDelivered => Self::field("shipping_address.address_country", message),
            OrderError::TrackingUrl => Self::field("tracking_url", message),
            OrderError::StockNotHeld | OrderError::UnknownPayment(_) | OrderError::WrongAmount { .. } => Self::internal(message),
            OrderError::Money(error) => error.into(),
        }
    }
}
