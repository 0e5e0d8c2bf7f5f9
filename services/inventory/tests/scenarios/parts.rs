//! An order whose goods are of several sellers.

use contracts::{CancelReason, OrderLine, OrderPartCancelled};
use kernel::{Currency, Money};

use crate::{cancelled, check_stock, order, placed, shipped_of, stocked};

#[tokio::test]
async fn the_goods_of_one_seller_leave_before_those_of_another() {
    let world = stocked(&[(1, 10, 3), (2, 5, 0), (3, 4, 0)]).await;
    world.publish(placed(1, &[(1, 2), (2, 1), (3, 1)])).await;
    world.settle().await;
    let first = world.publish(shipped_of(1, &[1])).await;
    world.settle().await;
    check_stock(&world, 1, (8, 8, 0)).await;
    check_stock(&world, 2, (5, 4, 1)).await;
    let part = OrderPartCancelled {
        order: order(1),
        seller_id: 6.into(),
        lines: vec![OrderLine { variant_id: 2.into(), sku: String::new(), quantity: 1 }],
        reason: CancelReason::BySeller,
        payment_id: 5.into(),
        amount: Money::new(100, Currency::EUR),
    };
    let given_back = world.publish(part).await;
    world.settle().await;
    check_stock(&world, 2, (5, 5, 0)).await;
    check_stock(&world, 3, (4, 3, 1)).await;
    // The rest is cancelled; what has left stays away, and repetitions change nothing.
    world.publish(cancelled(1)).await;
    world.settle().await;
    for event in [&first, &given_back] {
        world.deliver("inventory", event).await.unwrap();
    }
    for (variant, expect) in [(1, (8, 8, 0)), (2, (5, 5, 0)), (3, (4, 4, 0))] {
        check_stock(&world, variant, expect).await;
    }
}
