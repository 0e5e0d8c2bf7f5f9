//! The gateway against what the port promises: card by card, repeated, lost, refused, out of order.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use contracts::GatewayState;
use kernel::{Currency, Money, PaymentId, RefundId, Timestamp};
use memory::MemoryStores;
use ports::store::{Commit, CommitError, Expect, Key, Write};
use ports::{Authorization, GatewayError, ManualClock, PaymentGateway, RefundState};
use sqlite::Sqlite;
use test_gateway::{Behaviour, CARDS, Operation, OperationKind, Options, TABLE, TestGateway};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

fn gateway() -> TestGateway {
    gateway_at(clock())
}

fn gateway_at(clock: Arc<ManualClock>) -> TestGateway {
    let book = MemoryStores::new(clock.clone()).table(TABLE);
    TestGateway::new(book, clock, Options { slow: Duration::from_millis(50), ..Options::default() })
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn number(behaviour: Behaviour) -> &'static str {
    CARDS.iter().find(|card| card.behaviour == behaviour).unwrap().number
}

fn request(id: u128, behaviour: Behaviour) -> Authorization {
    Authorization {
        payment_id: PaymentId(id),
        amount: eur(1999),
        method: number(behaviour).into(),
        reference: format!("S-{id}"),
        return_url: None,
    }
}

async fn kinds(gateway: &TestGateway) -> Vec<OperationKind> {
    ledger(gateway).await.into_iter().map(|operation| operation.kind).collect()
}

/// The whole ledger, by small pages.
async fn ledger(gateway: &TestGateway) -> Vec<Operation> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = gateway.operations(after, 7).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

fn code(state: &GatewayState) -> &str {
    match state {
        GatewayState::Declined { code, .. } => code,
        _ => "",
    }
}

#[tokio::test]
async fn a_payment_is_charged_once_however_often_it_is_asked() {
    let gateway = gateway();
    let request = request(1, Behaviour::Approve);
    for _ in 0..3 {
        assert_eq!(gateway.authorize(&request).await.unwrap().state, GatewayState::Authorized);
    }
    for _ in 0..3 {
        assert_eq!(gateway.capture(request.payment_id).await.unwrap().state, GatewayState::Captured);
    }
    let ledger = ledger(&gateway).await;
    assert_eq!(ledger.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [OperationKind::Authorize, OperationKind::Capture]);
    assert!(ledger.iter().all(|entry| entry.amount == eur(1999) && entry.reference == "S-1" && entry.payment_id == PaymentId(1)));
    let other = Authorization { amount: eur(5), ..request };
    assert!(matches!(gateway.authorize(&other).await, Err(GatewayError::Invalid(_))));
}

#[tokio::test]
async fn refusals_are_remembered() {
    let gateway = gateway();
    for (id, behaviour, expect) in [(1, Behaviour::Decline, "card_declined"), (2, Behaviour::InsufficientFunds, "insufficient_funds")] {
        for _ in 0..2 {
            assert_eq!(code(&gateway.authorize(&request(id, behaviour)).await.unwrap().state), expect);
        }
        assert!(matches!(gateway.capture(PaymentId(id)).await, Err(GatewayError::Invalid(_))));
        assert_eq!(code(&gateway.void(PaymentId(id)).await.unwrap().state), expect);
    }
    assert!(kinds(&gateway).await.is_empty());
}

#[tokio::test]
async fn other_numbers_are_neither_taken_nor_repeated() {
    let gateway = gateway();
    for method in ["5555555555554444", "378282246310005", "", "pm_card_visa"] {
        let refusal = gateway.check_method(method).unwrap_err();
        assert!(method.is_empty() || !refusal.to_string().contains(method), "{refusal}");
        let request = Authorization { method: method.into(), ..request(9, Behaviour::Approve) };
        assert!(matches!(gateway.authorize(&request).await, Err(GatewayError::Invalid(_))));
    }
    assert_eq!(gateway.find(PaymentId(9)).await.unwrap(), None);
    assert!(gateway.check_method("4242 4242 4242 4242").is_ok());
}

