use super::*;

fn now() -> Timestamp {
    Timestamp::from_millis(1_000)
}

fn later() -> Timestamp {
    Timestamp::from_millis(2_000)
}

fn contents(rating: u8, text: &str) -> Contents {
    Contents::checked(rating, None, text).unwrap()
}

fn submission(moderated: bool) -> Submission {
    Submission {
        target: ReviewTarget::Business(1.into()),
        business_id: 1.into(),
        author_id: 7.into(),
        author_name: "Ada L.".into(),
        contents: contents(4, "Good bread."),
        verified: true,
        moderated,
    }
}

fn in_status(status: Status) -> Review {
    let new = |moderated| Review::submit(None, submission(moderated), now()).unwrap().state;
    match status {
        Pending => new(true),
        Published => new(false),
        Rejected => new(true).reject("off topic").unwrap().state,
        Removed => new(false).remove().state,
    }
}

/// What each piece of news does in each status. `None`: it is refused.
#[test]
fn every_move_is_in_the_table() {
    type Rule = fn(Review) -> Result<Decision<Review>, ReviewError>;
    let rules: [(&str, Rule); 7] = [
        ("publish", |review| review.publish(later())),
        ("reject", |review| review.reject("spam")),
        ("edit (moderated)", |review| review.edit(contents(1, "Worse."), true, later())),
        ("edit (unmoderated)", |review| review.edit(contents(1, "Worse."), false, later())),
        ("remove", |review| Ok(review.remove())),
        ("submit (moderated)", |review| {
            Review::submit(Some(review), Submission { contents: contents(2, "Anew."), ..submission(true) }, later())
        }),
        ("submit (unmoderated)", |review| {
            Review::submit(Some(review), Submission { contents: contents(2, "Anew."), ..submission(false) }, later())
        }),
    ];
    for status in Status::ALL {
        for (news, rule) in rules {
            let listed = lifecycle().iter().find(|(from, label, _)| *from == status && *label == news).map(|(_, _, to)| *to);
            let reached = rule(in_status(status)).map(|decision| decision.state.status);
            assert_eq!(reached.unwrap_or(status), listed.unwrap_or(status), "{news} in {}", status.as_str());
        }
    }
}

#[test]
fn a_repetition_changes_nothing() {
    let published = in_status(Published);
    assert!(!published.clone().publish(later()).unwrap().changed);
    assert!(!Review::submit(Some(published.clone()), submission(false), later()).unwrap().changed);
    assert!(!published.clone().edit(contents(4, " Good bread. "), true, later()).unwrap().changed);
    let answered = published.answer("Thank you", later()).unwrap().state;
    assert!(!answered.clone().answer("Thank you", later()).unwrap().changed);
    assert_eq!(answered.clone().answer("And again", later()), Err(ReviewError::Answered));
    assert!(!in_status(Rejected).reject("spam").unwrap().changed);
    assert!(!in_status(Removed).remove().changed);
    assert!(!answered.verify().changed);
}

#[test]
fn only_what_is_published_counts_and_can_be_answered_or_reported() {
    for status in Status::ALL {
        let review = in_status(status);
        assert_eq!(review.counted().is_some(), status == Published);
        assert_eq!(review.clone().answer("Thanks", later()).is_ok(), status == Published);
        assert_eq!(review.clone().report(later()).is_ok(), status == Published);
        assert_eq!(review.queued_at.is_some(), status == Pending);
    }
    let reported = in_status(Published).report(later()).unwrap().state;
    assert_eq!((reported.reports, reported.queued_at, reported.counted()), (1, Some(later()), Some(4)));
    let dismissed = reported.clone().dismiss_reports().state;
    assert_eq!((dismissed.reports, dismissed.queued_at), (0, None));
    assert_eq!(reported.reject("abuse").unwrap().state.queued_at, None);
}

#[test]
fn a_removed_review_keeps_no_words() {
    let removed = in_status(Published).answer("Thanks", now()).unwrap().state.remove().state;
    let text = serde_json::to_string(&removed).unwrap();
    assert!(!text.contains("Good bread") && !text.contains("Ada") && !text.contains("Thanks"), "{text}");
}

#[test]
fn what_can_be_written() {
    let long = "x".repeat(TEXT_CHARACTERS_MAX + 1);
    let cases = [
        (0, None, "text", Err(ReviewError::Rating)),
        (6, None, "text", Err(ReviewError::Rating)),
        (5, None, "  ", Err(ReviewError::Text)),
        (5, None, long.as_str(), Err(ReviewError::Text)),
        (5, Some(&long[..TITLE_CHARACTERS_MAX + 1]), "text", Err(ReviewError::Title)),
        (5, Some("  "), " text ", Ok(Contents { rating: 5, title: None, text: "text".into() })),
    ];
    for (rating, title, text, expect) in cases {
        assert_eq!(Contents::checked(rating, title, text), expect);
    }
}

#[test]
fn one_author_and_one_thing_make_one_id() {
    let of = |target, author: u128| Review::id_of(target, author.into());
    let business = ReviewTarget::Business(1.into());
    assert_eq!(of(business, 1), of(business, 1));
    assert_ne!(of(business, 1), of(business, 2));
    assert_ne!(of(business, 1), of(ReviewTarget::Product(1.into()), 1));
}
