//! The binary is killed under checkout load, again and again; what it acknowledged is there
//! afterwards and everything adds up.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use common::{Chance, Client, Goods, Shop, eventually, fill_cart, goods, mails_to, place, settled, write_products};
use serde_json::json;

const KILLS: usize = 20;
const BUYERS: usize = 6;
const PIECES: i64 = 100_000;
const APPROVE: &str = "4242424242424242";
const DECLINE: &str = "4000000000000002";
const ANSWER_LOST: &str = "4000000000008013";

struct Acknowledged {
    order: String,
    email: String,
    token: String,
}

#[test]
fn what_was_acknowledged_survives_any_kill() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into();
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let mut shop = Shop::new(&[]);
    let file = shop.folder.path().join("products.csv");
    write_products(&file, &[("tea", "4.90", PIECES), ("pot", "19.90", PIECES)]);
    shop.run(&["import", "products", file.to_str().unwrap()]);

    let acknowledged = Mutex::new(Vec::new());
    let serial = AtomicU32::new(0);
    for _ in 0..KILLS {
        shop.start();
        let client = shop.client();
        let goods = [goods(&client, "tea"), goods(&client, "pot")];
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..BUYERS {
                scope.spawn(|| buy_until(&stop, &client, &goods, &serial, &acknowledged));
            }
            std::thread::sleep(Duration::from_millis(30 + chance.below(600)));
            shop.kill();
            stop.store(true, Ordering::SeqCst);
        });
    }

    shop.start();
    let admin = shop.admin();
    eventually("every order settles", || {
        let open: Vec<_> =
            ["pending", "awaiting_payment"].iter().flat_map(|status| admin.all(&format!("/api/v1/admin/orders?status={status}"))).collect();
        for order in &open {
            let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
            // Whose card was declined gives up here.
            if admin.get(&path).expect(200).json["payment"]["declined"].is_object() {
                admin.post(&format!("{path}/cancel"), &json!({})).expect(200);
            }
        }
        open.is_empty().then_some(())
    });
    let queues = settled(&admin);
    assert!(queues.iter().all(|queue| queue["dead"] == 0), "dead letters: {queues:?}");
    let acknowledged = acknowledged.into_inner().unwrap();
    let orders = check_orders(&shop, &admin, &acknowledged);
    check_stock(&shop, &admin, &orders);
    check_money(&shop, &orders);
    check_mails(&shop.client(), &orders);
    println!(
        "{KILLS} kills, {} orders acknowledged, {} in all, {} confirmed",
        acknowledged.len(),
        orders.len(),
        confirmed(&orders).count()
    );
    assert!(acknowledged.len() >= KILLS, "the load was too small to prove anything");
    assert_eq!(shop.stop(), Some(0));
}

fn buy_until(stop: &AtomicBool, client: &Client, goods: &[Goods; 2], serial: &AtomicU32, acknowledged: &Mutex<Vec<Acknowledged>>) {
    while !stop.load(Ordering::SeqCst) {
        let n = serial.fetch_add(1, Ordering::SeqCst);
        let email = format!("buyer{n}@example.com");
        let Ok(cart) = fill_cart(client, &[(&goods[0], 1), (&goods[1], 2)]) else { continue };
        let Some(cart) = cart.json["id"].as_str() else { continue };
        let card = match n % 10 {
            7 => DECLINE,
            8 => ANSWER_LOST,
            _ => APPROVE,
        };
        // Every third buyer does not wait for the outcome: accepted is accepted.
        let wait = if n.is_multiple_of(3) { 0 } else { 5 };
        if let Ok(got) = place(client, cart, &email, card, wait)
            && (200..300).contains(&got.status)
        {
            let text = |name: &str| got.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", got.text)).to_owned();
            acknowledged.lock().unwrap().push(Acknowledged { order: text("id"), email, token: text("guest_token") });
        }
    }
}

/// An order at the end: its status, the address, the quantities.
struct Order {
    status: String,
    email: String,
    payment: Option<String>,
}

fn confirmed(orders: &HashMap<String, Order>) -> impl Iterator<Item = (&String, &Order)> {
    orders.iter().filter(|(_, order)| order.status == "confirmed")
}

fn check_orders(shop: &Shop, admin: &Client, acknowledged: &[Acknowledged]) -> HashMap<String, Order> {
    let mut orders = HashMap::new();
    for order in admin.all("/api/v1/admin/orders") {
        let id = order["id"].as_str().unwrap().to_owned();
        let detail = admin.get(&format!("/api/v1/orders/{id}")).expect(200).json;
        let status = detail["status"].as_str().unwrap().to_owned();
        assert!(["confirmed", "cancelled"].contains(&status.as_str()), "{id} did not settle: {detail}");
        orders.insert(
            id,
            Order {
                status,
                email: detail["email"].as_str().unwrap().into(),
                payment: detail["payment"]["payment_id"].as_str().map(str::to_owned),
            },
        );
    }
    let guest = shop.client();
    for known in acknowledged {
        let order = orders.get(&known.order).unwrap_or_else(|| panic!("the acknowledged order {} is gone", known.order));
        assert_eq!(order.email, known.email);
        guest.get(&format!("/api/v1/orders/{}?token={}", known.order, known.token)).expect(200);
    }
    orders
}

fn check_stock(shop: &Shop, admin: &Client, orders: &HashMap<String, Order>) {
    let sold = i64::try_from(confirmed(orders).count()).unwrap();
    for (handle, pieces) in [("tea", 1), ("pot", 2)] {
        let variant = goods(&shop.client(), handle).variant;
        let stock = admin.get(&format!("/api/v1/admin/stock/{variant}")).expect(200).json;
        let count = |name: &str| stock[name].as_i64().unwrap_or_else(|| panic!("{name} in {stock}"));
        assert_eq!(count("on_hand"), count("available") + count("reserved"), "{stock}");
        assert_eq!(count("on_hand"), PIECES, "nothing has been shipped: {stock}");
        assert_eq!(count("reserved"), sold * pieces, "{stock}");
    }
}

/// The gateway's own book: every confirmed order was charged once, no other order was.
fn check_money(shop: &Shop, orders: &HashMap<String, Order>) {
    let book = shop.gateway_book();
    let mut statement = book.prepare("SELECT payment_id, COUNT(*) FROM operations WHERE kind = 'capture' GROUP BY payment_id").unwrap();
    let captured: HashMap<String, i64> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let wanted: HashSet<&String> =
        confirmed(orders).map(|(id, order)| order.payment.as_ref().unwrap_or_else(|| panic!("{id} has no payment"))).collect();
    assert!(captured.values().all(|count| *count == 1), "charged twice: {captured:?}");
    assert_eq!(captured.keys().collect::<HashSet<_>>(), wanted, "charged and confirmed differ");
    let held: i64 = book.query_row("SELECT COUNT(*) FROM payments WHERE state = 'authorized'", [], |row| row.get(0)).unwrap();
    assert_eq!(held, 0, "money is still reserved for orders that ended");
}

fn check_mails(client: &Client, orders: &HashMap<String, Order>) {
    for (id, order) in orders {
        let mails = mails_to(client, &order.email);
        let count = |template: &str| mails.iter().filter(|mail| mail["template"] == template).count();
        let expect = usize::from(order.status == "confirmed");
        assert_eq!(count("order_confirmation"), expect, "{id} is {}: {mails:?}", order.status);
        assert_eq!(count("receipt"), expect, "{id} is {}: {mails:?}", order.status);
    }
}
