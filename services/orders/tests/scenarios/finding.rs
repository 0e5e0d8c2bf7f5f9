//! Staff look for an order by what somebody on the telephone can tell.

use kernel::{Duration, OrderId};
use serde_json::json;
use shell::testing::Harness;

use super::shop::{Shop, order_id, text};

async fn found(shop: &Shop, query: &str) -> Vec<OrderId> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let path = format!("/api/v1/admin/orders?{query}{cursor}");
        let got = shop.harness.get(&path).as_actor(&Harness::support()).send().await.expect(200).json;
        let id = |item: &serde_json::Value| item["id"].as_str().and_then(|id| id.parse::<OrderId>().ok()).expect("the id of an order");
        ids.extend(got["items"].as_array().expect("a page").iter().map(id));
        match got["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
    panic!("{query}: there are more than ten pages")
}

#[tokio::test]
async fn by_number_address_person_time_and_amount() {
    let shop = Shop::open();
    let mut placed = Vec::new();
    let mut times = Vec::new();
    for n in 1..=3 {
        let got = shop.placed(n, &Harness::customer(n)).await;
        times.push(text(&got, "placed_at"));
        placed.push((order_id(&got), text(&got, "number")));
        shop.harness.advance(Duration::from_secs(60));
    }
    let cart = shop.cart(4, None);
    let mut guest = shop.request(cart);
    guest["email"] = json!("bob@example.com");
    guest["shipping_address"]["name"] = json!("Bob Öztürk");
    let got = shop.harness.post("/api/v1/orders", &guest).send().await.expect(202);
    placed.push((order_id(&got), text(&got, "number")));
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|place: usize| placed[place].0);
    let customer = Harness::customer(2).user_id().unwrap();
    shop.stock_refused(third).await;
    for (query, expect) in [
        ("", vec![fourth, third, second, first]),
        (&format!("number={}", placed[1].1), vec![second]),
        (&format!("number={}", placed[1].1.to_lowercase()), vec![second]),
        ("number=S-0000-0000", vec![]),
        (&format!("number={}&status=shipped", placed[1].1), vec![]),
        ("email=BOB@example.com", vec![fourth]),
        ("email=ann@example.com&limit=1", vec![third, second, first]),
        (&format!("customer_id={customer}"), vec![second]),
        (&format!("placed_from={}", times[1]), vec![fourth, third, second]),
        (&format!("placed_until={}", times[1]), vec![first]),
        (&format!("placed_from={}&placed_until={}", times[1], times[2]), vec![second]),
        (&format!("placed_from={}&limit=1", times[1]), vec![fourth, third, second]),
        ("total_min=3990", vec![fourth, third, second, first]),
        ("total_min=3991", vec![]),
        ("total_max=3989", vec![]),
        ("q=oezt%C3%BCrk", vec![fourth]),
        ("q=bob+80331", vec![fourth]),
        ("q=ann+lee&limit=2", vec![third, second, first]),
        ("q=ann+lee&status=cancelled", vec![third]),
        (&format!("q={}", &placed[0].1[7..]), vec![first]),
        (&format!("seller_id={}", kernel::BusinessId(9)), vec![]),
    ] {
        assert_eq!(found(&shop, query).await, expect, "{query}");
    }
    for (query, status) in [("email=", 400), ("placed_from=monday", 400), ("mail=x", 400)] {
        shop.harness.get(&format!("/api/v1/admin/orders?{query}")).as_actor(&Harness::admin()).send().await.expect(status);
    }
    let counts = shop.harness.get("/api/v1/admin/orders/counts").as_actor(&Harness::support()).send().await.expect(200).json;
    let count = |status: &str| counts["items"].as_array().unwrap().iter().find(|item| item["status"] == status).cloned();
    assert_eq!(count("pending"), Some(json!({ "status": "pending", "count": 3, "more": false })));
    assert_eq!(count("cancelled").unwrap()["count"], 1);
    assert_eq!(count("delivered").unwrap()["count"], 0);
    shop.harness.get("/api/v1/admin/orders/counts").as_actor(&Harness::customer(1)).send().await.expect(403);
}
