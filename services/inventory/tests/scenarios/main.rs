//! Inventory as its users and the other services see it.

// A failing unwrap is a failing test, also in the helpers.
#![allow(clippy::unwrap_used)]

mod contention;
mod many;
mod parts;

use contracts::{
    CancelReason, Envelope, Event, OrderCancelled, OrderLine, OrderPlaced, OrderRef, OrderShipped, ProductChanged, VariantRef,
};
use kernel::{Actor, BusinessId, Currency, Duration, Money, OrderId, StaffRole, VariantId};
use ports::reads::InventoryReads as _;
use serde_json::{Value, json};
use shell::testing::Harness;

use inventory::{Config, Reads, StockCount, TABLE, service, set_stock};

const SELLER: BusinessId = BusinessId(50);

fn world() -> Harness {
    Harness::new(|kit| vec![service(&kit.work(&TABLE), Config { default_threshold: 5 })])
}

fn count(variant: u128, on_hand: i64, threshold: i64) -> StockCount {
    StockCount {
        variant_id: variant.into(),
        product_id: 1.into(),
        seller_id: Some(SELLER),
        sku: format!("SKU-{variant}"),
        title: "Thing".into(),
        on_hand,
        backorder: false,
        threshold,
        overwrite: false,
    }
}

async fn stocked(items: &[(u128, i64, i64)]) -> Harness {
    let world = world();
    for (variant, on_hand, threshold) in items {
        assert!(set_stock(&world.kit().work(&TABLE), count(*variant, *on_hand, *threshold)).await.unwrap());
    }
    world
}

fn order(id: u128) -> OrderRef {
    OrderRef {
        order_id: id.into(),
        number: format!("S-{id}"),
        customer_id: None,
        email: "a@example.com".parse().unwrap(),
        total: Money::new(100, Currency::EUR),
    }
}

fn placed(id: u128, lines: &[(u128, u32)]) -> OrderPlaced {
    let line =
        |(variant, quantity): &(u128, u32)| OrderLine { variant_id: (*variant).into(), sku: format!("SKU-{variant}"), quantity: *quantity };
    OrderPlaced { order: order(id), cart_id: id.into(), lines: lines.iter().map(line).collect(), payment: None }
}

fn cancelled(id: u128) -> OrderCancelled {
    OrderCancelled { order: order(id), reason: CancelReason::ByCustomer, payment_id: None, was_confirmed: false, sellers: Vec::new() }
}

/// All that these tests sell.
fn shipped(id: u128) -> OrderShipped {
    shipped_of(id, &[1, 2, 3, 4, 5, 6, 7, 8, 9])
}

fn shipped_of(id: u128, variants: &[u128]) -> OrderShipped {
    let line = |variant: &u128| OrderLine { variant_id: (*variant).into(), sku: String::new(), quantity: 1 };
    let lines = variants.iter().map(line).collect();
    OrderShipped { order: order(id), seller_id: 1.into(), lines, parcels: Vec::new(), to_come: Vec::new() }
}

/// What inventory emitted, in short: `reserved 1`, `low 7 at 3`.
async fn emitted(world: &Harness) -> Vec<String> {
    let short = |envelope: Envelope| match envelope.event {
        Event::StockReserved(event) => Some(format!("reserved {}", event.order.order_id.0)),
        Event::StockRefused(event) => Some(format!("refused {}", event.order_id.0)),
        Event::StockLow(event) => Some(format!("low {} at {}", event.variant_id.0, event.available)),
        _ => None,
    };
    world.events().await.into_iter().filter_map(short).collect()
}

async fn stock(world: &Harness, variant: u128) -> Value {
    world.get(&format!("/api/v1/admin/stock/{}", VariantId(variant))).as_actor(&Harness::admin()).send().await.expect(200).json
}

