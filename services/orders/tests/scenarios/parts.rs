//! Orders of several sellers: each sees, packs and ships a part, and the customer has one order.

use contracts::{Event, PaymentRefunded, RefundFailed};
use kernel::{Actor, BusinessId, OrderId};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};

use crate::shop::{OTHER, SELLER, Shop, eur, text};

fn part(seller: BusinessId, id: OrderId) -> String {
    format!("/api/v1/businesses/{seller}/orders/{id}")
}

async fn sold(shop: &Shop, customer: &Actor) -> OrderId {
    let id = shop.placed_of_two(1, customer).await;
    shop.stock_reserved(id).await;
    shop.captured(id).await;
    id
}

async fn advance(shop: &Shop, seller: BusinessId, id: OrderId, by: &Actor, status: &str) -> TestResponse {
    shop.harness.post(&format!("{}/status", part(seller, id)), &json!({ "status": status })).as_actor(by).send().await
}

fn statuses(order: &Value) -> Vec<&str> {
    std::iter::once(&order["status"])
        .chain(order["parts"].as_array().expect("an order has parts").iter().map(|part| &part["status"]))
        .map(|status| status.as_str().expect("a status"))
        .collect()
}

#[tokio::test]
async fn a_seller_sees_their_part_and_nothing_of_the_others() {
    let shop = Shop::open();
    let (own, other) = (Harness::business(1, SELLER), Harness::business(2, OTHER));
    let id = sold(&shop, &Harness::customer(1)).await;
    // Two teas at 5.00 and a pot at 25.00, shipped for 4.90.
    for (actor, seller, goods, shipping, tax, total) in [(&own, SELLER, 1000, 140, 160, 1140), (&other, OTHER, 2500, 350, 399, 2850)] {
        let shown = shop.harness.get(&part(seller, id)).as_actor(actor).send().await.expect(200);
        let sums = ["subtotal", "shipping", "tax", "total"].map(|sum| shown.json[sum].clone());
        assert_eq!(sums, [goods, shipping, tax, total].map(|amount| json!(eur(amount))), "{}", shown.json);
        assert_eq!(shown.json["lines"].as_array().unwrap().len(), 1);
        assert_eq!((text(&shown, "status"), shown.json["shipping_address"]["name"].as_str()), ("confirmed".into(), Some("Ann Lee")));
        assert!(!shown.text.contains("3990") && !shown.text.contains("3500"), "the whole is not theirs: {}", shown.text);
        assert!(shown.json.get("payment").is_none() && shown.json.get("billing_address").is_none());
    }
    let whole = shop.show(id, &Harness::customer(1)).await.expect(200);
    for sum in ["subtotal", "shipping", "tax", "total"] {
        let parts: i64 = whole.json["parts"].as_array().unwrap().iter().map(|part| part[sum]["amount"].as_i64().unwrap()).sum();
        assert_eq!(parts, whole.json[sum]["amount"].as_i64().unwrap(), "{sum}");
    }
    // The whole order, and the part of another, are not for a seller.
    shop.show(id, &own).await.expect(404);
    shop.harness.get(&part(OTHER, id)).as_actor(&own).send().await.expect(403);
    shop.harness.get(&part(BusinessId(7), id)).as_actor(&Harness::business(3, BusinessId(7))).send().await.expect(404);
    shop.harness.get(&part(SELLER, id)).as_actor(&Harness::customer(1)).send().await.expect(403);
    shop.harness.get(&part(SELLER, id)).send().await.expect(401);
    shop.harness.get(&part(SELLER, id)).as_actor(&Harness::support()).send().await.expect(200);
    shop.harness.post(&format!("/api/v1/orders/{id}/pay"), &json!({"payment_method": "card 1"})).as_actor(&own).send().await.expect(404);
}

