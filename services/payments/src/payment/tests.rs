use proptest::prelude::*;

use kernel::Currency;

use super::*;

const NOW: i64 = 1_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(NOW + secs * 1000)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn order() -> OrderRef {
    OrderRef {
        order_id: OrderId(7),
        number: "S-7".into(),
        customer_id: Some(UserId(3)),
        email: "ann@example.com".parse().unwrap(),
        total: eur(1999),
    }
}

fn wanted(id: u128, method: &str) -> PaymentTry {
    PaymentTry { payment_id: PaymentId(id), payment_method: method.into(), return_url: None }
}

fn open(id: u128) -> Payment {
    Payment::open(&order(), &wanted(id, "4242 4242 4242 4242"), at(0))
}

fn declined(code: &str) -> GatewayState {
    GatewayState::Declined { code: code.into(), message: String::new() }
}

fn action() -> GatewayState {
    GatewayState::RequiresAction { action_url: "/confirm".into() }
}

/// A payment that has come to `status` by the usual way, and then was wanted for `goal`.
fn come_to(status: Status, goal: Goal) -> Payment {
    let answered = |answers: &[GatewayAnswer]| open(1).settle(Goal::Capture, answers, at(0)).into_state();
    let found = |found: GatewayState| answered(&[GatewayAnswer::Found(found)]);
    let payment = match status {
        Status::Pending => answered(&[GatewayAnswer::Nothing]),
        Status::RequiresAction => found(action()),
        Status::Authorized => found(GatewayState::Authorized),
        Status::Captured => answered(&[GatewayAnswer::Found(GatewayState::Authorized), GatewayAnswer::Found(GatewayState::Captured)]),
        Status::Voided => open(1).settle(Goal::Release, &[GatewayAnswer::Found(GatewayState::Voided)], at(0)).into_state(),
        Status::Failed => found(declined("card_declined")),
    };
    assert_eq!(payment.status, status);
    payment.toward(goal, at(0))
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::kind).collect()
}

#[test]
fn every_status_and_goal_asks_one_thing() {
    use Goal::{Capture, Release};
    use Status::{Authorized, Captured, Failed, Pending, RequiresAction, Voided};
    for (status, goal, ask) in [
        (Pending, Capture, Some(GatewayQuestion::FindOrAuthorize)),
        (Pending, Release, Some(GatewayQuestion::Void)),
        (RequiresAction, Capture, Some(GatewayQuestion::Find)),
        (RequiresAction, Release, Some(GatewayQuestion::Void)),
        (Authorized, Capture, Some(GatewayQuestion::Capture)),
        (Authorized, Release, Some(GatewayQuestion::Void)),
        (Captured, Capture, None),
        (Captured, Release, Some(GatewayQuestion::Refund(RefundId(7), eur(1999)))),
        (Voided, Release, None),
        (Failed, Capture, None),
        (Failed, Release, None),
    ] {
        let payment = come_to(status, goal);
        assert_eq!(payment.ask(at(1)), ask, "{status:?} {goal:?}");
        assert_eq!(payment.next_check_at.is_some(), ask.is_some(), "{status:?} {goal:?} is due iff something is to be asked");
    }
    assert_eq!(open(1).ask(at(0)), Some(GatewayQuestion::Authorize));
    assert_eq!(come_to(Pending, Capture).ask(at(600)), Some(GatewayQuestion::Void));
    assert_eq!(come_to(RequiresAction, Capture).ask(at(3600)), Some(GatewayQuestion::Void));
    let unheard = come_to(Authorized, Capture).settle(Capture, &[GatewayAnswer::Nothing], at(1)).into_state();
    assert_eq!(unheard.ask(at(2)), Some(GatewayQuestion::FindOrCapture));
}