/// on hand, available, reserved; and the ledger agrees on the first.
async fn check_stock(world: &Harness, variant: u128, expect: (i64, i64, i64)) {
    let stock = stock(world, variant).await;
    let counters = (stock["on_hand"].as_i64().unwrap(), stock["available"].as_i64().unwrap(), stock["reserved"].as_i64().unwrap());
    assert_eq!(counters, expect, "{stock}");
    let (mut sum, mut cursor) = (0, String::new());
    loop {
        let path = format!("/api/v1/admin/stock/{}/movements?limit=100{cursor}", VariantId(variant));
        let page = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200).json;
        for entry in page["items"].as_array().unwrap() {
            sum += entry["on_hand"].as_i64().unwrap();
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(sum, expect.0, "the ledger adds up");
}

#[tokio::test]
async fn an_order_from_placing_to_shipping() {
    let world = stocked(&[(1, 10, 3), (2, 5, 0)]).await;
    let envelope = world.publish(placed(1, &[(1, 2), (2, 1), (1, 1)])).await;
    world.settle().await;
    world.deliver("inventory", &envelope).await.unwrap();
    check_stock(&world, 1, (10, 7, 3)).await;
    check_stock(&world, 2, (5, 4, 1)).await;
    let shipped = world.publish(shipped(1)).await;
    world.settle().await;
    world.deliver("inventory", &shipped).await.unwrap();
    check_stock(&world, 1, (7, 7, 0)).await;
    check_stock(&world, 2, (4, 4, 0)).await;
    assert_eq!(emitted(&world).await, ["reserved 1"]);
}

#[tokio::test]
async fn one_short_line_refuses_the_whole_order_once() {
    let world = stocked(&[(1, 10, 0), (2, 1, 0)]).await;
    let envelope = world.publish(placed(1, &[(1, 2), (2, 2), (3, 1)])).await;
    world.settle().await;
    world.deliver("inventory", &envelope).await.unwrap();
    world.publish(placed(1, &[(1, 2)])).await;
    world.publish(cancelled(1)).await;
    world.settle().await;
    assert_eq!(emitted(&world).await, ["refused 1"]);
    check_stock(&world, 1, (10, 10, 0)).await;
    check_stock(&world, 2, (1, 1, 0)).await;
}

#[tokio::test]
async fn cancelling_gives_back_even_when_it_comes_first() {
    let world = stocked(&[(1, 10, 0)]).await;
    world.publish(placed(1, &[(1, 4)])).await;
    world.publish(cancelled(1)).await;
    world.publish(cancelled(2)).await;
    world.settle().await;
    world.publish(placed(2, &[(1, 4)])).await;
    world.publish(cancelled(1)).await;
    world.settle().await;
    check_stock(&world, 1, (10, 10, 0)).await;
    assert_eq!(emitted(&world).await, ["reserved 1"]);
}

/// What is promised stays out of the ledger: entries are for the count and what leaves.
#[tokio::test]
async fn only_what_is_on_hand_is_in_the_ledger() {
    let world = stocked(&[(1, 10, 0)]).await;
    for id in 1..=3 {
        world.publish(placed(id, &[(1, 2)])).await;
    }
    world.publish(cancelled(2)).await;
    world.publish(shipped(3)).await;
    world.settle().await;
    check_stock(&world, 1, (8, 6, 2)).await;
    let path = format!("/api/v1/admin/stock/{}/movements", VariantId(1));
    let page = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200).json;
    let entry = |entry: &Value| (entry["kind"].as_str().unwrap().to_owned(), entry["on_hand"].as_i64().unwrap());
    let mut entries: Vec<_> = page["items"].as_array().unwrap().iter().map(entry).collect();
    entries.sort();
    assert_eq!(entries, [("counted".to_owned(), 10), ("shipped".to_owned(), -2)]);
}

