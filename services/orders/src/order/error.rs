//! Why an order refuses.

use contracts::ORDER_LINES_MAX;
use kernel::{Code, Duration, Money, MoneyError, PaymentId, Problem};

pub const PARCELS_MAX: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Also for those who may not know that there is one.
    #[error("there is no such order")]
    NotFound,
    #[error("this is for those who may do it for the seller")]
    NotAllowed,
    #[error("sells nothing in this order")]
    NoSuchPart,
    #[error("must be given: the order has parts of several sellers")]
    WhosePart,
    #[error("the order is {status}: it cannot {wanted} now")]
    Illegal { status: &'static str, wanted: &'static str },
    #[error("a payment of the order is running; wait for its outcome")]
    PaymentRunning,
    #[error("too many means of payment were tried; place a new order")]
    TooManyTries,
    #[error("the time to pay has run out")]
    TooLate,
    #[error("too many orders wait for their payment; pay or cancel one of them first")]
    TooManyUnpaid { retry_after: Duration },
    #[error("an order has 1 to {ORDER_LINES_MAX} lines, each of at least one piece")]
    Lines,
    #[error("is required, since the order has goods to deliver")]
    AddressMissing,
    #[error("the shop does not deliver to this country")]
    NotDelivered,
    /// Of the parcel at the place.
    #[error("must be a web address")]
    ParcelUrl(usize),
    #[error("at most {PARCELS_MAX} parcels may be named")]
    TooManyParcels,
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
            OrderError::NotAllowed => Self::new(Code::Forbidden, message),
            OrderError::NoSuchPart | OrderError::WhosePart => Self::field("seller_id", message),
            OrderError::Illegal { .. } | OrderError::TooLate | OrderError::TooManyTries => Self::new(Code::IllegalTransition, message),
            OrderError::TooManyUnpaid { retry_after } => {
                let secs = u32::try_from(retry_after.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
                Self::new(Code::TooManyUnpaidOrders, message).retry_after(secs)
            }
            OrderError::PaymentRunning | OrderError::TooEarly => Self::new(Code::Conflict, message),
            OrderError::Lines => Self::invalid(message),
            OrderError::AddressMissing => Self::field("shipping_address", message),
            OrderError::NotDelivered => Self::field("shipping_address.address_country", message),
            OrderError::ParcelUrl(place) => Self::field(format!("parcels[{place}].url"), message),
            OrderError::TooManyParcels => Self::field("parcels", message),
            OrderError::StockNotHeld | OrderError::UnknownPayment(_) | OrderError::WrongAmount { .. } => Self::internal(message),
            OrderError::Money(error) => error.into(),
        }
    }
}
