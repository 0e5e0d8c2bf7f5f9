//! Payments as the orders and the people see them, with the test gateway behind the breaker.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use contracts::{CancelReason, Event, OrderAwaitingPayment, OrderCancelled, OrderConfirmed, OrderRef};
use kernel::{Actor, Currency, Money, OrderId, PaymentId, Timestamp, UserId};
use payments::{GuardOptions, GuardedGateway, SETTLE};
use ports::{Clock, GatewayState, PaymentGateway};
use serde_json::{Value, json};
use shell::testing::{Got, Harness};
use test_gateway::{Behaviour, CARDS, OperationKind, TestGateway};

struct Shop {
    world: Harness,
    gateway: Arc<TestGateway>,
    guard: Arc<GuardedGateway>,
}

impl Shop {
    fn open() -> Self {
        let (mut kept, options) = (None, GuardOptions { call: Duration::from_millis(500), ..GuardOptions::default() });
        let world = Harness::new(|kit| {
            let gateway = Arc::new(TestGateway::in_memory(kit.clock()).unwrap());
            let guard = Arc::new(GuardedGateway::new(gateway.clone(), kit.clock(), options));
            kept = Some((gateway, guard.clone()));
            vec![payments::service(kit.desk(&payments::TABLE), guard)]
        });
        let (gateway, guard) = kept.unwrap();
        Self { world, gateway, guard }
    }

    /// An order that is to be paid, and what payments make of it.
    async fn pay(&self, n: u128, behaviour: Behaviour) {
        self.world.publish(awaiting(n, payment(n), behaviour)).await;
        self.world.settle().await;
    }

    async fn confirm(&self, n: u128) {
        self.world.publish(OrderConfirmed { order: order(n), payment_id: payment(n) }).await;
        self.world.settle().await;
    }

    async fn cancel(&self, n: u128, payment_id: Option<PaymentId>) {
        self.world.publish(cancelled(n, payment_id)).await;
        self.world.settle().await;
    }

    /// Lets a second pass and the schedule run.
    async fn tick(&self, secs: u64) {
        self.world.advance(Duration::from_secs(secs));
        self.world.tick(SETTLE).await;
    }

    async fn seen(&self, id: PaymentId) -> Value {
        self.world.get(&format!("/api/v1/payments/{id}")).as_actor(&Harness::admin()).send().await.expect(200).json
    }

    async fn status(&self, n: u128) -> String {
        self.seen(payment(n)).await["status"].as_str().unwrap().to_owned()
    }

    /// What payments told, without the orders' own events.
    async fn told(&self) -> Vec<&'static str> {
        self.world.event_types().await.into_iter().filter(|kind| kind.starts_with("payment.")).collect()
    }

    async fn ledger(&self, id: PaymentId) -> Vec<OperationKind> {
        let all = self.gateway.operations(0, 10_000).await.unwrap();
        all.into_iter().filter(|operation| operation.payment_id == id).map(|operation| operation.kind).collect()
    }

    async fn refund(&self, n: u128, body: Value, key: &str) -> Got {
        let path = format!("/api/v1/admin/payments/{}/refunds", payment(n));
        self.world.post(&path, &body).as_actor(&Harness::admin()).header("Idempotency-Key", key).send().await
    }
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn payment(n: u128) -> PaymentId {
    PaymentId(n * 1000)
}

fn customer(n: u128) -> Actor {
    Harness::customer(n)
}

fn order(n: u128) -> OrderRef {
    let customer_id: Option<UserId> = customer(n).user_id();
    OrderRef { order_id: OrderId(n), number: format!("S-{n}"), customer_id, email: "ann@example.com".parse().unwrap(), total: eur(1999) }
}

fn awaiting(n: u128, id: PaymentId, behaviour: Behaviour) -> OrderAwaitingPayment {
    let number = CARDS.iter().find(|card| card.behaviour == behaviour).unwrap().number;
    OrderAwaitingPayment { order: order(n), payment_id: Some(id), payment_method: Some(number.into()) }
}

fn cancelled(n: u128, payment_id: Option<PaymentId>) -> OrderCancelled {
    OrderCancelled { order: order(n), reason: CancelReason::ByCustomer, payment_id, was_confirmed: false }
}

