//! Placing an order: checks, sums, repetitions, waiting.

use ports::reads::Availability;
use serde_json::json;
use shell::testing::Harness;

use crate::shop::{POT, SELLER, Shop, TEA, eur, order_id, text};

#[tokio::test]
async fn placing_is_accepted_and_shown() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let placed = shop.placed(1, &customer).await;
    let id = order_id(&placed);
    assert_eq!(placed.headers["location"], format!("/api/v1/orders/{id}"));
    let shown = shop.harness.get(&placed.headers["location"]).as_actor(&customer).send().await.expect(200);
    assert_eq!(shown.json, placed.json);
    assert_eq!(text(&shown, "status"), "pending");
    assert!(shown.json.get("guest_token").is_none());
    let sums = ["subtotal", "shipping", "tax", "total"].map(|sum| shown.json[sum].clone());
    assert_eq!(sums, [eur(3500), eur(490), eur(559), eur(3990)].map(|sum| json!(sum)));
    assert_eq!(shown.json["lines"][0]["total"], json!(eur(1000)));
    assert_eq!(shop.harness.event_types().await, ["order.placed"]);
}

#[tokio::test]
async fn the_way_back_from_the_bank_leads_to_the_shop() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let mut body = shop.request(shop.cart(1, Some(&customer)));
    let place = async |body: &serde_json::Value| shop.harness.post("/api/v1/orders", body).as_actor(&customer).send().await;
    for refused in ["https://evil.example/", "https://shop.example.evil.example/", "/checkout", "javascript:alert(1)"] {
        body["return_url"] = json!(refused);
        let got = place(&body).await.expect(422);
        assert_eq!(got.json["errors"][0]["field"], "return_url", "{refused}");
    }
    body["return_url"] = json!("https://shop.example/checkout/done");
    let id = order_id(&place(&body).await.expect(202));
    let events = shop.harness.events().await;
    let contracts::Event::OrderPlaced(placed) = &events[0].event else { panic!("{events:?}") };
    assert_eq!(placed.payment.as_ref().unwrap().return_url.as_deref(), Some("https://shop.example/checkout/done"));
    // Another try may come from another web app of the shop.
    shop.stock_reserved(id).await;
    shop.requires_action(id).await;
    let pay = format!("/api/v1/orders/{id}/pay");
    let mut again = json!({ "payment_method": "card 5555", "return_url": "https://evil.example" });
    shop.harness.post(&pay, &again).as_actor(&customer).send().await.expect(422);
    again["return_url"] = json!("https://app.example/back");
    shop.harness.post(&pay, &again).as_actor(&customer).send().await.expect(200);
    let events = shop.harness.events().await;
    let contracts::Event::OrderAwaitingPayment(asked) = &events.last().unwrap().event else { panic!("{events:?}") };
    assert_eq!(asked.payment.return_url.as_deref(), Some("https://app.example/back"));
}

#[tokio::test]
async fn one_cart_makes_one_order() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let cart = shop.cart(1, Some(&customer));
    let body = shop.request(cart);
    let place = || shop.harness.post("/api/v1/orders", &body).as_actor(&customer).header("Idempotency-Key", "the-first-of-two-keys").send();
    let (first, second) = tokio::join!(place(), place());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 202], "one of them placed it");
    assert_eq!(order_id(&first), order_id(&second));
    // Without the key, and after the cart has been closed.
    shop.world.carts.lock().unwrap().get_mut(&cart).unwrap().closed = true;
    let third = shop.harness.post("/api/v1/orders", &body).as_actor(&customer).send().await.expect(200);
    assert_eq!(order_id(&third), order_id(&place().await.expect(200)));
    shop.harness.post("/api/v1/orders", &body).as_actor(&Harness::customer(2)).send().await.expect(404);
    assert_eq!(shop.told("order.placed").await, 1);
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let cart = shop.cart(1, Some(&customer));
    let mut body = shop.request(cart);
    let place = async |body: &serde_json::Value, key: &str| {
        shop.harness.post("/api/v1/orders", body).as_actor(&customer).header("Idempotency-Key", key).send().await
    };
    place(&body, "k1").await.expect(202);
    body["note"] = json!("another request");
    let refused = place(&body, "k1").await.expect(422);
    assert_eq!(refused.code(), "idempotency-key-reused");
    place(&body, "k2").await.expect(200);
    assert_eq!(shop.told("order.placed").await, 1);
}

