//! Every status meets everything that can happen to an order.

use contracts::{CancelReason, Decline, DeclineCode, Event, PaymentRef, PaymentRefunded, RefundFailed, ShortLine};
use kernel::Offer;
use kernel::{BusinessId, CartId, Currency, Duration, PaymentId, RefundId, Role, TaxRate};
use strum::VariantArray as _;

use super::lifecycle::StatusName as Name;
use super::*;

pub(super) const SELLER: BusinessId = BusinessId(5);
pub(super) const OTHER: BusinessId = BusinessId(6);
pub(super) const CART: CartId = CartId(0x0193_4f2a_77b1_0000_1234_5678_9abc_de00);
pub(super) const NOW: Timestamp = Timestamp::MIN;

pub(super) fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(super) fn pricing() -> Pricing {
    Pricing {
        currency: Currency::EUR,
        prices_include_tax: true,
        shipping: ShippingPrice { flat: eur(490), free_from: Some(eur(5000)) },
        countries: Vec::new(),
        payment_deadline: Duration::from_secs(1800),
        guest_payment_deadline: Duration::from_secs(900),
    }
}

pub(super) fn line(quantity: u32, price: i64, rate: u16) -> DraftLine {
    DraftLine { offer: offer(price, rate), quantity }
}

pub(super) fn offer(price: i64, rate: u16) -> Offer {
    Offer {
        product_id: 1.into(),
        variant_id: 2.into(),
        seller_id: SELLER,
        sku: "TEA-100".into(),
        title: "Tea, 100 g".into(),
        unit_price: eur(price),
        tax_rate: TaxRate(rate),
        requires_shipping: true,
        image_url: None,
        for_sale: true,
        shown: kernel::OfferShown::default(),
    }
}

pub(super) fn draft(lines: Vec<DraftLine>) -> Draft {
    Draft {
        request_fingerprint: None,
        cart_id: CART,
        customer_id: None,
        email: "ann@example.com".parse().unwrap(),
        lines,
        shipping_address: Some(PostalAddress {
            name: "Ann Lee".into(),
            street_address: "Marienplatz 8".into(),
            extended_address: String::new(),
            postal_code: "80331".into(),
            address_locality: "München".into(),
            address_region: String::new(),
            address_country: "DE".into(),
            telephone: String::new(),
        }),
        billing_address: None,
        note: None,
        payment_method: Some(method("card")),
        return_url: None,
    }
}

pub(super) fn method(text: &str) -> Method {
    Method::new(text).unwrap()
}

pub(super) fn placed() -> Order {
    Order::place(draft(vec![line(2, 1190, 1900)]), &pricing(), &Actor::Guest, NOW).unwrap().into_state()
}

/// Placed by somebody who has not said yet how to pay.
pub(super) fn placed_unpaid() -> Order {
    let draft = Draft { payment_method: None, ..draft(vec![line(2, 1190, 1900)]) };
    Order::place(draft, &pricing(), &Actor::Guest, NOW).unwrap().into_state()
}

/// A line each of two sellers, at 11.90 and 20.00.
pub(super) fn placed_of_two() -> Order {
    let others =
        DraftLine { offer: Offer { variant_id: 3.into(), seller_id: OTHER, sku: "POT-1".into(), ..offer(2000, 700) }, quantity: 1 };
    Order::place(draft(vec![line(1, 1190, 1900), others]), &pricing(), &Actor::Guest, NOW).unwrap().into_state()
}

pub(super) fn admin() -> Actor {
    Actor::User { id: UserId(1), roles: vec![Role::Admin], businesses: Vec::new() }
}

/// Everything that can happen to an order, by the names of the lifecycle's table.
pub(super) const NEWS: [&str; 19] = [
    "stock.reserved",
    "stock.refused",
    "payment.requires_action",
    "payment.failed",
    "payment.captured",
    "payment.captured (unheld)",
    "payment.refunded (part)",
    "payment.refunded (all)",
    "payment.refund_failed",
    "pay with the same",
    "pay with another",
    "deadline",
    "cancel by customer",
    "cancel by shop",
    "processing",
    "shipped",
    "delivered",
    "attach",
    "erase",
];

