//! Every event as it is logged, held against the golden file: old events are replayed.

use std::collections::BTreeSet;

use contracts::golden::Golden;
use contracts::*;
use kernel::{BusinessId, Currency, Email, Money, Rating, ReviewTarget, StaffRole, StockState};

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn email() -> Email {
    "ann@example.com".parse().expect("an address")
}

/// Of a customer, and of a guest.
fn orders() -> [OrderRef; 2] {
    let order = |customer_id| OrderRef { order_id: 1.into(), number: "S-7K3F-92QD".into(), customer_id, email: email(), total: eur(4488) };
    [order(Some(2.into())), order(None)]
}

fn order() -> OrderRef {
    let [order, _] = orders();
    order
}

fn payment() -> PaymentRef {
    PaymentRef { payment_id: 5.into(), order_id: 1.into(), amount: eur(4488) }
}

fn attempt() -> PaymentTry {
    PaymentTry { payment_id: 5.into(), payment_method: "4242424242424242".into(), return_url: Some("https://shop.example/back".into()) }
}

const REASONS: [CancelReason; 5] =
    [CancelReason::OutOfStock, CancelReason::Expired, CancelReason::ByCustomer, CancelReason::BySeller, CancelReason::ByAdmin];

const DECLINES: [DeclineCode; 4] =
    [DeclineCode::CardDeclined, DeclineCode::InsufficientFunds, DeclineCode::AuthenticationFailed, DeclineCode::PaymentFailed];

#[derive(Default)]
struct Events {
    golden: Option<Golden>,
    covered: BTreeSet<&'static str>,
}

impl Events {
    fn of<E: EventData + serde::Serialize + serde::de::DeserializeOwned>(mut self, samples: impl IntoIterator<Item = E>) -> Self {
        self.covered.insert(E::KIND);
        self.golden = self.golden.map(|golden| golden.record(E::KIND, samples));
        self
    }
}

#[test]
fn events_that_were_logged_once_stay_readable() {
    let events = Events { golden: Some(Golden::of(env!("CARGO_MANIFEST_DIR"))), ..Events::default() };
    let events = directory(payments(shop(people(events))));
    let missing: Vec<_> = Event::TYPES.iter().filter(|(kind, _)| !events.covered.contains(kind)).collect();
    assert!(missing.is_empty(), "without a sample: {missing:?}");
    events.golden.expect("it was there").check();
}

fn people(events: Events) -> Events {
    let name = || "Ann Lee".to_owned();
    events
        .of([RegisteredAgain { user_id: 1.into(), email: email(), name: name(), serial: 1 }])
        .of([VerificationRequested { user_id: 1.into(), email: email(), name: name(), serial: 1 }])
        .of([true, false].map(|proven| UserVerified { user_id: 1.into(), email: email(), name: name(), proven, first: true }))
        .of([PasswordResetRequested { user_id: 1.into(), email: email(), name: name(), serial: 1 }])
        .of([UserDisabled { user_id: 1.into(), reason: "Asked for it.".into() }])
        .of([Some(email()), None].map(|email| UserErased { user_id: 1.into(), email }))
        .of([MailQueued { mail_id: 1.into(), attempt: 1 }])
        .of([true, false].map(|awaits_moderation| ReviewSubmitted {
            review_id: 1.into(),
            target: ReviewTarget::Product(2.into()),
            business_id: 3.into(),
            author_id: 1.into(),
            stars: 4,
            verified: true,
            awaits_moderation,
        }))
}

fn shop(events: Events) -> Events {
    let lines = || vec![OrderLine { variant_id: 3.into(), sku: "TEA-100".into(), quantity: 2 }];
    let variants = || vec![VariantRef { variant_id: 3.into(), sku: "TEA-100".into(), title: "Tea, 100 g".into() }];
    events
        .of([
            OrderPlaced { order: order(), cart_id: 1.into(), lines: lines(), payment: Some(attempt()) },
            OrderPlaced { order: orders()[1].clone(), cart_id: 1.into(), lines: lines(), payment: None },
        ])
        .of([OrderAwaitingPayment { order: order(), payment: attempt() }])
        .of(orders().map(|order| OrderConfirmed { order, payment_id: 5.into(), sellers: vec![3.into()] }))
        .of(REASONS.map(|reason| OrderCancelled {
            order: order(),
            reason,
            payment_id: Some(5.into()),
            was_confirmed: true,
            sellers: vec![3.into()],
        }))
        .of([OrderPartCancelled {
            order: order(),
            seller_id: 3.into(),
            lines: lines(),
            reason: CancelReason::BySeller,
            payment_id: 5.into(),
            amount: eur(2244),
        }])
        .of([OrderShipped {
            order: order(),
            seller_id: 3.into(),
            lines: lines(),
            parcels: vec![
                ShippedParcel {
                    carrier: Some("DHL".into()),
                    number: Some("00340434".into()),
                    url: Some("https://dhl.example/00340434".into()),
                },
                ShippedParcel { carrier: None, number: None, url: None },
            ],
            to_come: vec![4.into()],
        }])
        .of(["processing", "shipped", "delivered"].map(|status| OrderStatusChanged { order: order(), status: status.into() }))
        .of([OrderLinkRequested { order: orders()[1].clone() }])
        .of([OrderAnonymized { order_id: 1.into() }])
        .of([Some(attempt()), None].map(|payment| StockReserved { order: order(), payment }))
        .of([StockRefused {
            order_id: 1.into(),
            short: vec![ShortLine { variant_id: 3.into(), sku: "TEA-100".into(), wanted: 2, available: 1 }],
        }])
        .of([StockStateChanged { variant_id: 3.into(), product_id: 4.into(), state: StockState::Low, revision: 2 }])
        .of([StockLow {
            variant_id: 3.into(),
            seller_id: Some(4.into()),
            sku: "TEA-100".into(),
            title: "Tea, 100 g".into(),
            available: 2,
            threshold: 3,
        }])
        .of([ProductChanged { product_id: 2.into(), seller_id: 3.into(), title: "Tea".into(), published: true, variants: variants() }])
        .of([ProductStockCounted {
            product_id: 4.into(),
            seller_id: BusinessId::HOUSE,
            variants: vec![CountedVariant {
                variant: VariantRef { variant_id: 3.into(), sku: "TEA-100".into(), title: "Tea, 100 g".into() },
                on_hand: 7,
                backorder: true,
            }],
        }])
        .of([ProductArchived { product_id: 2.into(), seller_id: 3.into() }])
        .of([ProductCategoryChanged { category_id: 4.into(), name: "Tea".into(), deleted: false }])
}

