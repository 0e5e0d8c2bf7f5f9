//! Samples of all that is stored, held against the golden file.

use contracts::{CancelReason, Decline, DeclineCode};
use kernel::{BusinessId, Currency, Money, PostalAddress, TaxRate, Timestamp};
use shell::testing::Golden;

use crate::order::{Line, Method, Note, Order, ParcelText, Payment, Status, StatusChange, Tracking};
use crate::storage::{Listed, Sweep};

const STATUSES: [Status; 12] = [
    Status::Pending,
    Status::AwaitingPayment,
    Status::Confirmed,
    Status::Processing,
    Status::Shipped,
    Status::Delivered,
    Status::Cancelled(CancelReason::OutOfStock),
    Status::Cancelled(CancelReason::Expired),
    Status::Cancelled(CancelReason::ByCustomer),
    Status::Cancelled(CancelReason::BySeller),
    Status::Cancelled(CancelReason::ByAdmin),
    Status::Refunded,
];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn address(more: &str) -> PostalAddress {
    PostalAddress {
        name: "Ann Lee".into(),
        street_address: "Marienplatz 8".into(),
        extended_address: more.into(),
        postal_code: "80331".into(),
        address_locality: "München".into(),
        address_region: more.into(),
        address_country: "DE".into(),
        telephone: more.into(),
    }
}

fn plain() -> Order {
    let line = Line {
        product_id: 1.into(),
        variant_id: 2.into(),
        seller_id: BusinessId(3),
        sku: "TEA-100".into(),
        title: "Tea, 100 g".into(),
        quantity: 2,
        unit_price: eur(1190),
        tax_rate: TaxRate(1900),
        tax: eur(380),
        total: eur(2380),
        image_url: None,
    };
    Order {
        id: 6.into(),
        request_fingerprint: None,
        customer_id: None,
        email: "ann@example.com".parse().unwrap(),
        lines: vec![line],
        shipping: eur(0),
        shipping_address: None,
        billing_address: None,
        note: None,
        status: Status::Pending,
        payment: Payment { payment_id: None, tries: 0, method: None, action_url: None, declined: None, captured: None, refunded: eur(0) },
        tracking: None,
        history: Vec::new(),
        placed_at: at(),
        expires_at: at(),
    }
}

/// With all that may be absent.
fn full(status: Status) -> Order {
    let [line] = <[Line; 1]>::try_from(plain().lines).unwrap();
    let other = Line { seller_id: BusinessId(4), image_url: Some("/files/tea.jpg".into()), ..line.clone() };
    let parcel = |text: &str| Some(ParcelText::new(text).unwrap());
    let change = |note: Option<&str>| StatusChange { at: at(), to: status, by: "Ann Lee".into(), note: note.map(Into::into) };
    Order {
        request_fingerprint: Some("9F86D081".into()),
        customer_id: Some(1.into()),
        lines: vec![line, other],
        shipping: eur(490),
        shipping_address: Some(address("")),
        billing_address: Some(address("Second floor")),
        note: Some(Note::new("Ring twice, please.").unwrap()),
        status,
        payment: Payment {
            payment_id: Some(5.into()),
            tries: 1,
            method: Some(Method::new("4242424242424242").unwrap()),
            action_url: Some("https://bank.example/confirm".into()),
            declined: Some(Decline { code: DeclineCode::CardDeclined, message: "The bank declined the payment.".into() }),
            captured: Some(eur(5250)),
            refunded: eur(100),
        },
        tracking: Some(Tracking { carrier: parcel("DHL"), number: parcel("00340434"), url: parcel("https://dhl.example/00340434") }),
        history: vec![change(None), change(Some("Asked on the phone."))],
        ..plain()
    }
}

#[test]
fn what_was_stored_once_stays_readable() {
    let untracked = Order { tracking: Some(Tracking::default()), ..full(Status::Shipped) };
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Order", [plain(), untracked].into_iter().chain(STATUSES.map(full)))
        .record("Listed", Listed::of(&full(Status::Pending)))
        .record("Sweep", [Sweep { through: "1970-01-01T00:00:00.001Z".into(), begun_at: at() }])
        .check();
}