/// What a seller sees of an order is all that placing it takes, except the key.
#[tokio::test]
async fn only_the_first_requests_key_gives_a_guests_token_again() {
    let shop = Shop::open();
    let body = shop.request(shop.cart(1, None));
    let place = || shop.harness.post("/api/v1/orders", &body);
    let first = place().header("Idempotency-Key", "the-first-of-two-keys").send().await.expect(202);
    let second = place().header("Idempotency-Key", "the-first-of-two-keys").send().await.expect(200);
    assert_eq!((&second.json["guest_token"], second.json["guest_token"].is_string()), (&first.json["guest_token"], true));
    let seller = Harness::business(1, SELLER);
    for request in [
        place(),
        place().header("Idempotency-Key", "the-second-of-two-keys"),
        place().as_actor(&seller),
        place().as_actor(&Harness::support()),
    ] {
        let refused = request.send().await.expect(409);
        assert_eq!(refused.code(), "cart-closed");
    }
    let id = order_id(&first);
    assert!(shop.harness.stored(&orders::TABLE).iter().all(|item| !item.contains(&text(&first, "guest_token"))), "the token of {id}");

    let without_key = shop.request(shop.cart(2, None));
    shop.harness.post("/api/v1/orders", &without_key).send().await.expect(202);
    shop.harness.post("/api/v1/orders", &without_key).send().await.expect(409);
}

#[tokio::test]
async fn what_cannot_be_placed() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let cart = shop.cart(1, Some(&customer));
    let place = async |cart, change: (&str, serde_json::Value)| {
        let mut body = shop.request(cart);
        body[change.0] = change.1;
        let got = shop.harness.post("/api/v1/orders", &body).as_actor(&customer).send().await;
        (got.status, got.code().to_owned(), got.json["errors"].clone())
    };
    let nothing = ("note", json!(null));
    let field = |name: &str, message: &str| json!([{"field": name, "message": message}]);

    let (status, _, errors) = place(cart, ("shipping_address", json!(null))).await;
    assert_eq!((status, errors), (422, field("shipping_address", "is required, since the order has goods to deliver")));
    let (status, _, errors) = place(cart, ("payment_method", json!("cheque"))).await;
    assert_eq!((status, errors), (422, field("payment_method", "no such means of payment")));
    let (status, _, errors) = place(cart, ("note", json!("x".repeat(501)))).await;
    assert_eq!((status, errors), (422, field("note", "must be 1 to 500 characters")));
    let (status, _, _) = place(cart, ("email", json!("nobody"))).await;
    assert_eq!(status, 422);
    let (status, _, _) = place(kernel::CartId(77), nothing.clone()).await;
    assert_eq!(status, 404);
    let (status, _, _) = place(shop.cart(3, Some(&Harness::customer(2))), nothing.clone()).await;
    assert_eq!(status, 404);

    shop.world.offers.lock().unwrap().get_mut(&POT).unwrap().unit_price = eur(2600);
    let (status, code, errors) = place(cart, nothing.clone()).await;
    assert_eq!((status, code.as_str()), (409, "price-changed"));
    assert_eq!(errors, field("lines[1].price_seen", "pot-1 costs 26.00 EUR now, 25.00 EUR was shown"));
    shop.world.offers.lock().unwrap().get_mut(&TEA).unwrap().for_sale = false;
    let (status, code, errors) = place(cart, nothing.clone()).await;
    assert_eq!((status, code.as_str(), errors[0]["field"].as_str()), (409, "not-for-sale", Some("lines[0].variant_id")));

    shop.world.carts.lock().unwrap().get_mut(&cart).unwrap().lines.clear();
    assert_eq!(place(cart, nothing.clone()).await.1, "cart-empty");
    shop.world.carts.lock().unwrap().get_mut(&cart).unwrap().closed = true;
    assert_eq!(place(cart, nothing).await.1, "cart-closed");
    assert!(shop.harness.event_types().await.is_empty());
}

#[tokio::test]
async fn what_an_order_comes_to_is_known_before() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let cart = shop.cart(1, Some(&customer));
    let quote = async |actor: &kernel::Actor, body: serde_json::Value| {
        shop.harness.post(&format!("/api/v1/carts/{cart}/quote"), &body).as_actor(actor).send().await
    };
    let to = |country: &str| json!({"shipping_address": {"address_country": country}});
    let quoted = quote(&customer, to("DE")).await.expect(200).json;
    quote(&customer, json!({})).await.expect(200);
    let placed = shop.harness.post("/api/v1/orders", &shop.request(cart)).as_actor(&customer).send().await.expect(202).json;
    assert_eq!(quoted["taxes"], json!([{"rate": 1900, "tax": eur(559), "total": eur(3500)}]));
    for part in ["lines", "subtotal", "shipping", "tax", "taxes", "total"] {
        assert_eq!(quoted[part], placed[part], "{part}");
    }
    let refused = quote(&customer, to("US")).await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "shipping_address.address_country");
    quote(&Harness::customer(2), to("DE")).await.expect(404);

    let mut abroad = shop.request(shop.cart(2, Some(&customer)));
    abroad["shipping_address"]["address_country"] = json!("US");
    let refused = shop.harness.post("/api/v1/orders", &abroad).as_actor(&customer).send().await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "shipping_address.address_country");
}