#[tokio::test]
async fn each_seller_ships_and_the_customer_follows_one_order() {
    let shop = Shop::open();
    let (customer, own, other) = (Harness::customer(1), Harness::business(1, SELLER), Harness::business(2, OTHER));
    let id = sold(&shop, &customer).await;
    advance(&shop, OTHER, id, &own, "processing").await.expect(403);
    advance(&shop, SELLER, id, &own, "shipped").await.expect(409);
    for (seller, by, status, expect) in [
        (SELLER, &own, "processing", ["processing", "processing", "confirmed"]),
        (SELLER, &own, "shipped", ["processing", "shipped", "confirmed"]),
        (SELLER, &own, "delivered", ["processing", "delivered", "confirmed"]),
        (OTHER, &other, "processing", ["processing", "delivered", "processing"]),
        (OTHER, &other, "shipped", ["shipped", "delivered", "shipped"]),
        (OTHER, &other, "delivered", ["delivered", "delivered", "delivered"]),
    ] {
        let got = advance(&shop, seller, id, by, status).await.expect(200);
        assert_eq!(text(&got, "status"), status);
        assert_eq!(statuses(&shop.show(id, &customer).await.expect(200).json), expect);
        // Once more, nothing happens.
        advance(&shop, seller, id, by, status).await.expect(200);
    }
    let events = shop.harness.events().await;
    let shipped: Vec<_> = events
        .iter()
        .filter_map(|envelope| match &envelope.event {
            Event::OrderShipped(shipped) => Some((shipped.seller_id, shipped.lines.len(), shipped.to_come.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(shipped, [(SELLER, 1, vec![OTHER]), (OTHER, 1, vec![])]);
    let whole: Vec<_> = events
        .iter()
        .filter_map(|envelope| match &envelope.event {
            Event::OrderStatusChanged(changed) => Some(changed.status.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(whole, ["processing", "delivered"], "of the order as a whole");
}

#[tokio::test]
async fn staff_sees_to_the_houses_part_and_to_any() {
    let shop = Shop::open();
    let admin = Harness::admin();
    let id = sold(&shop, &Harness::customer(1)).await;
    let path = format!("/api/v1/admin/orders/{id}/status");
    let unnamed = shop.harness.post(&path, &json!({"status": "processing"})).as_actor(&admin).send().await.expect(422);
    assert_eq!(unnamed.json["errors"][0]["field"], "seller_id");
    let stranger = json!({"status": "processing", "seller_id": BusinessId(9)});
    shop.harness.post(&path, &stranger).as_actor(&admin).send().await.expect(422);
    let named = json!({"status": "processing", "seller_id": OTHER});
    let got = shop.harness.post(&path, &named).as_actor(&admin).send().await.expect(200);
    assert_eq!(statuses(&got.json), ["processing", "confirmed", "processing"]);
    shop.harness.post(&path, &named).as_actor(&Harness::business(2, OTHER)).send().await.expect(403);
    let parcels = json!({"status": "delivered", "seller_id": OTHER, "parcels": [{"carrier": "DHL"}]});
    shop.harness.post(&path, &parcels).as_actor(&admin).send().await.expect(422);
    let script = json!({"status": "shipped", "seller_id": OTHER, "parcels": [{"url": "javascript:alert(1)"}]});
    let refused = shop.harness.post(&path, &script).as_actor(&admin).send().await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "parcels[0].url");
}

#[tokio::test]
async fn a_part_is_cancelled_and_its_share_goes_back() {
    let shop = Shop::open();
    let (customer, own, other) = (Harness::customer(1), Harness::business(1, SELLER), Harness::business(2, OTHER));
    let id = sold(&shop, &customer).await;
    advance(&shop, OTHER, id, &other, "processing").await.expect(200);
    // The customer may cancel what nobody works on yet, but neither the other part nor the whole.
    let order = format!("/api/v1/orders/{id}/cancel");
    for body in [json!({ "seller_id": OTHER }), json!({})] {
        shop.harness.post(&order, &body).as_actor(&customer).send().await.expect(409);
    }
    shop.harness.post(&format!("{}/cancel", part(OTHER, id)), &json!({})).as_actor(&own).send().await.expect(403);
    let reason = json!({ "reason": "The kiln broke." });
    let got = shop.harness.post(&format!("{}/cancel", part(SELLER, id)), &reason).as_actor(&own).send().await.expect(200);
    assert_eq!(text(&got, "status"), "cancelled");
    let again = shop.harness.post(&format!("{}/cancel", part(SELLER, id)), &reason).as_actor(&own).send().await.expect(200);
    assert_eq!(text(&again, "status"), "cancelled");
    let events = shop.harness.events().await;
    let told: Vec<_> = events
        .iter()
        .filter_map(|envelope| match &envelope.event {
            Event::OrderPartCancelled(told) => Some((told.seller_id, told.amount, told.lines.len())),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(SELLER, eur(1140), 1)]);
    // Its money goes back, and the rest of the order goes on.
    let payment = shop.payment(id).await;
    shop.hear(PaymentRefunded { payment, refund_id: 7.into(), retry_of: None, refund: eur(1140), refunded: eur(1140) }).await;
    assert_eq!(statuses(&shop.show(id, &customer).await.json), ["processing", "cancelled", "processing"]);
    advance(&shop, OTHER, id, &other, "shipped").await.expect(200);
    assert_eq!(statuses(&shop.show(id, &customer).await.json), ["shipped", "cancelled", "shipped"]);
    shop.harness.post(&format!("{}/cancel", part(OTHER, id)), &json!({})).as_actor(&other).send().await.expect(409);
}

#[tokio::test]
async fn the_order_ends_with_its_last_part() {
    let shop = Shop::open();
    let (customer, own, other) = (Harness::customer(1), Harness::business(1, SELLER), Harness::business(2, OTHER));
    let id = sold(&shop, &customer).await;
    shop.harness.post(&format!("{}/cancel", part(SELLER, id)), &json!({})).as_actor(&own).send().await.expect(200);
    shop.harness.post(&format!("{}/cancel", part(OTHER, id)), &json!({})).as_actor(&other).send().await.expect(200);
    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!(statuses(&shown.json), ["cancelled", "cancelled", "cancelled"]);
    assert_eq!(text(&shown, "cancel_reason"), "by_seller");
    assert_eq!((shop.told("order.part_cancelled").await, shop.told("order.cancelled").await), (1, 1));
}

#[tokio::test]
async fn what_staff_cancels_for_a_seller_is_told_so() {
    let shop = Shop::open();
    let id = sold(&shop, &Harness::customer(1)).await;
    shop.harness.post(&format!("{}/cancel", part(OTHER, id)), &json!({})).as_actor(&Harness::support()).send().await.expect(200);
    let events = shop.harness.events().await;
    let reasons: Vec<_> = events
        .iter()
        .filter_map(|envelope| match &envelope.event {
            Event::OrderPartCancelled(told) => Some(told.reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [contracts::CancelReason::ByAdmin], "so that the seller gets a mail");
}

#[tokio::test]
async fn sellers_list_their_parts_by_status() {
    let shop = Shop::open();
    let (customer, own) = (Harness::customer(1), Harness::business(1, SELLER));
    let id = sold(&shop, &customer).await;
    shop.placed(2, &customer).await;
    let list = async |query: &str| {
        let path = format!("/api/v1/businesses/{SELLER}/orders{query}");
        shop.harness.get(&path).as_actor(&own).send().await.expect(200).json["items"].as_array().unwrap().clone()
    };
    assert_eq!(list("").await.len(), 2);
    let to_pack = list("?status=confirmed").await;
    assert_eq!((to_pack.len(), &to_pack[0]["id"], &to_pack[0]["lines"][0]["sku"]), (1, &json!(id), &json!("TEA-100")));
    assert_eq!(to_pack[0]["total"], json!(eur(1140)));
    advance(&shop, SELLER, id, &own, "processing").await.expect(200);
    // The other part waits still, and the order as a whole is in processing.
    assert_eq!((list("?status=confirmed").await.len(), list("?status=processing").await.len()), (0, 1));
    let path = format!("/api/v1/businesses/{SELLER}/orders");
    shop.harness.get(&format!("{path}?status=lost")).as_actor(&own).send().await.expect(400);
    shop.harness.get(&path).as_actor(&customer).send().await.expect(403);
}

#[tokio::test]
async fn a_refused_refund_is_shown_to_staff_until_another_succeeds() {
    let shop = Shop::open();
    let (customer, admin) = (Harness::customer(1), Harness::admin());
    let id = sold(&shop, &customer).await;
    let payment = shop.payment(id).await;
    let message = "The account is closed.";
    let failed = RefundFailed { payment: payment.clone(), refund_id: 7.into(), retry_of: None, refund: eur(100), message: message.into() };
    shop.hear(failed.clone()).await;
    shop.hear(failed).await;
    let shown = shop.show(id, &admin).await.expect(200);
    let refused = shown.json["payment"]["refused_refunds"].as_array().unwrap();
    assert_eq!((refused.len(), &refused[0]["amount"], &refused[0]["message"]), (1, &json!(eur(100)), &json!(message)));
    assert!(shop.show(id, &customer).await.json["payment"].get("refused_refunds").is_none());
    let refund = |refund_id: u128, retry_of: Option<u128>| {
        let retry_of = retry_of.map(Into::into);
        PaymentRefunded { payment: payment.clone(), refund_id: refund_id.into(), retry_of, refund: eur(100), refunded: eur(100) }
    };
    shop.hear(refund(8, Some(7))).await;
    assert!(shop.show(id, &admin).await.json["payment"].get("refused_refunds").is_none());
    let timeline = shop.harness.get(&format!("/api/v1/orders/{id}/timeline")).as_actor(&admin).send().await.expect(200);
    let codes: Vec<_> = timeline.json["steps"].as_array().unwrap().iter().map(|step| step["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["placed", "paid", "refund_refused", "refunded"]);
}

#[tokio::test]
async fn the_page_shows_what_comes_from_whom() {
    let shop = Shop::open();
    shop.world.offers.lock().unwrap().get_mut(&crate::shop::POT).unwrap().seller_id = OTHER;
    let placed = shop.harness.post("/api/v1/orders", &shop.request(shop.cart(1, None))).send().await.expect(202);
    let (id, token) = (crate::shop::order_id(&placed), text(&placed, "guest_token"));
    shop.stock_reserved(id).await;
    shop.captured(id).await;
    let own = Harness::business(1, SELLER);
    advance(&shop, SELLER, id, &own, "processing").await.expect(200);
    let parcels = json!({"status": "shipped", "parcels": [{"carrier": "DHL", "number": "00340"}]});
    shop.harness.post(&format!("{}/status", part(SELLER, id)), &parcels).as_actor(&own).send().await.expect(200);
    let page = shop.harness.get(&format!("/orders/{id}?token={token}")).send().await.expect(200).text;
    for expect in
        ["from 2 sellers", "Delivery 1: on its way", "Delivery 2: confirmed", "with DHL, tracking number 00340", "Delivery 1 was shipped."]
    {
        assert!(page.contains(expect), "{expect} in {page}");
    }
}