/// Lets the news happen; news of payments is about the try of that number.
pub(super) fn happen(order: Order, news: &str, number: u8, now: Timestamp) -> Decided {
    let order_id = order.id;
    let payment = PaymentRef { payment_id: PaymentId::of_try(order_id, number), order_id, amount: order.total() };
    let refund =
        |refunded| PaymentRefunded { payment: payment.clone(), refund_id: RefundId(1), retry_of: None, refund: refunded, refunded };
    let short = ShortLine { variant_id: 2.into(), sku: "TEA-100".into(), wanted: 2, available: 1 };
    let failed = PaymentFailed {
        payment: payment.clone(),
        decline: Decline { code: DeclineCode::CardDeclined, message: "The bank declined.".into() },
    };
    match news {
        "stock.reserved" => order.stock_reserved(now),
        "stock.refused" => order.stock_refused(&StockRefused { order_id, short: vec![short] }, now),
        "payment.requires_action" => {
            order.payment_requires_action(&PaymentRequiresAction { payment, action_url: "https://bank.example/3ds".into() }, now)
        }
        "payment.failed" => order.payment_failed(&failed, now),
        "payment.captured" => order.payment_captured(&PaymentCaptured { payment, stock_held: true }, now),
        "payment.captured (unheld)" => order.payment_captured(&PaymentCaptured { payment, stock_held: false }, now),
        "payment.refunded (part)" => order.payment_refunded(&refund(eur(100)), now),
        "payment.refunded (all)" => {
            let total = order.total();
            order.payment_refunded(&refund(total), now)
        }
        "payment.refund_failed" => {
            let message = "The account is closed.".into();
            order.refund_failed(&RefundFailed { payment, refund_id: RefundId(2), retry_of: None, refund: eur(100), message }, now)
        }
        "pay with the same" => order.pay(&method("card"), None, &Actor::Guest, now),
        "pay with another" => order.pay(&method("other card"), None, &Actor::Guest, now),
        "deadline" => {
            let deadline = order.expires_at;
            order.expire(deadline)
        }
        "cancel by customer" => order.cancel(Party::Customer, &Actor::Guest, None, now),
        "cancel by shop" => order.cancel(Party::Staff, &admin(), Some(Note::new("damaged").unwrap()), now),
        "processing" => order.advance(SELLER, Advance::Processing, &admin(), None, now),
        "shipped" => order.advance(SELLER, Advance::Shipped(Vec::new()), &admin(), None, now),
        "delivered" => order.advance(SELLER, Advance::Delivered, &admin(), None, now),
        "attach" => {
            let email = order.email.clone();
            order.attach(UserId(7), &email, now)
        }
        "erase" => {
            let (user, email) = (order.customer_id.unwrap_or(UserId(7)), order.email.clone());
            order.anonymize(user, (!email.is_erased()).then_some(&email))
        }
        other => panic!("{other} does not happen to orders"),
    }
}

/// An order that came to the status by the shortest way.
pub(super) fn order_that_is(status: Name) -> Order {
    let way: &[&str] = &["payment.captured", "processing", "shipped", "delivered"];
    let (begin, way) = match status {
        Name::Pending => (placed(), &way[..0]),
        Name::AwaitingPayment => (placed_unpaid(), &["stock.reserved", "pay with the same"][..]),
        Name::Confirmed => (placed(), &way[..1]),
        Name::Processing => (placed(), &way[..2]),
        Name::Shipped => (placed(), &way[..3]),
        Name::Delivered => (placed(), way),
        Name::Cancelled => (placed(), &["deadline"][..]),
        Name::Refunded => (placed(), &["payment.captured", "processing", "payment.refunded (all)"][..]),
    };
    let order = way.iter().fold(begin, |order, news| happen(order, news, 1, NOW).unwrap().into_state());
    assert_eq!(order.status.name(), status);
    order
}

fn told(decision: &Decision<Order>) -> Vec<&'static str> {
    decision.events().iter().map(Event::kind).collect()
}

