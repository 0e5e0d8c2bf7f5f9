//! What is changed through the API is found, and still is after the binary was killed.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{Chance, Client, Shop, eventually, settled};
use serde_json::{Value, json};

const KILLS: usize = 10;
const SELLERS: usize = 4;
const EMAIL: &str = "boss@souk.example";

#[test]
fn a_change_is_found() {
    let mut shop = Shop::new(&[]);
    shop.start();
    let admin = shop.admin();
    let category = admin.post("/api/v1/business-categories", &json!({ "name": "Potteries" })).expect(201).json["id"].clone();
    let address =
        json!({ "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München", "address_country": "DE" });
    let profile = |name: &str| json!({ "name": name, "categories": [category], "address": address });
    let created = admin.post("/api/v1/businesses", &profile("Töpferei Quellwasser")).expect(201);
    let business = id_of(&created.json);
    admin.post(&format!("/api/v1/businesses/{business}/submit"), &json!({})).expect(200);
    assert!(!finds(&admin, "quellwasser", &business), "nobody has approved it");

    let mut taken = Vec::new();
    let mut found = |what: &'static str, text: &str, id: &str, change: &dyn Fn()| {
        assert!(!finds(&admin, text, id), "{what}: {text} was found before");
        change();
        let changed = Instant::now();
        eventually(what, || finds(&admin, text, id).then_some(()));
        taken.push((what, changed.elapsed()));
    };
    found("a business that is published", "quellwasser", &business, &|| {
        admin.post(&format!("/api/v1/admin/businesses/{business}/approve"), &json!({})).expect(200);
    });
    found("a business with another name", "sonnenblume", &business, &|| {
        edit(&admin, &format!("/api/v1/businesses/{business}/profile"), 3, &profile("Töpferei Sonnenblume"));
    });
    assert!(!finds(&admin, "quellwasser", &business), "the name of before is forgotten");
    let draft = admin.post("/api/v1/products", &product("Vase Mohn", "draft")).expect(201);
    let vase = id_of(&draft.json);
    found("a product that is published", "mohn", &vase, &|| {
        edit(&admin, &format!("/api/v1/products/{vase}"), 1, &product("Vase Mohn", "published"))
    });
    found("a product with another title", "distel", &vase, &|| {
        edit(&admin, &format!("/api/v1/products/{vase}"), 2, &product("Vase Distel", "published"));
    });
    for (what, time) in taken {
        println!("{what} is found {:.0} ms after the answer", time.as_secs_f64() * 1000.0);
    }

    admin.send("DELETE", &format!("/api/v1/products/{vase}"), None, &[]).expect(204);
    eventually("a product that is archived is found no more", || (!finds(&admin, "distel", &vase)).then_some(()));
}

#[test]
fn what_was_acknowledged_is_found_after_any_kill() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into();
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let mut shop = Shop::new(&[]);
    let printed = shop.run(&["admin", "create", "--email", EMAIL]);
    let password = printed.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password").to_owned();

    let acknowledged = Mutex::new(Vec::new());
    let serial = AtomicU32::new(0);
    for _ in 0..KILLS {
        shop.start();
        let admin = shop.client().sign_in(EMAIL, &password);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..SELLERS {
                scope.spawn(|| sell_until(&stop, &admin, &serial, &acknowledged));
            }
            // Whenever it comes: while a batch is read, written, committed or told to the queue.
            std::thread::sleep(Duration::from_millis(30 + chance.below(500)));
            shop.kill();
            stop.store(true, Ordering::SeqCst);
        });
    }

    shop.start();
    let admin = shop.client().sign_in(EMAIL, &password);
    let queues = settled(&admin);
    assert!(queues.iter().all(|queue| queue["dead"] == 0), "dead letters: {queues:?}");
    let acknowledged = acknowledged.into_inner().unwrap();
    for (word, id) in &acknowledged {
        assert!(finds(&admin, word, id), "{word}, {id} was acknowledged and is not found");
    }
    let published = admin.all("/api/v1/products").len() as u64;
    let found = admin.get("/api/v1/search?kind=product&limit=1").expect(200).json["total"].as_u64().unwrap();
    assert_eq!(found, published, "as many are found as are for sale");
    println!("{KILLS} kills, {} changes acknowledged, {published} products found", acknowledged.len());
    assert!(acknowledged.len() >= KILLS, "the load was too small to prove anything");
    assert_eq!(shop.stop(), Some(0));
}

/// New products, and every other one renamed: the word of its last acknowledged title, and its id.
fn sell_until(stop: &AtomicBool, admin: &Client, serial: &AtomicU32, acknowledged: &Mutex<Vec<(String, String)>>) {
    while !stop.load(Ordering::SeqCst) {
        let n = serial.fetch_add(1, Ordering::SeqCst);
        let words = [format!("{n}a"), format!("{n}b")];
        let Ok(created) = admin.try_send("POST", "/api/v1/products", Some(&product(&words[0], "published")), &[]) else { continue };
        let id = id_of(&created.expect(201).json);
        if n.is_multiple_of(2) {
            acknowledged.lock().unwrap().push((words[0].clone(), id));
            continue;
        }
        let renamed =
            admin.try_send("PUT", &format!("/api/v1/products/{id}"), Some(&product(&words[1], "published")), &[("If-Match", "\"v1\"")]);
        // Without an answer it has either title, and either is right.
        if let Ok(renamed) = renamed {
            renamed.expect(200);
            acknowledged.lock().unwrap().push((words[1].clone(), id));
        }
    }
}

fn product(title: &str, status: &str) -> Value {
    json!({ "title": title, "status": status, "variants": [{ "price": { "amount": 1900, "currency": "EUR" } }] })
}

#[track_caller]
fn edit(client: &Client, path: &str, version: u32, body: &Value) {
    client.send("PUT", path, Some(body), &[("If-Match", &format!("\"v{version}\""))]).expect(200);
}

#[track_caller]
fn id_of(json: &Value) -> String {
    json["id"].as_str().unwrap_or_else(|| panic!("no id in {json}")).to_owned()
}

#[track_caller]
fn finds(client: &Client, text: &str, id: &str) -> bool {
    let found = client.get(&format!("/api/v1/search?q={text}")).expect(200).json;
    found["items"].as_array().unwrap().iter().any(|item| item["id"] == id)
}