use OperationKind::{Authorize, Capture, Refund, Void};

#[tokio::test]
async fn an_approved_payment_is_captured_once_confirmed() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    assert_eq!(shop.told().await, ["payment.authorized"]);
    shop.confirm(1).await;
    shop.confirm(1).await;
    assert_eq!(shop.told().await, ["payment.authorized", "payment.captured"]);
    assert_eq!(shop.ledger(payment(1)).await, [Authorize, Capture]);
    let seen = shop.seen(payment(1)).await;
    assert_eq!(
        (&seen["status"], &seen["method"], &seen["refundable"]["amount"]),
        (&json!("captured"), &json!("card ending in 4242"), &json!(1999))
    );
    assert_eq!(seen["history"].as_array().unwrap().len(), 3);
    shop.tick(60).await;
    assert_eq!(shop.ledger(payment(1)).await, [Authorize, Capture]);
}

#[tokio::test]
async fn an_order_without_a_choice_has_no_payment() {
    let shop = Shop::open();
    shop.world.publish(OrderAwaitingPayment { order: order(1), payment_id: None, payment_method: None }).await;
    shop.world.settle().await;
    let listed = shop.world.get(&format!("/api/v1/orders/{}/payments", OrderId(1))).as_actor(&customer(1)).send().await.expect(200);
    assert_eq!(listed.json, json!({ "items": [] }));
}

#[tokio::test]
async fn refusals_say_why() {
    for (behaviour, reason) in [(Behaviour::Decline, "payment_declined"), (Behaviour::InsufficientFunds, "insufficient_funds")] {
        let shop = Shop::open();
        shop.pay(1, behaviour).await;
        assert_eq!(shop.told().await, ["payment.failed"]);
        let seen = shop.seen(payment(1)).await;
        assert_eq!((&seen["status"], &seen["failure"]["reason"]), (&json!("failed"), &json!(reason)));
        shop.cancel(1, Some(payment(1))).await;
        shop.tick(60).await;
        assert_eq!(shop.status(1).await, "failed");
        assert!(shop.ledger(payment(1)).await.is_empty());
    }
    let shop = Shop::open();
    let unknown =
        OrderAwaitingPayment { payment_method: Some("5555 5555 5555 4444".into()), ..awaiting(1, payment(1), Behaviour::Approve) };
    shop.world.publish(unknown).await;
    shop.world.settle().await;
    assert_eq!(shop.seen(payment(1)).await["failure"]["reason"], "payment_failed");
}

#[tokio::test]
async fn the_customer_confirms_or_not() {
    let shop = Shop::open();
    for (n, approve, by_refresh) in [(1, true, false), (2, false, false), (3, true, true)] {
        shop.pay(n, Behaviour::RequiresAction).await;
        let seen = shop.seen(payment(n)).await;
        assert_eq!(seen["status"], "requires_action");
        assert!(seen["action_url"].as_str().unwrap().ends_with(&payment(n).to_string()));
        shop.tick(1).await;
        assert_eq!(shop.status(n).await, "requires_action");
        shop.gateway.confirm_action(payment(n), approve).await.unwrap();
        if by_refresh {
            // A guest who comes back from the bank is told nothing, but the payment moves on.
            let path = format!("/api/v1/payments/{}/refresh", payment(n));
            assert_eq!(shop.world.post(&path, &json!({})).send().await.expect(204).text, "");
        } else {
            shop.tick(60).await;
        }
        assert_eq!(shop.status(n).await, if approve { "authorized" } else { "failed" });
        assert!(shop.seen(payment(n)).await.get("action_url").is_none());
    }
    let missing = shop.world.post(&format!("/api/v1/payments/{}/refresh", PaymentId(5)), &json!({})).send().await;
    assert_eq!((missing.status, missing.code()), (404, "not-found"));
}

#[tokio::test]
async fn a_customer_who_never_confirms_is_told_in_the_end() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::RequiresAction).await;
    shop.tick(3600).await;
    assert_eq!((shop.status(1).await.as_str(), shop.told().await.last()), ("failed", Some(&"payment.failed")));
    assert_eq!(shop.gateway.find(payment(1)).await.unwrap().unwrap().state, GatewayState::Voided);
}