/// What came of the news, in the words of the table below.
fn outcome(before: &Order, decided: &Decided) -> String {
    let decision = match decided {
        Err(_) => return "!".into(),
        Ok(decision) => decision,
    };
    let moved = decision.state().status != before.status;
    if told(decision) == ["order.anonymized"] {
        return "erased".into();
    }
    let again = !moved && told(decision) == ["order.cancelled"];
    match (moved, again, decision.is_changed()) {
        (true, _, _) => decision.state().status.as_str().into(),
        (false, true, _) => "again".into(),
        (false, false, true) => "noted".into(),
        (false, false, false) => ".".into(),
    }
}

/// `.` nothing, `!` refused, `noted` kept within the status, `again` the cancellation is told again, `erased` the person
/// is gone, or the status that the order moves to.
const TABLE: &str = "
                             | pending          | awaiting_payment | confirmed  | processing | shipped   | delivered | cancelled | refunded
stock.reserved               | .                | .                | .          | .          | .         | .         | again     | .
stock.refused                | cancelled        | cancelled        | cancelled  | cancelled  | .         | .         | .         | .
payment.requires_action      | awaiting_payment | noted            | .          | .          | .         | .         | .         | .
payment.failed               | awaiting_payment | noted            | .          | .          | .         | .         | .         | .
payment.captured             | confirmed        | confirmed        | .          | .          | .         | .         | again     | .
payment.captured (unheld)    | !                | !                | .          | .          | .         | .         | again     | .
payment.refunded (part)      | !                | !                | noted      | noted      | noted     | noted     | noted     | .
payment.refunded (all)       | !                | !                | refunded   | refunded   | refunded  | refunded  | noted     | .
payment.refund_failed        | noted            | noted            | noted      | noted      | noted     | noted     | noted     | noted
pay with the same            | .                | .                | .          | .          | .         | .         | !         | !
pay with another             | !                | !                | !          | !          | !         | !         | !         | !
deadline                     | cancelled        | cancelled        | .          | .          | .         | .         | .         | .
cancel by customer           | cancelled        | cancelled        | cancelled  | !          | !         | !         | .         | !
cancel by shop               | cancelled        | cancelled        | cancelled  | cancelled  | !         | !         | .         | !
processing                   | !                | !                | processing | .          | !         | !         | !         | !
shipped                      | !                | !                | !          | shipped    | .         | !         | !         | !
delivered                    | !                | !                | !          | !          | delivered | .         | !         | !
attach                       | noted            | noted            | noted      | noted      | noted     | noted     | noted     | noted
erase                        | erased           | erased           | erased     | erased     | erased    | erased    | erased    | erased
";

#[test]
fn every_status_meets_everything() {
    let mut moves = Vec::new();
    let mut rows = TABLE.trim_matches('\n').lines().map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    assert_eq!(rows.next().unwrap()[1..], Name::VARIANTS.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), NEWS);
    for row in &rows {
        for (status, expect) in Name::VARIANTS.iter().copied().zip(&row[1..]) {
            let before = order_that_is(status);
            let decided = happen(before.clone(), row[0], 1, NOW);
            assert_eq!(outcome(&before, &decided), *expect, "{} at {}", row[0], status.as_str());
            let Ok(decision) = decided else { continue };
            let after = decision.state().status.name();
            assert_eq!(told(&decision), tellings(status, after, expect), "{} at {}", row[0], status.as_str());
            if after != status {
                moves.push((status, row[0], after));
            }
            let again = happen(decision.state().clone(), row[0], 1, NOW);
            assert!(!again.is_ok_and(|again| again.is_changed()), "{} at {} is done twice", row[0], status.as_str());
        }
    }
    let unpaid = happen(placed_unpaid(), "stock.reserved", 1, NOW).unwrap();
    moves.push((Name::Pending, "stock.reserved", unpaid.state().status.name()));
    let mut listed = lifecycle().to_vec();
    let order = |(from, news, to): &(Name, &str, Name)| (from.as_str(), news.to_string(), to.as_str());
    moves.sort_by_key(order);
    listed.sort_by_key(order);
    assert_eq!(moves, listed, "the lifecycle lists exactly the moves that there are");
}

