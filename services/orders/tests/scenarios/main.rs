//! Orders as their clients and the other services meet them.

mod access;
mod erasure;
mod finding;
mod lookup;
mod pages;
mod parts;
mod placing;
mod shop;
mod unpaid;

use contracts::{Event, PaymentCaptured};
use kernel::Duration;
use ports::reads::OrderReads as _;
use serde_json::json;
use shell::testing::Harness;
use shop::{Shop, eur, order_id, text};

#[tokio::test]
async fn from_the_cart_to_the_door() {
    let shop = Shop::open();
    let (customer, admin) = (Harness::customer(1), Harness::admin());
    let id = order_id(&shop.placed(1, &customer).await);
    assert_eq!(shop.status(id).await, "pending");
    shop.stock_reserved(id).await;
    assert_eq!(shop.status(id).await, "pending");
    shop.captured(id).await;
    assert_eq!(shop.status(id).await, "confirmed");

    let advance = format!("/api/v1/admin/orders/{id}/status");
    shop.harness.post(&advance, &json!({"status": "shipped"})).as_actor(&admin).send().await.expect(409);
    let processing = shop.harness.post(&advance, &json!({"status": "processing"})).as_actor(&admin).send().await.expect(200);
    assert_eq!(processing.headers["etag"], "\"v3\"");
    let parcel = json!({"carrier": "DHL", "number": "00340", "url": "https://dhl.example/00340"});
    let shipped = json!({"status": "shipped", "parcels": [parcel]});
    let stale = shop.harness.post(&advance, &shipped).as_actor(&admin).header("If-Match", "\"v2\"").send().await.expect(412);
    assert_eq!(stale.code(), "precondition-failed");
    shop.harness.post(&advance, &shipped).as_actor(&admin).header("If-Match", "\"v3\"").send().await.expect(200);
    shop.harness.post(&advance, &json!({"status": "delivered"})).as_actor(&admin).send().await.expect(200);

    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!(shown.json["status"], "delivered");
    assert_eq!(shown.json["parts"][0]["parcels"], json!([parcel]));
    assert_eq!(shown.json["payment"]["captured"], json!(eur(3990)));
    let timeline = shop.harness.get(&format!("/api/v1/orders/{id}/timeline")).as_actor(&customer).send().await.expect(200);
    let steps: Vec<_> = timeline.json["steps"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(steps, ["pending", "confirmed", "processing", "shipped", "delivered"]);
    assert!(timeline.json["steps"][2].get("by").is_none(), "who did it is for staff");
    let codes: Vec<_> = timeline.json["steps"].as_array().unwrap().iter().map(|step| step["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["placed", "paid", "part_processing", "part_shipped", "part_delivered"]);
    assert_eq!(timeline.json["steps"][1]["parameters"], json!({ "amount": eur(3990) }));

    let told: Vec<_> = shop.harness.event_types().await.into_iter().filter(|kind| kind.starts_with("order.")).collect();
    let expect = ["order.placed", "order.confirmed", "order.status_changed", "order.shipped", "order.status_changed"];
    assert_eq!(told, expect);
    assert_eq!(shop.reads.order(id).await.unwrap().unwrap().total, eur(3990));
}

#[tokio::test]
async fn repeated_events_change_nothing() {
    let shop = Shop::open();
    let id = order_id(&shop.placed(1, &Harness::customer(1)).await);
    let reserved = shop.harness.publish(shop.reserved(id).await).await;
    shop.harness.settle().await;
    let captured = shop.harness.publish(PaymentCaptured { payment: shop.payment(id).await, stock_held: true }).await;
    shop.harness.settle().await;
    for event in [&reserved, &captured, &reserved] {
        shop.harness.deliver("orders", event).await.unwrap();
    }
    // A month later, when no inbox would remember them.
    shop.harness.advance(Duration::from_secs(31 * 24 * 3600));
    for event in [&captured, &reserved, &captured] {
        shop.harness.deliver("orders", event).await.unwrap();
    }
    // Told once more under another id, as by a payment that was asked twice.
    shop.captured(id).await;
    shop.stock_reserved(id).await;
    assert_eq!(shop.status(id).await, "confirmed");
    assert_eq!((shop.told("order.awaiting_payment").await, shop.told("order.confirmed").await), (0, 1));
    let shown = shop.show(id, &Harness::customer(1)).await.expect(200);
    assert_eq!(shown.headers["etag"], "\"v2\"", "placed, confirmed, and nothing else");
}

#[tokio::test]
async fn no_stock_ends_the_order() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let id = order_id(&shop.placed(1, &customer).await);
    shop.stock_refused(id).await;
    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!((text(&shown, "status"), text(&shown, "cancel_reason")), ("cancelled".into(), "out_of_stock".into()));
    let events = shop.harness.events().await;
    let Event::OrderCancelled(cancelled) = &events.last().unwrap().event else { panic!("{events:?}") };
    assert_eq!((cancelled.payment_id, cancelled.was_confirmed), (None, false));
}

#[tokio::test]
async fn after_a_declined_card_another_one_pays_the_same_order() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let id = order_id(&shop.placed(1, &customer).await);
    shop.stock_reserved(id).await;
    shop.declined(id).await;
    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!(text(&shown, "status"), "awaiting_payment");
    assert_eq!(shown.json["payment"]["declined"], json!({"code": "card_declined", "message": "The bank declined."}));
    let timeline = shop.harness.get(&format!("/api/v1/orders/{id}/timeline")).as_actor(&customer).send().await.expect(200);
    let step = &timeline.json["steps"][1];
    assert_eq!((&step["code"], &step["parameters"]["decline"]), (&json!("payment_declined"), &json!("card_declined")));
    let pay = format!("/api/v1/orders/{id}/pay");
    let paid = shop.harness.post(&pay, &json!({"payment_method": "card 5555"})).as_actor(&customer).send().await.expect(200);
    assert!(paid.json["payment"].get("declined").is_none());
    shop.captured(id).await;
    assert_eq!((shop.status(id).await.as_str(), shop.told("order.cancelled").await), ("confirmed", 0));
}

#[tokio::test]
async fn the_bank_asks_the_customer_who_takes_another_card() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let id = order_id(&shop.placed(1, &customer).await);
    let pay = format!("/api/v1/orders/{id}/pay");
    shop.stock_reserved(id).await;
    let running = shop.harness.post(&pay, &json!({"payment_method": "card 5555"})).as_actor(&customer).send().await.expect(409);
    assert_eq!(running.code(), "conflict");
    shop.requires_action(id).await;
    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!(shown.json["payment"]["action_url"], "https://bank.example/3ds");
    let first = shop.payment(id).await;
    let paid = shop.harness.post(&pay, &json!({"payment_method": "card 5555"})).as_actor(&customer).send().await.expect(200);
    assert_eq!(paid.json["payment"]["tries"], 2);
    assert_eq!(shop.status(id).await, "awaiting_payment");
    // The first card was confirmed and charged before payments heard of the second, which they then let go.
    shop.hear(PaymentCaptured { payment: first.clone(), stock_held: true }).await;
    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!((text(&shown, "status"), &shown.json["payment"]["payment_id"]), ("confirmed".into(), &json!(first.payment_id)));
    shop.harness.post(&pay, &json!({"payment_method": "card 5555"})).as_actor(&customer).send().await.expect(200);
    shop.harness.post(&pay, &json!({"payment_method": "card 1"})).as_actor(&customer).send().await.expect(409);
    shop.harness.post(&pay, &json!({"payment_method": "cheque"})).as_actor(&customer).send().await.expect(422);
}