#[tokio::test]
async fn everybody_may_know_what_the_shop_says_of_itself() {
    let got = Shop::open().harness.get("/api/v1/shop").send().await.expect(200);
    assert_eq!(got.headers["cache-control"], "public, max-age=300");
    let shipping = json!({"flat": eur(490), "free_from": eur(5000), "countries": ["DE", "AT"]});
    for (field, expect) in [
        ("currency", json!("EUR")),
        ("prices_include_tax", json!(true)),
        ("shipping", shipping),
        ("payment_methods", json!(["card"])),
        ("payment_deadline_minutes", json!(30)),
        ("guest_payment_deadline_minutes", json!(15)),
        ("features", json!(["test_payments"])),
    ] {
        assert_eq!(got.json[field], expect, "{field}");
    }
}

#[tokio::test]
async fn what_is_known_to_be_out_is_not_ordered() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let cart = shop.cart(1, Some(&customer));
    let place = || shop.harness.post("/api/v1/orders", &shop.request(cart)).as_actor(&customer).send();
    let left = |available, backorder| {
        shop.world.stock.lock().unwrap().insert(TEA, Availability { variant_id: TEA, available, backorder });
    };
    for (available, says) in [(1, "tea-100: 2 wanted, 1 left"), (-3, "tea-100: 2 wanted, 0 left")] {
        left(available, false);
        let refused = place().await.expect(409);
        assert_eq!(refused.code(), "out-of-stock");
        assert_eq!(refused.json["errors"], json!([{"field": "lines[0]", "message": says}]));
    }
    assert!(shop.harness.event_types().await.is_empty(), "the cart stays open");
    left(0, true);
    let placed = place().await.expect(202);
    // The order itself may hold the last pieces.
    left(0, false);
    assert_eq!(order_id(&place().await.expect(200)), order_id(&placed));
}

#[tokio::test]
async fn the_address_is_the_accounts_unless_another_is_given() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let mut body = shop.request(shop.cart(1, Some(&customer)));
    body.as_object_mut().unwrap().remove("email");
    let placed = shop.harness.post("/api/v1/orders", &body).as_actor(&customer).send().await.expect(202);
    assert_eq!(text(&placed, "email"), "user1001@example.com");
    let mut body = shop.request(shop.cart(2, None));
    body.as_object_mut().unwrap().remove("email");
    let refused = shop.harness.post("/api/v1/orders", &body).send().await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "email");
}

#[tokio::test]
async fn whoever_waits_is_answered_when_the_order_has_settled() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let body = shop.request(shop.cart(1, Some(&customer)));
    let id = kernel::OrderId(shop.cart(1, Some(&customer)).0);
    let waiting = shop.harness.post("/api/v1/orders", &body).as_actor(&customer).header("Prefer", "wait=20").send();
    let others = async {
        while shop.told("order.placed").await == 0 {
            tokio::task::yield_now().await;
        }
        shop.stock_reserved(id).await;
        shop.captured(id).await;
    };
    let begun = tokio::time::Instant::now();
    let (answer, ()) = tokio::join!(waiting, others);
    assert!(begun.elapsed().as_secs() < 10, "the wait ended with the outcome");
    let answer = answer.expect(201);
    assert_eq!(text(&answer, "status"), "confirmed");
    assert_eq!(answer.headers["etag"], "\"v2\"");
    assert_eq!(answer.headers["location"], format!("/api/v1/orders/{id}"));
    let again = shop.harness.post("/api/v1/orders", &body).as_actor(&customer).header("Prefer", "wait=20").send().await.expect(200);
    assert_eq!(again.json, answer.json);
}

#[tokio::test]
async fn whoever_looks_at_an_order_can_wait_for_its_next_change() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let id = order_id(&shop.placed(1, &customer).await);
    let path = format!("/api/v1/orders/{id}");
    let look = |known: &'static str, wait: &'static str| {
        shop.harness.get(&path).as_actor(&customer).header("If-None-Match", known).header("Prefer", wait).send()
    };
    let others = async {
        shop.stock_reserved(id).await;
        shop.captured(id).await;
    };
    let (answer, ()) = tokio::join!(look("\"v1\"", "wait=20"), others);
    assert_eq!(text(&answer.expect(200), "status"), "confirmed");
    look("\"v1\"", "wait=20").await.expect(200);
    look("\"v2\"", "wait=1").await.expect(304);
}

#[tokio::test]
async fn waiting_ends_without_an_outcome() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let body = shop.request(shop.cart(1, Some(&customer)));
    let answer = shop.harness.post("/api/v1/orders", &body).as_actor(&customer).header("Prefer", "wait=1").send().await.expect(202);
    assert_eq!(text(&answer, "status"), "pending");
}
