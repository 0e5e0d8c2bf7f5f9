use kernel::TaxRate;
use proptest::prelude::*;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn offer(variant: u128, price: i64) -> Offer {
    Offer {
        product_id: 1.into(),
        variant_id: variant.into(),
        unit_price: eur(price),
        title: format!("Thing {variant}"),
        sku: format!("SKU-{variant}"),
        image_url: None,
        seller_id: 1.into(),
        tax_rate: TaxRate(1900),
        requires_shipping: true,
        for_sale: true,
        shown: kernel::OfferShown::default(),
    }
}

fn cart(id: u128, lines: &[(u128, u32, i64)]) -> Cart {
    let cart = Cart::new(id.into(), None, Currency::EUR, at(0));
    lines
        .iter()
        .fold(cart, |cart, (variant, quantity, price)| cart.add(Some(offer(*variant, *price)), *quantity, at(0)).unwrap().into_state())
}

/// Variant, quantity, price seen.
type Seen = (u128, u32, i64);

fn lines(cart: &Cart) -> Vec<Seen> {
    cart.lines.iter().map(|line| (line.variant_id.0, line.quantity, line.price_seen.amount)).collect()
}

fn check(got: Result<Decision<Cart>, CartError>, expect: Result<(bool, &[Seen]), CartError>) {
    match (got, expect) {
        (Ok(decision), Ok((changed, expected))) => {
            assert_eq!((decision.is_changed(), lines(decision.state()).as_slice()), (changed, expected));
            assert_eq!(decision.state().updated_at, if changed { at(9) } else { at(0) });
        }
        (got, expect) => assert_eq!(got.map(|_| ()), expect.map(|_| ())),
    }
}

#[test]
fn adding() {
    let before = cart(1, &[(1, 2, 100)]);
    for (offer, quantity, expect) in [
        (offer(2, 50), 1, Ok((true, &[(1, 2, 100), (2, 1, 50)][..]))),
        (offer(1, 100), 3, Ok((true, &[(1, 5, 100)][..]))),
        (offer(1, 120), 3, Ok((true, &[(1, 5, 100)][..]))),
        (offer(1, 100), 997, Ok((true, &[(1, 999, 100)][..]))),
        (offer(1, 100), 998, Err(CartError::Quantity)),
        (offer(1, 100), u32::MAX, Err(CartError::Quantity)),
        (offer(1, 100), 0, Err(CartError::Quantity)),
        (offer(2, 100), 0, Err(CartError::Quantity)),
        (offer(2, 100), 1000, Err(CartError::Quantity)),
        (Offer { for_sale: false, ..offer(2, 50) }, 1, Err(CartError::NotForSale)),
        (Offer { unit_price: Money::new(1, "JPY".parse().unwrap()), ..offer(2, 50) }, 1, Err(CartError::Currency("EUR"))),
        (offer(2, 1_000_000_000_000_000), 2, Err(CartError::Money(MoneyError::Overflow))),
    ] {
        check(before.clone().add(Some(offer), quantity, at(9)), expect);
    }
}

#[test]
fn a_full_cart_takes_more_of_what_it_has_but_nothing_new() {
    let all: Vec<_> = (0..LINES_MAX as u128).map(|variant| (variant, 1, 10)).collect();
    let full = cart(1, &all);
    assert_eq!(full.clone().add(Some(offer(999, 10)), 1, at(9)), Err(CartError::Full));
    assert_eq!(full.add(Some(offer(0, 10)), 1, at(9)).unwrap().state().lines[0].quantity, 2);
}

#[test]
fn quantities_and_removing() {
    let before = cart(1, &[(1, 2, 100), (2, 1, 50)]);
    check(before.clone().set_quantity(1.into(), 7, at(9)), Ok((true, &[(1, 7, 100), (2, 1, 50)])));
    check(before.clone().set_quantity(1.into(), 2, at(9)), Ok((false, &[(1, 2, 100), (2, 1, 50)])));
    check(before.clone().set_quantity(1.into(), 0, at(9)), Err(CartError::Quantity));
    check(before.clone().set_quantity(3.into(), 1, at(9)), Err(CartError::NoLine));
    check(before.clone().remove(1.into(), at(9)), Ok((true, &[(2, 1, 50)])));
    check(before.remove(3.into(), at(9)), Ok((false, &[(1, 2, 100), (2, 1, 50)])));
}