#[tokio::test]
async fn unknown_outcomes_are_settled_and_charged_once() {
    let shop = Shop::open();
    for (n, behaviour) in [(1, Behaviour::AnswerLost), (2, Behaviour::RequestLost), (3, Behaviour::CaptureAnswerLost)] {
        shop.pay(n, behaviour).await;
        let at_first = if behaviour == Behaviour::CaptureAnswerLost { "authorized" } else { "pending" };
        assert_eq!(shop.status(n).await, at_first);
        shop.tick(1).await;
        assert_eq!(shop.status(n).await, "authorized");
        shop.confirm(n).await;
        shop.tick(1).await;
        assert_eq!(shop.status(n).await, "captured");
        assert_eq!(shop.ledger(payment(n)).await, [Authorize, Capture]);
    }
    assert_eq!(shop.told().await, ["payment.authorized", "payment.captured"].repeat(3));
}

#[tokio::test]
async fn a_silent_gateway_counts_as_unknown() {
    let mut kept = None;
    let world = Harness::new(|kit| {
        let gateway = Arc::new(TestGateway::in_memory(kit.clock()).unwrap());
        let options = GuardOptions { call: Duration::from_millis(10), ..GuardOptions::default() };
        let guard = Arc::new(GuardedGateway::new(gateway.clone(), kit.clock(), options));
        kept = Some((gateway, guard.clone()));
        vec![payments::service(kit.desk(&payments::TABLE), guard)]
    });
    let (gateway, guard) = kept.unwrap();
    let shop = Shop { world, gateway, guard };
    shop.pay(1, Behaviour::Slow).await;
    assert_eq!((shop.status(1).await.as_str(), shop.told().await.len()), ("pending", 0));
}

#[tokio::test]
async fn an_outage_of_a_minute_is_sat_out() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let start = shop.world.kit().clock().now();
    shop.gateway.set_outage(Some(start.plus(Duration::from_secs(60))));
    shop.confirm(1).await;
    for n in 2..20 {
        shop.pay(n, Behaviour::Approve).await;
        assert_eq!(shop.status(n).await, "pending");
    }
    let breaker = || shop.world.get("/api/v1/admin/payments/breaker");
    let state = breaker().as_actor(&Harness::support()).send().await.expect(200).json;
    assert_eq!((&state["state"], &state["until"]), (&json!("open"), &json!(start.plus(Duration::from_secs(10)))));
    for _ in 0..59 {
        shop.tick(1).await;
        assert!(!shop.guard.is_closed());
    }
    assert_eq!(shop.told().await, ["payment.authorized"]);
    for _ in 0..75 {
        shop.tick(1).await;
    }
    assert!(shop.guard.is_closed());
    assert_eq!(breaker().as_actor(&Harness::admin()).send().await.expect(200).json, json!({ "state": "closed", "failures": 0 }));
    assert_eq!(shop.status(1).await, "captured");
    assert_eq!(shop.ledger(payment(1)).await, [Authorize, Capture]);
    for n in 2..20 {
        assert_eq!((shop.status(n).await.as_str(), shop.ledger(payment(n)).await.as_slice()), ("authorized", [Authorize].as_slice()));
    }
}

#[tokio::test]
async fn an_outage_that_outlasts_patience_fails_the_payment() {
    let shop = Shop::open();
    shop.gateway.set_outage(Some(Timestamp::MAX));
    shop.pay(1, Behaviour::Approve).await;
    shop.tick(599).await;
    shop.gateway.set_outage(None);
    shop.tick(61).await;
    assert_eq!((shop.status(1).await.as_str(), shop.told().await), ("failed", vec!["payment.failed"]));
    assert_eq!(shop.ledger(payment(1)).await, [Void], "a late authorization would fail");
}