#[test]
fn every_status_and_goal_takes_every_answer() {
    use Goal::{Capture, Release};
    use Status::{Authorized, Captured, Failed, Pending, RequiresAction, Voided};
    let cases: Vec<(Status, Goal, GatewayState, Status, &[&str])> = vec![
        (Pending, Capture, action(), RequiresAction, &["payment.requires_action"]),
        (Pending, Capture, GatewayState::Authorized, Authorized, &[]),
        (Pending, Capture, GatewayState::Captured, Captured, &["payment.captured"]),
        (Pending, Capture, GatewayState::Voided, Failed, &["payment.failed"]),
        (Pending, Capture, declined("card_declined"), Failed, &["payment.failed"]),
        (Pending, Release, action(), RequiresAction, &[]),
        (Pending, Release, GatewayState::Authorized, Authorized, &[]),
        (Pending, Release, GatewayState::Captured, Captured, &[]),
        (Pending, Release, GatewayState::Voided, Voided, &[]),
        (Pending, Release, declined("card_declined"), Voided, &[]),
        (RequiresAction, Capture, action(), RequiresAction, &[]),
        (RequiresAction, Capture, GatewayState::Authorized, Authorized, &[]),
        (RequiresAction, Capture, GatewayState::Captured, Captured, &["payment.captured"]),
        (RequiresAction, Capture, declined("authentication_failed"), Failed, &["payment.failed"]),
        (RequiresAction, Capture, GatewayState::Voided, Failed, &["payment.failed"]),
        (RequiresAction, Release, GatewayState::Authorized, Authorized, &[]),
        (RequiresAction, Release, GatewayState::Voided, Voided, &[]),
        (Authorized, Capture, GatewayState::Captured, Captured, &["payment.captured"]),
        (Authorized, Capture, GatewayState::Authorized, Authorized, &[]),
        (Authorized, Capture, GatewayState::Voided, Failed, &["payment.failed"]),
        (Authorized, Release, GatewayState::Voided, Voided, &[]),
        (Authorized, Release, GatewayState::Captured, Captured, &[]),
        (Captured, Capture, GatewayState::Authorized, Captured, &[]),
        (Captured, Capture, GatewayState::Captured, Captured, &[]),
        (Captured, Release, GatewayState::Voided, Captured, &[]),
        (Voided, Release, GatewayState::Authorized, Voided, &[]),
        (Failed, Capture, GatewayState::Authorized, Failed, &[]),
        (Failed, Release, GatewayState::Captured, Failed, &[]),
    ];
    for (status, goal, found, expect, events) in cases {
        let decision = come_to(status, goal).settle(goal, &[GatewayAnswer::Found(found.clone())], at(1));
        assert_eq!((decision.state().status, kinds(decision.events()).as_slice()), (expect, events), "{status:?} {goal:?} {found:?}");
        assert_eq!(decision.state().failure.is_some(), expect == Failed);
        assert!(expect == Pending || decision.state().method.is_none(), "the means of payment is not kept");
        let back = goal == Release && expect == Captured;
        assert_eq!(decision.state().refunds.len(), usize::from(back), "what was given up and taken goes back: {status:?} {found:?}");
    }
}

#[test]
fn reserved_and_taken_are_one_step() {
    let answers = [GatewayAnswer::Found(GatewayState::Authorized), GatewayAnswer::Found(GatewayState::Captured)];
    let decision = open(1).settle(Goal::Capture, &answers, at(2));
    let [Event::PaymentCaptured(captured)] = decision.events() else { panic!("{:?}", decision.events()) };
    assert!(captured.stock_held);
    let steps: Vec<_> = decision.state().history.iter().map(|step| (step.status, step.at)).collect();
    assert_eq!(steps, [(Status::Authorized, at(2)), (Status::Captured, at(2))]);
}

#[test]
fn what_is_answered_twice_changes_nothing() {
    for (status, goal, answer) in [
        (Status::Authorized, Goal::Capture, None),
        (Status::Captured, Goal::Capture, Some(GatewayAnswer::Found(GatewayState::Captured))),
        (Status::Voided, Goal::Release, Some(GatewayAnswer::Found(GatewayState::Voided))),
        (Status::Failed, Goal::Capture, Some(GatewayAnswer::Refused)),
        (Status::Captured, Goal::Capture, Some(GatewayAnswer::RefundSettled(RefundId(9)))),
    ] {
        let decision = come_to(status, goal).settle(goal, answer.as_slice(), at(5));
        assert!(!decision.is_changed() && decision.events().is_empty(), "{status:?} {goal:?} {answer:?}");
    }
}

