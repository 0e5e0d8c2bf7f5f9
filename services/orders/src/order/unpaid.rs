//! How many orders one may leave unpaid: each of them keeps its stock from others.

use kernel::Timestamp;

use super::{Order, OrderError};

/// Whether somebody who has placed these may place one more, where so many may be unpaid at `now`.
pub fn allow_another<'a>(orders: impl Iterator<Item = &'a Order>, most: usize, now: Timestamp) -> Result<(), OrderError> {
    let deadlines: Vec<Timestamp> = orders.filter_map(Order::deadline).filter(|deadline| *deadline > now).collect();
    match deadlines.iter().min() {
        Some(first) if deadlines.len() >= most => Err(OrderError::TooManyUnpaid { retry_after: first.since(now) }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::StatusName as Name;
    use crate::order::tests::{NOW, order_that_is};

    #[test]
    fn only_what_waits_for_its_payment_counts() {
        let late = NOW.plus(kernel::Duration::from_secs(3600));
        for (statuses, now, allowed) in [
            (&[][..], NOW, true),
            (&[Name::Pending], NOW, true),
            (&[Name::Pending, Name::AwaitingPayment], NOW, false),
            (&[Name::Pending, Name::AwaitingPayment], late, true),
            (&[Name::Confirmed, Name::Processing, Name::Delivered, Name::AwaitingPayment], NOW, true),
            (&[Name::Cancelled, Name::Refunded, Name::Shipped], NOW, true),
        ] {
            let orders: Vec<Order> = statuses.iter().map(|status| order_that_is(*status)).collect();
            assert_eq!(allow_another(orders.iter(), 2, now).is_ok(), allowed, "{statuses:?}");
        }
    }
}