#[test]
fn accepting_prices() {
    let before = cart(1, &[(1, 2, 100), (2, 1, 50)]);
    check(before.clone().accept_prices(&[offer(1, 90), offer(2, 50)], at(9)), Ok((true, &[(1, 2, 90), (2, 1, 50)])));
    check(before.clone().accept_prices(&[offer(1, 100), offer(2, 50)], at(9)), Ok((false, &[(1, 2, 100), (2, 1, 50)])));
    let gone = Offer { for_sale: false, ..offer(1, 90) };
    check(before.accept_prices(&[gone], at(9)), Ok((false, &[(1, 2, 100), (2, 1, 50)])));
}

#[test]
fn a_closed_cart_stays_as_it_is() {
    for (status, error) in
        [(Status::Ordered { order_id: 5.into() }, CartError::Ordered), (Status::Merged { into: 2.into() }, CartError::Merged)]
    {
        let closed = Cart { status, ..cart(1, &[(1, 2, 100)]) };
        assert_eq!(closed.clone().add(Some(offer(1, 100)), 1, at(9)), Err(error.clone()));
        assert_eq!(closed.clone().set_quantity(1.into(), 1, at(9)), Err(error.clone()));
        assert_eq!(closed.clone().remove(1.into(), at(9)), Err(error.clone()));
        assert_eq!(closed.clone().accept_prices(&[], at(9)), Err(error.clone()));
        assert_eq!(closed.clone().merge(cart(2, &[]), at(9)), Err(error));
        assert_eq!(closed.clone().ordered(6.into(), at(9)), Decision::unchanged(closed));
    }
    let ordered = cart(1, &[(1, 2, 100)]).ordered(5.into(), at(9));
    assert_eq!((ordered.is_changed(), ordered.state().status), (true, Status::Ordered { order_id: 5.into() }));
}

#[test]
fn merging() {
    let mine = cart(1, &[(1, 2, 100), (2, 990, 50)]);
    let guest = cart(2, &[(2, 20, 60), (3, 1, 10)]);
    let (own, closed) = mine.clone().merge(guest.clone(), at(9)).unwrap();
    assert_eq!(lines(own.state()), [(1, 2, 100), (2, 999, 50), (3, 1, 10)]);
    assert_eq!((closed.is_changed(), closed.state().status), (true, Status::Merged { into: 1.into() }));
    // Again: nothing.
    let (own, closed) = own.into_state().merge(closed.into_state(), at(10)).unwrap();
    assert!(!own.is_changed() && !closed.is_changed());
    let full: Vec<_> = (0..LINES_MAX as u128).map(|variant| (100 + variant, 1, 10)).collect();
    assert_eq!(mine.clone().merge(cart(3, &full), at(9)), Err(CartError::Full));
    let (own, closed) = mine.merge(cart(4, &[]), at(9)).unwrap();
    assert!(!own.is_changed() && closed.is_changed());
}

#[test]
fn expiry() {
    assert_eq!(cart(1, &[]).expires_at(), at(30 * 24 * 3600));
    assert_eq!(Cart { customer_id: Some(1.into()), ..cart(1, &[]) }.expires_at(), at(180 * 24 * 3600));
}

proptest! {
    #[test]
    fn any_edits_leave_a_cart_within_its_limits(edits in prop::collection::vec((0_u8..3, 0_u128..60, 0_u32..1200), 0..200)) {
        let mut cart = cart(1, &[]);
        for (kind, variant, quantity) in edits {
            let edited = match kind {
                0 => cart.clone().add(Some(offer(variant, 100)), quantity, at(9)),
                1 => cart.clone().set_quantity(variant.into(), quantity, at(9)),
                _ => cart.clone().remove(variant.into(), at(9)),
            };
            if let Ok(decision) = edited {
                prop_assert_eq!(decision.is_changed(), decision.state().lines != cart.lines);
                cart = decision.into_state();
            }
            prop_assert!(cart.lines.len() <= LINES_MAX);
            prop_assert!(cart.lines.iter().all(|line| (1..=QUANTITY_MAX).contains(&line.quantity)));
            let mut variants: Vec<_> = cart.lines.iter().map(|line| line.variant_id).collect();
            variants.sort();
            variants.dedup();
            prop_assert_eq!(variants.len(), cart.lines.len(), "one line per variant");
            let pieces: i64 = cart.lines.iter().map(|line| i64::from(line.quantity)).sum();
            prop_assert_eq!(cart.subtotal(), Ok(eur(100 * pieces)));
        }
    }
}
