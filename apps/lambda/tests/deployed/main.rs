//! Our stacks in an emulated AWS: deployed by `cdk deploy`, with the real bootstrap, tables, streams, bus,
//! queues and mails, and used through the deployed HTTP API with its JWT authorizer.
//!
//! `cargo xtask test --only deploy` starts the emulator and runs these; by themselves they are ignored.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod cloud;
mod people;
mod stack;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier, LazyLock, Mutex};

use cloud::eventually;
use people::{Client, Goods, Stock};
use serde_json::{Value, json};
use stack::{Deployed, deployed, deployed_direct};

/// The shop's first admin, made once, as `docs/deploy-aws.md` says: who has registered is put into a group of
/// the pool, and signs in.
static ADMIN: LazyLock<Client> = LazyLock::new(|| first_admin(deployed(), "boss@souk.example"));
static DIRECT_ADMIN: LazyLock<Client> = LazyLock::new(|| first_admin(deployed_direct(), "boss@direct.example"));

fn first_admin(deployed: &Deployed, address: &str) -> Client {
    let boss = deployed.client().sign_up(&deployed.cloud, address);
    assert_eq!(boss.get("/api/v1/me").expect(200).json["roles"], json!(["customer"]));
    deployed.add_to_group(address, "admin");
    let boss = deployed.client().sign_in(address);
    assert_eq!(boss.get("/api/v1/me").expect(200).json["roles"], json!(["customer", "admin"]));
    boss
}

#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn the_first_sale() {
    first_sale(deployed(), &ADMIN, "ann@example.com");
}

#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn the_first_sale_where_the_bus_calls() {
    first_sale(deployed_direct(), &DIRECT_ADMIN, "dora@example.com");
}

fn first_sale(deployed: &Deployed, admin: &Client, email: &str) {
    let tea = admin.stock_up("first-sale-tea", 5);
    let ann = deployed.client().sign_up(&deployed.cloud, email);
    assert_eq!(ann.get("/api/v1/me").expect(200).json["email"], email);

    let order = ann.settled(&ann.buy(&tea, email));
    assert_eq!(order["status"], "confirmed", "{order}");
    eventually("the money is captured", || (ledger(deployed, &order) == ["authorize", "capture"]).then_some(()));
    assert_eq!(admin.stock(&tea), Stock { available: 4, reserved: 1, on_hand: 5 });
    let number = order["number"].as_str().unwrap();
    eventually("the mails have come", || {
        let mails = deployed.cloud.mails_to(email);
        // The link, the welcome, the confirmation and the receipt.
        let about = mails.iter().filter(|(subject, text)| subject.contains(number) || text.contains(number)).count();
        (mails.len() == 4 && about == 2).then_some(())
    });
    rest_without_dead_letters(deployed);
    assert_eq!(deployed.cloud.mails_to(email).len(), 4, "each mail came once");
    assert_eq!(ledger(deployed, &order), ["authorize", "capture"]);
}

/// The borders are a file that is deployed beside the bootstrap.
#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn a_position_tells_the_time_zone() {
    let admin = &*ADMIN;
    let category = admin.post("/api/v1/business-categories", &json!({ "name": "Cafés" })).expect(201).json["id"].clone();
    let cafe = json!({
        "name": "Baixa",
        "description": "Coffee and cakes",
        "categories": [category],
        "address": { "street_address": "Rua Augusta 1", "postal_code": "1100-048", "address_locality": "Lisboa", "address_country": "PT" },
        "position": { "lat": 38.7223, "lon": -9.1393 },
    });
    let made = admin.post("/api/v1/businesses", &cafe).expect(201).json;
    assert_eq!(made["time_zone"], "Europe/Lisbon", "{made}");
}

#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn the_gateway_turns_away_who_has_no_valid_token() {
    let (deployed, admin) = (deployed(), &*ADMIN);
    let path = "/api/v1/admin/stock";
    admin.get(path).expect(200);
    let guest = deployed.client();
    let refused = guest.get(path).expect(401);
    // The gateway's own words: the function was not asked.
    assert_eq!(refused.json, json!({ "message": "Unauthorized" }));
    let spoilt = guest.clone().with_token("eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.x");
    assert_eq!(spoilt.get(path).expect(401).json, json!({ "message": "Unauthorized" }));
    let eve = guest.clone().sign_up(&deployed.cloud, "eve@example.com");
    assert_eq!(eve.get(path).expect(403).json["code"], "forbidden", "a customer passes the gateway, but not the shop");
    guest.get("/api/v1/products").expect(200);
    guest.get("/nowhere").expect(404);
}

