use super::*;

pub(crate) fn item(on_hand: i64, reserved: i64, threshold: i64) -> StockItem {
    let described = Described { variant_id: 7.into(), product_id: 1.into(), seller_id: None, sku: "TEA-100".into(), title: "Tea".into() };
    let available = on_hand - reserved;
    let (low_alerted, in_stock) = (i64::from(available <= threshold), i64::from(available > 0));
    StockItem { on_hand, available, reserved, low_alerted, in_stock, counted: 1, ..StockItem::new(described, threshold, 1) }
}

/// on hand, reserved, available; whether `stock.low` was emitted.
fn check(item: &StockItem, shift: &Shift, expect: (i64, i64, i64, bool)) {
    let after = item.after(shift).expect("a shift fits the item that it was made for");
    assert!(after.check(), "{after:?}");
    let emitted = shift.events.iter().any(|event| matches!(event, Event::StockLow(_)));
    assert_eq!((after.on_hand, after.reserved, after.available, emitted), expect, "{item:?} {shift:?}");
}

#[test]
fn reserving() {
    for (on_hand, reserved, threshold, quantity, expect) in [
        (10, 0, 3, 2, Some((10, 2, 8, false))),
        (10, 0, 3, 6, Some((10, 6, 4, false))),
        (10, 0, 3, 7, Some((10, 7, 3, true))),
        (10, 0, 3, 10, Some((10, 10, 0, true))),
        (10, 7, 3, 1, Some((10, 8, 2, false))),
        // The last piece is told, low as the stock was.
        (10, 8, 3, 2, Some((10, 10, 0, true))),
        (10, 8, 3, 3, None),
        (0, 0, 3, 1, None),
        (4, 0, 0, 4, Some((4, 4, 0, true))),
    ] {
        let item = item(on_hand, reserved, threshold);
        match (item.reserve(quantity), expect) {
            (Ok(shift), Some(expect)) => check(&item, &shift, expect),
            (Err(short), None) => assert_eq!(short.available, on_hand - reserved),
            (got, _) => panic!("{item:?} {quantity}: {got:?}"),
        }
    }
}

#[test]
fn an_order_that_was_decided_on_old_numbers_does_not_cross_unseen() {
    let loaded = item(10, 0, 3);
    let shift = loaded.reserve(6).unwrap();
    // Another order took one piece: 6 more would now fall to the threshold without anyone telling.
    let moved = loaded.after(&loaded.reserve(1).unwrap()).unwrap();
    assert_eq!(moved.after(&shift), None);
    check(&moved, &moved.reserve(6).unwrap(), (10, 7, 3, true));
    // Two orders that both saw themselves cross: the second is asked again and emits nothing.
    let crossing = loaded.reserve(8).unwrap();
    let crossed = loaded.after(&loaded.reserve(7).unwrap()).unwrap();
    assert_eq!(crossed.after(&crossing), None);
    check(&crossed, &crossed.reserve(1).unwrap(), (10, 8, 2, false));
    // The threshold was moved in the meantime.
    let edited = loaded.after(&loaded.set(Settings { threshold: Some(5), backorder: None }).unwrap().unwrap()).unwrap();
    assert_eq!(edited.after(&shift), None);
}

#[test]
fn orders_far_from_the_threshold_do_not_disturb_each_other() {
    let loaded = item(1000, 0, 3);
    let shift = loaded.reserve(2).unwrap();
    let mut current = loaded;
    for taken in 1..=100 {
        current = current.after(&shift).expect("the bounds hold");
        assert_eq!(current.available, 1000 - 2 * taken);
    }
}

#[test]
fn releasing_above_the_threshold_arms_the_alert_again() {
    let low = item(10, 8, 3);
    check(&low, &low.release(1), (10, 7, 3, false));
    let risen = low.after(&low.release(2)).unwrap();
    assert!(!risen.is_low());
    check(&risen, &risen.reserve(1).unwrap(), (10, 7, 3, true));
}

#[test]
fn shipping() {
    let stock = item(10, 4, 3);
    check(&stock, &stock.ship(3), (7, 1, 6, false));
    // Back-ordered: five are promised, two were counted, all five leave.
    let owing = StockItem { backorder: 1, ..item(2, 5, 0) };
    check(&owing, &owing.ship(5), (0, 0, 0, false));
    check(&owing, &owing.ship(3), (0, 2, -2, false));
}

#[test]
fn back_orders_go_below_zero_only_while_they_are_allowed() {
    let allowed = StockItem { backorder: 1, ..item(2, 0, 0) };
    let shift = allowed.reserve(5).unwrap();
    check(&allowed, &shift, (2, 5, -3, true));
    let forbidden = StockItem { backorder: 0, ..allowed.clone() };
    assert_eq!(forbidden.after(&shift), None, "the flag was taken away in between");
    assert_eq!(forbidden.reserve(5), Err(Short { available: 2 }));
    let owing = allowed.after(&shift).unwrap();
    check(&owing, &owing.adjust(Adjustment::Delta(1)).unwrap(), (3, 5, -2, false));
}

