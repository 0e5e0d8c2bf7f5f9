use proptest::prelude::*;

use super::*;
use crate::stock::{Adjustment, Counter, Settings};
use contracts::Event;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn item(variant: u128, on_hand: i64, threshold: i64) -> StockItem {
    let described = crate::stock::Described {
        variant_id: variant.into(),
        product_id: 1.into(),
        seller_id: None,
        sku: format!("SKU-{variant}"),
        title: "Thing".into(),
    };
    let (low_alerted, in_stock) = (i64::from(on_hand <= threshold), i64::from(on_hand > 0));
    StockItem { on_hand, available: on_hand, low_alerted, in_stock, counted: 1, ..StockItem::new(described, threshold, 1) }
}

fn line(variant: u128, quantity: i64) -> HeldLine {
    HeldLine { variant_id: variant.into(), sku: format!("SKU-{variant}"), quantity, state: LineState::Held }
}

fn goods(variants: &[u128]) -> Vec<OrderLine> {
    variants.iter().map(|variant| OrderLine { variant_id: (*variant).into(), sku: String::new(), quantity: 1 }).collect()
}

fn news(order: u128) -> StockReserved {
    let order = contracts::OrderRef {
        order_id: order.into(),
        number: format!("S-{order}"),
        customer_id: None,
        email: "ann@example.com".parse().unwrap(),
        total: kernel::Money::new(100, kernel::Currency::EUR),
    };
    let payment = contracts::PaymentTry { payment_id: 1.into(), payment_method: "card".into(), return_url: None };
    StockReserved { order, payment: Some(payment) }
}

fn reservation(status: Status) -> Reservation {
    let state = match status {
        Status::Held | Status::Refused | Status::Forestalled => LineState::Held,
        Status::Shipped => LineState::Shipped,
        Status::Released => LineState::Released,
    };
    Reservation { order_id: 9.into(), lines: vec![HeldLine { state, ..line(1, 2) }], status, changed_at: at(0) }
}

const ALL: [Status; 5] = [Status::Held, Status::Shipped, Status::Refused, Status::Released, Status::Forestalled];

/// The status afterwards, the kinds of events, the number of shifts.
fn check(plan: &Plan, expect: (Status, &[&str], usize)) {
    let events: Vec<&str> =
        plan.reservation.events().iter().chain(plan.shifts.iter().flat_map(|shift| &shift.events)).map(Event::kind).collect();
    assert_eq!((plan.reservation.state().status, events.as_slice(), plan.shifts.len()), expect);
    // Only what leaves the shelf is in the ledger.
    assert_eq!(plan.kind.is_some(), plan.shifts.iter().any(|shift| shift.delta(Counter::OnHand) != 0));
}

#[test]
fn placing_holds_all_lines_or_none() {
    let stock = [item(1, 10, 0), item(2, 1, 0)];
    let plan = place(None, news(9), vec![line(1, 2), line(2, 1)], &stock, at(0));
    check(&plan, (Status::Held, &["stock.reserved", "stock.low", "stock.state_changed"], 2));
    let plan = place(None, news(9), vec![line(1, 2), line(2, 2), line(3, 1)], &stock, at(0));
    check(&plan, (Status::Refused, &["stock.refused"], 0));
    let Event::StockRefused(refused) = &plan.reservation.events()[0] else { panic!("{plan:?}") };
    let short: Vec<_> = refused.short.iter().map(|line| (line.sku.as_str(), line.wanted, line.available)).collect();
    assert_eq!(short, [("SKU-2", 2, 1), ("SKU-3", 1, 0)]);
}

#[test]
fn placing_again_changes_nothing() {
    for status in ALL {
        let expect: (Status, &[&str], usize) = if status == Status::Forestalled { (Status::Released, &[], 0) } else { (status, &[], 0) };
        check(&place(Some(reservation(status)), news(9), vec![line(1, 2)], &[item(1, 10, 0)], at(5)), expect);
    }
}

#[test]
fn each_step_from_each_status() {
    let stock = [item(1, 10, 0).after(&item(1, 10, 0).reserve(2).unwrap()).unwrap()];
    for status in ALL {
        let cancelled: (Status, &[&str], usize) = match status {
            Status::Held => (Status::Released, &[], 1),
            other => (other, &[], 0),
        };
        check(&cancel(Some(reservation(status)), 9.into(), &stock, at(5)).unwrap(), cancelled);

        check(&reservation(status).release(&goods(&[1]), &stock, at(5)).unwrap(), cancelled);

        match (status, reservation(status).ship(&goods(&[1]), &stock, at(5))) {
            (Status::Held, Ok(plan)) => check(&plan, (Status::Shipped, &[], 1)),
            (Status::Shipped, Ok(plan)) => check(&plan, (Status::Shipped, &[], 0)),
            (_, Err(error)) => assert_eq!(error, ReservationError::ShippedUnheld, "{status:?}"),
            (_, Ok(plan)) => panic!("{status:?} {plan:?}"),
        }
    }
}

