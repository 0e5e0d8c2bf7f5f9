//! Refunds and listings: what customers and staff see and may do.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::OrderAnonymized;
use kernel::{OrderId, Problem, Timestamp};
use payments::Reads;
use ports::reads::PersonOrderReads;
use ports::{PaymentGateway, Person, PersonalData as _};
use serde_json::json;
use shell::testing::{Harness, TestResponse};
use test_gateway::Behaviour;
use test_gateway::OperationKind::{Authorize, Capture, Refund};

use crate::shop::{Shop, customer, eur, order, payment};

#[tokio::test]
async fn refunds_at_the_same_time_share_what_is_left() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let body = json!({ "amount": eur(800), "reason": "Broken." });
    let answers = tokio::join!(shop.refund(1, body.clone(), "a"), shop.refund(1, body.clone(), "b"), shop.refund(1, body, "c"));
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 202, 409]);
}

#[tokio::test]
async fn refunds_in_parts_never_exceed_the_capture() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::RequiresAction).await;
    let early = shop.refund(1, json!({ "reason": "Broken." }), "a").await;
    assert_eq!((early.status, early.code()), (409, "illegal-transition"));
    shop.gateway.confirm_action(payment(1), true).await.unwrap();
    shop.tick(1).await;

    let first = shop.refund(1, json!({ "amount": eur(1500), "reason": "Broken." }), "b").await.expect(202);
    assert_eq!((&first.json["refunds"][0]["status"], &first.json["refundable"]["amount"]), (&json!("pending"), &json!(499)));
    assert_eq!(first.headers["location"], format!("/api/v1/payments/{}", payment(1)));
    let again = shop.refund(1, json!({ "amount": eur(1500), "reason": "Broken." }), "b").await.expect(202);
    assert_eq!((again.json, again.headers["idempotency-replayed"].as_str()), (first.json, "true"));
    for (body, status, code) in [
        (json!({ "amount": eur(500), "reason": "More." }), 409, "refund-too-large"),
        (json!({ "amount": eur(0), "reason": "None." }), 422, "invalid"),
        (json!({ "amount": { "amount": 1, "currency": "USD" }, "reason": "Abroad." }), 422, "invalid"),
        (json!({ "amount": eur(1), "reason": " " }), 422, "invalid"),
        (json!({ "amount": eur(1), "reason": "a\nb" }), 422, "invalid"),
        (json!({ "amount": eur(1), "reason": "a".repeat(501) }), 422, "invalid"),
        (json!({ "amount": eur(1), "reason": "Typo.", "currency": "EUR" }), 422, "invalid"),
    ] {
        let got = shop.refund(1, body, status.to_string().as_str()).await;
        assert_eq!((got.status, got.code()), (status, code), "{}", got.text);
    }
    shop.tick(1).await;
    shop.refund(1, json!({ "reason": "The rest." }), "c").await.expect(202);
    shop.tick(1).await;
    let seen = shop.seen(payment(1)).await;
    assert_eq!((&seen["refunded"]["amount"], &seen["refundable"]["amount"]), (&json!(1999), &json!(0)));
    assert_eq!(shop.gateway.find(payment(1)).await.unwrap().unwrap().refunded, eur(1999));
    assert_eq!(shop.ledger(payment(1)).await, [Authorize, Capture, Refund, Refund]);
    assert_eq!(shop.refund(1, json!({ "reason": "Once more." }), "d").await.code(), "refund-too-large");
    // The order is cancelled after all: nothing is left to give back.
    shop.cancel(1, Some(payment(1))).await;
    shop.tick(60).await;
    assert_eq!(shop.ledger(payment(1)).await.len(), 4);
}

#[tokio::test]
async fn a_refund_that_is_refused_or_finds_the_gateway_away() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::RefundRefused).await;
    shop.refund(1, json!({ "reason": "Broken." }), "a").await.expect(202);
    shop.tick(1).await;
    assert_eq!(shop.told().await.last(), Some(&"payment.refund_failed"));
    assert_eq!(shop.seen(payment(1)).await["refundable"]["amount"], 1999);

    shop.pay(2, Behaviour::Approve).await;
    shop.gateway.set_outage(Some(Timestamp::MAX));
    shop.refund(2, json!({ "reason": "Broken." }), "b").await.expect(202);
    shop.tick(1).await;
    assert_eq!(shop.seen(payment(2)).await["refunds"][0]["status"], "pending");
    shop.gateway.set_outage(None);
    shop.tick(60).await;
    assert_eq!(shop.seen(payment(2)).await["refunds"][0]["status"], "settled");
    assert_eq!(shop.ledger(payment(2)).await, [Authorize, Capture, Refund]);
}

