//! The payment gateway fails in every way it knows; every order settles and the money is right.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{Client, Shop, eventually, fill_cart, goods, order_of, place, settled, write_products};
use serde_json::Value;

fn shop() -> Shop {
    let mut shop = Shop::new(&[]);
    let file = shop.folder.path().join("products.csv");
    write_products(&file, &[("tea", "4.90", 10_000)]);
    shop.run(&["import", "products", file.to_str().unwrap()]);
    shop.start();
    shop
}

fn buy(client: &Client, card: &str, wait_secs: u32) -> Value {
    let tea = goods(client, "tea");
    let cart = fill_cart(client, &[(&tea, 1)]).unwrap().expect(201);
    let placed = place(client, cart.json["id"].as_str().unwrap(), "ann@example.com", card, wait_secs).unwrap();
    assert!((200..300).contains(&placed.status), "{}", placed.text);
    placed.json
}

/// The status in which the order comes to rest.
fn outcome(admin: &Client, order: &Value) -> (String, String) {
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    eventually("the order settles", || {
        let order = admin.get(&path).expect(200).json;
        let status = order["status"].as_str().unwrap().to_owned();
        let declined = order["payment"]["declined"]["code"].as_str().unwrap_or("").to_owned();
        (status == "confirmed" || !declined.is_empty()).then_some((status, declined))
    })
}

/// The gateway's book: how many payments are in which state.
fn book(shop: &Shop) -> BTreeMap<String, i64> {
    let book = shop.gateway_book();
    let mut statement = book.prepare("SELECT state, COUNT(*) FROM payments GROUP BY state").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn every_card_ends_in_a_settled_order_and_correct_money() {
    let mut shop = shop();
    let (client, admin) = (shop.client(), shop.admin());
    for (card, status, reason, money) in [
        ("4242424242424242", "confirmed", "", Some("captured")),
        ("4000000000000002", "awaiting_payment", "card_declined", None),
        ("4000000000009995", "awaiting_payment", "insufficient_funds", None),
        ("4000000000008013", "confirmed", "", Some("captured")),
        ("4000000000008021", "confirmed", "", Some("captured")),
        ("4000000000008039", "confirmed", "", Some("captured")),
        ("4000000000008047", "confirmed", "", Some("captured")),
        ("4000000000005126", "confirmed", "", Some("captured")),
    ] {
        let before = book(&shop);
        let order = buy(&client, card, 0);
        assert_eq!(outcome(&admin, &order), (status.into(), reason.into()), "{card}");
        let count = |book: &BTreeMap<String, i64>, state: &str| book.get(state).copied().unwrap_or(0);
        eventually("the money is where it belongs", || {
            let after = book(&shop);
            let held = count(&after, "authorized");
            let taken = count(&after, "captured") - count(&before, "captured");
            (held == 0 && taken == i64::from(money.is_some())).then_some(())
        });
    }
    assert!(settled(&admin).iter().all(|queue| queue["dead"] == 0));
    assert_eq!(shop.stop(), Some(0));
}

#[test]
fn the_customer_confirms_or_refuses_at_the_bank() {
    let shop = shop();
    let (client, admin) = (shop.client(), shop.admin());
    for (approve, status, reason) in [("true", "confirmed", ""), ("false", "awaiting_payment", "authentication_failed")] {
        let order = buy(&client, "4000002760003184", 10);
        assert_eq!(order["status"], "awaiting_payment", "{order}");
        let url = order["payment"]["action_url"].as_str().expect("where to confirm");
        let path = &url[url.find("/test-gateway").expect("a page of the test gateway")..];
        let page = client.get(path).expect(200);
        assert!(page.text.contains("Do you want to pay"), "{}", page.text);
        let mut form = std::process::Command::new("curl");
        form.args([
            "--silent",
            "--fail",
            "--output",
            "/dev/null",
            "--data",
            &format!("approve={approve}"),
            &format!("{}{path}", shop.url()),
        ]);
        assert!(form.status().expect("curl runs").success());
        assert_eq!(outcome(&admin, &order), (status.into(), reason.into()));
    }
    let after = book(&shop);
    assert_eq!((after.get("authorized"), after.get("requires_action")), (None, None), "{after:?}");
}

/// The bank's page leads back to where the web app said, and nowhere else.
#[test]
fn the_customer_comes_back_from_the_bank() {
    let shop = shop();
    let client = shop.client();
    let tea = goods(&client, "tea");
    let cart = fill_cart(&client, &[(&tea, 1)]).unwrap().expect(201).json["id"].as_str().unwrap().to_owned();
    let mut body = order_of(&cart, "ann@example.com", "4000002760003184");
    body["return_url"] = "https://evil.example/".into();
    let refused = client.send("POST", "/api/v1/orders", Some(&body), &[]).expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "return_url", "{}", refused.text);
    let back = format!("{}/checkout/done?cart={cart}", shop.url());
    body["return_url"] = back.as_str().into();
    let order = client.send("POST", "/api/v1/orders", Some(&body), &[("Prefer", "wait=10")]).expect(201).json;
    let url = order["payment"]["action_url"].as_str().expect("where to confirm");
    let mut form = std::process::Command::new("curl");
    form.args(["--silent", "--fail", "--output", "/dev/null", "--write-out", "%{redirect_url}", "--data", "approve=true", url]);
    let answer = form.output().expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&answer.stdout), back);
    let page = client.get(&url[url.find("/test-gateway").unwrap()..]).expect(200);
    assert!(page.text.contains(&format!("href=\"{back}\"")), "{}", page.text);
    assert_eq!(outcome(&shop.admin(), &order), ("confirmed".into(), String::new()));
}

#[test]
fn a_gateway_that_is_away_for_a_minute_costs_no_order() {
    let mut shop = shop();
    let (client, admin) = (shop.client(), shop.admin());
    let minute = Duration::from_secs(60);
    client.send("POST", "/test-gateway/outage?seconds=60", None, &[]).expect(200);
    let began = Instant::now();
    let breaker = || admin.get("/api/v1/admin/payments/breaker").expect(200).json["state"].as_str().unwrap().to_owned();
    assert_eq!(breaker(), "closed");

    let mut orders = Vec::new();
    let mut opened = false;
    while began.elapsed() < minute - Duration::from_secs(5) {
        orders.push(buy(&client, if orders.len() % 4 == 3 { "4000000000000002" } else { "4242424242424242" }, 0));
        opened |= breaker() == "open";
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(opened, "the breaker opened");
    assert_eq!(book(&shop).get("captured"), None, "nothing was charged during the outage");

    for (place, order) in orders.iter().enumerate() {
        let expect =
            if place % 4 == 3 { ("awaiting_payment".into(), "card_declined".into()) } else { ("confirmed".to_owned(), String::new()) };
        assert_eq!(outcome(&admin, order), expect);
    }
    eventually("the breaker closes", || (breaker() == "closed").then_some(()));
    assert!(settled(&admin).iter().all(|queue| queue["dead"] == 0));
    eventually("every confirmed order is charged", || {
        let after = book(&shop);
        let confirmed = orders.len() - orders.len() / 4;
        (after.get("captured").copied() == i64::try_from(confirmed).ok() && !after.contains_key("authorized")).then_some(())
    });
    println!(
        "{} orders during the outage, all settled {} s after its end",
        orders.len(),
        (began.elapsed().saturating_sub(minute)).as_secs()
    );
    assert_eq!(shop.stop(), Some(0));
}