/// Without inbox records the reservation alone tells a repetition: every event comes twice, in any order, and all of
/// them once more after a month. What fails because it is early is delivered again, as a queue does.
#[tokio::test]
async fn events_that_come_twice_late_and_in_any_order() {
    for seed in 0..40_u64 {
        let world = stocked(&[(1, 30, 0), (2, 7, 0)]).await;
        let mut events: Vec<(u128, Event)> = Vec::new();
        for id in 1..=8_u128 {
            let too_many = if id % 4 == 3 { 20 } else { 1 };
            events.push((id, placed(id, &[(1, 2), (2, too_many)]).into()));
            match id % 4 {
                0 => events.push((id, cancelled(id).into())),
                1 => events.push((id, shipped(id).into())),
                _ => {}
            }
        }
        let mut envelopes = Vec::new();
        for (_, event) in events {
            let envelope = world.publish(event).await;
            envelopes.extend([envelope.clone(), envelope]);
        }
        let all = envelopes.clone();
        shuffle(&mut envelopes, seed);
        // A parcel waits for its order at most as long as there are others to deliver.
        let mut patience = 10_000;
        while let Some(envelope) = envelopes.pop() {
            if world.deliver("inventory", &envelope).await.is_err() {
                envelopes.insert(0, envelope);
            }
            patience -= 1;
            assert!(patience > 0, "seed {seed}: {} deliveries never succeed", envelopes.len());
        }
        let (one, two, news) = (stock(&world, 1).await, stock(&world, 2).await, emitted(&world).await);
        for id in 1..=8_u128 {
            let answers = news.iter().filter(|line| [format!("reserved {id}"), format!("refused {id}")].contains(line)).count();
            let forestalled = id % 4 == 0;
            assert!(answers == 1 || answers == 0 && forestalled, "seed {seed}, order {id}: {news:?}");
        }
        world.advance(Duration::from_secs(31 * 24 * 3600));
        for envelope in &all {
            world.deliver("inventory", envelope).await.unwrap();
        }
        assert_eq!(
            (stock(&world, 1).await, stock(&world, 2).await, emitted(&world).await),
            (one.clone(), two.clone(), news),
            "seed {seed}"
        );
        for (variant, stock) in [(1, one), (2, two)] {
            let counter = |name: &str| stock[name].as_i64().unwrap();
            check_stock(&world, variant, (counter("on_hand"), counter("available"), counter("reserved"))).await;
            assert!(counter("available") >= 0 && counter("on_hand") == counter("available") + counter("reserved"), "seed {seed}: {stock}");
        }
    }
}

/// Fisher and Yates, with a generator that repeats.
fn shuffle(envelopes: &mut [Envelope], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for place in (1..envelopes.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap_or(0) % (place + 1);
        envelopes.swap(place, other);
    }
}

#[tokio::test]
async fn what_cannot_be_is_not_passed_over() {
    let world = stocked(&[(1, 10, 0)]).await;
    world.publish(cancelled(1)).await;
    world.settle().await;
    let delivery = |event: Event| Envelope {
        id: 99.into(),
        time: kernel::Timestamp::from_millis(0),
        sequence: 1,
        causation_id: "test".into(),
        correlation_id: "test".into(),
        traceparent: None,
        actor: Actor::System,
        event,
    };
    for event in [Event::from(shipped(1)), shipped(2).into()] {
        let problem = world.deliver("inventory", &delivery(event)).await.unwrap_err();
        assert_eq!(problem.code, kernel::Code::IllegalTransition);
    }
}

