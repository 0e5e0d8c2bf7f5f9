//! The walk of docs/first-sale.md, its very lines, against the real binary with the demo shop; and the
//! commands of the binary around it.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::process::{Command, Stdio};

use common::{Client, Shop, binary, fill_cart, goods, place, settled};
use serde_json::{Value, json};

fn stock(admin: &Client) -> HashMap<String, i64> {
    let available = |item: &Value| (item["variant_id"].as_str().unwrap().to_owned(), item["available"].as_i64().unwrap());
    admin.all("/api/v1/admin/stock").iter().map(available).collect()
}

#[test]
fn the_documented_walk_ends_in_a_sale() {
    let mut shop = Shop::new(&[]);
    let said = shop.run(&["demo"]);
    assert!(said.contains("created"), "{said}");
    assert!(shop.run(&["demo"]).contains(" 0 created"), "loading the demo again changes nothing");
    shop.start();
    let admin = shop.admin();
    settled(&admin);
    let before = stock(&admin);

    let document = include_str!("../../../docs/first-sale.md");
    let blocks = document.split("```sh\n").skip(1).map(|part| part.split("```").next().unwrap());
    let script = format!("set -euo pipefail\n{}\necho \"ORDERED=$(echo \"$ORDER\" | jq -c '[.id, .email]')\"", blocks.collect::<String>());
    let output = Command::new("bash").args(["-c", &script]).env("SOUK", shop.url()).stdin(Stdio::null()).output().expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));

    let ordered: Value = serde_json::from_str(said.lines().find_map(|line| line.strip_prefix("ORDERED=")).expect("the order")).unwrap();
    settled(&admin);
    let order = admin.get(&format!("/api/v1/orders/{}", ordered[0].as_str().unwrap())).expect(200).json;
    assert_eq!(order["status"], "confirmed");
    let mut went = 0;
    let after = stock(&admin);
    for (variant, available) in &before {
        let sold = available - after[variant];
        let line = order["lines"].as_array().unwrap().iter().find(|line| line["variant_id"] == variant.as_str());
        assert_eq!(sold, line.map_or(0, |line| line["quantity"].as_i64().unwrap()), "{variant}");
        went += sold;
    }
    assert_eq!(went, 3);
    let mails = common::mails_to(&shop.client(), ordered[1].as_str().unwrap());
    let mut templates: Vec<&str> = mails.iter().map(|mail| mail["template"].as_str().unwrap()).collect();
    templates.sort_unstable();
    assert_eq!(templates, ["order_confirmation", "receipt", "verification", "welcome"]);
    assert_eq!(shop.stop(), Some(0), "a graceful stop");
}

/// From the request to the mail, every line that belongs to an order names the request that placed it.
#[test]
fn the_log_of_an_order_is_found_by_one_id() {
    let mut shop = Shop::new(&[("SOUK_LOG", "shell=debug,info")]);
    shop.run(&["demo"]);
    shop.start();
    let client = shop.client();
    let cart = fill_cart(&client, &[(&goods(&client, "moroccan-mint-tea"), 1)]).unwrap().expect(201).json;
    let order = common::order_of(cart["id"].as_str().unwrap(), "ann@example.com", "4242424242424242");
    let request = "one-order-one-id";
    let placed = client.send("POST", "/api/v1/orders", Some(&order), &[("X-Request-Id", request), ("Prefer", "wait=10")]).expect(201).json;
    settled(&shop.admin());

    let log = shop.log();
    let spans: Vec<&Value> = log.iter().map(|line| &line["span"]).filter(|span| span["request"] == request).collect();
    let asked = spans.iter().find(|span| span["name"] == "request").expect("the line of the request");
    assert_eq!((&asked["operation"], &asked["subject"]), (&json!("POST /api/v1/orders"), &placed["id"]));
    for consumer in ["cart", "inventory", "payments", "orders", "notifications"] {
        let delivered = spans.iter().find(|span| span["consumer"] == consumer).unwrap_or_else(|| panic!("{consumer} in {spans:?}"));
        assert_eq!((&delivered["name"], &delivered["attempt"]), (&json!("delivery"), &json!(1)));
    }
    assert!(spans.iter().any(|span| span["kind"] == "order.placed" && span["subject"] == placed["id"]), "{spans:?}");
}

