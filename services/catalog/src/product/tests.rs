//! Tests of the rules of products.

use kernel::{Code, Currency, Membership, Role, StaffRole};

use super::*;
use content::Draft;

const HOUSE: BusinessId = BusinessId(1);
const OTHER: BusinessId = BusinessId(2);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn user(roles: &[Role], businesses: &[BusinessId]) -> Actor {
    Actor::User {
        id: 9.into(),
        roles: roles.to_vec(),
        businesses: businesses.iter().map(|id| Membership { business_id: *id, role: StaffRole::Owner }).collect(),
    }
}

fn variant(options: &[&str], amount: i64) -> VariantDraft {
    VariantDraft {
        id: None,
        sku: None,
        options: options.iter().map(|value| (*value).to_owned()).collect(),
        price: Money::new(amount, Currency::EUR),
        compare_at_price: None,
        tax_rate: None,
        barcode: None,
        grams: 0,
        requires_shipping: true,
        image_url: None,
    }
}

fn draft(variants: Vec<VariantDraft>) -> Draft {
    let options = if variants[0].options.is_empty() { vec![] } else { vec!["Size".to_owned()] };
    Draft { title: "Clay Pot".into(), options, variants, ..Draft::default() }
}

fn content(variants: Vec<VariantDraft>) -> Content {
    draft(variants).checked(Currency::EUR).unwrap()
}

fn placing(status: ProductStatus) -> Placing {
    Placing { slug: "clay-pot".into(), category_path: vec![], status, seller_sells: true }
}

fn pot(status: ProductStatus) -> Product {
    let content = content(vec![variant(&["Regular"], 999), variant(&["Large"], 1599)]);
    Product::create(&Actor::System, 7.into(), HOUSE, &content, placing(status), at(1000)).unwrap().into_state()
}

#[test]
fn who_sells() {
    let business = [Role::Business];
    for (actor, wanted, expect) in [
        (user(&[Role::Admin], &[]), None, Ok(HOUSE)),
        (user(&[Role::Admin], &[]), Some(OTHER), Ok(OTHER)),
        (user(&business, &[OTHER]), None, Ok(OTHER)),
        (user(&business, &[OTHER]), Some(OTHER), Ok(OTHER)),
        (user(&business, &[OTHER]), Some(HOUSE), Err(Code::Forbidden)),
        (user(&business, &[HOUSE, OTHER]), None, Err(Code::Invalid)),
        (user(&[], &[]), None, Err(Code::Forbidden)),
        (Actor::Guest, None, Err(Code::Forbidden)),
        (Actor::System, None, Ok(HOUSE)),
    ] {
        assert_eq!(seller_for(&actor, wanted).map_err(|problem| problem.code), expect, "{actor:?} {wanted:?}");
    }
}

#[test]
fn a_new_product_tells_its_variants_with_derived_skus() {
    let content =
        content(vec![variant(&["Regular"], 999), variant(&["Groß"], 1599), variant(&["☕"], 1), variant(&["☂"], 1), variant(&["日本"], 1)]);
    let decision =
        Product::create(&user(&[Role::Business], &[HOUSE]), 7.into(), HOUSE, &content, placing(ProductStatus::Published), at(5)).unwrap();
    let skus: Vec<_> = decision.state().variants.iter().map(|variant| variant.sku.as_str()).collect();
    assert_eq!(skus, ["CLAY-POT-REGULAR", "CLAY-POT-GROSS", "CLAY-POT", "CLAY-POT-2", "CLAY-POT-RI-BEN"]);
    assert_eq!(decision.state().published_at, Some(at(5)));
    let [Event::ProductChanged(event)] = decision.events() else { panic!("{:?}", decision.events()) };
    assert!(event.published);
    assert_eq!(event.variants[1].title, "Clay Pot, Groß");
    assert_eq!(event.variants[1].variant_id, decision.state().variants[1].id);
    let ids: HashSet<_> = decision.state().variants.iter().map(|variant| variant.id).collect();
    assert_eq!(ids.len(), 5);
    let foreign = Product::create(&user(&[Role::Business], &[OTHER]), 7.into(), HOUSE, &content, placing(ProductStatus::Draft), at(5));
    assert_eq!(foreign.unwrap_err(), ProductError::NotYours);
}