#[tokio::test]
async fn a_cancelled_order_gets_its_money_back_whatever_the_payment_had_come_to() {
    use Behaviour::{AnswerLost, Approve, RequestLost, RequiresAction};
    for (n, behaviour, confirmed, ledger, status) in [
        (1, Approve, false, vec![Authorize, Void], "voided"),
        (2, Approve, true, vec![Authorize, Capture, Refund], "captured"),
        (3, AnswerLost, false, vec![Authorize, Void], "voided"),
        (4, RequestLost, false, vec![Void], "voided"),
        (5, RequiresAction, false, vec![Void], "voided"),
    ] {
        let shop = Shop::open();
        shop.pay(n, behaviour).await;
        if confirmed {
            shop.confirm(n).await;
        }
        for _ in 0..2 {
            shop.cancel(n, Some(payment(n))).await;
            shop.tick(1).await;
        }
        assert_eq!((shop.status(n).await.as_str(), shop.ledger(payment(n)).await), (status, ledger), "{behaviour:?}");
        assert_eq!(shop.told().await.contains(&"payment.refunded"), confirmed);
        // News of a confirmation that comes late charges nobody.
        shop.confirm(n).await;
        shop.tick(60).await;
        assert_eq!(shop.ledger(payment(n)).await.iter().filter(|kind| **kind == Capture).count(), usize::from(confirmed));
    }
}

#[tokio::test]
async fn cancelled_before_it_was_seen() {
    let shop = Shop::open();
    // The cancellation names the payment, whose own event comes late.
    shop.cancel(1, Some(payment(1))).await;
    shop.pay(1, Behaviour::Approve).await;
    assert_eq!((shop.status(1).await.as_str(), shop.ledger(payment(1)).await), ("voided", vec![Void]));
    // It names none.
    shop.cancel(2, None).await;
    shop.cancel(2, None).await;
    shop.pay(2, Behaviour::Approve).await;
    assert_eq!((shop.status(2).await.as_str(), shop.ledger(payment(2)).await), ("voided", vec![Void]));
    // The gateway is away meanwhile.
    shop.gateway.set_outage(Some(Timestamp::MAX));
    shop.cancel(3, Some(payment(3))).await;
    assert_eq!(shop.status(3).await, "pending");
    shop.gateway.set_outage(None);
    shop.tick(60).await;
    assert_eq!((shop.status(3).await.as_str(), shop.ledger(payment(3)).await), ("voided", vec![Void]));
    assert!(shop.told().await.is_empty());
}

#[tokio::test]
async fn another_try_takes_the_place_of_the_first() {
    let shop = Shop::open();
    let second = PaymentId(payment(1).0 + 1);
    shop.pay(1, Behaviour::RequiresAction).await;
    shop.world.publish(awaiting(1, second, Behaviour::Approve)).await;
    shop.world.settle().await;
    shop.tick(1).await;
    assert_eq!(shop.status(1).await, "voided");
    shop.world.publish(OrderConfirmed { order: order(1), payment_id: second }).await;
    shop.world.settle().await;
    // A third try of an order that is paid, and a first one that arrives late, hold nothing.
    for id in [PaymentId(second.0 + 1), PaymentId(payment(1).0 - 1)] {
        shop.world.publish(awaiting(1, id, Behaviour::Approve)).await;
        shop.world.settle().await;
        assert_eq!((shop.seen(id).await["status"].as_str(), shop.ledger(id).await), (Some("voided"), vec![Void]));
    }
    assert_eq!(shop.ledger(second).await, [Authorize, Capture]);
    let listed = shop.world.get(&format!("/api/v1/orders/{}/payments", OrderId(1))).as_actor(&customer(1)).send().await.expect(200);
    let statuses: Vec<_> = listed.json["items"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["voided", "captured", "voided", "voided"]);
}

#[tokio::test]
async fn events_that_come_twice_have_one_effect() {
    let shop = Shop::open();
    let events: [Event; 3] = [
        awaiting(1, payment(1), Behaviour::Approve).into(),
        OrderConfirmed { order: order(1), payment_id: payment(1) }.into(),
        OrderCancelled { was_confirmed: true, ..cancelled(1, Some(payment(1))) }.into(),
    ];
    for event in events {
        let envelope = shop.world.publish(event).await;
        shop.world.settle().await;
        for _ in 0..3 {
            shop.world.deliver("payments", &envelope).await.unwrap();
        }
        shop.tick(1).await;
    }
    assert_eq!(shop.told().await, ["payment.authorized", "payment.captured", "payment.refunded"]);
    assert_eq!(shop.ledger(payment(1)).await, [Authorize, Capture, Refund]);
}