fn payments(events: Events) -> Events {
    events
        .of([PaymentRequiresAction { payment: payment(), action_url: "https://bank.example/confirm".into() }])
        .of(DECLINES.map(|code| PaymentFailed { payment: payment(), decline: Decline { code, message: "The card was declined.".into() } }))
        .of([PaymentCaptured { payment: payment(), stock_held: true }])
        .of([PaymentRefunded { payment: payment(), refund_id: 6.into(), retry_of: Some(5.into()), refund: eur(100), refunded: eur(300) }])
        .of([RefundFailed {
            payment: payment(),
            refund_id: 6.into(),
            retry_of: Some(5.into()),
            refund: eur(100),
            message: "The account is closed.".into(),
        }])
}

fn directory(events: Events) -> Events {
    let name = || "Old Mill".to_owned();
    let (business_id, user_id, author_id) = (3.into(), 1.into(), 1.into());
    let roles = [Some(StaffRole::Owner), Some(StaffRole::Manager), Some(StaffRole::Staff), None];
    let returns = [ReturnReason::WrongNumber, ReturnReason::WrongCategory, ReturnReason::Spam, ReturnReason::Duplicate];
    let targets = || vec![ReviewTarget::Product(2.into()), ReviewTarget::Business(3.into())];
    let rating = |target| RatingChanged { target, rating: Rating { count: 3, sum: 12 } };
    events
        .of([Some(user_id), None].map(|owner_id| BusinessCreated { business_id, name: name(), owner_id, published: true }))
        .of([BusinessChanged { business_id, published: true, name: "Bakery".into(), slug: "bakery".into() }])
        .of([BusinessSubmitted { business_id, name: name() }])
        .of([BusinessPublished { business_id, name: name(), slug: "old-mill".into() }])
        .of([BusinessRejected { business_id, name: name(), reason: "Please name the street.".into() }])
        .of([BusinessEditSubmitted { business_id, name: name() }])
        .of([Some("It is another business.".to_owned()), None].map(|reason| BusinessEditDecided { business_id, name: name(), reason }))
        .of([BusinessSuspended { business_id, name: name(), reason: "It has closed for good.".into() }])
        .of([BusinessRemoved { business_id, members: vec![user_id] }])
        .of(roles.map(|role| BusinessStaffChanged { business_id, user_id, role }))
        .of([BusinessClaimed { business_id, name: name(), slug: "bakery".into(), claim_id: 7.into(), owner_id: user_id }])
        .of([ClaimRequested { claim_id: 7.into(), business_id, business_name: name(), user_id }])
        .of([ClaimRefused { claim_id: 7.into(), business_id, business_name: name(), user_id, reason: "No proof was given.".into() }])
        .of([CategoryChanged { category_id: 4.into(), name: "Food".into(), deleted: false }])
        .of([LeadDelivered { lead_id: 9.into(), business_id, price: eur(500) }])
        .of([Some(user_id), None].map(|customer_id| LeadBilled { lead_id: 9.into(), business_id, price: eur(500), customer_id }))
        .of([Some(user_id), None].map(|customer_id| LeadAnswered { lead_id: 9.into(), business_id, reply: 0, customer_id }))
        .of(returns.map(|reason| LeadReturned { lead_id: 9.into(), business_id, reason }))
        .of([LeadCredited { lead_id: 9.into(), business_id, credit: eur(500) }])
        .of(targets().into_iter().map(|target| ReviewPublished { review_id: 1.into(), target, business_id, author_id, stars: 4 }))
        .of([ReviewRejected { review_id: 1.into(), target: targets()[0], business_id, author_id, reason: "It names a person.".into() }])
        .of([ReviewReminderDue { order_id: 1.into(), customer_id: user_id, targets: targets() }])
        .of(targets().into_iter().map(rating))
}
