use kernel::{Membership, Role, StaffRole};
use strum::IntoEnumIterator as _;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_millis(1_000)
}

fn later() -> Timestamp {
    Timestamp::from_millis(2_000)
}

fn contents(rating: u8, text: &str) -> Contents {
    Contents::new(rating, None, text.parse().unwrap()).unwrap()
}

fn author() -> Actor {
    user(7, &[])
}

fn owner() -> Actor {
    user(8, &[1.into()])
}

fn user(id: u128, businesses: &[BusinessId]) -> Actor {
    Actor::User {
        id: id.into(),
        roles: vec![Role::Customer],
        businesses: businesses.iter().map(|id| Membership { business_id: *id, role: StaffRole::Owner }).collect(),
    }
}

fn reason() -> Reason {
    "off topic".parse().unwrap()
}

fn reply(text: &str) -> Reply {
    text.parse().unwrap()
}

fn submission(moderated: bool) -> Submission {
    Submission {
        target: ReviewTarget::Business(1.into()),
        business_id: 1.into(),
        author_id: 7.into(),
        author_name: "Ada L.".into(),
        contents: contents(4, "Good bread."),
        verified: true,
        own_business: false,
        customers_only: false,
        moderated,
    }
}

fn in_status(status: Status) -> Review {
    let new = |moderated| Review::submit(None, submission(moderated), now()).unwrap().into_state();
    match status {
        Pending => new(true),
        Published => new(false),
        Rejected => new(true).reject(reason()).unwrap().into_state(),
        Removed => new(false).remove().into_state(),
    }
}

/// What each command does in each status.
#[test]
fn every_move_is_in_the_table() {
    type Rule = fn(Review) -> Result<Decision<Review>, ReviewError>;
    let rules: [(&str, Rule); 7] = [
        ("publish", |review| review.publish(later())),
        ("reject", |review| review.reject(reason())),
        ("edit (moderated)", |review| review.edit(&author(), contents(1, "Worse."), true, later())),
        ("edit (unmoderated)", |review| review.edit(&author(), contents(1, "Worse."), false, later())),
        ("remove", |review| Ok(review.remove())),
        ("submit (moderated)", |review| {
            Review::submit(Some(review), Submission { contents: contents(2, "Anew."), ..submission(true) }, later())
        }),
        ("submit (unmoderated)", |review| {
            Review::submit(Some(review), Submission { contents: contents(2, "Anew."), ..submission(false) }, later())
        }),
    ];
    for status in Status::iter() {
        for (command, rule) in rules {
            let listed = LIFECYCLE.iter().find(|(from, label, _)| *from == status && *label == command).map(|(_, _, to)| *to);
            let reached = rule(in_status(status)).map(|decision| decision.state().status);
            assert_eq!(reached.unwrap_or(status), listed.unwrap_or(status), "{command} in {status}");
        }
    }
}

#[test]
fn a_repetition_changes_nothing() {
    let published = in_status(Published);
    assert!(!published.clone().publish(later()).unwrap().is_changed());
    assert!(!Review::submit(Some(published.clone()), submission(false), later()).unwrap().is_changed());
    assert!(!published.clone().edit(&author(), contents(4, " Good bread. "), true, later()).unwrap().is_changed());
    let answered = published.answer(&owner(), reply("Thank you"), later()).unwrap().into_state();
    assert!(!answered.clone().answer(&owner(), reply("Thank you"), later()).unwrap().is_changed());
    let again = answered.clone().answer(&owner(), reply("And again"), later()).unwrap();
    assert_eq!(again.state().reply.as_ref().map(|reply| reply.text.as_str()), Some("And again"));
    assert!(again.state().clone().take_answer_back(&owner()).unwrap().state().reply.is_none());
    assert_eq!(again.into_state().take_answer_back(&author()).err(), Some(ReviewError::NotBusiness));
    assert!(!in_status(Rejected).reject(reason()).unwrap().is_changed());
    assert!(!in_status(Removed).remove().is_changed());
    assert!(!answered.verify().is_changed());
}

