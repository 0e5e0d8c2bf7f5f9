//! From events to mails: which ones, to whom, once, and how they are sent.

use std::sync::Arc;

use crate::support::*;
use contracts::{
    BusinessClaimed, BusinessEditDecided, BusinessEditSubmitted, BusinessPublished, BusinessRejected, BusinessSubmitted, BusinessSuspended,
    CancelReason, ClaimRefused, ClaimRequested, Decline, DeclineCode, Event, LeadAnswered, LeadCredited, LeadDelivered, LeadReturned,
    OrderLinkRequested, OrderPartCancelled, OrderShipped, PasswordResetRequested, PaymentFailed, PaymentRef, PaymentRefunded, RefundFailed,
    RegisteredAgain, ReturnReason, ReviewPublished, ReviewRejected, ReviewReminderDue, ReviewSubmitted, ShippedParcel, StockLow,
    UserDisabled, UserErased, UserVerified, VerificationRequested,
};
use kernel::{BusinessId, Duration, OrderId, ReviewTarget, UserId};
use notifications::Delivery;
use ports::{MailError, Person, PersonalData as _};
use serde_json::{Value, json};
use shell::testing::Harness;

/// An event, and of each mail the template, the receiver, a part of the text.
type Case = (Event, Vec<(&'static str, &'static str, &'static str)>);

const ANN: &str = "ann@example.com";
const BOSS: &str = "boss@example.com";
const OWNER: &str = "user6@example.com";
const REVIEWER: &str = "user9@example.com";

fn of_customers() -> Vec<Case> {
    let payment = || PaymentRef { payment_id: 5.into(), order_id: OrderId(7), amount: eur(4488) };
    let verification = VerificationRequested { user_id: UserId(1001), email: address("ann"), name: "Ann".into(), serial: 3 };
    let reset = PasswordResetRequested { user_id: UserId(1001), email: address("ann"), name: "Ann".into(), serial: 4 };
    let moved = UserVerified { user_id: UserId(1001), email: address("ann"), name: "Ann".into(), proven: true, first: false };
    let again = RegisteredAgain { user_id: UserId(1001), email: address("ann"), name: "Ann".into(), serial: 5 };
    let parcel = ShippedParcel { carrier: Some("DHL".into()), number: Some("0034".into()), url: Some("https://dhl.example/0034".into()) };
    let shipped = |id, seller_id, to_come: &[BusinessId]| OrderShipped {
        order: order(id),
        seller_id,
        lines: Vec::new(),
        parcels: vec![parcel.clone()],
        to_come: to_come.to_vec(),
    };
    let house = BusinessId::HOUSE;
    let part = |reason| OrderPartCancelled {
        order: order(SHARED_ORDER),
        seller_id: MILL,
        lines: Vec::new(),
        reason,
        payment_id: 5.into(),
        amount: eur(1200),
    };
    let link = OrderLinkRequested { order: order(GUEST_ORDER) };
    let refunded = PaymentRefunded { payment: payment(), refund_id: 6.into(), retry_of: None, refund: eur(100), refunded: eur(100) };
    let refused =
        RefundFailed { payment: payment(), refund_id: 6.into(), retry_of: None, refund: eur(100), message: "card expired".into() };
    let low = |seller_id, available| StockLow {
        variant_id: 7.into(),
        seller_id,
        sku: "TEA-100".into(),
        title: "Tea".into(),
        available,
        threshold: 3,
    };
    let disabled = UserDisabled { user_id: UserId(6), reason: "for the staff only".into() };
    vec![
        (verified("Ann"), vec![("welcome", ANN, "Welcome, Ann")]),
        (moved.into(), vec![]),
        (again.into(), vec![("account_exists", ANN, "https://shop.example/reset-password?token=")]),
        (verification.into(), vec![("verification", ANN, "https://shop.example/verify-email?token=")]),
        (reset.into(), vec![("password_reset", ANN, "https://shop.example/reset-password?token=")]),
        (disabled.into(), vec![("account_disabled", OWNER, "You cannot sign in for now.")]),
        (placed(OrderId(7)), vec![("order_to_admin", BOSS, "ann@example.com placed order S-7K3F-92QD")]),
        (
            confirmed(OrderId(7)),
            vec![
                ("order_confirmation", ANN, "2 x Clay <Pot> Large (POT-L, €19.99): €39.98"),
                ("receipt", ANN, "We received your payment of €44.88"),
            ],
        ),
        (cancelled(CancelReason::OutOfStock, false), vec![("cancellation", ANN, "You have not been charged.")]),
        (cancelled(CancelReason::ByCustomer, true), vec![("cancellation", ANN, "will be refunded in full")]),
        (cancelled(CancelReason::ByCustomer, false), vec![]),
        (declined(UNPAID_ORDER).into(), vec![("payment_declined", ANN, "We are keeping the items for you for 30 more minutes.")]),
        (declined(OrderId(7)).into(), vec![]),
        (shipped(OrderId(7), house, &[]).into(), vec![("shipped", ANN, "Tracking number: 0034\nFollow it at: https://dhl.example/0034")]),
        (shipped(SHARED_ORDER, MILL, &[house]).into(), vec![("shipped", ANN, "Old Mill has sent you their part of your order")]),
        (shipped(SHARED_ORDER, MILL, &[house]).into(), vec![("shipped", ANN, "each with a mail of its own: 2 × Clay <Pot> Large.")]),
        (shipped(SHARED_ORDER, MILL, &[house]).into(), vec![("shipped", ANN, "- 3 × Rye Bread")]),
        (shipped(SHARED_ORDER, house, &[]).into(), vec![("shipped", ANN, "We have sent you our part of your order")]),
        (
            confirmed(SHARED_ORDER),
            vec![
                ("order_confirmation", ANN, "3 x Rye Bread (RYE, €4.00): €12.00"),
                ("receipt", ANN, "We received your payment"),
                (
                    "order_to_seller",
                    OWNER,
                    "3 x Rye Bread (RYE, €4.00): €12.00\n\nSubtotal: €12.00\nShipping: €0.00\nTotal: €12.00\nTax included: €0.78\n\nDelivery to:\nAnn Lee",
                ),
            ],
        ),
        (
            cancelled_order(SHARED_ORDER, CancelReason::ByCustomer, true),
            vec![
                ("cancellation", ANN, "will be refunded in full"),
                ("order_cancelled_to_seller", OWNER, "was cancelled before Old Mill sent anything"),
            ],
        ),
        (cancelled_order(SHARED_ORDER, CancelReason::Expired, false), vec![("cancellation", ANN, "You have not been charged.")]),
        (part(CancelReason::BySeller).into(), vec![("part_cancelled", ANN, "€12.00 will be refunded")]),
        (
            part(CancelReason::ByAdmin).into(),
            vec![("part_cancelled", ANN, "- 3 × Rye Bread"), ("order_cancelled_to_seller", OWNER, "Our team had to cancel it.")],
        ),
        (link.into(), vec![("order_link", ANN, "Somebody, most likely you")]),
        (refunded.into(), vec![("payment_refunded", ANN, "Paid: €44.88\nRefunded so far: €1.00")]),
        (refused.into(), vec![("refund_failed", BOSS, "Answer: card expired")]),
        (low(None, 2).into(), vec![("low_stock_to_admin", BOSS, "Only 2 left to sell.")]),
        (low(Some(house), 0).into(), vec![("low_stock_to_admin", BOSS, "The last piece has been ordered.")]),
        (low(Some(MILL), 2).into(), vec![("low_stock", OWNER, "Old Mill has only 2 left to sell.")]),
        (low(Some(MILL), 0).into(), vec![("low_stock", OWNER, "The last piece that Old Mill had has been ordered.")]),
    ]
}

fn declined(order_id: OrderId) -> PaymentFailed {
    let payment = PaymentRef { payment_id: 5.into(), order_id, amount: eur(4488) };
    PaymentFailed { payment, decline: Decline { code: DeclineCode::CardDeclined, message: "The bank declined.".into() } }
}

fn of_businesses() -> Vec<Case> {
    let (business_id, name) = (BusinessId(8), || "Old Mill".to_owned());
    let submitted = BusinessSubmitted { business_id, name: name() };
    let published = BusinessPublished { business_id, name: name(), slug: "old-mill".into() };
    let rejected = BusinessRejected { business_id, name: name(), reason: "which street is it in?".into() };
    let suspended = BusinessSuspended { business_id, name: name(), reason: "guests found it closed".into() };
    let requested = ClaimRequested { claim_id: 9.into(), business_id, business_name: name(), user_id: UserId(6) };
    let claimed = BusinessClaimed { business_id, name: name(), slug: "bakery".into(), claim_id: 9.into(), owner_id: UserId(6) };
    let refused = ClaimRefused { claim_id: 9.into(), business_id, business_name: name(), user_id: UserId(6), reason: "no proof".into() };
    let lead = LeadDelivered { lead_id: 3.into(), business_id, price: eur(500) };
    let answered = |lead| LeadAnswered { lead_id: lead, business_id, reply: 1, customer_id: None };
    let edit = BusinessEditSubmitted { business_id, name: name() };
    let decided = |reason: Option<&str>| BusinessEditDecided { business_id, name: name(), reason: reason.map(str::to_owned) };
    let returned = LeadReturned { lead_id: 3.into(), business_id, reason: ReturnReason::WrongNumber };
    let credited = LeadCredited { lead_id: 3.into(), business_id, credit: eur(500) };
    vec![
        (submitted.into(), vec![("business_submitted", BOSS, "Old Mill wants to be published")]),
        (published.into(), vec![("business_published", OWNER, "everyone can find Old Mill")]),
        (rejected.into(), vec![("business_rejected", OWNER, "which street")]),
        (suspended.into(), vec![("business_suspended", OWNER, "guests found it closed")]),
        (requested.into(), vec![("claim_requested", BOSS, "Old Mill is theirs")]),
        (claimed.into(), vec![("claim_decided", OWNER, "You are now the owner of Old Mill")]),
        (refused.into(), vec![("claim_decided", OWNER, "no proof")]),
        (lead.into(), vec![("new_lead", OWNER, "The enquiry costs €5.00, or nothing")]),
        (answered(3.into()).into(), vec![("lead_answered", ANN, "Reply 1: we do")]),
        (answered(ERASED_LEAD).into(), vec![]),
        (edit.into(), vec![("business_edit_submitted", BOSS, "Nobody sees the change before you approve it")]),
        (decided(None).into(), vec![("business_edit_decided", OWNER, "Everybody sees it now")]),
        (decided(Some("a bank")).into(), vec![("business_edit_decided", OWNER, "a bank")]),
        (returned.into(), vec![("lead_returned", BOSS, "the contact details are wrong")]),
        (credited.into(), vec![("lead_credited", OWNER, "credited €5.00 to Old Mill")]),
    ]
}

fn of_reviewers() -> Vec<Case> {
    let (business_id, author_id, review_id) = (BusinessId(8), UserId(9), 5.into());
    let target = ReviewTarget::Business(business_id);
    let submitted =
        |awaits_moderation| ReviewSubmitted { review_id, target, business_id, author_id, stars: 4, verified: false, awaits_moderation };
    let published = ReviewPublished { review_id, target, business_id, author_id, stars: 4 };
    let rejected = ReviewRejected { review_id, target, business_id, author_id, reason: "names a person".into() };
    let reminder = ReviewReminderDue { order_id: OrderId(7), customer_id: author_id, targets: vec![target] };
    vec![
        (submitted(true).into(), vec![("review_submitted", BOSS, "4 of 5 stars")]),
        (submitted(false).into(), vec![]),
        (published.into(), vec![("new_review", OWNER, "4 of 5 stars")]),
        (rejected.into(), vec![("review_rejected", REVIEWER, "names a person")]),
        (reminder.into(), vec![("review_reminder", ANN, "- Clay <Pot> Large")]),
    ]
}

#[tokio::test]
async fn every_event_has_its_mail() {
    let cases = [of_customers(), of_businesses(), of_reviewers()].concat();
    for (event, expect) in cases {
        let world = capturing();
        let kind = event.kind();
        let envelope = world.publish(event).await;
        world.settle().await;
        // Delivered again, also after the inbox has forgotten it, it changes nothing.
        world.deliver("notifications", &envelope).await.unwrap();
        world.advance(Duration::from_secs(31 * 24 * 3600));
        world.deliver("notifications", &envelope).await.unwrap();

        let mails = log(&world, "").await;
        assert_eq!(mails.len(), expect.len(), "{kind}: {mails:?}");
        for (template, to, text) in expect {
            let mail = mails.iter().find(|mail| mail["template"] == template).unwrap_or_else(|| panic!("{kind}: {mails:?}"));
            assert_eq!((mail["to"].as_str(), mail["status"].as_str()), (Some(to), Some("captured")), "{kind}");
            let path = format!("/api/v1/admin/mails/{}", mail["id"].as_str().unwrap());
            let got = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200);
            assert!(got.json["text"].as_str().unwrap().contains(text), "{kind}: {}", got.json["text"]);
            assert_eq!(got.json["cause_event"], json!(envelope.id));
        }
        assert_eq!(world.event_types().await, vec![kind], "a captured mail emits no event");
    }
}

#[tokio::test]
async fn a_repeated_cancellation_is_one_mail() {
    let world = capturing();
    for _ in 0..3 {
        world.publish(cancelled(CancelReason::OutOfStock, false)).await;
        world.settle().await;
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(log(&world, "").await.len(), 1);
}

#[tokio::test]
async fn a_lost_link_is_mailed_so_often_and_with_its_token() {
    let (world, mailer) = sending();
    for _ in 0..20 {
        world.publish(OrderLinkRequested { order: order(GUEST_ORDER) }).await;
        world.settle().await;
    }
    let sent = mailer.taken();
    assert_eq!(sent.len(), 5, "a mailbox is not flooded");
    assert!(sent[0].text.contains(&format!("/orders/{GUEST_ORDER}?token={GUEST_TOKEN}")), "{}", sent[0].text);
}

#[tokio::test]
async fn what_nobody_of_a_business_can_be_told_the_house_hears() {
    let directory = Arc::new(FakeDirectory::default());
    *directory.0.lock().unwrap() = vec![UNVERIFIED];
    let world = shop_in(directory, Delivery::Capture, config());
    let (sku, title) = ("TEA-100".into(), "Tea".into());
    world.publish(StockLow { variant_id: 7.into(), seller_id: Some(MILL), sku, title, available: 2, threshold: 3 }).await;
    world.publish(confirmed(SHARED_ORDER)).await;
    world.settle().await;
    let mut templates = field(&log(&world, "").await, "template");
    templates.sort_unstable();
    assert_eq!(templates, ["low_stock_to_admin", "order_confirmation", "receipt"]);
}

#[tokio::test]
async fn strangers_cannot_have_an_address_mailed_without_end() {
    let world = capturing();
    for order in 0..20 {
        world.publish(cancelled_order(OrderId(order << 80), CancelReason::Expired, false)).await;
        world.settle().await;
    }
    assert_eq!(log(&world, "").await.len(), 5);
    // What was paid for is mailed all the same.
    world.publish(confirmed(OrderId(7))).await;
    world.settle().await;
    assert_eq!(log(&world, "?template=receipt").await.len(), 1);
    world.advance(Duration::from_secs(3600));
    world.publish(cancelled(CancelReason::Expired, false)).await;
    world.settle().await;
    assert_eq!(log(&world, "?template=cancellation").await.len(), 6);
}

#[tokio::test]
async fn who_comes_to_own_a_business_between_two_deliveries_is_written_to_once() {
    let directory = Arc::new(FakeDirectory::default());
    let world = shop_in(directory.clone(), Delivery::Capture, config());
    let event = BusinessPublished { business_id: BusinessId(4), slug: "old-mill".into(), name: "Old Mill".into() };
    let envelope = world.publish(event).await;
    for owners in [vec![UserId(6)], vec![UserId(8), UserId(6)], vec![UserId(8)]] {
        *directory.0.lock().unwrap() = owners;
        world.deliver("notifications", &envelope).await.unwrap();
    }
    let mut receivers = field(&log(&world, "").await, "to");
    receivers.sort_unstable();
    assert_eq!(receivers, ["user6@example.com", "user8@example.com"]);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_yet_is_tried_again() {
    let (world, mailer) = sending();
    let envelope = world.publish(confirmed(UNKNOWN_ORDER)).await;
    assert_eq!(world.deliver("notifications", &envelope).await.unwrap_err().code, kernel::Code::NotFound);
    assert!(log(&world, "").await.is_empty() && mailer.taken().is_empty());
}

#[tokio::test]
async fn mails_are_sent_once_with_working_links() {
    let (world, mailer) = sending();
    let event = VerificationRequested { user_id: UserId(1001), email: address("ann"), name: "Ann".into(), serial: 3 };
    world.publish(event).await;
    world.publish(placed(GUEST_ORDER)).await;
    world.publish(confirmed(GUEST_ORDER)).await;
    world.settle().await;
    assert!(!world.event_types().await.contains(&"mail.queued"), "what the server takes at once is not queued");
    for envelope in world.events().await {
        world.deliver("notifications", &envelope).await.unwrap();
    }
    let sent = mailer.taken();
    let mut receivers: Vec<&str> = sent.iter().map(|mail| mail.to.as_str()).collect();
    receivers.sort_unstable();
    assert_eq!(receivers, ["ann@example.com", "ann@example.com", "ann@example.com", "boss@example.com"]);
    let token = format!("/verify-email?token={}%2BVerifyEmail%2B3", UserId(1001));
    assert!(sent.iter().any(|mail| mail.text.contains(&token)), "{sent:?}");
    assert!(sent.iter().any(|mail| mail.text.contains(&format!("/orders/{GUEST_ORDER}?token={GUEST_TOKEN}"))), "{sent:?}");
    let mails = log(&world, "").await;
    assert_eq!(field(&mails, "status"), ["sent"; 4]);

    // Staff read the mail, but get no link that is the customer's.
    for mail in mails {
        let path = format!("/api/v1/admin/mails/{}", mail["id"].as_str().unwrap());
        let got = world.get(&path).as_actor(&Harness::support()).send().await.expect(200);
        assert!(!got.text.contains("%2B") && !got.text.contains(GUEST_TOKEN), "{}", got.text);
    }
}

#[tokio::test]
async fn a_busy_server_is_tried_again_and_a_refusal_is_final() {
    let (world, mailer) = sending();
    let busy = || Err(MailError::Transient("busy".into()));
    mailer.answers([busy(), busy(), Ok(()), Err(MailError::Permanent("no such mailbox".into()))]);
    let welcome = world.publish(verified("Ann")).await;
    world.deliver("notifications", &welcome).await.unwrap();
    let queued = world.events().await.pop().unwrap();
    assert_eq!(queued.event.kind(), "mail.queued");
    // The server is left alone with new mails for a while.
    let second = world.publish(cancelled(CancelReason::OutOfStock, false)).await;
    world.deliver("notifications", &second).await.unwrap();
    assert_eq!(field(&log(&world, "").await, "status"), ["queued", "queued"]);
    assert_eq!(world.deliver("notifications-send", &queued).await.unwrap_err().code, kernel::Code::Unavailable);
    for _ in 0..2 {
        world.deliver("notifications-send", &queued).await.unwrap();
        assert_eq!((field(&log(&world, "?status=sent").await, "template"), mailer.taken().len()), (vec!["welcome".to_owned()], 1));
    }
    let waiting = world.events().await.pop().unwrap();
    world.deliver("notifications-send", &waiting).await.unwrap();
    assert_eq!(field(&log(&world, "?status=failed").await, "template"), ["cancellation"]);

    // The address refused mail: what is not needed is held back, the rest is tried.
    world.advance(Duration::from_secs(30));
    world.publish(verified("Ann")).await;
    world.publish(confirmed(OrderId(8))).await;
    world.settle().await;
    assert_eq!(field(&log(&world, "?status=suppressed").await, "template"), ["welcome"]);
    assert_eq!(field(&log(&world, "?template=order_confirmation").await, "status"), ["sent"]);
}

#[tokio::test]
async fn a_person_can_send_a_mail_again() {
    let (world, mailer) = sending();
    mailer.answers([Err(MailError::Permanent("mailbox full".into()))]);
    world.publish(verified("Ann")).await;
    world.settle().await;
    let mail = log(&world, "?status=failed").await.remove(0);
    let path = format!("/api/v1/admin/mails/{}", mail["id"].as_str().unwrap());
    let resend = || world.post(&format!("{path}/resend"), &json!({})).header("Idempotency-Key", "again").as_actor(&Harness::admin()).send();
    assert_eq!(resend().await.expect(200).json["status"], "queued");
    assert_eq!(resend().await.expect(200).json["status"], "queued");
    world.settle().await;

    let got = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200);
    assert_eq!(got.json["status"], "sent", "the suppression was lifted");
    assert_eq!(got.json["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(got.json["attempts"][0]["error"], "mailbox full");
    let sent = mailer.taken();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].id, format!("{}-2", mail["id"].as_str().unwrap()));
    assert!(log(&world, "?status=failed").await.is_empty());
}

#[tokio::test]
async fn an_erased_person_leaves_no_mail() {
    let (world, mailer) = sending();
    mailer.answers([Err(MailError::Permanent("mailbox full".into()))]);
    world.publish(verified("Ann")).await;
    world.publish(placed(OrderId(7))).await;
    world.publish(confirmed(OrderId(7))).await;
    world.settle().await;
    let ann = Person { user_id: UserId(1001), verified_email: Some(address("ann")) };
    let reads = notifications::Reads::new(&world.kit().work(&notifications::TABLE));
    let copy = reads.export(&ann).await.unwrap();
    assert_eq!(copy["mails"].as_array().unwrap().len(), 3, "{copy}");
    assert!(world.stored(&notifications::TABLE).iter().any(|item| item.contains("ann@example.com")));

    let erased = world.publish(UserErased { user_id: ann.user_id, email: ann.verified_email.clone() }).await;
    for _ in 0..2 {
        world.deliver("notifications", &erased).await.unwrap();
        let kept = world.stored(&notifications::TABLE);
        let named: Vec<_> = kept.iter().filter(|item| item.contains("ann@example.com") || item.contains("Ann")).collect();
        assert!(named.is_empty(), "{named:?}");
    }
    assert_eq!(field(&log(&world, "").await, "template"), ["order_to_admin"], "the house keeps its own");
    assert_eq!(reads.export(&ann).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn an_address_that_refuses_two_mails_of_an_event_is_remembered_once() {
    let (world, mailer) = sending();
    let full = || Err(MailError::Permanent("mailbox full".into()));
    mailer.answers([full(), full(), Ok(())]);
    world.publish(confirmed(OrderId(8))).await;
    world.settle().await;
    assert_eq!(field(&log(&world, "?status=failed").await, "template"), ["receipt", "order_confirmation"]);
}