#[tokio::test]
async fn unknown_outcomes_are_settled_by_find() {
    let gateway = gateway();
    let (answer, lost) = (request(1, Behaviour::AnswerLost), request(2, Behaviour::RequestLost));
    assert!(matches!(gateway.authorize(&answer).await, Err(GatewayError::Unknown(_))));
    assert_eq!(gateway.find(PaymentId(1)).await.unwrap().unwrap().state, GatewayState::Authorized);
    assert_eq!(gateway.authorize(&answer).await.unwrap().state, GatewayState::Authorized);

    assert!(matches!(gateway.authorize(&lost).await, Err(GatewayError::Unknown(_))));
    assert_eq!(gateway.find(PaymentId(2)).await.unwrap(), None);
    assert_eq!(gateway.authorize(&lost).await.unwrap().state, GatewayState::Authorized);

    let capture = request(3, Behaviour::CaptureAnswerLost);
    gateway.authorize(&capture).await.unwrap();
    assert!(matches!(gateway.capture(PaymentId(3)).await, Err(GatewayError::Unknown(_))));
    assert_eq!(gateway.find(PaymentId(3)).await.unwrap().unwrap().state, GatewayState::Captured);
    assert_eq!(gateway.capture(PaymentId(3)).await.unwrap().state, GatewayState::Captured);
    assert_eq!(kinds(&gateway).await.iter().filter(|kind| **kind == OperationKind::Capture).count(), 1);
}

#[tokio::test]
async fn a_voided_payment_stays_void() {
    let gateway = gateway();
    // Never seen: the late authorization fails.
    assert_eq!(gateway.void(PaymentId(1)).await.unwrap().state, GatewayState::Voided);
    assert_eq!(gateway.authorize(&request(1, Behaviour::Approve)).await.unwrap().state, GatewayState::Voided);
    assert!(matches!(gateway.capture(PaymentId(1)).await, Err(GatewayError::Invalid(_))));
    // Authorized: freed once.
    gateway.authorize(&request(2, Behaviour::Approve)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(gateway.void(PaymentId(2)).await.unwrap().state, GatewayState::Voided);
    }
    assert!(matches!(gateway.capture(PaymentId(2)).await, Err(GatewayError::Invalid(_))));
    // Captured: must be refunded.
    gateway.authorize(&request(3, Behaviour::Approve)).await.unwrap();
    gateway.capture(PaymentId(3)).await.unwrap();
    assert!(matches!(gateway.void(PaymentId(3)).await, Err(GatewayError::Invalid(_))));
    use OperationKind::{Authorize, Capture, Void};
    assert_eq!(kinds(&gateway).await, [Void, Authorize, Void, Authorize, Capture]);
}

#[tokio::test]
async fn refunds_never_exceed_the_capture() {
    let gateway = gateway();
    gateway.authorize(&request(1, Behaviour::Approve)).await.unwrap();
    assert!(matches!(gateway.refund(PaymentId(1), RefundId(9), eur(1)).await, Err(GatewayError::Invalid(_))));
    gateway.capture(PaymentId(1)).await.unwrap();
    for (refund, amount, taken) in
        [(1, 1500, true), (1, 1500, true), (1, 1400, false), (2, 500, false), (3, 0, false), (4, -5, false), (5, 499, true), (6, 1, false)]
    {
        let answer = gateway.refund(PaymentId(1), RefundId(refund), eur(amount)).await;
        assert_eq!(answer.is_ok(), taken, "{refund} {amount} {answer:?}");
    }
    assert!(gateway.refund(PaymentId(1), RefundId(7), Money::new(1, "USD".parse().unwrap())).await.is_err());
    assert!(gateway.refund(PaymentId(2), RefundId(8), eur(1)).await.is_err());
    assert_eq!(gateway.find(PaymentId(1)).await.unwrap().unwrap().refunded, eur(1999));

    gateway.authorize(&request(3, Behaviour::RefundRefused)).await.unwrap();
    gateway.capture(PaymentId(3)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(gateway.refund(PaymentId(3), RefundId(10), eur(5)).await.unwrap().state, RefundState::Refused);
    }
    assert_eq!(gateway.find(PaymentId(3)).await.unwrap().unwrap().refunded, eur(0));
    assert_eq!(kinds(&gateway).await.iter().filter(|kind| **kind == OperationKind::Refund).count(), 2);
}

#[tokio::test]
async fn the_customer_confirms_or_not() {
    let gateway = gateway();
    for (id, approve) in [(1, true), (2, false)] {
        let state = gateway.authorize(&request(id, Behaviour::RequiresAction)).await.unwrap().state;
        assert_eq!(state, GatewayState::RequiresAction { action_url: format!("/test-gateway/actions/{}", PaymentId(id)) });
        assert_eq!(gateway.find(PaymentId(id)).await.unwrap().unwrap().state, state);
        gateway.confirm_action(PaymentId(id), approve).await.unwrap();
        let decided = gateway.confirm_action(PaymentId(id), !approve).await.unwrap().state;
        assert_eq!(decided == GatewayState::Authorized, approve);
        assert_eq!(code(&decided) == "authentication_failed", !approve);
    }
    gateway.authorize(&request(3, Behaviour::RequiresAction)).await.unwrap();
    gateway.void(PaymentId(3)).await.unwrap();
    assert_eq!(gateway.confirm_action(PaymentId(3), true).await.unwrap().state, GatewayState::Voided);
    assert_eq!(kinds(&gateway).await, [OperationKind::Authorize, OperationKind::Void]);
}

