//! Samples of all that is stored, held against the golden file.

use kernel::{BusinessId, Timestamp};
use shell::testing::Golden;

use crate::reservation::{HeldLine, LineState, Reservation, Status};
use crate::stock::{MovementKind, StockItem};
use crate::storage::{LowMark, Movement};

/// Of the shop itself, and of a seller.
const SELLERS: [Option<BusinessId>; 2] = [None, Some(BusinessId(3))];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn stock(seller_id: Option<BusinessId>) -> StockItem {
    StockItem {
        variant_id: 2.into(),
        product_id: 1.into(),
        seller_id,
        sku: "TEA-100".into(),
        title: "Tea, 100 g".into(),
        on_hand: 9,
        available: 7,
        reserved: 2,
        threshold: 3,
        low_alerted: 0,
        in_stock: 1,
        state_revision: 3,
        backorder: 1,
        counted: 1,
        revision: 4,
        catalog_sequence: 5,
    }
}

fn reservations() -> impl Iterator<Item = Reservation> {
    use Status::{Forestalled, Held, Refused, Released, Shipped};
    let lines = || {
        let line = |state| HeldLine { variant_id: 2.into(), sku: "TEA-100".into(), quantity: 2, state };
        [LineState::Held, LineState::Shipped, LineState::Released].map(line).to_vec()
    };
    let reservation = move |status| Reservation { order_id: 6.into(), lines: lines(), status, changed_at: at() };
    [Held, Shipped, Refused, Released, Forestalled].into_iter().map(reservation)
}

fn movements() -> impl Iterator<Item = Movement> {
    use MovementKind::{Adjusted, Counted, Shipped};
    let plain = |kind| Movement { at: at(), kind, on_hand: 0, order_id: None, by: None, reason: None };
    let full = move |kind| Movement {
        on_hand: -2,
        order_id: Some(6.into()),
        by: Some("Ann Lee".into()),
        reason: Some("Two were broken".into()),
        ..plain(kind)
    };
    [Shipped, Adjusted, Counted].into_iter().flat_map(move |kind| [plain(kind), full(kind)])
}

#[test]
fn what_was_stored_once_stays_readable() {
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("StockItem", SELLERS.map(stock))
        .record("LowMark", SELLERS.map(|seller_id| LowMark { variant_id: 2.into(), seller_id }))
        .record("Reservation", reservations())
        .record("Movement", movements())
        .check();
}