#[test]
fn adjusting() {
    for (adjustment, expect) in [
        (Adjustment::Delta(5), Ok((15, 4, 11, false))),
        (Adjustment::Delta(-6), Ok((4, 4, 0, true))),
        (Adjustment::Delta(-7), Err(StockError::BelowReserved { reserved: 4, removable: 6 })),
        (Adjustment::OnHand(4), Ok((4, 4, 0, true))),
        (Adjustment::OnHand(3), Err(StockError::BelowReserved { reserved: 4, removable: 6 })),
        (Adjustment::OnHand(10), Ok((10, 4, 6, false))),
        (Adjustment::OnHand(-1), Err(StockError::Quantity)),
        (Adjustment::OnHand(QUANTITY_MAX + 1), Err(StockError::Quantity)),
        (Adjustment::Delta(QUANTITY_MAX), Err(StockError::Quantity)),
        (Adjustment::Delta(i64::MAX), Err(StockError::Quantity)),
        (Adjustment::Delta(i64::MIN + 1), Err(StockError::Quantity)),
    ] {
        let item = item(10, 4, 3);
        match (item.adjust(adjustment), expect) {
            (Ok(shift), Ok(expect)) => check(&item, &shift, expect),
            (got, expect) => assert_eq!(got.map(|_| ()), expect.map(|_| ()), "{adjustment:?}"),
        }
    }
}

#[test]
fn a_first_count_below_the_threshold_is_no_crossing() {
    let fresh = StockItem { counted: 0, ..item(0, 0, 5) };
    let shift = fresh.adjust(Adjustment::OnHand(3)).unwrap();
    check(&fresh, &shift, (3, 0, 3, false));
    assert_eq!(fresh.after(&shift).unwrap().counted, 1);
}

#[test]
fn settings() {
    let stock = item(10, 0, 3);
    assert_eq!(stock.set(Settings { threshold: Some(3), backorder: Some(false) }), Ok(None));
    assert_eq!(stock.set(Settings { threshold: Some(-1), backorder: None }), Err(StockError::Threshold));
    let raised = stock.set(Settings { threshold: Some(10), backorder: Some(true) }).unwrap().unwrap();
    check(&stock, &raised, (10, 0, 10, true));
    let after = stock.after(&raised).unwrap();
    assert_eq!((after.threshold, after.backorder, after.revision), (10, 1, 1));
    let lowered = after.set(Settings { threshold: Some(2), backorder: None }).unwrap().unwrap();
    check(&after, &lowered, (10, 0, 10, false));
    assert_eq!(after.after(&raised), None, "the second of two edits of one revision is refused");
}

#[test]
fn a_late_description_is_not_heeded() {
    let stock = StockItem { catalog_sequence: 200, ..item(1, 0, 0) };
    let described =
        |title: &str| Described { variant_id: 7.into(), product_id: 1.into(), seller_id: None, sku: "TEA-100".into(), title: title.into() };
    assert_eq!(stock.described(&described("Green tea"), 300).unwrap().title, "Green tea");
    assert_eq!(stock.described(&described("Old tea"), 100), None);
    assert_eq!(stock.described(&described("Tea"), 300), None);
}

#[test]
fn reasons() {
    for (reason, ok) in [("counted", true), ("", false), ("  ", false), (&"x".repeat(201), false)] {
        assert_eq!(Reason::new(reason).is_ok(), ok, "{reason:.20}");
    }
}

#[test]
fn customers_are_told_of_each_change_of_the_state_once() {
    use StockState::{Backorder, InStock, Low, Out};
    let reserve = |quantity| move |item: &StockItem| item.reserve(quantity).ok();
    let count = |on_hand, backorder| move |item: &StockItem| item.count(on_hand, backorder).ok();
    let set = |threshold, backorder| move |item: &StockItem| item.set(Settings { threshold, backorder }).unwrap();
    type Step<'a> = (&'a dyn Fn(&StockItem) -> Option<Shift>, Option<StockState>);
    let steps: [Step<'_>; 12] = [
        (&count(10, false), Some(InStock)),
        (&reserve(2), None),
        (&reserve(5), Some(Low)),
        (&reserve(1), None),
        (&reserve(2), Some(Out)),
        (&|item| Some(item.release(3)), Some(Low)),
        (&reserve(3), Some(Out)),
        (&set(None, Some(true)), Some(Backorder)),
        (&reserve(4), None),
        (&set(Some(5), None), None),
        (&|item| item.adjust(Adjustment::Delta(20)).ok(), Some(InStock)),
        (&count(16, false), Some(Low)),
    ];
    let mut item = StockItem { threshold: 3, ..item(0, 0, 3) };
    let mut revision = 0;
    for (place, (step, expect)) in steps.into_iter().enumerate() {
        let shift = step(&item).unwrap();
        let told = shift.events.iter().find_map(|event| match event {
            Event::StockStateChanged(event) => Some((event.state, event.revision)),
            _ => None,
        });
        item = item.after(&shift).unwrap();
        revision += i64::from(expect.is_some());
        assert!(item.check(), "step {place}: {item:?}");
        assert_eq!(told, expect.map(|state| (state, revision)), "step {place}: {item:?}");
        assert_eq!(item.state_revision, revision, "step {place}");
    }
}

#[test]
fn the_last_piece_is_told_of_by_the_order_that_takes_it() {
    let low = item(3, 0, 3);
    // Both were decided while three were there: the second would end at zero without telling anybody.
    let (first, second) = (low.reserve(1).unwrap(), low.reserve(2).unwrap());
    let moved = low.after(&first).unwrap();
    assert_eq!(moved.after(&second), None);
    assert_eq!(moved.after(&moved.reserve(2).unwrap()).unwrap().state(), StockState::Out);
}
