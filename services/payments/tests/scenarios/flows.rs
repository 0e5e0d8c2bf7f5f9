//! The orders' events in every order, and a gateway in every mood.

use std::sync::Arc;
use std::time::Duration;

use contracts::GatewayState;
use contracts::{Event, OrderAwaitingPayment, OrderCancelled, OrderPartCancelled, PaymentTry, StockReserved};
use kernel::{PaymentId, Timestamp};
use ports::{Clock, PaymentGateway};
use serde_json::json;
use shell::testing::Harness;
use test_gateway::Behaviour;
use test_gateway::OperationKind::{Authorize, Capture, Refund, Void};

use crate::shop::{Shop, awaiting, cancelled, customer, eur, order, payment, reserved};

#[tokio::test]
async fn an_approved_payment_is_captured_at_once() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    shop.pay(1, Behaviour::Approve).await;
    assert_eq!(shop.told().await, ["payment.captured"]);
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
    shop.world.publish(StockReserved { order: order(1), payment: None }).await;
    shop.world.settle().await;
    let listed = shop.world.get(&format!("/api/v1/orders/{}/payments", order(1).order_id)).as_actor(&customer(1)).send().await.expect(200);
    assert_eq!(listed.json, json!({ "items": [] }));
}

#[tokio::test]
async fn refusals_say_why() {
    for (behaviour, code) in [(Behaviour::Decline, "card_declined"), (Behaviour::InsufficientFunds, "insufficient_funds")] {
        let shop = Shop::open();
        shop.pay(1, behaviour).await;
        assert_eq!(shop.told().await, ["payment.failed"]);
        let seen = shop.seen(payment(1)).await;
        assert_eq!((&seen["status"], &seen["failure"]["code"]), (&json!("failed"), &json!(code)));
        shop.cancel(1, Some(payment(1))).await;
        shop.tick(60).await;
        assert_eq!(shop.status(1).await, "failed");
        assert!(shop.ledger(payment(1)).await.is_empty());
    }
    let shop = Shop::open();
    let unknown = PaymentTry { payment_id: payment(1), payment_method: "5555 5555 5555 4444".into(), return_url: None };
    shop.world.publish(OrderAwaitingPayment { order: order(1), payment: unknown }).await;
    shop.world.settle().await;
    assert_eq!(shop.seen(payment(1)).await["failure"]["code"], "payment_failed");
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
        assert_eq!(shop.status(n).await, if approve { "captured" } else { "failed" });
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
        assert_eq!(shop.status(n).await, "captured");
        assert_eq!(shop.ledger(payment(n)).await, [Authorize, Capture]);
    }
    assert_eq!(shop.told().await, ["payment.captured"; 3]);
}

#[tokio::test]
async fn a_silent_gateway_counts_as_unknown() {
    let shop = Shop::with_call_limit(Duration::from_millis(10));
    shop.pay(1, Behaviour::Slow).await;
    assert_eq!((shop.status(1).await.as_str(), shop.told().await.len()), ("pending", 0));
}

#[tokio::test]
async fn an_outage_of_a_minute_is_sat_out() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let start = shop.world.kit().clock().now();
    shop.gateway.set_outage(Some(start.plus(Duration::from_secs(60))));
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
    assert_eq!(shop.told().await, ["payment.captured"]);
    for _ in 0..75 {
        shop.tick(1).await;
    }
    assert!(shop.guard.is_closed());
    assert_eq!(breaker().as_actor(&Harness::admin()).send().await.expect(200).json, json!({ "state": "closed", "failures": 0 }));
    assert_eq!(shop.status(1).await, "captured");
    assert_eq!(shop.ledger(payment(1)).await, [Authorize, Capture]);
    for n in 2..20 {
        assert_eq!(
            (shop.status(n).await.as_str(), shop.ledger(payment(n)).await.as_slice()),
            ("captured", [Authorize, Capture].as_slice())
        );
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
    use Behaviour::{AnswerLost, Approve, CaptureAnswerLost, RequestLost, RequiresAction};
    for (n, behaviour, ledger, status) in [
        (1, Approve, vec![Authorize, Capture, Refund], "captured"),
        (2, AnswerLost, vec![Authorize, Void], "voided"),
        (3, RequestLost, vec![Void], "voided"),
        (4, RequiresAction, vec![Void], "voided"),
        // Taken without our knowing: the gateway will not void it.
        (5, CaptureAnswerLost, vec![Authorize, Capture, Refund], "captured"),
    ] {
        let shop = Shop::open();
        shop.pay(n, behaviour).await;
        for _ in 0..2 {
            shop.cancel(n, Some(payment(n))).await;
            shop.tick(1).await;
        }
        assert_eq!((shop.status(n).await.as_str(), shop.ledger(payment(n)).await), (status, ledger.clone()), "{behaviour:?}");
        let told = shop.told().await;
        assert_eq!(told.contains(&"payment.refunded"), status == "captured", "{behaviour:?}");
        assert_eq!(told.contains(&"payment.captured"), behaviour == Approve, "what was given up is not told as paid");
        // News of the stock that comes again charges nobody.
        shop.pay(n, behaviour).await;
        shop.tick(60).await;
        assert_eq!(shop.ledger(payment(n)).await, ledger, "{behaviour:?}");
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
    // A third try of an order that is paid, and a first one that arrives late, hold nothing.
    for id in [PaymentId(second.0 + 1), PaymentId(payment(1).0 - 1)] {
        shop.world.publish(awaiting(1, id, Behaviour::Approve)).await;
        shop.world.settle().await;
        assert_eq!((shop.seen(id).await["status"].as_str(), shop.ledger(id).await), (Some("voided"), vec![Void]));
    }
    assert_eq!(shop.ledger(second).await, [Authorize, Capture]);
    let listed = shop.world.get(&format!("/api/v1/orders/{}/payments", order(1).order_id)).as_actor(&customer(1)).send().await.expect(200);
    let statuses: Vec<_> = listed.json["items"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["voided", "captured", "voided", "voided"]);
}

#[tokio::test]
async fn events_that_come_twice_have_one_effect() {
    let shop = Shop::open();
    let events: [Event; 2] =
        [reserved(1, Behaviour::Approve).into(), OrderCancelled { was_confirmed: true, ..cancelled(1, Some(payment(1))) }.into()];
    let mut delivered = Vec::new();
    for event in events {
        let envelope = shop.world.publish(event).await;
        shop.world.settle().await;
        for _ in 0..3 {
            shop.world.deliver("payments", &envelope).await.unwrap();
        }
        shop.tick(1).await;
        delivered.push(envelope);
    }
    // Late and in any order: the payment itself knows, for there is no record of the events.
    shop.tick(31 * 24 * 3600).await;
    for order in [[0, 1], [1, 0]] {
        for place in order {
            shop.world.deliver("payments", &delivered[place]).await.unwrap();
        }
        shop.tick(60).await;
    }
    assert_eq!(shop.told().await, ["payment.captured", "payment.refunded"]);
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
        assert!(shop.keeps_nothing(payment(1)).await);
        assert!(!shop.told().await.contains(&"payment.captured"));
    }
}

