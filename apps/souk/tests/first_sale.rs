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

/// What people may paste the walk into; zsh, the shell of every Mac, where there is one.
const SHELLS: [&str; 3] = ["sh", "bash", "zsh"];

/// The blocks of the walk.
fn walk() -> String {
    let document = include_str!("../../../docs/first-sale.md");
    document.split("```sh\n").skip(1).map(|part| part.split("```").next().unwrap()).collect()
}

#[test]
fn the_documented_walk_ends_in_a_sale() {
    // zsh does not split what a variable holds, and there may be none here to try it.
    let splits = |line: &str| line.split("in $").skip(1).any(|rest| rest.starts_with(|next: char| next.is_alphabetic() || next == '{'));
    assert_eq!(walk().lines().find(|line| splits(line)), None);
    let there = |shell: &&str| Command::new(shell).args(["-c", "exit"]).status().is_ok_and(|status| status.success());
    let tried: Vec<&str> = SHELLS.into_iter().filter(there).inspect(|shell| walk_ends_in_a_sale(shell)).collect();
    assert!(tried.len() >= 2, "tried in {tried:?} only");
}

fn walk_ends_in_a_sale(shell: &str) {
    let mut shop = Shop::with_demo(&[]);
    shop.start();
    let admin = shop.admin();
    settled(&admin);
    let before = stock(&admin);

    // Not every sh knows pipefail.
    let script = format!(
        "set -eu\nif (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\n{}\nprintf 'ORDERED=%s\\n' \"$(printf '%s\\n' \"$ORDER\" | jq -c '[.id, .email]')\"",
        walk()
    );
    let output = Command::new(shell).args(["-c", &script]).env("SOUK", shop.url()).stdin(Stdio::null()).output().expect("the shell runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shell}: {said}\n{}", String::from_utf8_lossy(&output.stderr));

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

/// What a storefront shows of the demo, without the times.
fn market(shop: &mut Shop) -> Value {
    shop.start();
    let client = shop.client();
    let admin = client.clone().sign_in("admin@souk.example", "souk-demo-admin");
    settled(&admin);
    let state = |order: &Value| order["status"].as_str().unwrap().to_owned();
    let seen = json!({
        "products": client.all("/api/v1/products?sort=price"),
        "categories": client.get("/api/v1/categories").expect(200).json["items"],
        "orders": admin.all("/api/v1/admin/orders").iter().map(state).collect::<Vec<_>>(),
        "leads": admin.all("/api/v1/admin/leads?status=billed").len(),
        "reviews": client.get("/api/v1/businesses/bakery-mill-lane").expect(200).json["rating"],
        "mails": admin.all("/api/v1/admin/mails").len(),
    });
    assert_eq!(shop.stop(), Some(0));
    seen
}

#[test]
fn the_demo_is_a_market_and_is_loaded_once() {
    let mut shop = Shop::new(&[]);
    let said = shop.run(&["demo"]);
    assert!(said.contains("demo story: owners, staff"), "{said}");
    let first = market(&mut shop);
    assert_eq!(first["products"].as_array().unwrap().len(), 67, "64 of the house and three of the bakery");
    assert!(first["products"].as_array().unwrap().iter().all(|card| card["image_url"].as_str().unwrap().starts_with("/files/")));
    assert!(first["categories"].as_array().unwrap().iter().any(|category| category["parent_id"].is_string()));
    let states: std::collections::BTreeSet<&str> =
        first["orders"].as_array().unwrap().iter().map(|state| state.as_str().unwrap()).collect();
    assert!(states.is_superset(&["awaiting_payment", "cancelled", "confirmed", "delivered", "processing", "shipped"].into()), "{states:?}");
    assert!(first["leads"] == 4 && first["reviews"]["count"] == 2, "{first}");
    let said = shop.run(&["demo"]);
    assert!(said.contains(" 0 created") && said.contains("demo story: unchanged"), "{said}");
    assert_eq!(market(&mut shop), first);

    shop.start();
    let refused = shop.command(&["demo"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let client = shop.client();
    let picture = client.get("/api/v1/products/moroccan-mint-tea").expect(200).json["images"][0]["url"].as_str().unwrap().to_owned();
    client.get(&picture).expect(200);
    let owner = client.sign_in("olga@souk.example", "souk-demo-business");
    let business = owner.get("/api/v1/me/businesses").expect(200).json["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(owner.all(&format!("/api/v1/businesses/{business}/leads")).len(), 4);
}

#[test]
fn production_refuses_the_accounts_of_the_demo() {
    let shop = Shop::with_demo(&[]);
    let production = [
        ("SOUK_ENVIRONMENT", "production"),
        ("SOUK_SHOP__PUBLIC_URL", "https://shop.example"),
        ("SOUK_SHOP__ADMIN_EMAIL", "boss@shop.example"),
        ("SOUK_SHOP__SUPPORT_EMAIL", "help@shop.example"),
        ("SOUK_SHOP__IMPRINT", "Shop GmbH, München"),
        ("SOUK_MAIL__TRANSPORT", "smtp"),
        ("SOUK_MAIL__URL", "smtp://127.0.0.1:9"),
        ("SOUK_MAIL__FROM", "shop@shop.example"),
        ("SOUK_PAYMENTS__ALLOW_TEST_GATEWAY", "true"),
    ];
    let output = shop.command(&["serve", "--listen", "127.0.0.1:0"]).envs(production).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("admin@souk.example has the password of the demo"), "{said}");
}

/// From the request to the mail, every line that belongs to an order names the request that placed it.
#[test]
fn the_log_of_an_order_is_found_by_one_id() {
    let mut shop = Shop::with_demo(&[("SOUK_LOG", "shell=debug,info")]);
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
    let mut shop = Shop::with_demo(&[]);
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
    let (semicolons, deep) = (shop.folder.path().join("semicolons.csv"), shop.folder.path().join("deep.csv"));
    std::fs::write(&semicolons, "Handle;Title;Variant Price\ngood;Good;5.00\n").unwrap();
    std::fs::write(&deep, "id,name,categories\n1,Fine,A > B\n2,Deep,A > B > C > D > E > F > G\n").unwrap();
    let (semicolons, deep) = (semicolons.to_str().unwrap(), deep.to_str().unwrap());
    for (arguments, code, expect) in [
        (vec!["import", "products", file, "--dry-run"], 2, "line 3 (bad): Variant Price"),
        (vec!["import", "products", file, "--all-or-nothing"], 2, "nothing was imported: 1 products"),
        (vec!["import", "products", file, "--private-addresses"], 2, "--fetch-images"),
        (vec!["import", "products", semicolons], 2, "the columns are separated by semicolons"),
        (vec!["import", "products", "."], 2, "is a directory"),
        (vec!["import", "businesses", deep, "--dry-run"], 2, "1 businesses can be imported, 1 refused"),
        (vec!["import", "businesses", deep, "--all-or-nothing"], 2, "nothing was imported: 1 businesses"),
        (vec!["queues", "list"], 2, "there is no shop in"),
        (vec!["search", "rebuild"], 2, "there is no shop in"),
        (vec!["admin", "set-password", "--email", "ann@example.com"], 2, "there is no shop in"),
        (vec!["import", "products", file], 2, "1 products created, 0 updated, 0 unchanged, 1 refused"),
        (vec!["import", "products", file], 2, "0 products created, 0 updated, 1 unchanged, 1 refused"),
        (vec!["import", "businesses", deep], 2, "row 3 (Deep): the category"),
        (vec!["admin", "set-password", "--email", "ann@example.com"], 2, "nobody has an account"),
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
        ("SOUK_LIMITS__CORS_ORIGINS", "[\"*\"]", "cors_origins"),
        ("SOUK_LOG", "verbose", "no level"),
        ("SOUK_MAIL__FROM", "nope", "mail.from"),
        ("SOUK_MAIL__URL", "http://x", "mail.url"),
        ("SOUK_SECRETS__SIGNING_KEY", "abc", "hexadecimal"),
    ] {
        let output = binary().args(["config", "check"]).env(name, value).current_dir(shop.folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {said}");
        assert!(said.to_lowercase().contains(expect), "{name}={value}: {said}");
    }
}

/// A monitor on a mistyped path must not be content with an empty shop.
#[test]
fn only_some_commands_make_a_shop() {
    let shop = Shop::new(&[]);
    for arguments in [vec!["queues", "list"], vec!["search", "rebuild"], vec!["admin", "set-password", "--email", "ann@example.com"]] {
        shop.command(&arguments).output().unwrap();
        assert!(!shop.data().exists(), "{arguments:?}");
    }
}

#[test]
fn an_account_that_exists_keeps_its_password_until_another_one_is_set() {
    let mut shop = Shop::new(&[]);
    let with_password = |arguments: &[&str], password: &str| {
        let mut child = shop.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), password.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let create = ["admin", "create", "--email", "boss@shop.example", "--password-stdin"];
    assert_eq!(with_password(&create, "the first password\n").0, Some(0));
    let (code, said) = with_password(&create, "the second password\n");
    assert!(code == Some(2) && said.contains("souk admin set-password"), "{code:?} {said}");
    let said = shop.run(&["admin", "create", "--email", "boss@shop.example"]);
    assert!(said.contains("keeps its password") && !said.contains("password: "), "{said}");
    let set = ["admin", "set-password", "--email", "boss@shop.example", "--password-stdin"];
    assert_eq!(with_password(&set, "the third password\n").0, Some(0));
    shop.start();
    shop.client().sign_in("boss@shop.example", "the third password").get("/api/v1/admin/users").expect(200);
}

#[test]
fn a_damaged_database_is_named_at_the_start() {
    let shop = Shop::with_demo(&[]);
    let path = shop.data().join("souk.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 8192;
    for page in pages / 4..pages / 2 {
        bytes[page * 8192..(page + 1) * 8192].fill(0xA5);
    }
    std::fs::write(&path, bytes).unwrap();
    let output = shop.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("souk.db is damaged"), "{said}");
}

/// A pipe whose reader is gone is no reason to panic, whichever of the two streams it is.
#[test]
fn nobody_has_to_read_to_the_end() {
    let shop = Shop::new(&[]);
    for _ in 0..10 {
        let command = format!(
            "{} config check --data {} 2>&1 | true; exit \"${{PIPESTATUS[0]}}\"",
            env!("CARGO_BIN_EXE_souk"),
            shop.data().display()
        );
        let status = Command::new("bash").args(["-c", &command]).status().unwrap();
        assert_eq!(status.code(), Some(0));
    }
}

#[test]
fn links_lead_to_where_the_shop_listens() {
    let mut shop = Shop::new(&[]);
    shop.start();
    let client = shop.client();
    let ann = json!({ "email": "ann@example.com", "name": "Ann", "password": "a long and quiet river" });
    client.post("/api/v1/auth/register", &ann).expect(202);
    let mail = common::eventually("the mail", || common::mails_to(&client, "ann@example.com").pop());
    assert!(mail["text"].as_str().unwrap().contains(&format!("{}/verify-email", shop.url())), "{mail}");
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
    let mut shop = Shop::with_demo(&[]);
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
    let of_ann = shop.admin().all("/api/v1/admin/orders").into_iter().filter(|order| order["email"] == "ann@example.com");
    assert_eq!(of_ann.count(), 1);
}