#[tokio::test]
async fn unpaid_orders_end_at_their_deadline() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let unpaid = order_id(&shop.placed(1, &customer).await);
    let paid = order_id(&shop.placed(2, &customer).await);
    for id in [unpaid, paid] {
        shop.stock_reserved(id).await;
    }
    shop.captured(paid).await;
    shop.harness.advance(Duration::from_secs(1799));
    shop.harness.tick("orders.expire").await;
    assert_eq!(shop.status(unpaid).await, "pending");
    shop.harness.advance(Duration::from_secs(1));
    shop.harness.tick("orders.expire").await;
    shop.harness.tick("orders.expire").await;
    assert_eq!(text(&shop.show(unpaid, &customer).await, "cancel_reason"), "expired");
    assert_eq!(shop.status(paid).await, "confirmed");
    assert_eq!(shop.told("order.cancelled").await, 1);
    // The tick goes on from there, and after a day looks back at what it has passed.
    let later = order_id(&shop.placed(3, &customer).await);
    for _ in 0..3 {
        shop.harness.advance(Duration::from_secs(1000));
        shop.harness.tick("orders.expire").await;
    }
    assert_eq!(text(&shop.show(later, &customer).await, "cancel_reason"), "expired");
    shop.harness.advance(Duration::from_secs(24 * 3600));
    shop.harness.tick("orders.expire").await;
    assert_eq!((shop.status(paid).await.as_str(), shop.told("order.cancelled").await), ("confirmed", 2));
}