/// Whichever commits first, no order ends cancelled with its money held or taken. Real threads make the race real.
#[allow(clippy::disallowed_methods)]
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
        assert!(shop.keeps_nothing(payment(n)).await, "{n}: {}", shop.status(n).await);
    }
}

#[tokio::test]
async fn the_bank_is_told_where_to_send_the_customer_back_to() {
    let shop = Shop::open();
    let back = "https://shop.example/checkout/done";
    let mut wanted = reserved(1, Behaviour::RequiresAction);
    wanted.payment = wanted.payment.map(|payment| PaymentTry { return_url: Some(back.into()), ..payment });
    shop.world.publish(wanted).await;
    shop.world.settle().await;
    assert_eq!(shop.status(1).await, "requires_action");
    assert_eq!(shop.gateway.return_url(payment(1)).await.unwrap().as_deref(), Some(back));
    let kept = shop.world.stored(&payments::TABLE);
    assert!(kept.iter().all(|item| !item.contains(back)), "it is not needed here any more: {kept:?}");
}

#[tokio::test]
async fn the_share_of_a_cancelled_part_goes_back_once() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::Approve).await;
    let cancelled = OrderPartCancelled {
        order: order(1),
        seller_id: 6.into(),
        lines: Vec::new(),
        reason: contracts::CancelReason::BySeller,
        payment_id: payment(1),
        amount: eur(700),
    };
    let told = shop.world.publish(cancelled).await;
    shop.world.settle().await;
    shop.tick(1).await;
    shop.world.deliver("payments", &told).await.unwrap();
    shop.tick(1).await;
    let seen = shop.seen(payment(1)).await;
    assert_eq!((&seen["status"], &seen["refunded"]["amount"]), (&"captured".into(), &700.into()), "{seen}");
    // The rest follows when the order ends.
    shop.cancel(1, Some(payment(1))).await;
    shop.tick(1).await;
    assert_eq!(shop.gateway.find(payment(1)).await.unwrap().unwrap().refunded, eur(1999));
}

#[tokio::test]
async fn an_admin_tries_a_refused_refund_again() {
    let shop = Shop::open();
    shop.pay(1, Behaviour::RefundRefused).await;
    shop.refund(1, serde_json::json!({ "amount": eur(500), "reason": "broken" }), "k1").await.expect(202);
    shop.tick(1).await;
    let refused = shop.seen(payment(1)).await["refunds"][0].clone();
    assert_eq!(refused["status"], "refused");
    let path = format!("/api/v1/admin/payments/{}/refunds/{}/retry", payment(1), refused["id"].as_str().unwrap());
    let retry = |actor| shop.world.post(&path, &serde_json::json!({})).as_actor(actor).header("Idempotency-Key", "k2").send();
    let (support, admin) = (shell::testing::Harness::support(), shell::testing::Harness::admin());
    retry(&support).await.expect(403);
    let again = retry(&admin).await.expect(202);
    assert_eq!((&again.json["refunds"][1]["status"], &again.json["refunds"][1]["retry_of"]), (&"pending".into(), &refused["id"]));
    // The key of the request stands for one try.
    assert_eq!(retry(&admin).await.expect(202).json, again.json);
    shop.tick(1).await;
    assert_eq!(shop.told().await, ["payment.captured", "payment.refund_failed", "payment.refund_failed"]);
}
