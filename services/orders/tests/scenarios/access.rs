//! Who sees and lists which orders.

use contracts::UserVerified;
use kernel::{Actor, BusinessId, Duration, OrderId};
use serde_json::json;
use shell::testing::{Harness, TestResponse};

use crate::shop::{POT, SELLER, Shop, TEA, order_id, text};

async fn listed(shop: &Shop, path: &str, actor: &Actor) -> Vec<OrderId> {
    ids(&shop.harness.get(path).as_actor(actor).send().await.expect(200))
}

fn ids(page: &TestResponse) -> Vec<OrderId> {
    page.json["items"].as_array().expect("a page").iter().map(|item| text_of(item).parse().expect("an id")).collect()
}

fn of(seller: BusinessId) -> String {
    format!("/api/v1/businesses/{seller}/orders")
}

fn text_of(item: &serde_json::Value) -> &str {
    item["id"].as_str().expect("a text")
}

#[tokio::test]
async fn guests_need_their_token() {
    let shop = Shop::open();
    let placed = shop.harness.post("/api/v1/orders", &shop.request(shop.cart(1, None))).send().await.expect(202);
    let (id, token) = (order_id(&placed), text(&placed, "guest_token"));
    assert_eq!(placed.headers["location"], format!("/api/v1/orders/{id}?token={token}"));
    assert_eq!(placed.headers["cache-control"], "no-store");
    let shown = shop.harness.get(&placed.headers["location"]).send().await.expect(200);
    assert!(shown.json.get("guest_token").is_none());
    for path in ["", "?token=", "?token=wrong", "/timeline", "/timeline?token=wrong"] {
        shop.harness.get(&format!("/api/v1/orders/{id}{path}")).send().await.expect(404);
    }
    shop.show(id, &Harness::customer(1)).await.expect(404);
    shop.harness.get("/api/v1/orders").send().await.expect(401);
    shop.harness.post(&format!("/api/v1/orders/{id}/cancel"), &json!({})).send().await.expect(404);
    let cancelled = shop.harness.post(&format!("/api/v1/orders/{id}/cancel?token={token}"), &json!({})).send().await.expect(200);
    assert_eq!(text(&cancelled, "cancel_reason"), "by_customer");
}

#[tokio::test]
async fn lists_are_newest_first_and_paged() {
    let shop = Shop::open();
    let (ann, bob, admin) = (Harness::customer(1), Harness::customer(2), Harness::admin());
    let mut placed = Vec::new();
    for (n, customer) in [(9, &ann), (7, &ann), (8, &bob), (5, &ann)] {
        placed.push(order_id(&shop.placed(n, customer).await));
        shop.harness.advance(Duration::from_secs(1));
    }
    shop.stock_reserved(placed[1]).await;
    shop.requires_action(placed[1]).await;
    assert_eq!(listed(&shop, "/api/v1/orders", &ann).await, [placed[3], placed[1], placed[0]]);
    assert_eq!(listed(&shop, "/api/v1/orders", &bob).await, [placed[2]]);
    assert_eq!(listed(&shop, "/api/v1/admin/orders", &admin).await, [placed[3], placed[2], placed[1], placed[0]]);
    assert_eq!(listed(&shop, "/api/v1/admin/orders?status=pending", &Harness::support()).await, [placed[3], placed[2], placed[0]]);
    assert_eq!(listed(&shop, "/api/v1/admin/orders?status=awaiting_payment", &admin).await, [placed[1]]);
    // In lists of their own, and among all in the order of their placing.
    shop.harness.post(&format!("/api/v1/orders/{}/cancel", placed[2]), &json!({})).as_actor(&bob).send().await.expect(200);
    assert_eq!(listed(&shop, "/api/v1/admin/orders", &admin).await, [placed[3], placed[2], placed[1], placed[0]]);
    assert_eq!(listed(&shop, "/api/v1/admin/orders?status=cancelled", &admin).await, [placed[2]]);
    for path in ["/api/v1/orders", "/api/v1/admin/orders", "/api/v1/admin/orders?status=pending"] {
        let all = listed(&shop, path, &admin).await;
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        for _ in 0..10 {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = shop.harness.get(&format!("{path}{sign}limit=1{cursor}")).as_actor(&admin).send().await.expect(200);
            paged.extend(ids(&page));
            let Some(next) = page.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, all, "{path}");
    }
    shop.harness.get("/api/v1/admin/orders").as_actor(&ann).send().await.expect(403);
    shop.harness.get("/api/v1/admin/orders?status=lost").as_actor(&admin).send().await.expect(400);
    shop.harness.get("/api/v1/orders?limit=101").as_actor(&ann).send().await.expect(422);
}

