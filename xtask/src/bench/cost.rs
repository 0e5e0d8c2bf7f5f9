//! `bench cost`: orders and looks at a shop, metered, and what they would cost on AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{READY_TIMEOUT, settled};
use crate::client::{get, post, post_with};
use crate::process::{self, Background};
use crate::shop::Shop;
use crate::{Outcome, table, tools};

const ORDERS: u32 = 50;
const LOOKS: usize = ORDERS as usize;

pub fn run(root: &Path) -> Outcome {
    let shop = Shop::build(root, "target/bench-cost")?;
    shop.import(40)?;
    // Mails are sent, as in a shop that runs.
    let mails = shop.folder.join("mails.log");
    let (_mail_server, url) = start_mail_server(root, &mails)?;
    let server = shop.serve(&[("SOUK_MAIL__TRANSPORT", "smtp"), ("SOUK_MAIL__URL", &url)])?;
    let [before, ordered, looked] = ["before.txt", "ordered.txt", "looked.txt"].map(|name| shop.folder.join(name));
    let earlier = settled(server.address)?;
    process::write(&before, &earlier)?;
    let paths = order(server.address)?;
    let metrics = settled(server.address)?;
    process::write(&ordered, &metrics)?;
    look(server.address, &paths)?;
    process::write(&looked, &settled(server.address)?)?;
    server.stop()?;
    // A line each, after the one with the port.
    let sent = process::read(&mails)?.lines().count() - 1;
    if sent < 3 * ORDERS as usize {
        return Err(format!("{sent} mails arrived for {ORDERS} orders, and three for each were expected"));
    }

    println!("{}", units(&earlier, &metrics));
    for (run, until, traffic) in [
        ("orders", &ordered, "--orders 1000000"),
        ("orders", &ordered, "--orders 1000000 --delivery queues"),
        ("orders", &ordered, "--orders 1000000 --delivery queues --batch 10"),
        ("orders and five looks at the shop for each", &looked, "--orders 1000000"),
        ("orders and looks", &looked, "--traffic apps/souk/prices/month-of-20-users.toml --users 20"),
        ("orders and looks", &looked, "--traffic apps/souk/prices/month-of-20-users.toml --users 20 --delivery queues"),
    ] {
        println!("{run}: souk cost {traffic}\n");
        let mut cost = Command::new(&shop.souk);
        cost.arg("cost").arg(until).arg("--since").arg(&before).args(traffic.split(' ')).current_dir(root);
        process::run(&mut cost)?;
        println!();
    }
    Ok(())
}

/// The mail server of the tests, which notes each mail as a line of its log; and its URL.
fn start_mail_server(root: &Path, log: &Path) -> Outcome<(Background, String)> {
    tools::install(root)?;
    let mut python = Command::new(tools::bin(root).join("python"));
    // It ends with its input.
    python.arg(root.join("apps/souk/tests/smtp_sink.py")).stdin(Stdio::piped());
    let mut server = Background::start_with_input(&mut python, log)?;
    let said = || serde_json::from_str::<Value>(std::fs::read_to_string(log).ok()?.lines().next()?).ok()?["port"].as_u64();
    let port = server.wait_for(READY_TIMEOUT, said).map_err(|error| format!("the mail server: {error}"))?;
    Ok((server, format!("smtp://127.0.0.1:{port}")))
}

/// The orders of guests, each of two lines and paid by card. Returns the paths of what can be looked at then.
fn order(address: SocketAddr) -> Outcome<[String; 5]> {
    let listed = get(address, "/api/v1/products?limit=2", None)?.json()?;
    let product = |place: usize| -> Outcome<(String, String)> {
        let id = text(&listed["items"][place]["id"])?;
        let shown = get(address, &format!("/api/v1/products/{id}"), None)?.json()?;
        Ok((id, text(&shown["variants"][0]["id"])?))
    };
    let lines = [product(0)?, product(1)?].map(|(product, variant)| json!({"product_id": product, "variant_id": variant, "quantity": 1}));
    let (mut cart, mut order) = (String::new(), String::new());
    for buyer in 0..ORDERS {
        cart = text(&post(address, "/api/v1/carts", &json!({"lines": [lines[0]]}))?.json()?["id"])?;
        post(address, &format!("/api/v1/carts/{cart}/lines"), &lines[1])?;
        let request = json!({
            "cart_id": cart, "email": format!("buyer{buyer}@example.com"), "payment_method": "4242424242424242",
            "shipping_address": {"name": "Ana Horvat", "street_address": "Ilica 10", "postal_code": "10000",
                "address_locality": "Zagreb", "address_country": "HR"},
        });
        let headers = [("Idempotency-Key", cart.as_str()), ("Prefer", "wait=30")];
        let placed = post_with(address, "/api/v1/orders", &headers, &request)?.json()?;
        if placed["status"] != "confirmed" {
            return Err(format!("an order was not confirmed: {placed}"));
        }
        order = format!("{}?token={}", text(&placed["id"])?, text(&placed["guest_token"])?);
        // One at a time: on AWS no mail waits for a connection that others use.
        settled(address)?;
    }
    let detail = format!("/api/v1/products/{}", text(&listed["items"][0]["id"])?);
    let (cart, order) = (format!("/api/v1/carts/{cart}"), format!("/api/v1/orders/{order}"));
    Ok(["/api/v1/categories".into(), "/api/v1/products".into(), detail, cart, order])
}