fn tellings(from: Name, to: Name, outcome: &str) -> Vec<&'static str> {
    match (from == to, to) {
        (true, _) if outcome == "again" => vec!["order.cancelled"],
        (true, _) if outcome == "erased" => vec!["order.anonymized"],
        (true, _) => vec![],
        (false, Name::Pending) => vec!["order.placed"],
        (false, Name::AwaitingPayment) => vec![],
        (false, Name::Confirmed) => vec!["order.confirmed"],
        (false, Name::Shipped) => vec!["order.shipped"],
        (false, Name::Cancelled) => vec!["order.cancelled"],
        (false, Name::Refunded) if matches!(from, Name::Confirmed | Name::Processing) => vec!["order.cancelled", "order.status_changed"],
        (false, Name::Processing | Name::Delivered | Name::Refunded) => vec!["order.status_changed"],
    }
}

#[test]
fn the_diagram_shows_every_status() {
    let diagram = diagram();
    assert!(diagram.starts_with("stateDiagram-v2\n"));
    for status in Name::VARIANTS.iter().copied() {
        assert!(diagram.contains(&format!(" {}", status.as_str())), "{} in {diagram}", status.as_str());
    }
    assert!(diagram.contains("    awaiting_payment --> confirmed: payment.captured\n"), "{diagram}");
}

#[test]
fn placing_makes_the_sums_and_a_name() {
    let order = placed();
    assert_eq!(order.id, OrderId(CART.0));
    assert_eq!((order.id.to_string().as_str(), order.number().as_str()), ("ord_01JD7JMXXH00014D2PF2DBSQG0", "S-F2DB-SQG0"));
    // 2 x 11.90 with 19 % in them, and shipping.
    assert_eq!((order.subtotal(), order.shipping(), order.tax(), order.total()), (eur(2380), eur(490), eur(380), eur(2870)));
    assert_eq!(order.deadline(), Some(NOW.plus(Duration::from_secs(900))), "a guest's");
    let customers = Draft { customer_id: Some(UserId(7)), ..draft(vec![line(2, 1190, 1900)]) };
    let order = Order::place(customers, &pricing(), &Actor::Guest, NOW).unwrap().into_state();
    assert_eq!(order.deadline(), Some(NOW.plus(Duration::from_secs(1800))));
}

#[test]
fn an_order_is_kept_without_what_follows_from_the_rest() {
    for status in Name::VARIANTS.iter().copied() {
        let order = order_that_is(status);
        let kept = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&kept).unwrap(), order);
        assert_eq!(kept.matches(r#""currency""#).count(), 1, "{kept}");
        assert!(!kept.contains(&order.number()) && !kept.contains("crt_"), "{kept}");
    }
    let longest = Order { note: Some(Note::new("Ring twice.").unwrap()), customer_id: Some(UserId(7)), ..order_that_is(Name::Delivered) };
    assert_eq!(serde_json::from_str::<Order>(&serde_json::to_string(&longest).unwrap()).unwrap(), longest);
}

#[test]
fn another_means_of_payment_takes_the_place_of_one_that_waits_for_the_customer() {
    let asked = happen(order_that_is(Name::AwaitingPayment), "payment.requires_action", 1, NOW).unwrap().into_state();
    assert!(asked.is_settled());
    let second = happen(asked, "pay with another", 1, NOW).unwrap();
    let (first_id, second_id) = (PaymentId::of_try(second.state().id, 1), PaymentId::of_try(second.state().id, 2));
    assert!(second_id > first_id);
    let Event::OrderAwaitingPayment(told) = &second.events()[0] else { panic!("{:?}", second.events()) };
    assert_eq!((told.payment.payment_id, told.payment.payment_method.as_str()), (second_id, "other card"));
    // The first try counts no more.
    for news in ["payment.failed", "payment.requires_action", "payment.refunded (all)"] {
        let decision = happen(second.state().clone(), news, 1, NOW).unwrap();
        assert!(!decision.is_changed() && decision.events().is_empty(), "{news}");
    }
    // Unless its money was taken before payments heard of the second, which they then let go.
    for (number, id) in [(1, first_id), (2, second_id)] {
        let confirmed = happen(second.state().clone(), "payment.captured", number, NOW).unwrap();
        assert_eq!((told_payment(&confirmed), confirmed.state().payment.payment_id), (Some(id), Some(id)));
        for (news, other) in [("payment.failed", 3 - number), ("payment.captured", 3 - number), ("payment.captured", number)] {
            let after = happen(confirmed.state().clone(), news, other, NOW).unwrap();
            assert!(!after.is_changed() && after.events().is_empty(), "{news} of {other}");
        }
    }
}

