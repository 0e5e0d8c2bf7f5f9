//! Samples of all that is stored, held against the golden file.

use kernel::{Membership, PostalAddress, Role, StaffRole, Timestamp};
use shell::testing::Golden;

use crate::addresses::{AddressBook, Entry};
use crate::admins::Admins;
use crate::attempts::Attempts;
use crate::session::{Origin, Session};
use crate::storage::{EmailOwner, RoleMember};
use crate::user::{BusinessNews, Links, Status, User};

const ROLES: [Role; 4] = [Role::Customer, Role::Business, Role::Support, Role::Admin];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn plain() -> User {
    User {
        id: 1.into(),
        email: "ann@example.com".parse().unwrap(),
        email_verified: false,
        email_proven: false,
        pending_email: None,
        name: "Ann Lee".into(),
        telephone: String::new(),
        password_hash: "$argon2id$v=19".into(),
        roles: ROLES.to_vec(),
        businesses: Vec::new(),
        business_news: Vec::new(),
        status: Status::Active,
        disabled_reason: None,
        epoch: 1,
        tokens_valid_from: at(),
        verification: Links::default(),
        reset: Links::default(),
        welcomed: false,
        created_at: at(),
    }
}

/// With all that may be absent.
fn full(status: Status) -> User {
    let links = Links { serial: 1, issued_at: Some(at()) };
    User {
        pending_email: Some("ann.lee@example.com".parse().unwrap()),
        telephone: "+49 89 1".into(),
        businesses: vec![Membership { business_id: 3.into(), role: StaffRole::Manager }],
        business_news: vec![BusinessNews { business_id: 3.into(), sequence: 7 }],
        status,
        disabled_reason: Some("Asked for it.".into()),
        verification: links,
        reset: links,
        ..plain()
    }
}

fn address(more: &str) -> PostalAddress {
    PostalAddress {
        name: "Ann Lee".into(),
        street_address: "Marienplatz 8".into(),
        extended_address: more.into(),
        postal_code: "80331".into(),
        address_locality: "München".into(),
        address_region: more.into(),
        address_country: "DE".into(),
        telephone: more.into(),
    }
}

fn address_books() -> [AddressBook; 2] {
    ["", "Second floor"].map(|more| {
        let entry = Entry { id: 4.into(), address: address(more), is_default: true };
        AddressBook { user_id: 1.into(), entries: vec![entry] }
    })
}

fn sessions() -> [Session; 2] {
    [None, Some("9F86D081".to_owned())].map(|retry| Session {
        id: 5.into(),
        user_id: 1.into(),
        epoch: 1,
        generation: 2,
        retry,
        revoked: false,
        origin: Origin { device: "Firefox on Linux".into(), network: "203.0.113.0/24".into() },
        started_at: at(),
        refreshed_at: at(),
        expires_at: at(),
    })
}

#[test]
fn what_was_stored_once_stays_readable() {
    let statuses = [Status::Active, Status::Disabled, Status::Erased];
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("User", std::iter::once(plain()).chain(statuses.map(full)))
        .record("Session", sessions())
        .record("AddressBook", address_books())
        .record("EmailOwner", [EmailOwner { email: plain().email, user_id: 1.into() }])
        .record("RoleMember", ROLES.map(|role| RoleMember { role, user_id: 1.into() }))
        .record("Admins", [Admins { user_ids: vec![1.into()] }])
        .record(
            "Attempts",
            [None, Some(at())].map(|known_until| Attempts {
                subject: "confirm:usr_1".into(),
                count: 2,
                last_at: at(),
                window_ends_at: at(),
                known_until,
            }),
        )
        .check();
}