/// Of two sellers' goods, variants 1 and 2.
#[test]
fn the_goods_of_one_seller_end_before_those_of_another() {
    let stock: Vec<StockItem> =
        [item(1, 10, 0), item(2, 10, 0)].iter().map(|item| item.after(&item.reserve(2).unwrap()).unwrap()).collect();
    let two = || Reservation { lines: vec![line(1, 2), line(2, 2)], ..reservation(Status::Held) };
    for (steps, expect) in [
        (&["ship 1"][..], Some((Status::Held, 1))),
        (&["ship 1", "ship 1"], Some((Status::Held, 0))),
        (&["ship 1", "ship 2"], Some((Status::Shipped, 1))),
        (&["release 1"], Some((Status::Held, 1))),
        (&["release 1", "release 2"], Some((Status::Released, 1))),
        (&["release 1", "ship 2"], Some((Status::Shipped, 1))),
        (&["release 1", "ship 1"], None),
        (&["ship 1", "release 1"], Some((Status::Held, 0))),
        (&["ship 1", "cancel"], Some((Status::Shipped, 1))),
        (&["ship 1", "ship 2", "cancel"], Some((Status::Shipped, 0))),
        (&["cancel", "ship 1"], None),
    ] {
        let (mut held, mut shifts) = (Ok(two()), 0);
        for step in steps {
            let plan = held.and_then(|held: Reservation| match *step {
                "ship 1" => held.ship(&goods(&[1]), &stock, at(5)),
                "ship 2" => held.ship(&goods(&[2]), &stock, at(5)),
                "release 1" => held.release(&goods(&[1]), &stock, at(5)),
                "release 2" => held.release(&goods(&[2]), &stock, at(5)),
                _ => cancel(Some(held), 9.into(), &stock, at(5)),
            });
            shifts = plan.as_ref().map_or(0, |plan| plan.shifts.len());
            held = plan.map(|plan| plan.reservation.into_state());
        }
        assert_eq!(held.ok().map(|held| (held.status, shifts)), expect, "{steps:?}");
    }
}

#[test]
fn cancelled_before_it_was_placed() {
    let plan = cancel(None, 9.into(), &[], at(0)).unwrap();
    check(&plan, (Status::Forestalled, &[], 0));
    assert!(plan.reservation.is_changed());
}

#[test]
fn lines_are_summed_per_variant() {
    let order_line = |variant: u128, quantity| OrderLine { variant_id: variant.into(), sku: format!("SKU-{variant}"), quantity };
    assert_eq!(summed(&[order_line(2, 1), order_line(1, 3), order_line(2, 4)]), Ok(vec![line(1, 3), line(2, 5)]));
    let many: Vec<_> = (0..=ORDER_LINES_MAX as u128).map(|variant| order_line(variant, 1)).collect();
    assert_eq!(summed(&many), Err(ReservationError::TooManyLines));
}

/// One variant, some orders, and what a store would do with the plans.
#[derive(Debug)]
struct Shop {
    item: StockItem,
    reservations: BTreeMap<u128, Reservation>,
    ledger: Vec<i64>,
    lows: usize,
    crossings: usize,
    now: Timestamp,
}

#[derive(Debug, Clone)]
enum Step {
    Place(u128, i64),
    Cancel(u128),
    Ship(u128),
    Adjust(i64),
    Count(i64),
    Set(i64, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let order = 0_u128..12;
    let step = prop_oneof![
        4 => (order.clone(), 1_i64..9).prop_map(|(order, quantity)| Step::Place(order, quantity)),
        3 => order.clone().prop_map(Step::Cancel),
        2 => order.prop_map(Step::Ship),
        1 => (-8_i64..12).prop_map(Step::Adjust),
        1 => (0_i64..30).prop_map(Step::Count),
        1 => (0_i64..12, any::<bool>()).prop_map(|(threshold, backorder)| Step::Set(threshold, backorder)),
    ];
    prop::collection::vec(step, 1..120)
}

/// Whether stock became low, or the last piece of it was taken.
fn crosses(before: &StockItem, after: &StockItem) -> bool {
    (!before.is_low() && after.is_low()) || (before.available > 0 && after.available <= 0)
}

impl Shop {
    fn apply(&mut self, shift: &Shift, kind: Option<MovementKind>) {
        let before = self.item.clone();
        self.item = self.item.after(shift).expect("nobody came in between");
        self.ledger.extend(kind.map(|_| shift.delta(Counter::OnHand)));
        self.crossings += usize::from(crosses(&before, &self.item));
        self.lows += shift.events.iter().filter(|event| matches!(event, Event::StockLow(_))).count();
    }

