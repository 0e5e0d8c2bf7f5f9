//! Samples of all that is stored, held against the golden file.

use contracts::ReturnReason;
use kernel::{Currency, GeoPosition, Money, Rating, StaffRole, Timestamp};
use serde_json::json;
use shell::testing::Golden;
use strum::IntoEnumIterator as _;

use crate::business::membership::{Membership, MembershipCount};
use crate::business::pending::PendingChange;
use crate::business::profile::{Address, Field, Photo, Profile};
use crate::business::rating::BusinessRating;
use crate::business::{self, Business, Member, Source};
use crate::category::{Category, Tree};
use crate::claim::{self, Claim, Proof};
use crate::lead::enquiry::{Contact, LeadReply};
use crate::lead::limits::{Asked, AskedLately, Month};
use crate::lead::{self, Lead, LeadTerms};
use crate::storage::{CategoryCount, Listed, SlugOwner};

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn plain_business() -> Business {
    Business {
        id: 3.into(),
        slug: "old-mill".into(),
        status: business::Status::Draft,
        profile: Profile { name: "Old Mill".into(), ..Profile::default() },
        members: Vec::new(),
        source: None,
        lead_terms: LeadTerms::default(),
        moderation_reason: None,
        pending: None,
        created_at: at(),
        updated_at: at(),
        published_at: None,
    }
}

fn full_profile() -> Profile {
    let address = Address {
        street_address: "Lindenstraße 4".into(),
        extended_address: "Second floor".into(),
        district: "Au".into(),
        postal_code: "80331".into(),
        address_locality: "München".into(),
        address_region: "Bayern".into(),
        address_country: "DE".into(),
    };
    let photo = |alt: &str| Photo { url: "/files/mill.jpg".into(), alt: alt.into() };
    Profile {
        name: "Old Mill".into(),
        description: "Bread since 1880.".into(),
        categories: vec![4.into()],
        tags: vec!["Organic".into()],
        address: Some(address),
        position: GeoPosition::new(48.5, 11.5),
        time_zone: Some("Europe/Berlin".into()),
        phone: Some("+49 89 1".into()),
        email: Some("mill@example.com".into()),
        website: Some("https://mill.example".into()),
        opening_hours: Some("Mo-Fr 08:00-18:00".into()),
        photos: vec![photo(""), photo("The mill")],
    }
}

/// With all that may be absent.
fn full_business(status: business::Status) -> Business {
    let members = [StaffRole::Owner, StaffRole::Manager, StaffRole::Staff].map(|role| Member { user_id: 1.into(), role, since: at() });
    Business {
        status,
        profile: full_profile(),
        members: members.to_vec(),
        source: Some(Source { id: "osm:node/7".into(), kept: Field::iter().collect() }),
        lead_terms: LeadTerms { price: Some(500), monthly_cap: Some(20), covered_by_plan: true },
        moderation_reason: Some("Please name the street.".into()),
        pending: Some(PendingChange {
            name: "New Mill".into(),
            website: Some("https://new-mill.example".into()),
            categories: vec![5.into()],
            since: at(),
        }),
        published_at: Some(at()),
        ..plain_business()
    }
}

fn businesses() -> impl Iterator<Item = Business> {
    let source = Source { id: "osm:node/7".into(), kept: [].into() };
    let profile = Profile { address: Some(Address::default()), ..plain_business().profile };
    let imported = Business { source: Some(source), profile, ..plain_business() };
    [plain_business(), imported].into_iter().chain(business::Status::iter().map(full_business))
}

fn trees() -> [Tree; 2] {
    let root = Category { id: 4.into(), slug: "food".into(), name: "Food".into(), parent_id: None, position: 0, imported_as: Vec::new() };
    let imported_as = vec![vec!["shop=bakery".to_owned()]];
    let below = Category { parent_id: Some(5.into()), imported_as, ..root.clone() };
    [root, below].map(|category| Tree { categories: vec![category] })
}