/// Roles are the account's and the pool's together: what an admin gives and takes away is so in both.
#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn an_admin_makes_and_unmakes_another() {
    let (deployed, admin) = (deployed(), &*ADMIN);
    let email = "deputy@souk.example";
    let deputy = deployed.client().sign_up(&deployed.cloud, email);
    let path = format!("/api/v1/admin/users/{}", deputy.get("/api/v1/me").expect(200).json["id"].as_str().unwrap());
    let set = |roles: Value| admin.send("PUT", &format!("{path}/roles"), Some(&json!({ "roles": roles })), &[]).expect(200);
    deputy.get("/api/v1/admin/users").expect(403);
    set(json!(["admin"]));
    assert_eq!(deployed.groups_of(email), ["admin", "customer"]);
    let deputy = deployed.client().sign_in(email);
    deputy.get("/api/v1/admin/users").expect(200);
    set(json!([]));
    assert_eq!(deployed.groups_of(email), ["customer"]);
    // The gateway lets the token pass until it expires; the shop does not.
    assert_eq!(deputy.get("/api/v1/admin/users").expect(401).json["code"], "invalid-token");
    let deputy = deployed.client().sign_in(email);
    deputy.get("/api/v1/admin/users").expect(403);
    admin.post(&format!("{path}/disable"), &json!({ "reason": "left" })).expect(200);
    assert_eq!(deputy.get("/api/v1/me").expect(401).json["code"], "invalid-token", "disabled means at once");
}

/// A stock record that cannot be read fails every delivery that needs it, and no other.
#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn a_poisoned_event_ends_in_its_dead_letter_queue_and_is_redriven() {
    let (deployed, admin) = (deployed(), &*ADMIN);
    let (sick, well) = (admin.stock_up("poisoned-tea", 3), admin.stock_up("wholesome-tea", 3));
    let guest = deployed.client();
    let stuck = admin.settled(&guest.buy(&sick, "stuck@example.com"));
    assert_eq!(stuck["status"], "confirmed", "{stuck}");
    let (table, key) = (deployed.table("inventory"), format!("stock#{}", sick.variant));
    let before = deployed.cloud.replace(&table, (&key, "stock"), "available", &json!({ "S": "two" }));

    let id = stuck["id"].as_str().unwrap();
    admin.cancel(id);
    let order = admin.settled(&guest.buy(&well, "fine@example.com"));
    assert_eq!(order["status"], "confirmed", "others are served meanwhile: {order}");
    let dead = eventually("the event is given up", || Some(deployed.dead()).filter(|dead| !dead.is_empty()));
    assert_eq!(dead, [(deployed.dead_queue("inventory"), 1)]);

    deployed.cloud.replace(&table, (&key, "stock"), "available", &before);
    assert_eq!(admin.stock(&sick), Stock { available: 2, reserved: 1, on_hand: 3 });
    redrive_the_letter(admin, "inventory", id);
    let all = Stock { available: 3, reserved: 0, on_hand: 3 };
    eventually("the stock is released", || (admin.stock(&sick) == all).then_some(()));
    rest_without_dead_letters(deployed);
}

