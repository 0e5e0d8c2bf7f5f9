//! How much anybody may hold without paying.

use kernel::Duration;
use orders::UnpaidLimits;
use serde_json::json;
use shell::testing::{Harness, TestResponse};

use crate::shop::{Shop, order_id, text};

/// Places an order as a guest, from the one client that all tests are.
async fn guest(shop: &Shop, n: u128, email: &str) -> TestResponse {
    let mut body = shop.request(shop.cart(n, None));
    body["email"] = json!(email);
    shop.harness.post("/api/v1/orders", &body).send().await
}

#[tokio::test]
async fn a_guest_leaves_few_orders_unpaid() {
    let shop = Shop::with(UnpaidLimits { per_person: 2, per_client: 100 });
    let first = guest(&shop, 1, "ann@example.com").await.expect(202);
    guest(&shop, 2, "ann@example.com").await.expect(202);
    let refused = guest(&shop, 3, "ann@example.com").await.expect(429);
    assert_eq!((refused.code(), &refused.headers["retry-after"]), ("too-many-unpaid-orders", &"900".parse().unwrap()));
    assert_eq!(shop.told("order.placed").await, 2, "what is refused holds no stock");
    // Others are not concerned, and a repetition of what was placed is answered as ever.
    guest(&shop, 4, "bob@example.com").await.expect(202);
    // One that is cancelled, or paid, makes room.
    let (id, token) = (order_id(&first), text(&first, "guest_token"));
    shop.harness.post(&format!("/api/v1/orders/{id}/cancel?token={token}"), &json!({})).send().await.expect(200);
    let third = order_id(&guest(&shop, 5, "ann@example.com").await.expect(202));
    guest(&shop, 6, "ann@example.com").await.expect(429);
    shop.stock_reserved(third).await;
    shop.captured(third).await;
    guest(&shop, 7, "ann@example.com").await.expect(202);
    // So does the end of the time to pay, even before the tick has found it.
    guest(&shop, 8, "ann@example.com").await.expect(429);
    shop.harness.advance(Duration::from_secs(900));
    guest(&shop, 9, "ann@example.com").await.expect(202);
}

#[tokio::test]
async fn an_account_leaves_few_orders_unpaid() {
    let shop = Shop::with(UnpaidLimits { per_person: 1, per_client: 1 });
    let (ann, bob) = (Harness::customer(1), Harness::customer(2));
    let id = order_id(&shop.placed(1, &ann).await);
    let body = shop.request(shop.cart(2, Some(&ann)));
    shop.harness.post("/api/v1/orders", &body).as_actor(&ann).send().await.expect(429);
    shop.placed(3, &bob).await;
    shop.stock_reserved(id).await;
    shop.captured(id).await;
    shop.harness.post("/api/v1/orders", &body).as_actor(&ann).send().await.expect(202);
}

#[tokio::test]
async fn a_client_does_not_hold_all_stock_under_many_names() {
    let shop = Shop::with(UnpaidLimits { per_person: 3, per_client: 5 });
    for n in 1..=5 {
        guest(&shop, n, &format!("made-up-{n}@example.com")).await.expect(202);
    }
    let refused = guest(&shop, 6, "made-up-6@example.com").await.expect(429);
    assert_eq!(refused.code(), "too-many-unpaid-orders");
    // Who signs in is counted by their account.
    shop.placed(7, &Harness::customer(1)).await;
    let stored = shop.harness.stored(&orders::TABLE);
    assert!(stored.iter().all(|item| !item.contains("127.0.0.1")), "the address itself is not kept");
}

#[tokio::test]
async fn many_people_behind_one_address_buy_as_they_like() {
    let shop = Shop::with(UnpaidLimits { per_person: 3, per_client: 5 });
    for n in 1..=30 {
        let id = order_id(&guest(&shop, n, &format!("shopper-{n}@example.com")).await.expect(202));
        shop.stock_reserved(id).await;
        shop.captured(id).await;
    }
}

#[tokio::test]
async fn guests_have_less_time_to_pay() {
    let shop = Shop::open();
    let of_guest = order_id(&guest(&shop, 1, "ann@example.com").await.expect(202));
    let customer = Harness::customer(1);
    let of_customer = order_id(&shop.placed(2, &customer).await);
    for (seconds, expect) in [(899, ["pending", "pending"]), (1, ["cancelled", "pending"]), (900, ["cancelled", "cancelled"])] {
        shop.harness.advance(Duration::from_secs(seconds));
        shop.harness.tick("orders.expire").await;
        assert_eq!([shop.status(of_guest).await, shop.status(of_customer).await], expect);
    }
    assert_eq!(text(&shop.show(of_customer, &customer).await, "cancel_reason"), "expired");
}