fn claims() -> Vec<Claim> {
    use claim::Status::{Approved, Open, Refused};
    let open = Claim {
        id: 6.into(),
        business_id: 3.into(),
        business_name: "Old Mill".into(),
        user_id: 1.into(),
        proof: Proof::new("My name is on the door.").unwrap(),
        status: Open,
        reason: None,
        requested_at: at(),
        decided_at: None,
    };
    let decided = |status| Claim { status, decided_at: Some(at()), ..open.clone() };
    let refused = Claim { reason: Some("No proof was given.".into()), ..decided(Refused) };
    vec![open.clone(), decided(Approved), refused]
}

fn plain_lead() -> Lead {
    Lead {
        id: 9.into(),
        business_id: 3.into(),
        customer_id: None,
        message_chars: 27,
        unconfirmed: false,
        status: lead::Status::New,
        price: None,
        duplicate_of: None,
        return_reason: None,
        asked_at: at(),
        delivered_at: None,
        billed_at: None,
        returned_at: None,
        answered_at: None,
    }
}

/// With all that may be absent.
fn full_lead(status: lead::Status, reason: ReturnReason) -> Lead {
    Lead {
        customer_id: Some(1.into()),
        unconfirmed: true,
        status,
        price: Some(eur(500)),
        duplicate_of: Some(8.into()),
        return_reason: Some(reason),
        delivered_at: Some(at()),
        billed_at: Some(at()),
        returned_at: Some(at()),
        answered_at: Some(at()),
        ..plain_lead()
    }
}

fn leads() -> impl Iterator<Item = Lead> {
    let reasons = [ReturnReason::WrongNumber, ReturnReason::WrongCategory, ReturnReason::Spam, ReturnReason::Duplicate];
    let in_statuses = lead::Status::iter().map(|status| full_lead(status, ReturnReason::WrongNumber));
    let returned = reasons.map(|reason| full_lead(lead::Status::Returned, reason));
    std::iter::once(plain_lead()).chain(in_statuses).chain(returned)
}

fn contacts() -> [Contact; 2] {
    [None, Some("+49 151 2345678".to_owned())].map(|phone| Contact {
        lead_id: 9.into(),
        name: "Ann Lee".into(),
        email: "ann@example.com".parse().unwrap(),
        message: "Do you have time on Friday?".into(),
        replies: phone.iter().map(|_| LeadReply { text: "Friday at ten suits us.".into(), at: at() }).collect(),
        phone,
    })
}

#[test]
fn what_was_stored_once_stays_readable() {
    // Its list is no part of what is stored, and known to the storage alone.
    let listed: Listed = serde_json::from_value(json!({ "sort_key": "OLD MILL#3", "business_id": plain_business().id })).unwrap();
    let rating = BusinessRating { business_id: 3.into(), rating: Rating { sum: 12, count: 3 }, sequence: 7 };
    let hash = || "9F86D081".to_owned();
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Business", businesses())
        .record("BusinessRating", [rating])
        .record("SlugOwner", [None, Some(at())].map(|until| SlugOwner { slug: "old-mill".into(), business_id: 3.into(), until }))
        .record("Listed", [listed])
        .record("Membership", [Membership { user_id: 1.into(), business_id: 3.into() }])
        .record("MembershipCount", [MembershipCount { user_id: 1.into(), businesses: 2 }])
        .record("Tree", trees())
        .record("CategoryCount", [CategoryCount { category_id: 4.into(), businesses: 2 }])
        .record("Claim", claims())
        .record("Lead", leads())
        .record("Contact", contacts())
        .record("Asked", [Asked { hash: hash(), business_id: 3.into(), lead_id: 9.into(), expires_at: at() }])
        .record("AskedLately", [AskedLately { hash: hash(), count: 2, expires_at: at() }])
        .record("Month", [Month { business_id: 3.into(), month: "2026-11".into(), delivered: 2 }])
        .check();
}
