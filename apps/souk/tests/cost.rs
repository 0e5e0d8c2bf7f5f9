//! `souk cost`: the bill of a run, and what it says to bad input.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Client, Goods, Shop, fill_cart, goods, place, settled, write_products};
use serde_json::{Value, json};

const ORDERS: u32 = 4;

/// Write units of a confirmed order of two lines, all its consequences included. Whoever makes it dearer should know.
const WRITE_UNITS_PER_ORDER_MAX: f64 = 22.0;

/// US dollars for a month of 20 users, with what AWS gives: an idle shop pays for next to nothing.
const SMALL_MONTH_MAX: f64 = 1.0;

#[test]
fn a_run_has_a_bill() {
    let mut shop = Shop::new(&[]);
    let file = shop.folder.path().join("products.csv");
    write_products(&file, &[("lamp", "49.00", 100), ("vase", "19.00", 100)]);
    shop.run(&["import", "products", file.to_str().unwrap()]);
    shop.start();
    let (client, admin) = (shop.client(), shop.admin());
    let (lamp, vase) = (goods(&client, "lamp"), goods(&client, "vase"));
    settled(&admin);
    let (before, after) = (shop.folder.path().join("before.txt"), shop.folder.path().join("after.txt"));
    std::fs::write(&before, client.get("/metrics").expect(200).text).unwrap();
    let mut looked_at = String::new();
    for n in 0..ORDERS {
        let cart = fill_cart(&client, &[(&lamp, 1), (&vase, 1)]).unwrap().expect(201);
        let cart = cart.json["id"].as_str().unwrap().to_owned();
        let order = place(&client, &cart, &format!("buyer{n}@example.com"), "4242424242424242", 60).unwrap().expect(201);
        assert_eq!(order.json["status"], "confirmed");
        let text = |name: &str| order.json[name].as_str().unwrap().to_owned();
        looked_at = format!("/api/v1/orders/{}?token={}", text("id"), text("guest_token"));
    }
    settled(&admin);
    std::fs::write(&after, client.get("/metrics").expect(200).text).unwrap();
    let (before, after, url) = (before.to_str().unwrap(), after.to_str().unwrap(), shop.url());

    let bill: Value = serde_json::from_str(&shop.run(&["cost", after, "--since", before, "--orders", "1000000", "--json"])).unwrap();
    let quantity = |service: &str, unit: &str| {
        let lines = bill["lines"].as_array().unwrap();
        let found = lines.iter().find(|line| line["service"] == service && line["unit"].as_str().unwrap().contains(unit));
        found.unwrap_or_else(|| panic!("{service}, {unit}: {bill}"))["quantity"].as_f64().unwrap()
    };
    assert_eq!(bill["orders"], 1_000_000.0);
    // A cart and an order: two requests. Four events tell of it, unless stock runs low.
    assert_eq!(quantity("EventBridge", "custom events"), 4_000_000.0);
    assert!(quantity("API Gateway", "requests") >= 2_000_000.0, "and those by which the test looks");
    let writes = quantity("DynamoDB", "write request") / 1e6;
    assert!((16.0..=WRITE_UNITS_PER_ORDER_MAX).contains(&writes), "{writes} write units for an order");

    let (assumed, stored) = (quantity("DynamoDB", "GB-months stored") * 1e3, stored_bytes_per_order(&shop));
    assert!((stored..stored * 1.3).contains(&assumed), "{stored} bytes are stored of an order, {assumed} are assumed");

    let text = shop.run(&["cost", &url, "--requests", "200000", "--region", "eu-central-1", "--users", "20"]);
    assert!(text.contains("200,000 requests in eu-central-1") && text.contains("together") && text.contains("per order"), "{text}");

    let traffic = shop.folder.path().join("traffic.toml");
    std::fs::write(&traffic, "orders = 1000\n[routes]\n\"POST /api/v1/orders\" = 1000\n").unwrap();
    let text = shop.run(&["cost", after, "--since", before, "--traffic", traffic.to_str().unwrap(), "--processor", "x86_64"]);
    assert!(text.contains("1,000 confirmed orders and 1,000 requests") && text.contains("x86_64"), "{text}");
    assert!(text.contains("delivered directly") && !text.contains("SQS"), "{text}");

    std::fs::write(&traffic, "orders = 1000\ndelivery = \"queues\"\n[routes]\n\"POST /api/v1/orders\" = 1000\n").unwrap();
    let planned = ["cost", after, "--since", before, "--traffic", traffic.to_str().unwrap()];
    let text = shop.run(&planned);
    assert!(text.contains("delivered by queues") && text.contains("SQS"), "{text}");
    let text = shop.run(&[&planned[..], &["--delivery", "direct"]].concat());
    assert!(text.contains("delivered directly"), "the command line wins: {text}");

    look_around(&client, &lamp, &looked_at);
    settled(&admin);
    let month = shop.folder.path().join("month.txt");
    std::fs::write(&month, client.get("/metrics").expect(200).text).unwrap();
    a_small_shop_stays_below_a_dollar(&shop, before, month.to_str().unwrap());
}

