use super::*;

pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000 + 500)
}

pub(crate) fn reason(text: &str) -> Reason {
    text.parse().unwrap()
}

fn registration(name: &str) -> Registration {
    Registration { email: "ann@example.com".parse().unwrap(), name: name.parse().unwrap(), password_hash: format!("hash of {name}") }
}

/// Registered at second 0, verified at second 1.
pub(crate) fn ann() -> User {
    unverified().verify_email(1, Follower::Owner, true, at(1)).unwrap().into_state()
}

pub(crate) fn unverified() -> User {
    User::register(1.into(), registration("Ann"), at(0)).into_state()
}

pub(crate) fn admin(id: u128) -> User {
    let user = User { id: UserId(id), ..ann() };
    user.set_roles(vec![Role::Admin], None, 1.into(), at(2)).unwrap().into_state()
}

pub(crate) fn disabled() -> User {
    ann().disable(reason("fraud"), at(2)).unwrap().into_state()
}

pub(crate) fn erased() -> User {
    ann().erase("usr_1@erased.invalid".parse().unwrap(), at(2)).into_state()
}

/// Whether the state changed, and the types of the events.
fn outcome(decision: Decision<User>) -> (bool, Vec<&'static str>) {
    (decision.is_changed(), decision.events().iter().map(contracts::Event::kind).collect())
}

