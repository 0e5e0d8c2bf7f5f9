use strum::IntoEnumIterator as _;

use super::*;
use crate::lead::enquiry::{Contact, Message, Name, Phone};
use crate::lead::limits::{AskedLately, Counted, Month};

fn at(days: i64) -> Timestamp {
    Timestamp::from_millis(days * 24 * 3600 * 1000)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn enquiry(message: &str, trapped: bool) -> Enquiry {
    let (name, phone) = (Name::new("Ann Lee").unwrap(), Phone::new("+49 (151) 234-5678").unwrap());
    Enquiry::new(name, "Ann@Example.com".parse().unwrap(), Some(phone), Message::new(message).unwrap(), trapped).unwrap()
}

const SENDER: Sender = Sender { lead_id: LeadId(1), business_id: BusinessId(1), customer_id: None };

fn ask(message: &str, trapped: bool) -> Lead {
    Lead::ask(&enquiry(message, trapped), SENDER, delivery(500), at(0)).unwrap().into_state()
}

fn asked() -> Lead {
    ask("Have a look: http://a.example http://b.example www.c.example", false)
}

fn delivery(price: i64) -> Delivery {
    Delivery { shop_price: eur(price), terms: LeadTerms::default(), duplicate_of: None, this_month: 0, confirmed: true }
}

fn lead(status: Status) -> Lead {
    let delivered = asked().deliver(delivery(500), at(0)).unwrap().into_state();
    let billed = delivered.clone().bill(at(0)).unwrap().into_state();
    let returned = billed.clone().give_back(ReturnReason::WrongNumber, at(1)).unwrap().into_state();
    match status {
        New => asked(),
        Delivered => delivered,
        Billed => billed,
        Returned => returned,
        Credited => returned.credit().unwrap().into_state(),
        Spam => asked().mark_spam().unwrap().into_state(),
    }
}

#[test]
fn an_erased_customer_leaves_no_words() {
    for status in Status::iter() {
        let before = Lead { customer_id: Some(UserId(3)), ..lead(status) };
        match (status, before.clone().forget_customer()) {
            (New, forgotten) => assert_eq!(forgotten, None, "nobody has seen it"),
            (_, Some(decision)) => {
                let expect = Lead { customer_id: None, message_chars: 0, ..before };
                assert_eq!((decision.state(), decision.is_changed(), decision.events().len()), (&expect, true, 0), "{status:?}");
                assert_eq!(expect.clone().forget_customer(), Some(Decision::unchanged(expect)));
            }
            (_, None) => panic!("the books of a lead that is {status:?} are gone"),
        }
    }
}

#[test]
fn every_news_in_every_status() {
    type News = fn(Lead) -> Result<Decision<Lead>, LeadError>;
    let all: [(&str, News); 6] = [
        ("deliver", |lead| lead.deliver(delivery(500), at(1))),
        ("bill", |lead| lead.bill(at(1))),
        ("return", |lead| lead.give_back(ReturnReason::Spam, at(1))),
        ("credit", Lead::credit),
        ("return refused", |lead| lead.refuse_return(at(1))),
        ("spam", Lead::mark_spam),
    ];
    for (name, news) in all {
        for from in Status::iter() {
            let before = lead(from);
            let expect = LIFECYCLE.iter().find(|(start, known, _)| *start == from && *known == name).map(|(_, _, to)| *to);
            match (news(before.clone()), expect) {
                (Ok(decision), Some(to)) => assert_eq!((decision.state().status, decision.is_changed()), (to, true), "{name} {from:?}"),
                (Ok(decision), None) => {
                    assert_eq!((decision.state(), decision.is_changed()), (&before, false), "{name} {from:?} moves nothing")
                }
                (Err(_), None) => {}
                (Err(error), Some(to)) => panic!("{name} {from:?} should lead to {to:?}: {error}"),
            }
        }
    }
}

#[test]
fn the_price_is_fixed_at_delivery() {
    let plan = LeadTerms { covered_by_plan: true, ..LeadTerms::default() };
    let own = LeadTerms { price: Some(250), ..LeadTerms::default() };
    for (terms, duplicate_of, price, status, released) in [
        (LeadTerms::default(), None, 500, Delivered, false),
        (own, None, 250, Delivered, false),
        (plan, None, 0, Billed, true),
        (LeadTerms::default(), Some(LeadId(9)), 500, Delivered, false),
        (plan, Some(LeadId(9)), 0, Delivered, false),
    ] {
        let decision = asked().deliver(Delivery { terms, duplicate_of, ..delivery(500) }, at(0)).unwrap();
        assert_eq!(decision.state().price, Some(eur(price)), "{terms:?} {duplicate_of:?}");
        assert_eq!((decision.state().status, decision.state().is_released()), (status, released), "{terms:?} {duplicate_of:?}");
    }
    let duplicate = asked().deliver(Delivery { duplicate_of: Some(LeadId(9)), ..delivery(500) }, at(0)).unwrap().into_state();
    assert!(duplicate.bill(at(1)).is_err(), "a duplicate is never billed");
}

#[test]
fn what_nobody_has_confirmed_costs_nothing() {
    let unconfirmed = asked().deliver(Delivery { confirmed: false, ..delivery(500) }, at(0)).unwrap();
    assert_eq!((unconfirmed.state().status, unconfirmed.events().len()), (Delivered, 0), "nobody is mailed");
    let unconfirmed = unconfirmed.into_state();
    assert!(!unconfirmed.counts() && unconfirmed.clone().bill(at(1)).is_err());
    let free = asked().deliver(Delivery { confirmed: false, ..delivery(0) }, at(0)).unwrap().into_state();
    assert!(!free.is_released(), "not even a free one is released");
    let returned = unconfirmed.clone().give_back(ReturnReason::Spam, at(1)).unwrap().into_state();
    assert!(returned.refuse_return(at(2)).is_err());
    let delivered = unconfirmed.deliver(delivery(500), at(2)).unwrap();
    assert_eq!(delivered.events().len(), 1, "an admin has had a look");
    assert!(delivered.state().counts() && delivered.into_state().bill(at(3)).is_ok());
}

#[test]
fn the_monthly_cap_does_not_tell_duplicates() {
    let terms = LeadTerms { monthly_cap: Some(2), ..LeadTerms::default() };
    for (this_month, duplicate_of, expect) in [(1, None, true), (2, None, false), (3, None, false), (2, Some(LeadId(9)), false)] {
        let result = asked().deliver(Delivery { terms, this_month, duplicate_of, ..delivery(500) }, at(0));
        assert_eq!(result.is_ok(), expect, "{this_month} {duplicate_of:?}");
    }
}

#[test]
fn a_lead_is_answered_once_it_is_released() {
    for (status, is_open, expect) in [
        (New, true, Err(LeadError::NotFound)),
        (Spam, true, Err(LeadError::NotFound)),
        (Delivered, false, Err(LeadError::NotReleased)),
        (Delivered, true, Ok(())),
        (Billed, false, Ok(())),
        (Returned, false, Ok(())),
        (Credited, false, Ok(())),
    ] {
        let answered = lead(status).answer(is_open, 0, at(2));
        assert_eq!(answered.as_ref().map(|_| ()).map_err(|error| *error), expect, "{status:?}");
        if let Ok(first) = answered {
            let second = first.into_state().answer(is_open, 1, at(3)).unwrap();
            assert_eq!(second.state().answered_at, Some(at(2)));
            assert_eq!(second.events().len(), 1);
        }
    }
}

#[test]
fn a_return_has_seven_days_and_one_chance() {
    for (day, expect) in [(0, true), (7, true), (8, false)] {
        assert_eq!(lead(Billed).give_back(ReturnReason::WrongCategory, at(day)).is_ok(), expect, "day {day}");
    }
    let refused = lead(Returned).refuse_return(at(2)).unwrap().into_state();
    assert_eq!(refused.clone().give_back(ReturnReason::Spam, at(3)), Err(LeadError::ReturnRefused));
    assert!(!refused.refuse_return(at(3)).unwrap().is_changed());
    let unpaid = lead(Delivered).give_back(ReturnReason::Duplicate, at(1)).unwrap().into_state();
    assert_eq!(unpaid.clone().refuse_return(at(2)).unwrap().state().status, Billed, "it counts as sold");
    let credited = unpaid.credit().unwrap();
    let zero = LeadCredited { lead_id: LeadId(1), business_id: BusinessId(1), credit: eur(0) };
    assert_eq!(credited.events(), [zero.into()], "nothing was charged, so nothing goes back");
    let late = credited.into_state().bill(at(9)).unwrap();
    assert_eq!((late.state().status, late.is_changed()), (Credited, true), "a charge that comes late moves nothing backwards");
}

#[test]
fn spam_is_noticed() {
    for (message, trapped, status) in [
        ("Do you have time?", false, Delivered),
        ("Do you have time?", true, Spam),
        ("http://a.example https://b.example www.c.example", false, New),
    ] {
        assert_eq!(ask(message, trapped).status, status, "{message}");
    }
}

#[test]
fn enquiries_are_checked_and_people_recognised() {
    let contact = enquiry("x", false).contact(LeadId(1));
    let same = |phone: &str| Contact { phone: Some(phone.into()), ..contact.clone() }.identities();
    assert_eq!(same("0151 2345678"), same("+49 151 2345678"));
    assert_eq!(same("0151 2345678")[0], "email:ann@example.com");
    for (phone, expect) in [(" ", true), ("request me", false), ("1234", false), ("0151 2345678", true)] {
        let (name, message) = (Name::new("Ann").unwrap(), Message::new("Hi").unwrap());
        let result = Enquiry::new(name, "ann@example.com".parse().unwrap(), Some(Phone::new(phone).unwrap()), message, false);
        match result {
            Ok(_) => assert!(expect, "{phone}"),
            Err(error) => assert!(!expect && matches!(error, LeadError::Field { field: "phone", .. }), "{phone}"),
        }
    }
}

#[test]
fn enquiries_are_limited() {
    let hash = || "hash".to_owned();
    for (counted, cap, most) in [
        (Counted::Person(hash()), None, 10),
        (Counted::Client(hash()), None, 30),
        (Counted::Client(hash()), Some(20), 5),
        (Counted::Client(hash()), Some(1), 5),
        (Counted::Client(hash()), Some(40), 10),
        (Counted::Client(hash()), Some(1_000), 30),
        (Counted::Business(hash()), Some(20), 100),
    ] {
        let mut lately = None;
        for n in 1..=most {
            assert_eq!(AskedLately::are_few(lately.as_ref()), n <= 5);
            let count = AskedLately::count(lately, counted.hash(), counted.limit(cap), at(1)).unwrap().into_state();
            assert_eq!(count.count, n);
            lately = Some(count);
        }
        let refused = AskedLately::count(lately, counted.hash(), counted.limit(cap), at(1));
        assert!(matches!(refused, Err(LeadError::TooMany { retry_after }) if retry_after.as_secs() >= 3600), "{counted:?} {cap:?}");
    }
}

#[test]
fn a_month_is_counted_by_its_name() {
    let first = Month::count(None, BusinessId(1), at(20_000)).into_state();
    assert_eq!((first.month.as_str(), first.delivered), ("2024-10", 1));
    assert_eq!(Month::count(Some(first), BusinessId(1), at(20_001)).state().delivered, 2);
}

#[test]
fn the_preview_and_the_events_hold_no_contact() {
    let asked = Lead::ask(&enquiry("I am Ann Lee, request 0151 234 5678 or ann@example.com", false), SENDER, delivery(500), at(0)).unwrap();
    let (lead, events) = asked.into_parts();
    let mut visible = serde_json::to_string(&lead).unwrap();
    let billed = lead.bill(at(0)).unwrap();
    for event in events.iter().chain(billed.events()) {
        visible.push_str(&event.data_json().unwrap());
    }
    for secret in ["Ann", "Lee", "0151", "5678", "example.com"] {
        assert!(!visible.contains(secret), "{secret} in {visible}");
    }
}