#[tokio::test]
async fn an_outage_ends_when_told() {
    let clock = clock();
    let gateway = gateway_at(clock.clone());
    gateway.set_outage(Some(Timestamp::from_millis(1_700_000_060_000)));
    assert!(matches!(gateway.authorize(&request(1, Behaviour::Approve)).await, Err(GatewayError::Unavailable(_))));
    assert!(matches!(gateway.find(PaymentId(1)).await, Err(GatewayError::Unavailable(_))));
    clock.advance(Duration::from_secs(60));
    assert_eq!(gateway.find(PaymentId(1)).await.unwrap(), None);
    gateway.set_outage(Some(Timestamp::MAX));
    assert!(matches!(gateway.void(PaymentId(1)).await, Err(GatewayError::Unavailable(_))));
    gateway.set_outage(None);
    assert!(matches!(gateway.authorize(&request(1, Behaviour::Unavailable)).await, Err(GatewayError::Unavailable(_))));
    assert!(gateway.authorize(&request(1, Behaviour::Slow)).await.is_ok());
}

#[tokio::test]
async fn the_ledger_is_in_the_order_of_time_and_nothing_is_put_over_an_entry() {
    let clock = clock();
    let book = MemoryStores::new(clock.clone()).table(TABLE);
    let gateway = TestGateway::new(book.clone(), clock.clone(), Options::default());
    for id in [3, 1, 2] {
        gateway.authorize(&request(id, Behaviour::Approve)).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
    gateway.capture(PaymentId(1)).await.unwrap();
    let told: Vec<_> = ledger(&gateway).await.into_iter().map(|entry| (entry.payment_id.0, entry.kind)).collect();
    use OperationKind::{Authorize, Capture};
    assert_eq!(told, [(3, Authorize), (1, Authorize), (2, Authorize), (1, Capture)]);

    let key = Key::new(format!("payment#{}", PaymentId(1)), "operation#capture");
    let check = Write::Check { key, expect: Expect::Absent };
    let refused = book.commit(Commit { writes: vec![check], ..Commit::default() }).await;
    assert!(matches!(refused, Err(CommitError::Conflict(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_outlives_the_gateway_and_is_charged_once_under_concurrency() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sqlite");
    let open = || {
        let file = Sqlite::open(&path, &[TABLE], clock()).unwrap();
        (TestGateway::new(file.table(&TABLE), clock(), Options::default()), file)
    };
    let (gateway, file) = open();
    let gateway = Arc::new(gateway);
    let tasks: Vec<_> = (0..400_u128)
        .map(|place| {
            let gateway = gateway.clone();
            tokio::spawn(async move {
                let request = request(place % 100, Behaviour::Approve);
                gateway.authorize(&request).await.unwrap();
                gateway.capture(request.payment_id).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let before = ledger(&gateway).await;
    assert_eq!(before.len(), 200);
    drop(gateway);
    file.close().await.unwrap();

    let (gateway, _file) = open();
    for id in 0..100 {
        assert_eq!(gateway.capture(PaymentId(id)).await.unwrap().state, GatewayState::Captured);
    }
    assert_eq!(ledger(&gateway).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_at_the_same_time_do_not_exceed_the_capture() {
    let gateway = Arc::new(gateway());
    gateway.authorize(&request(1, Behaviour::Approve)).await.unwrap();
    gateway.capture(PaymentId(1)).await.unwrap();
    let tasks: Vec<_> = (0..10_u128)
        .map(|place| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.refund(PaymentId(1), RefundId(place), eur(500)).await.is_ok() })
        })
        .collect();
    let mut settled = 0;
    for task in tasks {
        settled += usize::from(task.await.unwrap());
    }
    assert_eq!(settled, 3, "19.99 holds 5.00 three times");
    assert_eq!(gateway.find(PaymentId(1)).await.unwrap().unwrap().refunded, eur(1500));
}

#[test]
fn the_document_lists_the_cards() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/test-gateway.md");
    let rows: String = CARDS.iter().map(|card| format!("| `{}` | {} |\n", card.number, card.does)).collect();
    let table = format!("| number | what it does |\n|---|---|\n{rows}");
    assert!(std::fs::read_to_string(file).unwrap().contains(&table), "docs/test-gateway.md must hold:\n\n{table}");
}
