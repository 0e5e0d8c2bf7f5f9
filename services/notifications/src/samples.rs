//! Made-up data, for the previews of the templates and for tests.

use contracts::CancelReason;
use kernel::{Currency, Money, OrderId, PaymentId, PostalAddress, Timestamp};

use crate::message::{Content, LineData, Message, MoneyBack, OrderData, OrderName, Template};

const ORDER: OrderId = OrderId(0x0193_4f2a_77b1_0000_1234_5678_9abc_def0);
const PLACED_AT_MILLIS: i64 = 1_763_692_800_000;

pub fn content(template: Template) -> Content {
    let message = message(template);
    Content { order: message.shows_order().then(order), message }
}

fn message(template: Template) -> Message {
    let eur = |amount| Money::new(amount, Currency::EUR);
    match template {
        Template::Welcome => Message::Welcome { name: "Ann Lee".into() },
        Template::Verification => Message::Verification { user_id: 1.into(), name: "Ann Lee".into(), serial: 1 },
        Template::PasswordReset => Message::PasswordReset { user_id: 1.into(), name: "Ann Lee".into(), serial: 1 },
        Template::OrderConfirmation => Message::OrderConfirmation,
        Template::Receipt => {
            Message::Receipt { payment_id: PaymentId(ORDER.0 + 1), paid: eur(125_488), paid_at: Timestamp::from_millis(PLACED_AT_MILLIS) }
        }
        Template::Shipped => {
            Message::Shipped { order: order_name(), carrier: Some("DHL".into()), tracking_number: Some("00340434161094015902".into()) }
        }
        Template::Cancellation => Message::Cancellation {
            order: order_name(),
            total: eur(125_488),
            reason: CancelReason::OutOfStock,
            money: MoneyBack::NothingTaken,
        },
        Template::PaymentRefunded => {
            Message::PaymentRefunded { order: order_name(), refund: eur(1999), refunded: eur(1999), paid: eur(125_488) }
        }
        Template::OrderToAdmin => Message::OrderToAdmin { customer: "ann@example.com".into() },
        Template::LowStockToAdmin => {
            Message::LowStockToAdmin { variant_id: 7.into(), sku: "POT-CLAY-L".into(), available: 2, threshold: 5 }
        }
        Template::BusinessPublished => Message::BusinessPublished { slug: "old-mill".into(), business: "Old Mill".into() },
        Template::BusinessRejected => Message::BusinessRejected {
            business_id: 7.into(),
            business: "Old Mill".into(),
            reason: "Please say in which street it is.".into(),
        },
        Template::BusinessSuspended => Message::BusinessSuspended {
            business_id: 7.into(),
            business: "Old Mill".into(),
            reason: "Several guests found it closed for good.".into(),
        },
        Template::ClaimDecided => Message::ClaimDecided { business_id: 7.into(), business: "Old Mill".into(), reason: None },
        Template::NewReview => Message::NewReview { review_id: 7.into(), stars: 4 },
        Template::ReviewReminder => Message::ReviewReminder {
            order: OrderName { id: 7.into(), number: "S-7K3F-92QD".into(), guest: false },
            titles: vec!["Clay Plant Pot, Large".into()],
        },
        Template::NewLead => {
            Message::NewLead { lead_id: 7.into(), business_id: 7.into(), business: "Old Mill".into(), price: eur(500), duplicate: false }
        }
    }
}

fn order_name() -> OrderName {
    OrderName { id: ORDER, number: "S-7K3F-92QD".into(), guest: false }
}

fn order() -> OrderData {
    OrderData {
        id: ORDER,
        number: "S-7K3F-92QD".into(),
        guest: false,
        placed_at: Timestamp::from_millis(PLACED_AT_MILLIS),
        currency: Currency::EUR,
        lines: vec![
            LineData { sku: "POT-CLAY-L".into(), title: "Clay Plant Pot, Large".into(), quantity: 2, unit: 1999, total: 3998 },
            LineData { sku: "BENCH-OAK".into(), title: "Garden Bench, Oak".into(), quantity: 1, unit: 121_000, total: 121_000 },
        ],
        subtotal: 124_998,
        shipping: 490,
        tax: 20_036,
        total: 125_488,
        address: Some(PostalAddress {
            name: "Ann Lee".into(),
            street_address: "Marienplatz 8".into(),
            extended_address: String::new(),
            postal_code: "80331".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        }),
    }
}