#[tokio::test]
async fn a_seller_has_one_list_of_orders_alone_and_with_others() {
    let shop = Shop::open();
    let (own, other) = (Harness::business(1, SELLER), Harness::business(2, BusinessId(6)));
    let (mut all, mut shared) = (Vec::new(), Vec::new());
    for n in 1..=7 {
        let is_shared = n % 3 == 0;
        let pot_of = if is_shared { BusinessId(6) } else { SELLER };
        shop.world.offers.lock().unwrap().get_mut(&POT).unwrap().seller_id = pot_of;
        let id = order_id(&shop.placed(n, &Harness::customer(1)).await);
        all.insert(0, id);
        if is_shared {
            shared.insert(0, id);
        }
        shop.harness.advance(Duration::from_secs(1));
    }
    assert_eq!(listed(&shop, &of(BusinessId(6)), &other).await, shared);
    for limit in 1..=8 {
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        for _ in 0..10 {
            let path = format!("{}?limit={limit}{cursor}", of(SELLER));
            let page = shop.harness.get(&path).as_actor(&own).send().await.expect(200);
            paged.extend(ids(&page));
            let Some(next) = page.json["next"].as_str() else { break };
            cursor = format!("&cursor={}", next.replace('#', "%23"));
        }
        assert_eq!(paged, all, "pages of {limit}");
    }
}

#[tokio::test]
async fn the_house_sees_what_it_sells_itself() {
    let shop = Shop::open();
    let (house, other) = (Harness::business(1, BusinessId::HOUSE), Harness::business(2, BusinessId(6)));
    let (mut own, mut others) = (Vec::new(), Vec::new());
    // Of the house alone, of both, of the other alone.
    for (n, tea_of, pot_of) in
        [(1, BusinessId::HOUSE, BusinessId::HOUSE), (2, BusinessId(6), BusinessId::HOUSE), (3, BusinessId(6), BusinessId(6))]
    {
        for (variant, seller) in [(TEA, tea_of), (POT, pot_of)] {
            shop.world.offers.lock().unwrap().get_mut(&variant).unwrap().seller_id = seller;
        }
        let id = order_id(&shop.placed(n, &Harness::customer(1)).await);
        if pot_of == BusinessId::HOUSE {
            own.insert(0, id);
        }
        if tea_of != BusinessId::HOUSE {
            others.insert(0, id);
        }
        shop.harness.advance(Duration::from_secs(1));
    }
    assert_eq!(listed(&shop, &of(BusinessId::HOUSE), &house).await, own);
    assert_eq!(listed(&shop, &format!("{}?limit=1", of(BusinessId::HOUSE)), &house).await, own[..1]);
    assert_eq!(listed(&shop, &of(BusinessId(6)), &other).await, others);
    shop.harness.get(&of(BusinessId::HOUSE)).as_actor(&other).send().await.expect(403);
}

#[tokio::test]
async fn guest_orders_move_into_the_account_that_proves_the_address() {
    let shop = Shop::open();
    let ann = Harness::customer(1);
    let mut placed = Vec::new();
    for n in 0..60 {
        let got = shop.harness.post("/api/v1/orders", &shop.request(shop.cart(n, None))).send().await.expect(202);
        placed.push((order_id(&got), text(&got, "guest_token")));
    }
    assert_eq!(listed(&shop, "/api/v1/orders", &ann).await, []);
    let email = "ann@example.com".parse().unwrap();
    let verified = UserVerified { user_id: ann.user_id().unwrap(), email, name: "Ann".into(), proven: true, first: true };
    shop.hear(UserVerified { proven: false, ..verified.clone() }).await;
    assert_eq!(listed(&shop, "/api/v1/orders", &ann).await, [], "a stranger may have registered the address");
    shop.hear(verified.clone()).await;
    assert_eq!(listed(&shop, "/api/v1/orders?limit=100", &ann).await.len(), 60);
    shop.hear(verified).await;
    let (id, token) = &placed[0];
    let shown = shop.show(*id, &ann).await.expect(200);
    assert_eq!(shown.headers["etag"], "\"v2\"");
    // Whoever has a guest's mail does not see what is in the account from now on.
    shop.harness.get(&format!("/api/v1/orders/{id}?token={token}")).send().await.expect(404);
    shop.show(*id, &Harness::customer(2)).await.expect(404);
}
