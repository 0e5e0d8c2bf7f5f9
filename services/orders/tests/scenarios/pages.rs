//! The page of an order, as the link in a mail opens it.

use kernel::{Duration, OrderId};
use serde_json::json;
use shell::testing::{Harness, TestResponse};

use crate::shop::{Shop, TEA, order_id, text};

async fn placed_by_guest(shop: &Shop, name: &str) -> (OrderId, String) {
    let mut request = shop.request(shop.cart(1, None));
    request["shipping_address"]["name"] = name.into();
    let placed = shop.harness.post("/api/v1/orders", &request).send().await.expect(202);
    (order_id(&placed), text(&placed, "guest_token"))
}

async fn open(shop: &Shop, path: &str) -> TestResponse {
    let got = shop.harness.get(path).send().await;
    assert_eq!(got.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(got.headers["cache-control"], "no-store");
    got
}

#[tokio::test]
async fn the_page_follows_the_order() {
    let shop = Shop::open();
    let (id, token) = placed_by_guest(&shop, "Ann Lee").await;
    let path = format!("/orders/{id}?token={token}");
    let has = async |texts: &[&str]| {
        let page = open(&shop, &path).await.expect(200).text;
        for text in texts {
            assert!(page.contains(text), "{text} in {page}");
        }
    };
    has(&["We are checking whether", "2 × 5.00 EUR", "10.00 EUR", "4.90 EUR", "39.90 EUR", "80331 München", "You placed the order."]).await;
    shop.stock_reserved(id).await;
    shop.requires_action(id).await;
    has(&[
        "We are waiting for your payment",
        "href=\"https://bank.example/3ds\"",
        "We are holding the items for you until",
        "Your bank asked you to confirm the payment.",
    ])
    .await;
    shop.captured(id).await;
    has(&["Your order is confirmed", "39.90 EUR paid."]).await;
    let advance = format!("/api/v1/admin/orders/{id}/status");
    shop.harness.post(&advance, &json!({"status": "processing"})).as_actor(&Harness::admin()).send().await.expect(200);
    shop.harness.advance(Duration::from_secs(60));
    let parcel = json!({"carrier": "D&L", "number": "<1>", "url": "https://dl.example/?a=\"1\"&b"});
    let parcel = json!({"status": "shipped", "parcels": [parcel]});
    shop.harness.post(&advance, &parcel).as_actor(&Harness::admin()).send().await.expect(200);
    has(&["on its way", "with D&amp;L, tracking number &lt;1&gt;", "href=\"https://dl.example/?a=&quot;1&quot;&amp;b\""]).await;
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let shop = Shop::open();
    let evil = "<script>alert(1)</script>";
    shop.world.offers.lock().unwrap().get_mut(&TEA).unwrap().title = format!("Tea {evil}");
    let (id, token) = placed_by_guest(&shop, &format!("Ann {evil}")).await;
    let cancel = format!("/api/v1/orders/{id}/cancel?token={token}");
    shop.harness.post(&cancel, &json!({ "reason": format!("no {evil}") })).send().await.expect(200);
    let page = open(&shop, &format!("/orders/{id}?token={token}")).await.expect(200).text;
    assert!(page.contains("cancelled at your request") && !page.contains("<script"), "{page}");
    assert_eq!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count(), 3, "{page}");
}

#[tokio::test]
async fn without_the_token_there_is_no_order() {
    let shop = Shop::open();
    let (id, token) = placed_by_guest(&shop, "Ann Lee").await;
    let (unknown, number) = (OrderId(1), "S-");
    let cases = [
        (format!("/orders/{id}"), "Sign in to see this order"),
        (format!("/orders/{unknown}"), "Sign in to see this order"),
        ("/orders/nonsense".into(), "Sign in to see this order"),
        (format!("/orders/{id}?token="), "This link does not open an order"),
        (format!("/orders/{id}?token={token}x"), "This link does not open an order"),
        (format!("/orders/{unknown}?token={token}"), "This link does not open an order"),
    ];
    for (path, says) in cases {
        let page = open(&shop, &path).await.expect(404).text;
        assert!(page.contains(says) && !page.contains(number), "{path}: {page}");
    }
}