/// As DynamoDB bills storage: what lies in the tables of an order and in their indexes, and 100 bytes more for each item
/// and entry.
fn stored_bytes_per_order(shop: &Shop) -> f64 {
    let store = rusqlite::Connection::open(shop.data().join("souk.db")).unwrap();
    let mut bytes = 0;
    for table in ["cart", "orders", "payments", "inventory", "notifications"] {
        // Stock, and the mail to the shop that it runs low, are not an order's.
        let of_orders = "pk NOT LIKE 'stock#%' AND body NOT LIKE '%low_stock_to_admin%'";
        let entry = |n: u8| format!("COALESCE(100 + 12 + LENGTH(pk) + LENGTH(sk) + LENGTH(x{n}p) + LENGTH(x{n}s), 0)");
        let sql = format!("SELECT SUM(size + 100 + {} + {} + {}) FROM \"{table}\" WHERE {of_orders}", entry(1), entry(2), entry(3));
        bytes += store.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap();
    }
    #[allow(clippy::cast_precision_loss)]
    let bytes = bytes as f64;
    bytes / f64::from(ORDERS)
}

/// What people ask for besides, so that a month of it can be told from this run.
fn look_around(client: &Client, goods: &Goods, order: &str) {
    let cart = fill_cart(client, &[(goods, 1)]).unwrap().expect(201).json["id"].as_str().unwrap().to_owned();
    let line = json!({ "product_id": goods.product, "variant_id": goods.variant, "quantity": 1 });
    let lines = format!("/api/v1/carts/{cart}/lines");
    assert!(client.try_send("POST", &lines, Some(&line), &[]).unwrap().status < 300);
    let product = format!("/api/v1/products/{}", goods.product);
    for path in ["/api/v1/categories", "/api/v1/products", &product, &format!("/api/v1/carts/{cart}"), order] {
        client.get(path).expect(200);
    }
}

fn a_small_shop_stays_below_a_dollar(shop: &Shop, before: &str, after: &str) {
    let month = concat!(env!("CARGO_MANIFEST_DIR"), "/prices/month-of-20-users.toml");
    let text = shop.run(&["cost", after, "--since", before, "--traffic", month, "--users", "20", "--json"]);
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["delivery"], "direct");
    let free: f64 = bill["lines"].as_array().unwrap().iter().map(|line| line["cost_with_free"].as_f64().unwrap()).sum();
    assert!(free < SMALL_MONTH_MAX, "{free:.2} US dollars with the free tier: {bill}");
}

#[test]
fn bad_input_is_refused() {
    let shop = Shop::new(&[]);
    let file = |name: &str, text: &str| {
        let path = shop.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let run = file("run.txt", "souk_events_emitted_total{service=\"orders\",kind=\"order.confirmed\"} 3\n");
    let (page, quiet) =
        (file("page.html", "<html>"), file("quiet.txt", "souk_store_reads_total{service=\"orders\",operation=\"other\"} 1\n"));
    let (wrong, prices) = (file("wrong.toml", "orders = \"many\"\n[routes]\n"), file("prices.toml", "as_of = \"today\"\n"));
    let (run, page, quiet, wrong, prices) = (run.as_str(), page.as_str(), quiet.as_str(), wrong.as_str(), prices.as_str());
    let cases: [(&[&str], &str); 12] = [
        (&["no-such-file", "--orders", "1"], "no-such-file"),
        (&["http://127.0.0.1:1", "--orders", "1"], "http://127.0.0.1:1/metrics"),
        (&[page, "--orders", "1"], "no metrics of a shop"),
        (&[quiet, "--orders", "1"], "no confirmed order in the measured run"),
        (&[run, "--requests", "1"], "no request of the API in the measured run"),
        (&[run], "--orders"),
        (&[run, "--orders", "0"], "at least 1"),
        (&[run, "--orders", "1", "--region", "mars-north-1"], "eu-central-1, us-east-1"),
        (&[run, "--orders", "1", "--batch", "0.5"], "--batch is a number of at least 1"),
        (&[run, "--traffic", wrong], "wrong.toml"),
        (&[run, "--orders", "1", "--delivery", "pigeon"], "pigeon"),
        (&[run, "--orders", "1", "--prices", prices], "prices.toml"),
    ];
    for (arguments, message) in cases {
        let output = shop.command(&[&["cost"][..], arguments].concat()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
}