    fn happen(&mut self, order: u128, plan: Plan) {
        plan.shifts.iter().for_each(|shift| self.apply(shift, plan.kind));
        self.reservations.insert(order, plan.reservation.into_state());
    }

    fn step(&mut self, step: Step) {
        let stock = [self.item.clone()];
        let known = |order: &u128| self.reservations.get(order).cloned();
        match step {
            Step::Place(order, quantity) => {
                let plan = place(known(&order), news(order), vec![line(1, quantity)], &stock, self.now);
                self.happen(order, plan);
            }
            Step::Cancel(order) => {
                let plan = cancel(known(&order), order.into(), &stock, self.now).expect("the stock is there");
                self.happen(order, plan);
            }
            Step::Ship(order) => {
                let Some(reservation) = known(&order) else { return };
                match reservation.ship(&goods(&[1]), &stock, self.now) {
                    Ok(plan) => self.happen(order, plan),
                    Err(error) => assert_eq!(error, ReservationError::ShippedUnheld),
                }
            }
            Step::Adjust(delta) => self.correct(Adjustment::Delta(delta)),
            Step::Count(on_hand) => self.correct(Adjustment::OnHand(on_hand)),
            Step::Set(threshold, backorder) => {
                let settings = Settings { threshold: Some(threshold), backorder: Some(backorder) };
                if let Some(shift) = self.item.set(settings).expect("the threshold is in range") {
                    self.apply(&shift, None);
                }
            }
        }
    }

    fn correct(&mut self, adjustment: Adjustment) {
        if let Ok(shift) = self.item.adjust(adjustment) {
            self.apply(&shift, Some(MovementKind::Adjusted));
        }
    }
}

proptest! {
    #[test]
    fn any_interleaving_keeps_the_books(start in 0_i64..30, threshold in 0_i64..8, steps in steps()) {
        let mut shop = Shop {
            item: item(1, start, threshold), reservations: BTreeMap::new(), ledger: vec![start], lows: 0, crossings: 0, now: at(0),
        };
        let mut backorders_ever = false;
        for step in steps {
            shop.step(step);
            backorders_ever |= shop.item.backorder == 1;
            prop_assert!(shop.item.check(), "{:?}", shop.item);
            prop_assert!(backorders_ever || shop.item.available >= 0);
            let lines = shop.reservations.values().filter(|reservation| reservation.holds()).flat_map(|held| &held.lines);
            let held: i64 = lines.filter(|line| line.state == LineState::Held).map(|line| line.quantity).sum();
            prop_assert_eq!(shop.item.reserved, held, "what is reserved is what the orders hold");
            prop_assert_eq!(shop.ledger.iter().sum::<i64>(), shop.item.on_hand, "the ledger adds up to what is on hand");
            prop_assert_eq!(shop.lows, shop.crossings, "low stock is told once per crossing");
        }
    }

    /// Many orders decide on the same old numbers; the store lets through what its bounds allow, the
    /// others are asked again.
    #[test]
    fn contention_sells_every_piece_once(on_hand in 0_i64..60, threshold in 0_i64..20, quantities in prop::collection::vec(1_i64..5, 1..60)) {
        let mut shared = item(1, on_hand, threshold);
        let mut waiting: Vec<(i64, Option<Shift>)> = quantities.into_iter().map(|quantity| (quantity, None)).collect();
        let (mut sold, mut lows, mut crossings, mut rounds) = (0, 0, 0, 0);
        while !waiting.is_empty() {
            rounds += 1;
            prop_assert!(rounds < 24, "the shell would give up");
            // All load at the same instant, then commit one after another.
            let loaded = shared.clone();
            waiting.retain_mut(|(quantity, shift)| { *shift = loaded.reserve(*quantity).ok(); shift.is_some() });
            waiting.retain(|(quantity, shift)| match shift.as_ref().and_then(|shift| shared.after(shift).map(|after| (after, shift))) {
                Some((after, shift)) => {
                    lows += shift.events.iter().filter(|event| matches!(event, Event::StockLow(_))).count();
                    crossings += usize::from(crosses(&shared, &after));
                    sold += quantity;
                    shared = after;
                    false
                }
                None => true,
            });
            prop_assert!(shared.check(), "{:?}", shared);
        }
        prop_assert_eq!(shared.reserved, sold);
        prop_assert!(shared.available >= 0);
        prop_assert_eq!(lows, crossings);
        prop_assert!(lows <= 2, "once for the threshold and once for the last piece");
    }
}