fn told_payment(decision: &Decision<Order>) -> Option<kernel::PaymentId> {
    decision.events().iter().find_map(|event| match event {
        Event::OrderConfirmed(told) => Some(told.payment_id),
        Event::OrderCancelled(told) => told.payment_id,
        _ => None,
    })
}

#[test]
fn a_declined_payment_is_tried_again_until_the_deadline() {
    let mut order = placed();
    for number in 1..=2 {
        let declined = happen(order, "payment.failed", number, NOW).unwrap();
        assert!(declined.events().is_empty(), "the stock stays held");
        // News of the try that comes late, and out of its order.
        order = happen(declined.into_state(), "payment.requires_action", number, NOW).unwrap().into_state();
        let code = order.payment.declined.as_ref().map(|decline| decline.code);
        assert_eq!((order.status, code, order.is_settled()), (Status::AwaitingPayment, Some(DeclineCode::CardDeclined), true));
        // The same card counts as another try: there may be money on it now.
        let again = happen(order, "pay with the same", number, NOW).unwrap();
        let [Event::OrderAwaitingPayment(told)] = again.events() else { panic!("{:?}", again.events()) };
        assert_eq!(told.payment.payment_id, PaymentId::of_try(told.order.order_id, number + 1));
        order = again.into_state();
        assert!(order.payment.declined.is_none() && !order.is_settled());
        assert_eq!(order.clone().pay(&method("third card"), None, &Actor::Guest, NOW).unwrap_err(), OrderError::PaymentRunning);
    }
    let paid = happen(order.clone(), "payment.captured", 3, NOW).unwrap().into_state();
    assert_eq!(paid.status, Status::Confirmed);
    let declined = happen(order, "payment.failed", 3, NOW).unwrap().into_state();
    let expired = happen(declined, "deadline", 3, NOW).unwrap();
    assert_eq!((expired.state().status, told_payment(&expired)), (Status::Cancelled(CancelReason::Expired), None), "no bank holds money");
}

#[test]
fn what_is_chosen_before_the_stock_is_held_is_asked_for_then() {
    let unpaid = placed_unpaid();
    assert_eq!((unpaid.payment.payment_id, unpaid.payment.tries), (None, 0));
    assert!(happen(unpaid.clone(), "payment.captured", 1, NOW).is_err(), "nobody was asked");
    let waiting = happen(unpaid.clone(), "stock.reserved", 1, NOW).unwrap();
    assert!(waiting.events().is_empty() && waiting.state().is_settled());
    let chosen = happen(unpaid, "pay with another", 1, NOW).unwrap();
    assert!(chosen.is_changed() && chosen.events().is_empty());
    let held = happen(chosen.into_state(), "stock.reserved", 1, NOW).unwrap();
    for decision in [held, happen(waiting.into_state(), "pay with another", 1, NOW).unwrap()] {
        let [Event::OrderAwaitingPayment(told)] = decision.events() else { panic!("{:?}", decision.events()) };
        assert_eq!(
            (told.payment.payment_id, told.payment.payment_method.as_str()),
            (PaymentId::of_try(told.order.order_id, 1), "other card")
        );
        assert!(!decision.state().is_settled());
    }
}

#[test]
fn an_order_without_stock_has_no_payment() {
    let placed = Order::place(draft(vec![line(2, 1190, 1900)]), &pricing(), &Actor::Guest, NOW).unwrap();
    let [Event::OrderPlaced(told)] = placed.events() else { panic!("{:?}", placed.events()) };
    let payment_id = PaymentId::of_try(placed.state().id, 1);
    assert_eq!(told.payment, Some(contracts::PaymentTry { payment_id, payment_method: "card".into(), return_url: None }));
    let refused = happen(placed.state().clone(), "stock.refused", 1, NOW).unwrap();
    assert_eq!((told_payment(&refused), refused.state().payment.tries), (None, 0));
    // Cancelled at any other time, it may have one by now.
    assert_eq!(told_payment(&happen(placed.into_state(), "deadline", 1, NOW).unwrap()), Some(payment_id));
}