#[tokio::test]
async fn low_stock_is_told_once_per_crossing() {
    let world = stocked(&[(1, 10, 5)]).await;
    let adjust = async |delta: i64| {
        let path = format!("/api/v1/admin/stock/{}/adjustments", VariantId(1));
        world.post(&path, &json!({"delta": delta, "reason": "restock"})).as_actor(&Harness::admin()).send().await.expect(200);
        world.settle().await;
    };
    let low = async || {
        let page = world.get("/api/v1/admin/stock?low=true").as_actor(&Harness::admin()).send().await.expect(200).json;
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(low().await, 0);
    for id in 1..=4 {
        world.publish(placed(id, &[(1, 2)])).await;
    }
    world.settle().await;
    assert_eq!((emitted(&world).await.last().unwrap().as_str(), low().await), ("reserved 4", 1));
    adjust(1).await;
    adjust(4).await;
    assert_eq!(low().await, 0);
    adjust(-3).await;
    assert_eq!(low().await, 1);
    world.publish(cancelled(1)).await;
    world.settle().await;
    assert_eq!(low().await, 0, "a mark that is left behind is not shown");
    let lows: Vec<_> = emitted(&world).await.into_iter().filter(|text| text.starts_with("low")).collect();
    assert_eq!(lows, ["low 1 at 4", "low 1 at 4"]);
}

#[tokio::test]
async fn the_catalog_names_what_is_stocked() {
    let world = world();
    let changed = |title: &str, variants: std::ops::Range<u128>| ProductChanged {
        product_id: 1.into(),
        seller_id: SELLER,
        title: title.into(),
        published: true,
        variants: variants.map(|id| VariantRef { variant_id: id.into(), sku: format!("SKU-{id:03}"), title: title.into() }).collect(),
    };
    let first = world.publish(changed("Pot", 1..121)).await;
    world.publish(changed("Clay pot", 1..3)).await;
    world.settle().await;
    world.deliver("inventory", &first).await.unwrap();
    let item = stock(&world, 2).await;
    assert_eq!((&item["title"], &item["on_hand"], &item["threshold"]), (&json!("Clay pot"), &json!(0), &json!(5)));
    assert_eq!(stock(&world, 120).await["title"], "Pot");
    assert_eq!(world.event_types().await, ["product.changed", "product.changed"], "stock that never was is not low stock");
    // The import may come after the catalog; the second import of the same file changes nothing.
    let work = world.kit().work(&TABLE);
    assert!(set_stock(&work, count(2, 40, 3)).await.unwrap());
    world.publish(placed(1, &[(2, 10)])).await;
    world.settle().await;
    assert!(!set_stock(&work, count(2, 40, 3)).await.unwrap());
    check_stock(&world, 2, (40, 30, 10)).await;
    assert!(set_stock(&work, StockCount { overwrite: true, ..count(2, 60, 3) }).await.unwrap());
    assert!(!set_stock(&work, StockCount { overwrite: true, ..count(2, 60, 3) }).await.unwrap());
    check_stock(&world, 2, (60, 50, 10)).await;
}

#[tokio::test]
async fn managing_stock() {
    let world = stocked(&[(1, 10, 3)]).await;
    let path = format!("/api/v1/admin/stock/{}", VariantId(1));
    let admin = Harness::admin();
    let shown = world.get(&path).as_actor(&admin).send().await.expect(200);
    let etag = shown.headers["etag"].clone();
    world.publish(placed(1, &[(1, 4)])).await;
    world.settle().await;

    let body = json!({"threshold": 7, "backorder": true});
    assert_eq!(world.patch(&path, &body).as_actor(&admin).send().await.status, 428);
    let set = world.patch(&path, &body).as_actor(&admin).header("If-Match", &etag).send().await.expect(200);
    assert_eq!((&set.json["threshold"], &set.json["low"], &set.json["available"]), (&json!(7), &json!(true), &json!(6)));
    assert_eq!(world.patch(&path, &body).as_actor(&admin).header("If-Match", &etag).send().await.status, 412);
    let etag = set.headers["etag"].clone();
    assert_eq!(world.patch(&path, &json!({"threshold": -1})).as_actor(&admin).header("If-Match", &etag).send().await.status, 422);

    let adjustments = format!("{path}/adjustments");
    for (body, status, code) in [
        (json!({"delta": -7, "reason": "broken"}), 409, "insufficient-stock"),
        (json!({"set_on_hand": 3, "reason": "counted"}), 409, "insufficient-stock"),
        (json!({"delta": 1, "set_on_hand": 3, "reason": "counted"}), 422, "invalid"),
        (json!({"reason": "counted"}), 422, "invalid"),
        (json!({"delta": 1, "reason": " "}), 422, "invalid"),
        (json!({"delta": 0, "reason": "nothing"}), 422, "invalid"),
        (json!({"delta": 1, "reason": "x", "by": "me"}), 422, "invalid"),
    ] {
        let got = world.post(&adjustments, &body).as_actor(&admin).send().await;
        assert_eq!((got.status, got.code()), (status, code), "{body}");
    }
    world.advance(Duration::from_secs(1));
    let adjust =
        || world.post(&adjustments, &json!({"set_on_hand": 20, "reason": "counted"})).as_actor(&admin).header("Idempotency-Key", "count-1");
    assert_eq!(adjust().send().await.expect(200).json["available"], 16);
    assert_eq!(adjust().send().await.expect(200).headers["idempotency-replayed"], "true");
    check_stock(&world, 1, (20, 16, 4)).await;
    let movements = world.get(&format!("{path}/movements?limit=1")).as_actor(&admin).send().await.expect(200).json;
    let newest = &movements["items"][0];
    assert_eq!((&newest["kind"], &newest["on_hand"], &newest["reason"]), (&json!("adjusted"), &json!(10), &json!("counted")));
    assert!(newest["by"].as_str().unwrap().starts_with("user:usr_") && movements["next"].is_string());
}

#[tokio::test]
async fn who_may_see_and_change_stock() {
    let world = stocked(&[(1, 10, 3), (2, 1, 3)]).await;
    set_stock(&world.kit().work(&TABLE), StockCount { seller_id: Some(BusinessId(51)), ..count(3, 7, 0) }).await.unwrap();
    let path = format!("/api/v1/admin/stock/{}", VariantId(1));
    let (seller, other) = (Harness::business(1, SELLER), Harness::business(2, BusinessId(51)));
    let another_seller = format!("/api/v1/admin/stock?seller_id={}", BusinessId(51));
    for (actor, list, filtered, show, adjust, rows) in [
        (Harness::guest(), 401, 401, 401, 401, 0),
        (Harness::customer(1), 403, 403, 404, 404, 0),
        (seller, 200, 403, 200, 200, 2),
        (Harness::member(3, SELLER, StaffRole::Manager), 200, 403, 200, 200, 2),
        (Harness::member(4, SELLER, StaffRole::Staff), 200, 403, 200, 403, 2),
        (other, 200, 200, 404, 404, 1),
        (Harness::support(), 200, 200, 200, 403, 3),
        (Harness::admin(), 200, 200, 200, 200, 3),
    ] {
        let got = world.get("/api/v1/admin/stock").as_actor(&actor).send().await.expect(list);
        assert_eq!(got.json["items"].as_array().map_or(0, Vec::len), rows, "{actor:?}");
        world.get(&another_seller).as_actor(&actor).send().await.expect(filtered);
        world.get(&path).as_actor(&actor).send().await.expect(show);
        world.get(&format!("{path}/movements")).as_actor(&actor).send().await.expect(show);
        world.post(&format!("{path}/adjustments"), &json!({"delta": 1, "reason": "found"})).as_actor(&actor).send().await.expect(adjust);
        world
            .patch(&path, &json!({"backorder": false}))
            .as_actor(&actor)
            .header("If-Match", "\"v99\"")
            .send()
            .await
            .expect(if adjust == 200 { 412 } else { adjust });
    }
    let page = world.get("/api/v1/admin/stock?sku=SKU-2").as_actor(&Harness::admin()).send().await.expect(200);
    assert_eq!(page.json["items"][0]["sku"], "SKU-2");
}

#[tokio::test]
async fn hints_for_customers_and_reads_for_services() {
    let world = stocked(&[(1, 10, 3), (2, 2, 3), (3, 0, 3), (4, 0, 3)]).await;
    let path = format!("/api/v1/admin/stock/{}", VariantId(4));
    let etag = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200).headers["etag"].clone();
    world.patch(&path, &json!({"backorder": true})).as_actor(&Harness::admin()).header("If-Match", &etag).send().await.expect(200);
    let ids: Vec<String> = (1..=5).map(|id| VariantId(id).to_string()).collect();
    let got = world.get(&format!("/api/v1/availability?variants={}", ids.join(","))).send().await.expect(200).json;
    let states: Vec<_> =
        got["items"].as_array().unwrap().iter().map(|item| (item["state"].as_str().unwrap(), item["quantity"].as_i64())).collect();
    assert_eq!(states, [("in_stock", None), ("low", Some(2)), ("out", None), ("backorder", None), ("out", None)]);
    for variants in [String::new(), OrderId(1).to_string(), (0..51).map(|id| VariantId(id).to_string()).collect::<Vec<_>>().join(",")] {
        assert_eq!(world.get(&format!("/api/v1/availability?variants={variants}")).send().await.status, 422, "{variants:.40}");
    }
    let reads = Reads::new(&world.kit().work(&TABLE));
    let known: Vec<_> = reads.availability(&[2.into(), 9.into(), 4.into(), 2.into()]).await.unwrap();
    let known: Vec<_> = known.into_iter().map(|item| (item.variant_id.0, item.available, item.backorder)).collect();
    assert_eq!(known, [(2, 2, false), (9, 0, false), (4, 0, true), (2, 2, false)]);
}

#[tokio::test]
async fn back_orders() {
    let world = stocked(&[(1, 2, 0)]).await;
    let path = format!("/api/v1/admin/stock/{}", VariantId(1));
    let etag = world.get(&path).as_actor(&Harness::admin()).send().await.expect(200).headers["etag"].clone();
    world.patch(&path, &json!({"backorder": true})).as_actor(&Harness::admin()).header("If-Match", &etag).send().await.expect(200);
    world.publish(placed(1, &[(1, 5)])).await;
    world.settle().await;
    check_stock(&world, 1, (2, -3, 5)).await;
    world.publish(shipped(1)).await;
    world.settle().await;
    check_stock(&world, 1, (0, 0, 0)).await;
}