fn look(address: SocketAddr, paths: &[String; 5]) -> Outcome {
    for path in paths.iter().flat_map(|path| std::iter::repeat_n(path, LOOKS)) {
        let answer = get(address, path, None)?;
        if answer.status != 200 {
            return Err(format!("GET {path} answered {}", answer.status));
        }
    }
    Ok(())
}

/// What one order takes of the store, by service and operation.
fn units(before: &str, after: &str) -> String {
    let (before, after) = (counters(before), counters(after));
    let of = |metric: &str, operation: &str| {
        let key = format!("souk_store_{metric}_total{{{operation}}}");
        (after.get(&key).unwrap_or(&0.0) - before.get(&key).unwrap_or(&0.0)) / f64::from(ORDERS)
    };
    // What only writes has no counter of reads, and the other way round.
    let prefixes = ["souk_store_read_units_total{", "souk_store_write_units_total{"];
    let operation = |key: &String| prefixes.iter().find_map(|prefix| key.strip_prefix(prefix)?.strip_suffix('}')).map(str::to_owned);
    let all: BTreeSet<String> = after.keys().filter_map(operation).collect();
    let of_an_order = |operation: &String| operation.contains("\"POST ") || operation.contains("\"event > ");
    let mut rows = Vec::new();
    let mut sums = [0.0; 3];
    for operation in all.into_iter().filter(of_an_order) {
        let taken = ["write_units", "read_units", "commits"].map(|metric| of(metric, &operation));
        if taken.iter().all(|taken| *taken == 0.0) {
            continue;
        }
        let names = operation.replace("service=", "").replace(",operation=", "  ").replace('"', "");
        rows.push(std::iter::once(names).chain(taken.map(|taken| format!("{taken:.2}"))).collect());
        sums = [0, 1, 2].map(|place| sums[place] + taken[place]);
    }
    rows.push(std::iter::once("all".to_owned()).chain(sums.map(|sum| format!("{sum:.2}"))).collect());
    table::render(&["for each order", "write units", "read units", "commits"], &rows)
}

fn counters(metrics: &str) -> BTreeMap<String, f64> {
    let counter = |line: &str| line.rsplit_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    metrics.lines().filter_map(counter).collect()
}

fn text(value: &Value) -> Outcome<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("expected a text, not {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_an_order() {
        let line = |metric: &str, service: &str, operation: &str, value: u32| {
            format!("souk_store_{metric}_total{{service=\"{service}\",operation=\"{operation}\"}} {value}\n")
        };
        let before = line("read_units", "orders", "POST /api/v1/orders", 100) + &line("write_units", "orders", "POST /api/v1/orders", 7);
        let after = line("read_units", "orders", "POST /api/v1/orders", 200)
            + &line("write_units", "orders", "POST /api/v1/orders", 307)
            + &line("read_units", "orders", "GET /api/v1/orders/{order_id}", 90)
            + &line("write_units", "cart", "POST /api/v1/carts", 50);
        let text = units(&before, &after);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 5, "{text}");
        assert!(rows[2].starts_with("cart  POST /api/v1/carts") && rows[2].contains("1.00"), "{text}");
        assert!(rows[3].starts_with("orders  POST /api/v1/orders") && rows[3].contains("6.00") && rows[3].contains("2.00"), "{text}");
        assert!(rows[4].starts_with("all") && rows[4].contains("7.00"), "{text}");
    }
}
