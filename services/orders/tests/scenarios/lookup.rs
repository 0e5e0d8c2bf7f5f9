//! A guest who lost the link to an order asks for it.

use contracts::{Event, UserVerified};
use serde_json::json;
use shell::testing::{Harness, TestResponse};

use crate::shop::{Shop, order_id, text};

async fn look_up(shop: &Shop, number: &str, email: &str) -> TestResponse {
    shop.harness.post("/api/v1/orders/lookup", &json!({ "number": number, "email": email })).send().await
}

#[tokio::test]
async fn the_answer_is_the_same_and_only_the_right_pair_is_mailed() {
    let shop = Shop::open();
    let placed = shop.harness.post("/api/v1/orders", &shop.request(shop.cart(1, None))).send().await.expect(202);
    let (id, number) = (order_id(&placed), text(&placed, "number"));
    let of_customer = text(&shop.placed(2, &Harness::customer(1)).await, "number");
    for (number, email, told) in [
        ("S-0000-0000", "ann@example.com", 0),
        (number.as_str(), "bob@example.com", 0),
        // A customer signs in to see theirs.
        (of_customer.as_str(), "ann@example.com", 0),
        (number.as_str(), "ann@example.com", 1),
        (&format!(" {} ", number.to_lowercase()), "Ann@Example.com", 2),
    ] {
        let got = look_up(&shop, number, email).await.expect(202);
        assert_eq!(got.text, "", "{number} {email}");
        assert_eq!(shop.told("order.link_requested").await, told, "{number} {email}");
    }
    let events = shop.harness.events().await;
    let Event::OrderLinkRequested(told) = &events.last().unwrap().event else { panic!("{events:?}") };
    assert_eq!((told.order.order_id, told.order.customer_id), (id, None));
    look_up(&shop, "", "ann@example.com").await.expect(422);

    // In an account it is no guest's any more.
    let email = "ann@example.com".parse().unwrap();
    let user_id = Harness::customer(3).user_id().unwrap();
    shop.hear(UserVerified { user_id, email, name: "Ann".into(), proven: true, first: true }).await;
    look_up(&shop, &number, "ann@example.com").await.expect(202);
    assert_eq!(shop.told("order.link_requested").await, 2);
}