#[test]
fn tries_and_time_to_pay_are_limited() {
    let mut order = order_that_is(Name::AwaitingPayment);
    let late = order.clone();
    for number in 1..TRIES_MAX {
        order = happen(order, "payment.requires_action", number, NOW).unwrap().into_state();
        order = order.pay(&method(&format!("card {number}")), None, &Actor::Guest, NOW).unwrap().into_state();
    }
    let order = happen(order, "payment.requires_action", TRIES_MAX, NOW).unwrap().into_state();
    assert!(order.history.len() <= HISTORY_MAX);
    assert_eq!(order.history[0].to, Status::Pending, "the placing is kept");
    assert_eq!(order.pay(&method("one more"), None, &Actor::Guest, NOW).unwrap_err(), OrderError::TooManyTries);

    let late = happen(late, "payment.requires_action", 1, NOW).unwrap().into_state();
    let deadline = late.expires_at;
    assert_eq!(late.pay(&method("other card"), None, &Actor::Guest, deadline).unwrap_err(), OrderError::TooLate);
}

#[test]
fn a_cancellation_names_the_payment_that_may_hold_money() {
    let order = order_that_is(Name::Cancelled);
    let again = happen(order.clone(), "payment.captured", 1, NOW).unwrap();
    let Event::OrderCancelled(told) = &again.events()[0] else { panic!("{:?}", again.events()) };
    assert_eq!((told.payment_id, told.was_confirmed), (Some(PaymentId::of_try(order.id, 1)), false));
    let confirmed = order_that_is(Name::Confirmed);
    let refused = happen(confirmed, "stock.refused", 1, NOW).unwrap();
    let Event::OrderCancelled(told) = &refused.events()[0] else { panic!("{:?}", refused.events()) };
    assert!(told.was_confirmed);
    assert_eq!((told.reason, told.payment_id), (CancelReason::OutOfStock, Some(PaymentId::of_try(order.id, 1))));
    let Happening::StockRefused { short } = &refused.state().history.last().unwrap().what else { panic!("{refused:?}") };
    assert_eq!((short[0].sku.as_str(), short[0].wanted, short[0].available), ("TEA-100", 2, 1));
    assert_eq!(told.sellers, [SELLER], "they need not pack it");
}

#[test]
fn payments_that_are_not_the_orders_are_refused() {
    let order = order_that_is(Name::AwaitingPayment);
    let taken = |payment| PaymentCaptured { payment, stock_held: true };
    let unknown = PaymentRef { payment_id: 99.into(), order_id: order.id, amount: order.total() };
    assert_eq!(order.clone().payment_captured(&taken(unknown), NOW).unwrap_err(), OrderError::UnknownPayment(99.into()));
    let cheap = PaymentRef { payment_id: PaymentId::of_try(order.id, 1), order_id: order.id, amount: eur(1) };
    assert_eq!(
        order.clone().payment_captured(&taken(cheap), NOW).unwrap_err(),
        OrderError::WrongAmount { amount: eur(1), total: order.total() }
    );
    let payment = PaymentRef { payment_id: PaymentId::of_try(order.id, 1), order_id: order.id, amount: order.total() };
    let too_much = PaymentRefunded { payment, refund_id: 1.into(), retry_of: None, refund: eur(9999), refunded: eur(9999) };
    let expect = OrderError::WrongAmount { amount: eur(9999), total: order.total() };
    assert_eq!(order_that_is(Name::Delivered).payment_refunded(&too_much, NOW).unwrap_err(), expect);
}

#[test]
fn only_the_orders_own_address_is_attached() {
    let other = "bob@example.com".parse().unwrap();
    assert!(!placed().attach(UserId(7), &other, NOW).unwrap().is_changed());
    let attached = placed().attach(UserId(7), &placed().email, NOW).unwrap().into_state();
    assert_eq!(attached.customer_id, Some(UserId(7)));
    assert!(!attached.attach(UserId(8), &placed().email, NOW).unwrap().is_changed());
}

#[test]
fn an_order_is_paid_only_while_its_stock_is_held() {
    for status in [Name::Pending, Name::AwaitingPayment] {
        let error = happen(order_that_is(status), "payment.captured (unheld)", 1, NOW).unwrap_err();
        assert_eq!(error, OrderError::StockNotHeld, "{}", status.as_str());
    }
}
