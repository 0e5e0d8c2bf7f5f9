//! Samples of all that is stored, held against the golden file.

use contracts::golden::Golden;
use kernel::{Currency, Money, RefundId, Timestamp};
use ports::RefundState;

use crate::book::{Lost, Operation, OperationKind, Payment, Refund, State};

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn payments() -> [Payment; 6] {
    let payment = |card, state| Payment {
        id: 5.into(),
        amount: eur(1190),
        card,
        reference: "S-7K3F-92QD".into(),
        return_url: Some("https://shop.example/back".into()),
        state,
        refunded: eur(100),
        at: at(),
    };
    let seen = |state| payment(Some("4242424242424242".into()), state);
    [
        payment(None, State::Voided),
        seen(State::RequiresAction),
        seen(State::Authorized),
        seen(State::Captured),
        seen(State::Voided),
        seen(State::Declined { code: "Card declined".into() }),
    ]
}

fn operations() -> [Operation; 4] {
    use OperationKind::{Authorize, Capture, Refund, Void};
    [(Authorize, None), (Capture, None), (Void, None), (Refund, Some(RefundId(7)))].map(|(kind, refund_id)| Operation {
        kind,
        payment_id: 5.into(),
        refund_id,
        amount: eur(1190),
        reference: "S-7K3F-92QD".into(),
        at: at(),
    })
}

#[test]
fn what_was_stored_once_stays_readable() {
    let refund = |state| Refund { id: 7.into(), payment_id: 5.into(), amount: eur(100), state, at: at() };
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Payment", payments())
        .record("Lost", [Lost { payment_id: 5.into() }])
        .record("Refund", [RefundState::Settled, RefundState::Refused].map(refund))
        .record("Operation", operations())
        .check();
}