#[test]
fn staff_of_the_seller_looks_and_changes_nothing() {
    let member = |role| {
        let businesses = vec![Membership { business_id: HOUSE, role }];
        Actor::User { id: 9.into(), roles: vec![Role::Customer, Role::Business], businesses }
    };
    let dearer = content(vec![variant(&["Regular"], 1999), variant(&["Large"], 2599)]);
    let (draft, archived) = (ProductStatus::Draft, ProductStatus::Archived);
    for (role, may) in [(StaffRole::Staff, false), (StaffRole::Manager, true), (StaffRole::Owner, true)] {
        let actor = member(role);
        assert!(pot(draft).visible_to(&actor), "{role:?}");
        let changes = [
            Product::create(&actor, 8.into(), HOUSE, &dearer, placing(draft), at(5)),
            pot(draft).edit(&actor, &dearer, placing(draft), at(5)),
            pot(draft).change_status(&actor, archived, vec![], true, at(5)),
        ];
        for change in changes {
            assert_eq!(change.map(|decision| decision.is_changed()), if may { Ok(true) } else { Err(ProductError::NotYours) }, "{role:?}");
        }
    }
}

#[test]
fn a_derived_sku_is_cut_to_its_limit_and_stays_unique() {
    let long = "x".repeat(100);
    let content = content(vec![variant(&[&long], 1), variant(&[&format!("y{}", &long[1..])], 1)]);
    let placing = Placing { slug: "s".repeat(100), ..placing(ProductStatus::Draft) };
    let product = Product::create(&Actor::System, 7.into(), HOUSE, &content, placing, at(5)).unwrap().into_state();
    assert_eq!(product.variants[0].sku.len(), 96);
    assert_eq!(product.variants[1].sku, format!("{}-2", product.variants[0].sku));
}

#[test]
fn variants_stay_the_same_by_id_or_by_option_values() {
    let before = pot(ProductStatus::Draft);
    let (regular, large) = (before.variants[0].clone(), before.variants[1].clone());

    // Large becomes XL under its id, and a new Large comes.
    let renamed = VariantDraft { id: Some(large.id), ..variant(&["XL"], 1599) };
    let edited = before
        .clone()
        .edit(
            &Actor::System,
            &content(vec![variant(&["Large"], 1), renamed, variant(&["Regular"], 5)]),
            placing(ProductStatus::Draft),
            at(2000),
        )
        .unwrap();
    let variants = &edited.state().variants;
    assert_eq!((variants[1].id, variants[1].sku.as_str()), (large.id, large.sku.as_str()), "renamed, with its id and its SKU");
    assert_eq!((variants[2].id, variants[2].price.amount), (regular.id, 5));
    assert!(variants[0].id != large.id && variants[0].id != regular.id);
    assert_eq!(variants[0].sku, "CLAY-POT-LARGE-2");

    let stranger = VariantDraft { id: Some(5.into()), ..variant(&["XL"], 1) };
    let error = before.edit(&Actor::System, &content(vec![stranger]), placing(ProductStatus::Draft), at(2000)).unwrap_err();
    assert!(matches!(error, ProductError::Field { field, .. } if field == "variants[0].id"));
}

#[test]
fn the_same_again_changes_nothing() {
    let before = pot(ProductStatus::Published);
    let same = content(vec![variant(&["Regular"], 999), variant(&["Large"], 1599)]);
    let decision = before.clone().edit(&Actor::System, &same, placing(ProductStatus::Published), at(9000)).unwrap();
    assert_eq!(decision, Decision::unchanged(before.clone()));
    assert_eq!(before.clone().replace(&same, placing(ProductStatus::Published), at(9000)).unwrap(), Decision::unchanged(before.clone()));
    let dearer = content(vec![variant(&["Regular"], 1000), variant(&["Large"], 1599)]);
    let decision = before.replace(&dearer, placing(ProductStatus::Published), at(9000)).unwrap();
    assert!(decision.is_changed());
    assert_eq!((decision.state().updated_at, decision.state().published_at), (at(9000), Some(at(1000))));
}