#[tokio::test]
async fn money_and_stock_for_a_cancelled_order_go_back() {
    let shop = Shop::open();
    let id = order_id(&shop.placed(1, &Harness::customer(1)).await);
    shop.stock_reserved(id).await;
    shop.harness.advance(Duration::from_secs(1800));
    shop.harness.tick("orders.expire").await;
    assert_eq!(shop.told("order.cancelled").await, 1);
    shop.captured(id).await;
    shop.stock_reserved(id).await;
    assert_eq!(shop.status(id).await, "cancelled");
    let payment = shop.payment(id).await.payment_id;
    let events = shop.harness.events().await;
    let cancellations = events.iter().filter_map(|envelope| match &envelope.event {
        Event::OrderCancelled(cancelled) => Some(cancelled.payment_id),
        _ => None,
    });
    assert_eq!(cancellations.collect::<Vec<_>>(), [Some(payment); 2]);
}

#[tokio::test]
async fn a_sale_that_cannot_be_kept_is_undone() {
    let shop = Shop::open();
    let customer = Harness::customer(1);
    let id = order_id(&shop.placed(1, &customer).await);
    shop.stock_reserved(id).await;
    shop.captured(id).await;
    shop.stock_refused(id).await;
    let events = shop.harness.events().await;
    let Event::OrderCancelled(cancelled) = &events.last().unwrap().event else { panic!("{events:?}") };
    assert!(cancelled.was_confirmed);
    assert_eq!(cancelled.payment_id, Some(shop.payment(id).await.payment_id));
    shop.refunded(id).await;
    let shown = shop.show(id, &customer).await.expect(200);
    assert_eq!(text(&shown, "status"), "cancelled");
    assert_eq!(shown.json["payment"]["refunded"], json!(eur(3990)));
}

#[tokio::test]
async fn customers_cancel_until_the_shop_begins() {
    let shop = Shop::open();
    let (customer, admin) = (Harness::customer(1), Harness::admin());
    let (early, late) = (order_id(&shop.placed(1, &customer).await), order_id(&shop.placed(2, &customer).await));
    for id in [early, late] {
        shop.stock_reserved(id).await;
        shop.captured(id).await;
    }
    let body = json!({"reason": "changed my mind"});
    let cancelled = shop.harness.post(&format!("/api/v1/orders/{early}/cancel"), &body).as_actor(&customer).send().await.expect(200);
    assert_eq!(text(&cancelled, "cancel_reason"), "by_customer");
    shop.harness.post(&format!("/api/v1/orders/{early}/cancel"), &body).as_actor(&customer).send().await.expect(200);
    assert_eq!(shop.told("order.cancelled").await, 1);

    let processing = json!({"status": "processing"});
    shop.harness.post(&format!("/api/v1/admin/orders/{late}/status"), &processing).as_actor(&admin).send().await.expect(200);
    let refused = shop.harness.post(&format!("/api/v1/orders/{late}/cancel"), &body).as_actor(&customer).send().await.expect(409);
    assert_eq!(refused.code(), "illegal-transition");
    let by_admin = shop.harness.post(&format!("/api/v1/orders/{late}/cancel"), &json!({})).as_actor(&admin).send().await.expect(200);
    assert_eq!(text(&by_admin, "cancel_reason"), "by_admin");
}

#[tokio::test]
async fn a_full_refund_before_the_goods_leave_frees_the_stock() {
    let shop = Shop::open();
    let id = order_id(&shop.placed(1, &Harness::customer(1)).await);
    shop.stock_reserved(id).await;
    shop.captured(id).await;
    shop.refunded(id).await;
    assert_eq!(shop.status(id).await, "refunded");
    assert_eq!((shop.told("order.cancelled").await, shop.told("order.status_changed").await), (1, 1));
}