type Expected = Result<(bool, Vec<&'static str>), UserError>;
type Command = fn(User) -> Result<Decision<User>, UserError>;

/// What every command makes of every status.
#[test]
fn lifecycle() {
    let nothing = || Ok((false, vec![]));
    let changed = |events: &[&'static str]| Ok((true, events.to_vec()));
    let table: Vec<(&str, Command, [Expected; 4])> = vec![
        (
            "register again",
            |user| Ok(user.register_again(registration("Eve"), at(9))),
            [changed(&["user.verification_requested"]), changed(&["user.registered_again"]), nothing(), nothing()],
        ),
        (
            "request verification",
            |user| Ok(user.request_verification(true, at(9))),
            [changed(&["user.verification_requested"]), nothing(), nothing(), nothing()],
        ),
        (
            "verify",
            |user| user.verify_email(1, Follower::Owner, true, at(9)),
            [changed(&["user.verified"]), nothing(), Err(UserError::Link), Err(UserError::Link)],
        ),
        (
            "request reset",
            |user| Ok(user.request_reset(at(9))),
            [changed(&["user.password_reset_requested"]), changed(&["user.password_reset_requested"]), nothing(), nothing()],
        ),
        (
            "change password",
            |user| user.change_password("new".into(), at(9)),
            [changed(&[]), changed(&[]), Err(UserError::Disabled), Err(UserError::Erased)],
        ),
        (
            "change profile",
            |user| user.change_profile(ProfileChange { name: Some(" Bea ".parse().unwrap()), ..ProfileChange::default() }, true, at(9)),
            [changed(&[]), changed(&[]), Err(UserError::Disabled), Err(UserError::Erased)],
        ),
        ("sign out", |user| Ok(user.sign_out_everywhere(at(9))), [changed(&[]), changed(&[]), nothing(), nothing()]),
        (
            "disable",
            |user| user.disable(reason("spam"), at(9)),
            [changed(&["user.disabled"]), changed(&["user.disabled"]), nothing(), Err(UserError::Erased)],
        ),
        ("enable", User::enable, [nothing(), nothing(), changed(&[]), Err(UserError::Erased)]),
        (
            "set roles",
            |user| user.set_roles(vec![Role::Support], None, 7.into(), at(9)),
            [changed(&[]), changed(&[]), changed(&[]), Err(UserError::Erased)],
        ),
        ("trust", User::trust, [changed(&["user.verified"]), nothing(), Err(UserError::Disabled), Err(UserError::Erased)]),
        (
            "erase",
            |user| Ok(user.erase("usr_1@erased.invalid".parse().unwrap(), at(9))),
            [changed(&["user.erased"]), changed(&["user.erased"]), changed(&["user.erased"]), nothing()],
        ),
    ];
    for (name, command, expect) in table {
        for (user, expect) in [unverified(), ann(), disabled(), erased()].into_iter().zip(expect) {
            let state = (user.status, user.email_verified);
            assert_eq!(command(user).map(outcome), expect, "{name}: {state:?}");
        }
    }
}

#[test]
fn registration_asks_for_verification() {
    let decision = User::register(1.into(), registration(" Ann "), at(0));
    assert_eq!(decision.state().name, "Ann");
    assert_eq!(outcome(decision), (true, vec!["user.verification_requested"]));
    for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert!(Name::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_latest_registration_of_an_unproved_address_counts() {
    let first = unverified();
    let second = first.clone().register_again(registration("Owner"), at(5)).into_state();
    assert_eq!((second.password_hash.as_str(), second.name.as_str()), ("hash of Owner", "Owner"));
    assert_ne!(second.epoch, first.epoch, "whoever came first is signed out");
    assert_eq!(second.clone().verify_email(1, Follower::Owner, true, at(6)), Err(UserError::Link), "the first link is dead");
    let verified = second.verify_email(2, Follower::Owner, true, at(6)).unwrap().into_state();
    let again = verified.clone().register_again(registration("Eve"), at(7)).into_state();
    assert_eq!(again, User { reset: again.reset, ..verified }, "afterwards nothing changes but that there is a link to reset the password");
    assert!(again.check_reset(1, at(8)).is_ok());
}

#[test]
fn only_the_latest_link_works_and_only_in_time() {
    let day = 24 * 3600;
    let twice = || unverified().request_verification(true, at(10)).into_state();
    for (serial, secs, works) in [(2, 11, true), (1, 11, false), (3, 11, false), (0, 11, false), (2, 9 + day, true), (2, 10 + day, false)] {
        assert_eq!(twice().verify_email(serial, Follower::Owner, true, at(secs)).is_ok(), works, "verify {serial} at {secs}");
    }
    let twice = || ann().request_reset(at(5)).into_state().request_reset(at(10)).into_state();
    for (serial, secs, works) in [(2, 11, true), (1, 11, false), (3, 11, false), (2, 9 + 3600, true), (2, 10 + 3600, false)] {
        assert_eq!(twice().reset_password(serial, "new".into(), at(secs)).is_ok(), works, "reset {serial} at {secs}");
    }
    let reset = twice().reset_password(2, "new".into(), at(11)).unwrap().into_state();
    assert_eq!(reset.reset_password(2, "newer".into(), at(12)), Err(UserError::Link), "once");
}

#[test]
fn a_reset_proves_the_address_and_ends_all_sessions() {
    let user = unverified().request_reset(at(5)).into_state();
    let epoch = user.epoch;
    let decision = user.reset_password(1, "new".into(), at(6)).unwrap();
    assert!(decision.state().email_verified && decision.state().epoch > epoch);
    assert_eq!(outcome(decision), (true, vec!["user.verified"]));
}

#[test]
fn whoever_only_has_the_mail_gives_the_account_to_nobody() {
    for by in [Follower::Owner, Follower::Somebody] {
        let is_own = by == Follower::Owner;
        let decision = unverified().verify_email(1, by, true, at(1)).unwrap();
        let [contracts::Event::UserVerified(event)] = decision.events() else { panic!("{:?}", decision.events()) };
        assert_eq!((event.proven, event.first), (is_own, true), "{by:?}");
        let user = decision.into_state();
        assert_eq!((user.email_verified, user.email_proven), (true, is_own), "{by:?}");
        assert_eq!(user.epoch == unverified().epoch, is_own, "the sessions of a stranger end: {by:?}");
        assert_eq!(user.clone().request_verification(true, at(2)).is_changed(), !is_own, "{by:?} may still prove it");
        let erased = user.erase("usr_1@erased.invalid".parse().unwrap(), at(3));
        let [contracts::Event::UserErased(event)] = erased.events() else { panic!("{:?}", erased.events()) };
        assert_eq!(event.email.is_some(), is_own, "{by:?}");
    }
}

#[test]
fn another_address_counts_when_it_is_proved() {
    let wanted: Email = "ann@new.example".parse().unwrap();
    let change = ProfileChange { email: Some(wanted.clone()), ..ProfileChange::default() };
    let decision = ann().request_reset(at(3)).into_state().change_profile(change.clone(), true, at(5)).unwrap();
    assert!(matches!(decision.events(), [contracts::Event::VerificationRequested(event)] if event.email == wanted && event.serial == 2));
    let pending = decision.into_state();
    assert_eq!(pending.email.as_str(), "ann@example.com");
    assert_eq!(pending.clone().verify_email(2, Follower::Owner, false, at(6)), Err(UserError::EmailTaken), "taken since");
    let moved = pending.clone().verify_email(2, Follower::Owner, true, at(6)).unwrap();
    assert_eq!((&moved.state().email, &moved.state().pending_email), (&wanted, &None));
    assert!(moved.state().check_reset(1, at(6)).is_err(), "a link to the old address is dead");

    let back = ProfileChange { email: Some("ann@example.com".parse().unwrap()), ..ProfileChange::default() };
    let back = pending.change_profile(back, true, at(6)).unwrap().into_state();
    assert_eq!(back.pending_email, None);
    assert!(back.verify_email(2, Follower::Owner, true, at(7)).is_err());

    let taken = ann().change_profile(change, false, at(5)).unwrap();
    assert_eq!(taken.state().pending_email, Some(wanted), "the person is told the same");
    assert!(taken.events().is_empty() && taken.state().verification.issued_at.is_none(), "and nobody is mailed");
}

#[test]
fn roles_and_businesses() {
    use Role::{Admin, Business, Customer};
    let set = |user: User, roles: &[Role], businesses: Option<Vec<u128>>| {
        let businesses = businesses.map(|ids| ids.into_iter().map(BusinessId).collect());
        user.set_roles(roles.to_vec(), businesses, 7.into(), at(9))
    };
    let seller = set(ann(), &[Business], None).unwrap().into_state();
    let owned = |id| Membership { business_id: BusinessId(id), role: StaffRole::Owner };
    assert_eq!((seller.roles.as_slice(), seller.businesses.as_slice()), ([Customer, Business].as_slice(), [owned(7)].as_slice()));
    assert!(!set(seller.clone(), &[Customer, Business, Business], None).unwrap().is_changed());
    assert_eq!(set(seller.clone(), &[Business, Admin], Some(vec![9, 8, 9])).unwrap().into_state().businesses, [owned(8), owned(9)]);
    let staff = User { businesses: vec![Membership { role: StaffRole::Staff, ..owned(7) }], ..seller.clone() };
    let kept = set(staff.clone(), &[Business], Some(vec![7, 8])).unwrap().into_state();
    assert_eq!(kept.businesses, [staff.businesses[0], owned(8)], "roles in businesses stay");
    assert_eq!(set(seller.clone(), &[], None).unwrap().into_state().businesses, []);
    assert_eq!(set(seller.clone(), &[], Some(vec![8])), Err(UserError::Businesses));
    assert_eq!(set(seller, &[Business], Some((0..21).collect())), Err(UserError::Businesses));
}

#[test]
fn nothing_of_the_person_is_left() {
    let text = serde_json::to_string(&erased()).unwrap().to_lowercase();
    assert!(!text.contains("ann") && !text.contains("hash of"), "{text}");
}

#[test]
fn tokens_made_before_a_sign_out_do_not_count_and_later_ones_do() {
    let mut user = ann();
    // All within one second: a token carries its time in whole seconds.
    for _ in 0..3 {
        let before = user.token_second(at(10));
        user = user.sign_out_everywhere(at(10)).into_state();
        assert!(before < user.tokens_valid_from.as_secs());
        assert!(user.token_second(at(10)) >= user.tokens_valid_from.as_secs());
    }
    assert_eq!(user.token_second(at(60)), 60);
}