#[tokio::test]
async fn cancelled_while_the_gateway_thinks() {
    for names_payment in [true, false] {
        let shop = Shop::open();
        let paying = shop.world.publish(awaiting(1, payment(1), Behaviour::Slow)).await;
        let cancelling = shop.world.publish(cancelled(1, names_payment.then(|| payment(1)))).await;
        let (paid, given_up) = tokio::join!(shop.world.deliver("payments", &paying), shop.world.deliver("payments", &cancelling));
        paid.and(given_up).unwrap();
        shop.tick(60).await;
        assert_eq!(shop.status(1).await, "voided");
        assert_eq!(shop.gateway.find(payment(1)).await.unwrap().unwrap().state, GatewayState::Voided);
        assert!(shop.told().await.is_empty());
    }
}

/// Whichever commits first, no order ends cancelled with its money held.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancelling_races_with_paying() {
    let shop = Arc::new(Shop::open());
    for n in 1..=300 {
        let mut tasks = Vec::new();
        let names_payment = n % 3 == 0;
        let events: [Event; 2] =
            [awaiting(n, payment(n), Behaviour::Approve).into(), cancelled(n, names_payment.then(|| payment(n))).into()];
        for event in events {
            let (shop, envelope) = (shop.clone(), shop.world.publish(event).await);
            tasks.push(tokio::spawn(async move { shop.world.deliver("payments", &envelope).await }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
    shop.tick(60).await;
    for n in 1..=300 {
        assert_eq!(shop.status(n).await, "voided");
        assert_eq!(shop.gateway.find(payment(n)).await.unwrap().unwrap().state, GatewayState::Voided);
    }
}

#[tokio::test]
async fn refunds_at_the_same_time_share_what_is_left() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    shop.confirm(1).await;
    let body = json!({ "amount": eur(800), "reason": "Broken." });
    let answers = tokio::join!(shop.refund(1, body.clone(), "a"), shop.refund(1, body.clone(), "b"), shop.refund(1, body, "c"));
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 202, 409]);
}

#[tokio::test]
async fn a_confirmation_by_an_unknown_payment_is_not_swallowed() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let other = OrderConfirmed { order: order(1), payment_id: PaymentId(5) };
    let mut envelope = shop.world.events().await.remove(0);
    envelope.event = other.into();
    envelope.id = kernel::EventId(77);
    assert_eq!(shop.world.deliver("payments", &envelope).await.unwrap_err().code, kernel::Code::Conflict);
}

#[tokio::test]
async fn refunds_in_parts_never_exceed_the_capture() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let early = shop.refund(1, json!({ "reason": "Broken." }), "a").await;
    assert_eq!((early.status, early.code()), (409, "illegal-transition"));
    shop.confirm(1).await;

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
    shop.confirm(1).await;
    shop.refund(1, json!({ "reason": "Broken." }), "a").await.expect(202);
    shop.tick(1).await;
    assert_eq!(shop.told().await.last(), Some(&"payment.refund_failed"));
    assert_eq!(shop.seen(payment(1)).await["refundable"]["amount"], 1999);

    shop.pay(2, Behaviour::Approve).await;
    shop.confirm(2).await;
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
    shop.confirm(1).await;
    let (one, of_order) = (format!("/api/v1/payments/{}", payment(1)), format!("/api/v1/orders/{}/payments", OrderId(1)));
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
    let items = |got: Got| got.json["items"].as_array().unwrap().len();
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
    let by = |got: Got| got.json["refunds"][0].get("requested_by").cloned();
    assert_eq!(by(shop.world.get(&one).as_actor(&owner).send().await), None);
    assert_eq!(by(shop.world.get(&one).as_actor(&support).send().await), Some(json!(admin.label())));
}

#[tokio::test]
async fn staff_lists_payments_by_status() {
    let shop = Shop::open();
    for n in 1..=9 {
        shop.pay(n, if n % 3 == 0 { Behaviour::Decline } else { Behaviour::Approve }).await;
        if n % 3 == 1 {
            shop.confirm(n).await;
        }
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