#[test]
fn only_what_is_published_counts_and_can_be_answered_or_reported() {
    for status in Status::iter() {
        let review = in_status(status);
        assert_eq!(review.counted().is_some(), status == Published);
        assert_eq!(review.clone().answer(&owner(), reply("Thanks"), later()).is_ok(), status == Published);
        assert_eq!(review.clone().report(later()).is_ok(), status == Published);
        assert_eq!(review.queued_at.is_some(), status == Pending);
    }
    let reported = in_status(Published).report(later()).unwrap().into_state();
    assert_eq!((reported.reports, reported.queued_at, reported.counted()), (1, Some(later()), Some(4)));
    let dismissed = reported.clone().dismiss_reports().into_state();
    assert_eq!((dismissed.reports, dismissed.queued_at), (0, None));
    assert_eq!(reported.reject(reason()).unwrap().into_state().queued_at, None);
}

#[test]
fn who_manages_the_business_answers_for_it() {
    let member = |role| {
        let businesses = vec![Membership { business_id: in_status(Published).business_id, role }];
        Actor::User { id: 20.into(), roles: vec![Role::Customer, Role::Business], businesses }
    };
    for (role, may) in [(StaffRole::Staff, false), (StaffRole::Manager, true), (StaffRole::Owner, true)] {
        assert_eq!(in_status(Published).answer(&member(role), reply("Thanks"), later()).is_ok(), may, "{role:?}");
    }
}

#[test]
fn a_removed_review_keeps_no_words() {
    let removed = in_status(Published).answer(&owner(), reply("Thanks"), now()).unwrap().into_state().remove().into_state();
    let text = serde_json::to_string(&removed).unwrap();
    assert!(!text.contains("Good bread") && !text.contains("Ada") && !text.contains("Thanks"), "{text}");
}

#[test]
fn what_can_be_written() {
    let long = "x".repeat(5001);
    assert!(Text::new("  ").is_err() && Text::new(&long).is_err() && Title::new(&long[..121]).is_err());
    let cases = [
        (0, None, "text", Err(ReviewError::Rating)),
        (6, None, "text", Err(ReviewError::Rating)),
        (5, Some("  "), " text ", Ok(Contents { rating: 5, title: None, text: "text".into() })),
        (5, Some(" title "), "text", Ok(Contents { rating: 5, title: Some("title".into()), text: "text".into() })),
    ];
    for (rating, title, text, expect) in cases {
        assert_eq!(Contents::new(rating, title.map(|title| title.parse().unwrap()), text.parse().unwrap()), expect);
    }
}

#[test]
fn who_may_submit() {
    for (verified, own_business, customers_only, refused) in [
        (false, false, false, None),
        (true, false, true, None),
        (false, false, true, Some(ReviewError::NotCustomer)),
        (true, true, false, Some(ReviewError::OwnBusiness)),
    ] {
        let submission = Submission { verified, own_business, customers_only, ..submission(false) };
        assert_eq!(Review::submit(None, submission, now()).err(), refused, "{verified} {own_business} {customers_only}");
    }
}

#[test]
fn everyone_has_their_part() {
    let (stranger, admin) = (user(9, &[2.into()]), Actor::User { id: 10.into(), roles: vec![Role::Admin], businesses: vec![] });
    let review = || in_status(Published);
    for (by, edits, takes_back, answers) in
        [(author(), true, true, false), (owner(), false, false, true), (stranger, false, false, false), (admin, false, true, true)]
    {
        assert_eq!(review().edit(&by, contents(1, "Worse."), false, later()).is_ok(), edits, "{by:?}");
        assert_eq!(review().take_back(&by).is_ok(), takes_back, "{by:?}");
        assert_eq!(review().answer(&by, reply("Thanks"), later()).is_ok(), answers, "{by:?}");
    }
    for (reader, expect) in [(author(), Err(ReviewError::OwnVote)), (owner(), Err(ReviewError::OwnVote)), (user(9, &[2.into()]), Ok(()))] {
        assert_eq!(review().check_vote(&reader), expect, "{reader:?}");
    }
    assert_eq!(in_status(Pending).check_vote(&user(9, &[])), Err(ReviewError::Unknown));
}

#[test]
fn one_author_and_one_thing_make_one_id() {
    let of = |target, author: u128| Review::id_of(target, author.into());
    let business = ReviewTarget::Business(1.into());
    assert_eq!(of(business, 1), of(business, 1));
    assert_ne!(of(business, 1), of(business, 2));
    assert_ne!(of(business, 1), of(ReviewTarget::Product(1.into()), 1));
}