#[test]
fn what_is_unheard_of_is_only_released() {
    let payment = Payment::unheard_of(&order(), PaymentId(1), at(0));
    assert!(!payment.stock_held);
    let released = payment.settle(Goal::Release, &[GatewayAnswer::Found(GatewayState::Captured)], at(1));
    assert!(released.events().is_empty() && released.state().refunds.len() == 1);
}

#[test]
fn an_erased_customer_leaves_the_amounts() {
    let captured = come_to(Status::Captured, Goal::Capture);
    let refund = |payment: Payment| payment.refund(RefundId(1), Some(eur(5)), &Reason::new("Ann Lee rang.").unwrap(), &Actor::Guest, at(1));
    let payment = refund(captured).unwrap().into_state();
    let anonymous = payment.clone().anonymize();
    assert!(anonymous.is_changed() && anonymous.events().is_empty());
    let anonymous = anonymous.into_state();
    assert_eq!((anonymous.amount, anonymous.refunds[0].amount, &anonymous.history), (payment.amount, eur(5), &payment.history));
    let stored = serde_json::to_string(&anonymous).unwrap();
    assert!(!stored.contains("Ann") && !stored.contains("4242") && !stored.contains(&UserId(3).to_string()), "{stored}");
    assert!(!anonymous.anonymize().is_changed());
}

#[test]
fn what_was_given_up_is_not_taken() {
    let payment = come_to(Status::Authorized, Goal::Release);
    assert_eq!(payment.clone().toward(Goal::Capture, at(1)), payment);
    assert_eq!(payment.ask(at(1)), Some(GatewayQuestion::Void));
}

#[test]
fn declines_tell_the_customer_why() {
    for (code, expect) in [
        ("card_declined", DeclineCode::CardDeclined),
        ("insufficient_funds", DeclineCode::InsufficientFunds),
        ("authentication_failed", DeclineCode::AuthenticationFailed),
        ("expired_card", DeclineCode::CardDeclined),
    ] {
        let decision = open(1).settle(Goal::Capture, &[GatewayAnswer::Found(declined(code))], at(0));
        let [Event::PaymentFailed(event)] = decision.events() else { panic!("{:?}", decision.events()) };
        assert_eq!(event.decline.code, expect);
        let message = &event.decline.message;
        assert!(message.ends_with('.') && !message.contains('_'), "{message}");
    }
    let refused = open(1).settle(Goal::Capture, &[GatewayAnswer::Refused], at(0));
    assert_eq!(refused.into_state().failure.unwrap().code, DeclineCode::PaymentFailed);
}

