//! Samples of all that is stored, held against the golden file.

use contracts::{Decline, DeclineCode};
use kernel::{Currency, Money, Timestamp};
use shell::testing::Golden;

use crate::payment::{Goal, Payment, Refund, RefundStatus, Status, StatusChange};
use crate::storage::OrderItem;

const DECLINES: [DeclineCode; 4] =
    [DeclineCode::CardDeclined, DeclineCode::InsufficientFunds, DeclineCode::AuthenticationFailed, DeclineCode::PaymentFailed];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn plain() -> Payment {
    Payment {
        id: 5.into(),
        order_id: 6.into(),
        order_number: "S-7K3F-92QD".into(),
        customer_id: None,
        amount: Money::new(1190, Currency::EUR),
        method: None,
        return_url: None,
        method_label: "Visa 4242".into(),
        status: Status::Pending,
        goal: Goal::Capture,
        stock_held: false,
        superseded: false,
        action_url: None,
        failure: None,
        refunds: Vec::new(),
        tries: 0,
        next_check_at: None,
        opened_at: at(),
        history: Vec::new(),
    }
}

/// With all that may be absent.
fn full(status: Status, goal: Goal) -> Payment {
    Payment {
        customer_id: Some(1.into()),
        method: Some("4242424242424242".into()),
        return_url: Some("https://shop.example/back".into()),
        status,
        goal,
        stock_held: true,
        superseded: true,
        action_url: Some("https://bank.example/confirm".into()),
        tries: 2,
        next_check_at: Some(at()),
        history: vec![StatusChange { status, at: at() }],
        ..plain()
    }
}

fn payments() -> Vec<Payment> {
    use Status::{Authorized, Captured, Failed, Pending, RequiresAction, Voided};
    let mut payments = vec![plain()];
    for status in [Pending, RequiresAction, Authorized, Captured, Voided, Failed] {
        payments.extend([Goal::Capture, Goal::Release].map(|goal| full(status, goal)));
    }
    let failure = |code| Some(Decline { code, message: "The card was declined.".into() });
    payments.extend(DECLINES.map(|code| Payment { failure: failure(code), ..full(Failed, Goal::Capture) }));
    let refund = |status| Refund {
        id: 7.into(),
        amount: Money::new(100, Currency::EUR),
        status,
        reason: "One cup was broken.".into(),
        requested_by: "Ann Lee".into(),
        requested_at: at(),
        retry_of: Some(6.into()),
    };
    let refunds = [RefundStatus::Pending, RefundStatus::Settled, RefundStatus::Refused].map(refund);
    payments.extend(refunds.map(|refund| Payment { refunds: vec![refund], ..full(Captured, Goal::Capture) }));
    payments
}

#[test]
fn what_was_stored_once_stays_readable() {
    let items = [OrderItem::Payment(Box::new(full(Status::Captured, Goal::Capture))), OrderItem::Cancelled { order_id: 6.into() }];
    Golden::of(env!("CARGO_MANIFEST_DIR")).record("Payment", payments()).record("OrderItem", items).check();
}
