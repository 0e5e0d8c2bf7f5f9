//! Samples of all that is stored, held against the golden file.

use contracts::{CancelReason, Decline, DeclineCode, ShortLine};
use kernel::{BusinessId, Currency, Money, PostalAddress, TaxRate, Timestamp};
use shell::testing::Golden;

use crate::order::{
    Happening, Line, Method, Note, Order, Parcel, ParcelText, Part, PartStatus, Payment, RefusedRefund, ReturnUrl, Status, StatusChange,
};
use crate::storage::{Listed, PlacedByClient, Sweep, Unpaid};

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
        parts: vec![Part::new(BusinessId(3), eur(0))],
        shipping_address: None,
        billing_address: None,
        note: None,
        status: Status::Pending,
        payment: Payment {
            payment_id: None,
            tries: 0,
            method: None,
            return_url: None,
            action_url: None,
            declined: None,
            captured: None,
            refunded: eur(0),
            refused_refunds: Vec::new(),
        },
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
    let change = |(note, what)| StatusChange { at: at(), to: status, by: "Ann Lee".into(), what, note };
    let happenings = happenings().map(|what| (None, what));
    let noted = (Some("Asked on the phone.".to_owned()), Happening::Cancelled);
    let sent = Parcel { carrier: parcel("DHL"), number: parcel("00340434"), url: parcel("https://dhl.example/00340434") };
    let part = |(seller, status, parcels): (u128, PartStatus, Vec<Parcel>)| Part {
        shipping: eur(245),
        status,
        parcels,
        ..Part::new(BusinessId(seller), eur(0))
    };
    let parts = [
        (3, PartStatus::Shipped, vec![sent, Parcel::default()]),
        (4, PartStatus::Processing, Vec::new()),
        (5, PartStatus::Delivered, Vec::new()),
        (6, PartStatus::Cancelled, Vec::new()),
    ];
    let refused = RefusedRefund { refund_id: 8.into(), amount: eur(100), message: "The account is closed.".into(), at: at() };
    Order {
        request_fingerprint: Some("9F86D081".into()),
        customer_id: Some(1.into()),
        lines: vec![line, other],
        parts: parts.map(part).to_vec(),
        shipping_address: Some(address("")),
        billing_address: Some(address("Second floor")),
        note: Some(Note::new("Ring twice, please.").unwrap()),
        status,
        payment: Payment {
            payment_id: Some(5.into()),
            tries: 1,
            method: Some(Method::new("4242424242424242").unwrap()),
            return_url: Some(ReturnUrl::new("https://shop.example/back").unwrap()),
            action_url: Some("https://bank.example/confirm".into()),
            declined: Some(Decline { code: DeclineCode::CardDeclined, message: "The bank declined the payment.".into() }),
            captured: Some(eur(5250)),
            refunded: eur(100),
            refused_refunds: vec![refused],
        },
        history: happenings.into_iter().chain([noted]).map(change).collect(),
        ..plain()
    }
}

fn happenings() -> [Happening; 15] {
    let (seller_id, amount) = (BusinessId(3), eur(100));
    [
        Happening::Placed,
        Happening::StockReserved,
        Happening::StockRefused { short: vec![ShortLine { variant_id: 2.into(), sku: "TEA-100".into(), wanted: 2, available: 1 }] },
        Happening::PaymentChosen,
        Happening::ConfirmationRequired,
        Happening::PaymentDeclined { decline: DeclineCode::CardDeclined },
        Happening::Paid { amount },
        Happening::PartProcessing { seller_id },
        Happening::PartShipped { seller_id },
        Happening::ParcelsCorrected { seller_id },
        Happening::PartDelivered { seller_id },
        Happening::PartCancelled { seller_id },
        Happening::Refunded { amount },
        Happening::RefundRefused { amount },
        Happening::Attached,
    ]
}

#[test]
fn what_was_stored_once_stays_readable() {
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Order", [plain()].into_iter().chain(STATUSES.map(full)))
        .record("Listed", Listed::of(&full(Status::Pending)))
        .record("Sweep", [Sweep::along(Unpaid::OfGuests, "1970-01-01T00:00:00.001Z".into(), at())])
        .record("PlacedByClient", [PlacedByClient::of(&full(Status::Pending), "hash")])
        .check();
}
