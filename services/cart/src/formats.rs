//! Samples of all that is stored, held against the golden file.

use kernel::{Currency, Money, Timestamp};
use shell::testing::Golden;

use crate::cart::{Cart, Line, Status};
use crate::storage::Current;

fn carts() -> Vec<Cart> {
    let line = |image_url| Line {
        product_id: 1.into(),
        variant_id: 2.into(),
        quantity: 3,
        price_seen: Money::new(1190, Currency::EUR),
        title: "Tea, 100 g".into(),
        sku: "TEA-100".into(),
        image_url,
    };
    let guests = Cart {
        id: 4.into(),
        customer_id: None,
        currency: Currency::EUR,
        lines: vec![line(None)],
        status: Status::Open,
        updated_at: Timestamp::from_millis(1),
    };
    let statuses = [Status::Open, Status::Ordered { order_id: 6.into() }, Status::Merged { into: 7.into() }];
    let lines = vec![line(Some("/files/tea.jpg".into()))];
    let customers = Cart { customer_id: Some(5.into()), lines, ..guests.clone() };
    let in_statuses = statuses.map(|status| Cart { status, ..customers.clone() });
    std::iter::once(guests).chain(in_statuses).collect()
}

#[test]
fn what_was_stored_once_stays_readable() {
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Cart", carts())
        .record("Current", [Current { customer_id: 5.into(), cart_id: 4.into() }])
        .check();
}