#[tokio::test]
async fn everyone_sees_what_is_theirs() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let (one, of_order) = (format!("/api/v1/payments/{}", payment(1)), format!("/api/v1/orders/{}/payments", order(1).order_id));
    let (guest, owner, stranger, support, admin) = (Harness::guest(), customer(1), customer(2), Harness::support(), Harness::admin());
    for (actor, path, status) in [
        (&guest, one.as_str(), 401),
        (&stranger, &one, 404),
        (&owner, &one, 200),
        (&support, &one, 200),
        (&guest, &of_order, 401),
        (&owner, &of_order, 200),
        (&guest, "/api/v1/admin/payments", 401),
        (&owner, "/api/v1/admin/payments", 403),
        (&support, "/api/v1/admin/payments", 200),
        (&owner, "/api/v1/admin/payments/breaker", 403),
        (&admin, "/api/v1/admin/payments?limit=0", 422),
        (&admin, "/api/v1/admin/payments?cursor=forged", 400),
        (&admin, "/api/v1/payments/pay_x", 404),
    ] {
        let got = shop.world.get(path).as_actor(actor).send().await;
        assert_eq!(got.status, status, "{} {path}: {}", actor.label(), got.text);
    }
    let items = |got: TestResponse| got.json["items"].as_array().unwrap().len();
    assert_eq!(items(shop.world.get(&of_order).as_actor(&stranger).send().await.expect(200)), 0);
    assert_eq!(items(shop.world.get(&of_order).as_actor(&owner).send().await.expect(200)), 1);

    let path = format!("/api/v1/admin/payments/{}/refunds", payment(1));
    let body = json!({ "amount": eur(5), "reason": "Sorry." });
    for (actor, status) in [(&guest, 401), (&owner, 403), (&support, 403)] {
        assert_eq!(shop.world.post(&path, &body).as_actor(actor).send().await.status, status);
    }
    let etag = shop.world.get(&one).as_actor(&admin).send().await.headers["etag"].clone();
    assert_eq!(shop.world.post(&path, &body).as_actor(&admin).header("If-Match", "\"v99\"").send().await.status, 412);
    shop.world.post(&path, &body).as_actor(&admin).header("If-Match", &etag).send().await.expect(202);
    let by = |got: TestResponse| got.json["refunds"][0].get("requested_by").cloned();
    assert_eq!(by(shop.world.get(&one).as_actor(&owner).send().await), None);
    assert_eq!(by(shop.world.get(&one).as_actor(&support).send().await), Some(json!(admin.label())));
}

#[tokio::test]
async fn staff_lists_payments_by_status() {
    let shop = Shop::open();
    for n in 1..=9 {
        shop.pay(n, [Behaviour::Decline, Behaviour::Approve, Behaviour::CaptureAnswerLost][usize::try_from(n % 3).unwrap()]).await;
    }
    let numbers = async |query: &str| {
        let (mut numbers, mut cursor) = (Vec::new(), String::new());
        for _ in 0..20 {
            let path = format!("/api/v1/admin/payments?limit=2{query}{cursor}");
            let page = shop.world.get(&path).as_actor(&Harness::admin()).send().await.expect(200).json;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            numbers.extend(items.iter().map(|item| item["order_number"].as_str().unwrap()[2..].parse::<u32>().unwrap()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return numbers,
            }
        }
        panic!("the listing does not end");
    };
    assert_eq!(numbers("").await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    for (status, expect) in [("captured", vec![7, 4, 1]), ("authorized", vec![8, 5, 2]), ("failed", vec![9, 6, 3]), ("voided", vec![])] {
        assert_eq!(numbers(&format!("&status={status}")).await, expect, "{status}");
    }
}

/// The person's orders, as the service of orders would name them.
struct Orders(Vec<OrderId>);

#[async_trait]
impl PersonOrderReads for Orders {
    async fn orders_of(&self, _: &Person) -> Result<Vec<OrderId>, Problem> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn the_payments_of_an_erased_person_are_nobodys() {
    let shop = Shop::open();
    for n in 1..=2 {
        shop.pay(n, Behaviour::Approve).await;
        shop.refund(n, json!({ "amount": eur(5), "reason": "Ann Lee rang." }), &n.to_string()).await.expect(202);
    }
    let person = Person { user_id: customer(1).user_id().unwrap(), verified_email: Some("ann@example.com".parse().unwrap()) };
    let records = Reads::new(&shop.world.kit().work(&payments::TABLE), Arc::new(Orders(vec![order(1).order_id])));
    let exported = records.export(&person).await.unwrap();
    assert_eq!(exported["payments"].as_array().unwrap().len(), 1);
    assert_eq!(exported["payments"][0]["method"], "card ending in 4242");
    assert_eq!(exported["payments"][0]["refunds"][0]["reason"], "Ann Lee rang.");

    let anonymized = shop.world.publish(OrderAnonymized { order_id: order(1).order_id }).await;
    shop.world.settle().await;
    shop.world.deliver("payments", &anonymized).await.unwrap();
    let stored = |n: u128| {
        // The answers that are kept for repeated requests are gone after a day.
        let (key, items) = (order(n).order_id.to_string(), shop.world.stored(&payments::TABLE));
        items.into_iter().find(|item| item.starts_with("payments#") && item.contains(&key)).unwrap()
    };
    for trace in ["Ann Lee", "4242", &person.user_id.to_string()] {
        assert!(!stored(1).contains(trace), "{trace} in {}", stored(1));
    }
    assert!(stored(2).contains("Ann Lee"), "it is another customer's");
    shop.world.get(&format!("/api/v1/payments/{}", payment(1))).as_actor(&customer(1)).send().await.expect(404);
    let seen = shop.seen(payment(1)).await;
    assert_eq!(
        (&seen["status"], &seen["amount"]["amount"], &seen["refunds"][0]["amount"]["amount"]),
        (&json!("captured"), &json!(1999), &json!(5))
    );
}