/// The emulator's bus calls a function once and forgets the event if it fails. Its Lambda does try again and gives up
/// when it is asked to call: so the test asks in the place of the bus. It also names the dead letters, which the
/// emulator's CloudFormation leaves out, and unwraps the letter, which AWS does not wrap. What is real is the function
/// that fails its calls, the letter's way through the admin API, and the rule that brings it to its consumer.
#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn what_a_called_consumer_gives_up_is_redriven() {
    let (deployed, admin) = (deployed_direct(), &*DIRECT_ADMIN);
    let tea = admin.stock_up("poisoned-tea", 3);
    let stuck = admin.settled(&deployed.client().buy(&tea, "stuck@direct.example"));
    assert_eq!(stuck["status"], "confirmed", "{stuck}");
    let (table, key) = (deployed.table("inventory"), format!("stock#{}", tea.variant));
    let before = deployed.cloud.replace(&table, (&key, "stock"), "available", &json!({ "S": "two" }));
    let id = stuck["id"].as_str().unwrap();
    admin.cancel(id);

    let event = cancelled_event(deployed, id);
    let (function, dead) = (format!("{}inventory-events", deployed.prefix), deployed.dead_queue("inventory"));
    deployed.cloud.set_dead_letters(&function, &dead);
    deployed.cloud.call_later(&function, &event);
    let letter: Value = serde_json::from_str(&deployed.cloud.take(&dead)).unwrap();
    assert_eq!((&letter["requestPayload"], &letter["responseContext"]["functionError"]), (&event, &json!("Unhandled")), "{letter}");
    let why = letter["responsePayload"]["errorMessage"].as_str().unwrap();
    deployed.cloud.put(&dead, &event.to_string(), ("ErrorMessage", why));
    assert_eq!(deployed.dead(), [(dead, 1)]);

    deployed.cloud.replace(&table, (&key, "stock"), "available", &before);
    let letter = redrive_the_letter(admin, "inventory", id);
    assert_eq!(letter["error"], why);
    let all = Stock { available: 3, reserved: 0, on_hand: 3 };
    eventually("the stock is released", || (admin.stock(&tea) == all).then_some(()));
    rest_without_dead_letters(deployed);
}

/// The event of an order that has just been cancelled, as the bus hands it out. It lies with the order, without the
/// members that follow from the others.
fn cancelled_event(deployed: &Deployed, order: &str) -> Value {
    let items = deployed.cloud.scan(&deployed.table("orders"));
    let texts = items.iter().flat_map(|item| item["events"]["L"].as_array().into_iter().flatten());
    let mut events = texts.map(|text| serde_json::from_str::<Value>(text["S"].as_str().unwrap()).unwrap());
    let mut cancelled = events.find(|event| event["type"] == "order.cancelled" && event["data"]["order_id"] == order).expect("the event");
    let cause = cancelled["causationid"].clone();
    for (member, value) in [("specversion", json!("1.0")), ("source", json!("orders")), ("subject", json!(order)), ("correlationid", cause)]
    {
        cancelled[member] = value;
    }
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "order.cancelled", "source": "souk.orders",
        "account": cloud::ACCOUNT, "time": "2026-11-21T00:00:00Z", "region": cloud::REGION, "resources": [], "detail": cancelled,
    })
}

/// Finds the one letter about an order and has it delivered again, through the admin API. Returns what it was.
fn redrive_the_letter(admin: &Client, consumer: &str, order: &str) -> Value {
    let queues = admin.get("/api/v1/admin/queues").expect(200).json;
    let dead: Vec<_> = queues.as_array().unwrap().iter().filter(|queue| queue["dead"] != 0).collect();
    assert!(dead.len() == 1 && dead[0]["consumer"] == consumer && dead[0]["dead"] == 1, "{queues}");
    let path = format!("/api/v1/admin/queues/{consumer}/dead-letters");
    let letters = admin.get(&path).expect(200).json;
    assert_eq!(letters["items"].as_array().unwrap().len(), 1, "{letters}");
    let letter = &letters["items"][0];
    assert_eq!((&letter["envelope"]["type"], &letter["envelope"]["subject"]), (&json!("order.cancelled"), &json!(order)), "{letters}");
    admin.get("/api/v1/admin/queues/nobody/dead-letters").expect(404);
    let path = format!("{path}/{}/redrive", letter["id"].as_str().unwrap());
    admin.post(&path, &json!({})).expect(204);
    assert_eq!(admin.post(&path, &json!({})).expect(404).json["code"], "not-found");
    letter.clone()
}

#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn a_flash_sale_is_exact() {
    flash_sale(deployed(), "flash-lamp");
}

#[test]
#[ignore = "needs the emulators: cargo xtask test --only deploy"]
fn a_flash_sale_is_exact_though_calls_to_the_database_fail() {
    let deployed = deployed();
    let admin = &*ADMIN;
    let before = deployed.faults();
    let lamp = admin.stock_up("faulty-lamp", PIECES);
    deployed.let_calls_fail(true);
    let orders = sell(deployed, &lamp, "faulty");
    let settled: Vec<Value> = orders.iter().map(|order| admin.settled(order)).collect();
    eventually("the queues are at rest", || deployed.at_rest().then_some(()));
    deployed.let_calls_fail(false);
    println!("faults before and after: {before} {}", deployed.faults());
    assert_ne!(before, deployed.faults(), "calls have failed");
    check_sale(deployed, &lamp, &settled);
}