#[test]
fn questions_become_rarer_up_to_a_minute() {
    let mut payment = open(1);
    let mut waits = Vec::new();
    for _ in 0..9 {
        payment = payment.settle(Goal::Capture, &[GatewayAnswer::Nothing], at(0)).into_state();
        waits.push(payment.next_check_at.unwrap().since(at(0)).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    let found = payment.settle(Goal::Capture, &[GatewayAnswer::Found(action())], at(0)).into_state();
    assert_eq!(found.next_check_at, Some(at(0)), "a step forward starts anew");
}

#[test]
fn the_latest_try_is_the_one_that_counts() {
    let enter = |present: &Payment, cancelled| open(2).enter(Some(present), cancelled, at(1));
    assert_eq!(open(1).enter(None, false, at(1)), Entry::First(open(1)));
    assert_eq!(open(1).enter(Some(&come_to(Status::Captured, Goal::Capture)), false, at(1)), Entry::Known);
    let Entry::First(late) = open(1).enter(None, true, at(1)) else { panic!("the first") };
    assert_eq!(late.ask(at(1)), Some(GatewayQuestion::Void));
    for status in [Status::Pending, Status::RequiresAction, Status::Authorized, Status::Failed] {
        let Entry::Replaces { former, latest } = enter(&come_to(status, Goal::Capture), false) else { panic!("{status:?}") };
        assert!(former.superseded && former.goal == Goal::Release && !latest.superseded);
        assert_eq!(latest.ask(at(1)), Some(GatewayQuestion::Authorize));
        assert!(matches!(former.ask(at(1)), Some(GatewayQuestion::Void) | None));
    }
    for goal in [Goal::Capture, Goal::Release] {
        let Entry::Late(late) = enter(&come_to(Status::Captured, goal), false) else { panic!("the order is paid") };
        assert_eq!((late.superseded, late.ask(at(1))), (true, Some(GatewayQuestion::Void)));
    }
    let newer = Payment { id: PaymentId(9), ..come_to(Status::Authorized, Goal::Capture) };
    assert!(matches!(enter(&newer, false), Entry::Late(_)), "an older try that arrives later");
    let Entry::Replaces { latest, .. } = enter(&come_to(Status::Voided, Goal::Release), false) else { panic!("replaces") };
    assert_eq!(latest.ask(at(1)), Some(GatewayQuestion::Void), "the order was cancelled");
}

#[test]
fn refunds_are_bounded_by_the_capture() {
    let ask = |payment: &Payment, id, amount, reason: &str| {
        payment.clone().refund(RefundId(id), amount, &Reason::new(reason).unwrap(), &Actor::System, at(1)).map(Decision::into_state)
    };
    for status in [Status::Pending, Status::RequiresAction, Status::Authorized, Status::Voided, Status::Failed] {
        assert_eq!(ask(&come_to(status, Goal::Capture), 1, None, "broken"), Err(PaymentError::NotCaptured(status)));
    }
    let captured = come_to(Status::Captured, Goal::Capture);
    for (amount, error) in [
        (Some(eur(2000)), PaymentError::RefundTooLarge(eur(1999))),
        (Some(eur(0)), PaymentError::RefundAmount),
        (Some(eur(-1)), PaymentError::RefundAmount),
        (Some(Money::new(5, "USD".parse().unwrap())), PaymentError::RefundAmount),
    ] {
        assert_eq!(ask(&captured, 1, amount, "broken"), Err(error));
    }
    let part = ask(&captured, 1, Some(eur(1500)), " broken ").unwrap();
    assert_eq!((part.refundable(), part.refunded(), part.refunds[0].reason.as_str()), (eur(499), eur(0), "broken"));
    assert_eq!(part.ask(at(1)), Some(GatewayQuestion::Refund(RefundId(1), eur(1500))));
    assert_eq!(ask(&part, 2, Some(eur(500)), "more"), Err(PaymentError::RefundTooLarge(eur(499))));
    assert_eq!(ask(&part, 1, Some(eur(1500)), "broken").unwrap(), part, "repeated");

    let settled = part.clone().settle(Goal::Capture, &[GatewayAnswer::RefundSettled(RefundId(1))], at(2));
    assert_eq!(kinds(settled.events()), ["payment.refunded"]);
    assert_eq!((settled.state().refunded(), settled.state().refundable()), (eur(1500), eur(499)));
    let rest = ask(settled.state(), 2, None, "the rest").unwrap();
    assert_eq!(ask(&rest, 3, None, "nothing left"), Err(PaymentError::RefundTooLarge(eur(0))));

    let refused = part.settle(Goal::Capture, &[GatewayAnswer::RefundRefused(RefundId(1), "no".into())], at(2));
    assert_eq!(kinds(refused.events()), ["payment.refund_failed"]);
    assert_eq!((refused.state().refunded(), refused.state().refundable()), (eur(0), eur(1999)));
}

#[test]
fn a_part_that_is_not_delivered_is_paid_back_once() {
    let captured = come_to(Status::Captured, Goal::Capture);
    let share = |payment: &Payment, amount| payment.clone().give_back_part(RefundId(9), eur(amount), at(1));
    let once = share(&captured, 1140).into_state();
    assert_eq!((once.refundable(), once.ask(at(1))), (eur(859), Some(GatewayQuestion::Refund(RefundId(9), eur(1140)))));
    assert!(!share(&once, 1140).is_changed(), "told again");
    // Of what an admin has paid back already nothing is left to give.
    let paid_back =
        captured.refund(RefundId(1), Some(eur(1500)), &Reason::new("broken").unwrap(), &Actor::System, at(1)).unwrap().into_state();
    assert_eq!(share(&paid_back, 1140).state().refunds[1].amount, eur(499));
    let all = paid_back.refund(RefundId(2), None, &Reason::new("the rest").unwrap(), &Actor::System, at(1)).unwrap().into_state();
    assert!(!share(&all, 1140).is_changed());
    assert!(!share(&come_to(Status::Failed, Goal::Capture), 1140).is_changed());
}

#[test]
fn a_refused_refund_is_tried_again_under_a_new_id() {
    let captured = come_to(Status::Captured, Goal::Capture);
    let asked = captured.refund(RefundId(1), Some(eur(500)), &Reason::new("broken").unwrap(), &Actor::System, at(1)).unwrap().into_state();
    let retry = |payment: &Payment, id, refused| payment.clone().retry_refund(RefundId(id), RefundId(refused), &Actor::System, at(3));
    assert_eq!(retry(&asked, 2, 1).unwrap_err(), PaymentError::NotRefused, "it is pending");
    assert_eq!(retry(&asked, 2, 7).unwrap_err(), PaymentError::UnknownRefund);
    let refused = asked.settle(Goal::Capture, &[GatewayAnswer::RefundRefused(RefundId(1), "no".into())], at(2)).into_state();
    let again = retry(&refused, 2, 1).unwrap().into_state();
    assert_eq!(again.ask(at(3)), Some(GatewayQuestion::Refund(RefundId(2), eur(500))));
    assert!(!retry(&again, 2, 1).unwrap().is_changed(), "repeated");
    assert_eq!(retry(&again, 3, 1).unwrap_err(), PaymentError::NotRefused, "it was tried again");
    let settled = again.settle(Goal::Capture, &[GatewayAnswer::RefundSettled(RefundId(2))], at(4));
    let [Event::PaymentRefunded(told)] = settled.events() else { panic!("{:?}", settled.events()) };
    assert_eq!((told.retry_of, told.refunded), (Some(RefundId(1)), eur(500)));
    let spent = refused.refund(RefundId(3), None, &Reason::new("all").unwrap(), &Actor::System, at(3)).unwrap().into_state();
    assert_eq!(retry(&spent, 4, 1).unwrap_err(), PaymentError::RefundTooLarge(eur(0)));
}

#[test]
fn a_cancelled_order_gets_the_rest_back_once() {
    let captured = come_to(Status::Captured, Goal::Capture);
    let part = captured.refund(RefundId(1), Some(eur(500)), &Reason::new("broken").unwrap(), &Actor::System, at(1)).unwrap().into_state();
    let mut payment = part.toward(Goal::Release, at(2)).toward(Goal::Release, at(3));
    assert_eq!(payment.refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [eur(500), eur(1499)]);
    for (id, refunded) in [(RefundId(1), 500), (RefundId(7), 1999)] {
        assert!(matches!(payment.ask(at(4)), Some(GatewayQuestion::Refund(asked, _)) if asked == id));
        let decision = payment.settle(Goal::Release, &[GatewayAnswer::RefundSettled(id)], at(4));
        let [Event::PaymentRefunded(event)] = decision.events() else { panic!("{:?}", decision.events()) };
        assert_eq!(event.refunded, eur(refunded));
        payment = decision.into_state();
    }
    assert_eq!((payment.ask(at(5)), payment.next_check_at), (None, None));
}

#[test]
fn only_the_end_of_a_number_is_shown() {
    for (method, expect) in [
        ("4242 4242 4242 4242", "card ending in 4242"),
        ("pm_card_visa", "card"),
        ("424242", "card"),
        ("４２４２４２４２４２４２４２４２", "card"),
    ] {
        assert_eq!(Payment::open(&order(), &wanted(1, method), at(0)).method_label, expect);
    }
}

/// Anything that can happen to a payment.
#[derive(Debug, Clone)]
enum Happening {
    Wanted(Goal),
    Answered(u8),
    RefundAsked(u8, Option<i64>),
    Waited(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        prop_oneof![Just(Goal::Capture), Just(Goal::Release)].prop_map(Happening::Wanted),
        (0_u8..9).prop_map(Happening::Answered),
        (0_u8..9).prop_map(Happening::Answered),
        (10_u8..20, prop::option::of(-5_i64..2500)).prop_map(|(id, amount)| Happening::RefundAsked(id, amount)),
        (0_i64..700).prop_map(Happening::Waited),
    ]
}

fn answer(kind: u8, payment: &Payment) -> GatewayAnswer {
    let pending = payment.refunds.iter().find(|refund| refund.status == RefundStatus::Pending).map_or(RefundId(99), |refund| refund.id);
    match kind {
        0 => GatewayAnswer::Nothing,
        1 => GatewayAnswer::Found(action()),
        2 => GatewayAnswer::Found(GatewayState::Authorized),
        3 => GatewayAnswer::Found(GatewayState::Captured),
        4 => GatewayAnswer::Found(GatewayState::Voided),
        5 => GatewayAnswer::Found(declined("card_declined")),
        6 => GatewayAnswer::Refused,
        7 => GatewayAnswer::RefundSettled(pending),
        _ => GatewayAnswer::RefundRefused(pending, "no".into()),
    }
}

proptest! {
    /// In whatever order things happen: refunds never exceed the capture, nothing moves back, each
    /// outcome is told at most once, and what is not over is due.
    #[test]
    fn a_payment_keeps_its_promises(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut payment = open(1);
        let (mut now, mut told) = (0, Vec::new());
        for happening in happenings {
            let before = payment.clone();
            match happening {
                Happening::Waited(secs) => now += secs,
                Happening::Wanted(goal) => payment = payment.toward(goal, at(now)),
                Happening::Answered(kind) => {
                    let decision = payment.clone().settle(payment.goal, &[answer(kind, &payment)], at(now));
                    prop_assert_eq!(decision.is_changed(), *decision.state() != before);
                    told.extend(kinds(decision.events()));
                    payment = decision.into_state();
                }
                Happening::RefundAsked(id, amount) => {
                    if let Ok(decision) = payment.clone().refund(RefundId(u128::from(id)), amount.map(eur), &Reason::new("why").unwrap(), &Actor::System, at(now)) {
                        payment = decision.into_state();
                    }
                }
            }
            let given: i64 = payment.refunds.iter().filter(|refund| refund.status != RefundStatus::Refused).map(|refund| refund.amount.amount).sum();
            prop_assert!(given <= payment.amount.amount && payment.refundable().amount >= 0);
            prop_assert!(payment.refunds.is_empty() || payment.status == Status::Captured);
            let over = |status| matches!(status, Status::Captured | Status::Voided | Status::Failed);
            prop_assert!(!over(before.status) || payment.status == before.status, "{:?} -> {:?}", before.status, payment.status);
            prop_assert!(payment.goal >= before.goal);
            let rests = payment.ask(at(now)).is_none();
            prop_assert_eq!(payment.next_check_at.is_none(), rests);
            prop_assert!(over(payment.status) || !rests);
        }
        for kind in ["payment.requires_action", "payment.captured", "payment.failed"] {
            prop_assert!(told.iter().filter(|other| **other == kind).count() <= 1, "{kind} twice");
        }
        prop_assert!(!(told.contains(&"payment.failed") && told.contains(&"payment.captured")));
    }
}
