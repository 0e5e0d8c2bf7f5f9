//! Many orders for the same few pieces.

use std::sync::Arc;

use crate::{check_stock, emitted, placed, stocked};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(clippy::disallowed_methods, reason = "the orders have to arrive at the same time")]
async fn two_hundred_orders_want_fifty_pieces() {
    let world = Arc::new(stocked(&[(1, 50, 10), (2, 1000, 0)]).await);
    let mut tasks = Vec::new();
    for id in 1..=200 {
        let envelope = world.publish(placed(id, &[(1, 1), (2, 1)])).await;
        let world = world.clone();
        tasks.push(tokio::spawn(async move { world.deliver("inventory", &envelope).await }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    world.settle().await;
    let emitted = emitted(&world).await;
    let number = |start: &str| emitted.iter().filter(|text| text.starts_with(start)).count();
    assert_eq!((number("reserved"), number("refused"), number("low")), (50, 150, 2), "low, and then sold out: {emitted:?}");
    check_stock(&world, 1, (50, 0, 50)).await;
    check_stock(&world, 2, (1000, 950, 50)).await;
}