#[test]
fn statuses() {
    use ProductStatus::{Archived, Draft, Published};
    let event = |status| match status {
        Draft | Published => "product.changed",
        Archived => "product.archived",
    };
    for (from, to, expect) in [
        (Draft, Draft, Ok(false)),
        (Draft, Published, Ok(true)),
        (Draft, Archived, Ok(true)),
        (Published, Draft, Ok(true)),
        (Published, Published, Ok(false)),
        (Published, Archived, Ok(true)),
        (Archived, Draft, Ok(true)),
        (Archived, Published, Err(ProductError::PublishArchived)),
        (Archived, Archived, Ok(false)),
    ] {
        let result = pot(from).change_status(&user(&[Role::Business], &[HOUSE]), to, vec![], true, at(9000));
        assert_eq!(result.as_ref().map(|decision| decision.is_changed()).map_err(Clone::clone), expect, "{from:?} to {to:?}");
        if let Ok(decision) = result {
            assert_eq!(decision.state().status, to);
            let emitted: Vec<_> = decision.events().iter().map(Event::kind).collect();
            assert_eq!(emitted, if expect == Ok(true) { vec![event(to)] } else { vec![] });
        }
        assert_eq!(pot(from).change_status(&user(&[Role::Business], &[OTHER]), to, vec![], true, at(9000)), Err(ProductError::NotYours));
    }
    let same = content(vec![variant(&["Regular"], 999), variant(&["Large"], 1599)]);
    assert_eq!(pot(Archived).edit(&Actor::System, &same, placing(Archived), at(9)), Err(ProductError::Archived));
    assert_eq!(pot(Archived).replace(&same, placing(Published), at(9)).unwrap().into_state().status, Published);
}

#[test]
fn drafts_are_seen_by_their_seller_and_staff() {
    for (actor, expect) in [
        (Actor::Guest, false),
        (user(&[Role::Customer], &[]), false),
        (user(&[Role::Business], &[OTHER]), false),
        (user(&[Role::Business], &[HOUSE]), true),
        (user(&[Role::Support], &[]), true),
        (user(&[Role::Admin], &[]), true),
    ] {
        assert_eq!(pot(ProductStatus::Draft).visible_to(&actor), expect, "{actor:?}");
        assert_eq!(pot(ProductStatus::Archived).visible_to(&actor), expect, "{actor:?}");
        assert!(pot(ProductStatus::Published).visible_to(&actor));
    }
}

#[test]
fn only_a_published_business_sells() {
    use ProductStatus::{Archived, Draft, Published};
    let unpublished = |status| Placing { seller_sells: false, ..placing(status) };
    let content = content(vec![variant(&[], 999)]);
    for (status, allowed) in [(Draft, true), (Published, false), (Archived, true)] {
        let made = Product::create(&Actor::System, 7.into(), OTHER, &content, unpublished(status), at(1));
        let turned = pot(Draft).change_status(&Actor::System, status, vec![], false, at(1));
        assert_eq!((made.is_ok(), turned.is_ok()), (allowed, allowed), "{status:?}");
    }
    for status in [Draft, Published] {
        let mut product = pot(status);
        for (sells, changed) in [(true, false), (false, true), (false, false), (true, true)] {
            let followed = product.follow_seller(sells, at(2));
            assert_eq!((followed.is_changed(), followed.events().len()), (changed, usize::from(changed)), "{status:?} {sells}");
            product = followed.into_state();
            assert_eq!((product.status, product.is_for_sale()), (status, sells && status == Published));
        }
    }
    let suspended = pot(Published).follow_seller(false, at(2)).into_state();
    let edited = suspended.edit(&Actor::System, &content, unpublished(Published), at(3)).unwrap();
    assert!(!edited.state().is_for_sale(), "an edit does not bring it back");
}
