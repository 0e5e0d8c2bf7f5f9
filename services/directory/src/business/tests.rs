use kernel::{CategoryId, GeoPosition, Role};
use strum::IntoEnumIterator as _;

use super::*;

const OWNER: UserId = UserId(1);
const MANAGER: UserId = UserId(2);
const STAFF: UserId = UserId(3);
const STRANGER: UserId = UserId(4);

fn user(id: UserId) -> Actor {
    Actor::User { id, roles: vec![Role::Customer], businesses: Vec::new() }
}

fn admin() -> Actor {
    Actor::User { id: UserId(9), roles: vec![Role::Customer, Role::Admin], businesses: Vec::new() }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn profile(name: &str) -> Profile {
    Profile {
        name: name.into(),
        categories: vec![CategoryId(1)],
        position: GeoPosition::new(48.0, 11.0),
        phone: Some("+49 89 1".into()),
        ..Profile::default()
    }
}

fn business(status: Status) -> Business {
    let registered = Business::register(BusinessId(1), OWNER, "cafe".into(), profile("Café"), at(0)).unwrap().into_state();
    let member = |user_id, role| Member { user_id, role, since: at(0) };
    let members = vec![member(OWNER, StaffRole::Owner), member(MANAGER, StaffRole::Manager), member(STAFF, StaffRole::Staff)];
    Business { status, members, ..registered }
}

fn imported() -> Business {
    let imported = Imported { id: BusinessId(7), source_id: "osm:node/7".into(), slug: "cafe".into() };
    Business::import(imported, profile("Café"), at(0)).unwrap().into_state()
}

fn reason() -> Reason {
    Reason::new("no photo").unwrap()
}

#[test]
fn every_command_in_every_status() {
    type Command = fn(Business) -> Result<Decision<Business>, BusinessError>;
    let commands: [(&str, Command); 7] = [
        ("submit", |business| business.submit(&user(OWNER), at(1))),
        ("withdraw", |business| business.withdraw(&user(OWNER), at(1))),
        ("approve", |business| business.approve(at(1))),
        ("reject", |business| business.reject(&reason(), at(1))),
        ("suspend", |business| business.suspend(&reason(), at(1))),
        ("restore", |business| business.restore(at(1))),
        ("remove", |business| business.remove(&admin(), at(1))),
    ];
    for (name, command) in commands {
        let reached = LIFECYCLE.iter().find(|(_, known, _)| *known == name).unwrap().2;
        for from in Status::iter() {
            let expect = LIFECYCLE.iter().find(|(start, known, _)| *start == from && *known == name).map(|(_, _, to)| *to);
            match (command(business(from)), expect) {
                (Ok(decision), Some(to)) => assert_eq!((decision.state().status, decision.is_changed()), (to, true), "{name} {from:?}"),
                (Ok(decision), None) => {
                    assert_eq!((from, decision.is_changed(), decision.events().len()), (reached, false, 0), "{name} again");
                }
                (Err(BusinessError::Illegal { status, .. }), None) => assert_eq!(status, <&str>::from(from), "{name}"),
                (result, expect) => panic!("{name} {from:?}: {result:?}, expected {expect:?}"),
            }
        }
    }
}

#[test]
fn who_may_do_what() {
    type Command = fn(Business, &Actor) -> Result<Decision<Business>, BusinessError>;
    let commands: [(Command, &[UserId]); 3] = [
        (|business, actor| business.edit(actor, "cafe".into(), profile("Tea room"), at(1)), &[OWNER, MANAGER]),
        (|business, actor| business.set_staff(actor, STRANGER, Some(StaffRole::Staff), at(1)), &[OWNER]),
        (|business, actor| business.remove(actor, at(1)), &[OWNER]),
    ];
    for (command, may) in commands {
        for id in [OWNER, MANAGER, STAFF, STRANGER] {
            let result = command(business(Draft), &user(id));
            match result {
                Ok(_) => assert!(may.contains(&id), "{id}"),
                Err(BusinessError::NotAllowed(_)) => assert!(!may.contains(&id) && id != STRANGER, "{id}"),
                Err(BusinessError::NotFound) => assert_eq!(id, STRANGER, "a draft does not exist for strangers"),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(command(business(Draft), &admin()).is_ok());
        assert!(command(business(Draft), &Actor::Guest).is_err());
    }
}

#[test]
fn staff_come_and_go() {
    let business = business(Published);
    let left = business.clone().set_staff(&user(STAFF), STAFF, None, at(1)).unwrap();
    assert_eq!(left.state().role_of(STAFF), None, "whoever leaves needs nobody's leave");
    assert_eq!(left.events().len(), 1);
    assert!(!business.clone().set_staff(&user(OWNER), STAFF, Some(StaffRole::Staff), at(1)).unwrap().is_changed());
    for role in [None, Some(StaffRole::Manager)] {
        assert_eq!(business.clone().set_staff(&user(OWNER), OWNER, role, at(1)), Err(BusinessError::LastOwner));
    }
    let full = Business {
        members: (0..STAFF_MAX as u128).map(|n| Member { user_id: UserId(n + 1), role: StaffRole::Owner, since: at(0) }).collect(),
        ..business
    };
    assert_eq!(full.set_staff(&user(OWNER), UserId(999), Some(StaffRole::Staff), at(1)), Err(BusinessError::TooManyStaff));
}

#[test]
fn an_erased_owner_leaves_the_business() {
    for status in Status::iter() {
        let left = business(status).forget_member(OWNER, at(1));
        assert_eq!((left.state().status, left.state().role_of(OWNER), left.events().len()), (status, None, 1), "{status:?}");
        assert_eq!(left.state().members.len(), 2);
        assert!(!left.into_state().forget_member(OWNER, at(2)).is_changed());
    }
}

#[test]
fn what_is_incomplete_is_not_submitted() {
    let incomplete = |profile: Profile| Business { profile, ..business(Draft) }.submit(&user(OWNER), at(1));
    assert_eq!(incomplete(Profile { categories: Vec::new(), ..profile("Café") }), Err(BusinessError::Incomplete));
    assert_eq!(incomplete(Profile { position: None, ..profile("Café") }), Err(BusinessError::Incomplete));
    assert!(Reason::new(" ").is_err(), "a reason is needed");
}

#[test]
fn an_import_leaves_alone_what_its_people_have_changed() {
    let listing = imported();
    assert!(!listing.clone().import_again(&profile("Café"), at(1)).unwrap().is_changed());
    let renamed = listing.clone().import_again(&profile("Café Neu"), at(1)).unwrap();
    assert_eq!((renamed.state().profile.name.as_str(), renamed.events().len()), ("Café Neu", 1));

    let claimed = listing.claimed(OWNER, ClaimId(1), at(1)).unwrap();
    assert_eq!(claimed.events().len(), 2);
    let claimed = claimed.into_state();
    assert_eq!(claimed.clone().claimed(STRANGER, ClaimId(2), at(2)), Err(BusinessError::Claimed));
    let own = Profile { phone: Some("+49 89 2".into()), ..profile("Café") };
    let edited = claimed.edit(&user(OWNER), "cafe".into(), own, at(2)).unwrap().into_state();
    let file = Profile { phone: Some("+49 89 3".into()), website: Some("https://cafe.example".into()), ..profile("Café") };
    let again = edited.clone().import_again(&file, at(3)).unwrap().into_state();
    assert_eq!(again.profile.phone.as_deref(), Some("+49 89 2"), "what the owner wrote stays");
    assert_eq!(again.profile.website.as_deref(), Some("https://cafe.example"), "the rest follows the file");

    let removed = edited.remove(&admin(), at(4)).unwrap().into_state();
    assert!(!removed.import_again(&file, at(5)).unwrap().is_changed(), "what was removed stays away");
}

#[test]
fn hours_that_are_not_understood_come_from_files_only() {
    let vague = Profile { opening_hours: Some("whenever".into()), ..profile("Café") };
    let refused = Business::register(BusinessId(1), OWNER, "cafe".into(), vague.clone(), at(0));
    assert!(matches!(refused, Err(BusinessError::Field { field: "opening_hours", .. })));
    let listing = imported().import_again(&vague, at(1)).unwrap().into_state();
    assert_eq!(listing.profile.opening_hours.as_deref(), Some("whenever"));
    let kept = Profile { phone: None, ..vague.clone() };
    let edited = listing.clone().edit(&admin(), "cafe".into(), kept, at(2)).unwrap();
    assert!(edited.is_changed(), "they may stay while something else is edited");
    let worse = Profile { opening_hours: Some("sometimes".into()), ..vague };
    assert!(listing.edit(&admin(), "cafe".into(), worse, at(2)).is_err());
}

#[test]
fn profiles_are_checked() {
    type Spoil = fn(&mut Profile);
    let cases: [(&str, Spoil); 9] = [
        ("name", |profile| profile.name = " ".into()),
        ("name", |profile| profile.name = "a\nb".into()),
        ("website", |profile| profile.website = Some("javascript:alert(1)".into())),
        ("email", |profile| profile.email = Some("nobody".into())),
        ("time_zone", |profile| profile.time_zone = Some("Europe/Munich".into())),
        ("tags", |profile| profile.tags = vec!["x".repeat(41)]),
        ("categories", |profile| profile.categories = (0..6).map(CategoryId).collect()),
        ("photos", |profile| profile.photos = vec![crate::business::profile::Photo { url: "/files/../x".into(), alt: String::new() }]),
        ("address.address_country", |profile| {
            profile.address = Some(crate::business::profile::Address { address_country: "Germany".into(), ..Default::default() });
        }),
    ];
    for (expect, spoil) in cases {
        let mut spoiled = profile("Café");
        spoil(&mut spoiled);
        let error = spoiled.checked().unwrap_err();
        assert!(matches!(error, BusinessError::Field { field, .. } if field == expect), "{expect}: {error}");
    }
    let untidy = Profile { tags: vec![" Vegan ".into(), "vegan".into()], website: Some(" ".into()), ..profile(" Café ") };
    let tidy = untidy.checked().unwrap();
    assert_eq!((tidy.name.as_str(), tidy.tags.as_slice(), tidy.website), ("Café", ["vegan".to_owned()].as_slice(), None));
}

#[test]
fn a_published_business_does_not_become_another_one_without_a_look() {
    let website = Some("https://phish.example/".to_owned());
    let bank = Profile { website, categories: vec![CategoryId(2), CategoryId(1)], phone: Some("+49 89 2".into()), ..profile("Bank") };
    for status in Status::iter() {
        for (actor, waits) in [(user(OWNER), status == Published), (admin(), false)] {
            let Ok(edited) = business(status).edit(&actor, "cafe".into(), bank.clone(), at(1)) else {
                assert_eq!(status, Removed);
                continue;
            };
            let edited = edited.into_state();
            assert_eq!((edited.profile.name == "Bank", edited.pending.is_some()), (!waits, waits), "{status:?}");
            assert_eq!(edited.profile.phone.as_deref(), Some("+49 89 2"), "the rest changes at once");
        }
    }
    let waiting = business(Published).edit(&user(OWNER), "cafe".into(), bank.clone(), at(1)).unwrap();
    assert_eq!(waiting.events().len(), 2, "the page has changed, and somebody has to look");
    let waiting = waiting.into_state();
    assert!(!waiting.clone().edit(&user(OWNER), "cafe".into(), bank.clone(), at(2)).unwrap().is_changed(), "a repetition is nothing new");
    let rejected = waiting.clone().reject_change(&reason(), at(2)).into_state();
    assert_eq!((rejected.profile.name.as_str(), &rejected.pending), ("Café", &None));
    let approved = waiting.clone().approve_change("bank".into(), at(2)).into_state();
    assert_eq!((&approved.profile, approved.slug.as_str(), &approved.pending), (&bank, "bank", &None));
    assert!(!approved.approve_change("bank".into(), at(3)).is_changed());
    let kept = Profile { phone: Some("+49 89 2".into()), ..profile("Café") };
    let withdrawn = waiting.edit(&user(OWNER), "cafe".into(), kept, at(2)).unwrap().into_state();
    assert_eq!(withdrawn.pending, None, "the last profile says what is wanted");
    let more = Profile { categories: vec![CategoryId(1), CategoryId(2)], ..profile("Café") };
    let added = business(Published).edit(&user(OWNER), "cafe".into(), more, at(1)).unwrap().into_state();
    assert_eq!((added.profile.categories.len(), added.pending), (2, None), "further categories do not wait");
}
