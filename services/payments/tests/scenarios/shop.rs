//! A shop of payments alone, with what the tests do to it.

use std::sync::Arc;
use std::time::Duration;

use contracts::GatewayState;
use contracts::{CancelReason, OrderAwaitingPayment, OrderCancelled, OrderRef, PaymentTry, StockReserved};
use kernel::{Actor, Currency, Money, OrderId, PaymentId, UserId};
use payments::{GuardOptions, GuardedGateway, SETTLE};
use ports::PaymentGateway as _;
use serde_json::Value;
use shell::testing::{Harness, TestResponse};
use test_gateway::{Behaviour, CARDS, OperationKind, Options, TestGateway};

pub struct Shop {
    pub world: Harness,
    pub gateway: Arc<TestGateway>,
    pub guard: Arc<GuardedGateway>,
}

impl Shop {
    pub fn open() -> Self {
        Self::with_call_limit(Duration::from_millis(500))
    }

    /// `limit` is what one call to the gateway may take.
    pub fn with_call_limit(limit: Duration) -> Self {
        let mut kept = None;
        let world = Harness::new(|kit| {
            let book = kit.table(&test_gateway::TABLE);
            let quick = Options { slow: Duration::from_millis(50), ..Options::default() };
            let gateway = Arc::new(TestGateway::new(book, kit.clock(), quick));
            let options = GuardOptions { call: limit, ..GuardOptions::default() };
            let guard = Arc::new(GuardedGateway::new(gateway.clone(), kit.clock(), options));
            kept = Some((gateway, guard.clone()));
            vec![payments::service(&kit.work(&payments::TABLE), guard)]
        });
        let (gateway, guard) = kept.unwrap();
        Self { world, gateway, guard }
    }

    /// An order that is to be paid, and what payments make of it.
    pub async fn pay(&self, n: u128, behaviour: Behaviour) {
        self.world.publish(reserved(n, behaviour)).await;
        self.world.settle().await;
    }

    pub async fn cancel(&self, n: u128, payment_id: Option<PaymentId>) {
        self.world.publish(cancelled(n, payment_id)).await;
        self.world.settle().await;
    }

    /// Lets a second pass and the schedule run.
    pub async fn tick(&self, secs: u64) {
        self.world.advance(Duration::from_secs(secs));
        self.world.tick(SETTLE).await;
    }

    pub async fn seen(&self, id: PaymentId) -> Value {
        self.world.get(&format!("/api/v1/payments/{id}")).as_actor(&Harness::admin()).send().await.expect(200).json
    }

    pub async fn status(&self, n: u128) -> String {
        self.seen(payment(n)).await["status"].as_str().unwrap().to_owned()
    }

    /// What payments told, without the orders' own events.
    pub async fn told(&self) -> Vec<&'static str> {
        self.world.event_types().await.into_iter().filter(|kind| kind.starts_with("payment.")).collect()
    }

    pub async fn ledger(&self, id: PaymentId) -> Vec<OperationKind> {
        let all = self.gateway.operations(None, 1000).await.unwrap();
        assert!(all.next.is_none(), "more operations than the scenarios need");
        all.items.into_iter().filter(|operation| operation.payment_id == id).map(|operation| operation.kind).collect()
    }

    /// Whether the gateway neither holds money of the payment nor has any that did not go back.
    pub async fn keeps_nothing(&self, id: PaymentId) -> bool {
        let known = self.gateway.find(id).await.unwrap().unwrap();
        known.state == GatewayState::Voided || known.refunded == order(1).total
    }

    pub async fn refund(&self, n: u128, body: Value, key: &str) -> TestResponse {
        let path = format!("/api/v1/admin/payments/{}/refunds", payment(n));
        self.world.post(&path, &body).as_actor(&Harness::admin()).header("Idempotency-Key", key).send().await
    }
}

pub fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub fn payment(n: u128) -> PaymentId {
    PaymentId((n << 8) + 16)
}

pub fn customer(n: u128) -> Actor {
    Harness::customer(n)
}

pub fn order(n: u128) -> OrderRef {
    let customer_id: Option<UserId> = customer(n).user_id();
    OrderRef {
        order_id: OrderId(n << 8),
        number: format!("S-{n}"),
        customer_id,
        email: "ann@example.com".parse().unwrap(),
        total: eur(1999),
    }
}

pub fn awaiting(n: u128, id: PaymentId, behaviour: Behaviour) -> OrderAwaitingPayment {
    let number = CARDS.iter().find(|card| card.behaviour == behaviour).unwrap().number;
    OrderAwaitingPayment { order: order(n), payment: PaymentTry { payment_id: id, payment_method: number.into(), return_url: None } }
}

/// Chosen when the order was placed.
pub fn reserved(n: u128, behaviour: Behaviour) -> StockReserved {
    let OrderAwaitingPayment { order, payment } = awaiting(n, payment(n), behaviour);
    StockReserved { order, payment: Some(payment) }
}

pub fn cancelled(n: u128, payment_id: Option<PaymentId>) -> OrderCancelled {
    OrderCancelled { order: order(n), reason: CancelReason::ByCustomer, payment_id, was_confirmed: false, sellers: Vec::new() }
}