const BUYERS: usize = 30;
const PIECES: i64 = 10;

fn flash_sale(deployed: &Deployed, title: &str) {
    let admin = &*ADMIN;
    let lamp = admin.stock_up(title, PIECES);
    let orders = sell(deployed, &lamp, title);
    let settled: Vec<Value> = orders.iter().map(|order| admin.settled(order)).collect();
    check_sale(deployed, &lamp, &settled);
}

/// All buyers order at once. Who is late may be told that the goods are out, and has no order.
fn sell(deployed: &Deployed, lamp: &Goods, who: &str) -> Vec<Value> {
    let orders = Mutex::new(Vec::new());
    let together = Arc::new(Barrier::new(BUYERS));
    std::thread::scope(|scope| {
        for n in 0..BUYERS {
            let (orders, together) = (&orders, together.clone());
            scope.spawn(move || {
                let buyer = deployed.client();
                let line = json!({ "product_id": lamp.product, "variant_id": lamp.variant, "quantity": 1 });
                let cart = eventually("the cart is filled", || {
                    let made = buyer.post("/api/v1/carts", &json!({ "lines": [line] }));
                    assert!(made.status < 300 || made.status >= 500, "{}", made.text);
                    (made.status < 300).then_some(made.json)
                });
                together.wait();
                let order = buyer.order(cart["id"].as_str().unwrap(), &format!("{who}-{n}@example.com"));
                orders.lock().unwrap().extend(order);
            });
        }
    });
    orders.into_inner().unwrap()
}

fn check_sale(deployed: &Deployed, lamp: &Goods, orders: &[Value]) {
    let mut outcomes: BTreeMap<(String, String), i64> = BTreeMap::new();
    for order in orders {
        let word = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
        *outcomes.entry((word("status"), word("cancel_reason"))).or_default() += 1;
    }
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    let refused = i64::try_from(orders.len()).unwrap() - PIECES;
    let mut expected = BTreeMap::from([(pair("confirmed", ""), PIECES), (pair("cancelled", "out_of_stock"), refused)]);
    expected.retain(|_, count| *count > 0);
    assert_eq!(outcomes, expected);
    let distinct: BTreeSet<_> = orders.iter().map(|order| order["id"].as_str().unwrap()).collect();
    assert_eq!(distinct.len(), orders.len());

    eventually("every confirmed order is charged", || {
        let charged = orders.iter().filter(|order| ledger(deployed, order) == ["authorize", "capture"]).count();
        (i64::try_from(charged).unwrap() == PIECES).then_some(())
    });
    rest_without_dead_letters(deployed);
    for order in orders {
        let expected: &[&str] = if order["status"] == "confirmed" { &["authorize", "capture"] } else { &[] };
        assert_eq!(ledger(deployed, order), expected, "{order}");
    }
    assert_eq!(ADMIN.stock(lamp), Stock { available: 0, reserved: PIECES, on_hand: PIECES });
}

/// What took effect at the test gateway for an order.
fn ledger(deployed: &Deployed, order: &Value) -> Vec<String> {
    let number = order["number"].as_str().unwrap();
    let text = |item: &Value, name: &str| item["data"]["M"][name]["S"].as_str().unwrap_or_default().to_owned();
    let items = deployed.cloud.scan(&deployed.table("test-gateway"));
    let operations = items.iter().filter(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("operation#")));
    let mut kinds: Vec<_> = operations.filter(|item| text(item, "reference") == number).map(|item| text(item, "kind")).collect();
    kinds.sort_unstable();
    kinds
}

/// Waits until nothing is under way. Nothing may have been given up.
#[track_caller]
fn rest_without_dead_letters(deployed: &Deployed) {
    // Between a table, its stream, the bus and a queue an event is in no queue: rest has to last.
    let mut quiet = 0;
    eventually("the queues are at rest", || {
        quiet = if deployed.at_rest() { quiet + 1 } else { 0 };
        (quiet >= 10).then_some(())
    });
    assert_eq!(deployed.dead(), [], "dead letters");
}