#[test]
fn a_backup_of_a_running_shop_is_a_shop() {
    let mut shop = Shop::new(&[]);
    shop.run(&["demo"]);
    shop.start();
    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("data/souk.db");
    std::fs::create_dir(copy.path().join("data")).unwrap();
    shop.run(&["backup", target.to_str().unwrap()]);
    let again = shop.command(&["backup", target.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "a backup does not overwrite");

    let count = |client: &Client| client.all("/api/v1/products").len();
    let expected = count(&shop.client());
    let mut restored = Shop::new(&[]);
    restored.folder = copy;
    restored.start();
    assert_eq!(count(&restored.client()), expected);
    assert!(expected >= 50, "{expected} demo products");
}

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let shop = Shop::new(&[]);
    let file = shop.folder.path().join("bad.csv");
    std::fs::write(&file, "Handle,Title,Variant Price\ngood,Good,5.00\nbad,Bad,five\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, code, expect) in [
        (vec!["import", "products", file, "--dry-run"], 1, "line 3: bad"),
        (vec!["import", "products", file], 1, "1 products created, 0 updated, 0 unchanged, 1 refused"),
        (vec!["import", "products", file], 1, "0 products created, 0 updated, 1 unchanged, 1 refused"),
        (vec!["import", "products", "nowhere.csv"], 2, "nowhere.csv"),
        (vec!["admin", "create", "--email", "nobody"], 2, "must be an e-mail address"),
        (vec!["queues", "show", "nobody"], 2, "there is no consumer nobody"),
        (vec!["queues", "redrive", "orders"], 2, "--letter"),
        (vec!["queues", "redrive", "orders", "--letter", "7"], 2, "no dead letter 7"),
        (vec!["queues", "drop", "orders", "--letter", "seven"], 2, "no dead letter seven"),
        (vec!["backup", "nowhere/at/all.db"], 2, "nowhere/at/all.db"),
        (vec!["serve", "--listen", "here"], 2, "here"),
        (vec!["config", "check", "--config", "none.toml"], 2, "none.toml"),
    ] {
        let output = shop.command(&arguments).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expect), "{arguments:?}: {said}");
    }
    for (name, value, expect) in [
        ("SOUK_MAIL__TRANSPORT", "pigeon", "transport"),
        ("SOUK_SHOP__CURENCY", "EUR", "curency"),
        ("SOUK_SHOP__CURRENCY", "XYZ", "4217"),
        ("SOUK_ENVIRONMENT", "production", "mail"),
    ] {
        let output = binary().args(["config", "check"]).env(name, value).current_dir(shop.folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {said}");
        assert!(said.to_lowercase().contains(expect), "{name}={value}: {said}");
    }
}

#[test]
fn two_shops_do_not_share_a_directory() {
    let mut shop = Shop::new(&[]);
    shop.start();
    let output = shop.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another souk serve"));
}

#[test]
fn a_repeated_order_is_one_order() {
    let mut shop = Shop::new(&[]);
    shop.run(&["demo"]);
    shop.start();
    let client = shop.client();
    let first = client.get("/api/v1/products?limit=1").expect(200).json["items"][0]["id"].as_str().unwrap().to_owned();
    let goods = goods(&client, &first);
    let cart = fill_cart(&client, &[(&goods, 1)]).unwrap().expect(201).json["id"].as_str().unwrap().to_owned();
    let orders: Vec<_> =
        (0..3).map(|_| place(&client, &cart, "ann@example.com", "4242424242424242", 10).unwrap().json["id"].clone()).collect();
    assert!(orders.iter().all(|order| order == &orders[0] && order.is_string()), "{orders:?}");
    let other = json!({ "cart_id": cart, "email": "eve@example.com", "shipping_address": common::address() });
    let reused = client.send("POST", "/api/v1/orders", Some(&other), &[("Idempotency-Key", &cart)]).expect(422);
    assert_eq!(reused.json["code"], "idempotency-key-reused");
    let admin = shop.admin();
    assert_eq!(admin.all("/api/v1/admin/orders").len(), 1);
}
