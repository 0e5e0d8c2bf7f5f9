//! 200 buyers want 50 pieces at once.

// A test that panics has failed, also outside its own function.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::sync::{Barrier, Mutex};

use common::{Shop, fill_cart, goods, mails_to, place, settled, write_products};

const BUYERS: usize = 200;
const PIECES: i64 = 50;

#[test]
fn fifty_pieces_go_to_fifty_buyers() {
    let mut shop = Shop::new(&[]);
    let file = shop.folder.path().join("products.csv");
    write_products(&file, &[("lamp", "49.00", PIECES)]);
    shop.run(&["import", "products", file.to_str().unwrap()]);
    shop.start();
    let lamp = goods(&shop.client(), "lamp");

    let outcomes = Mutex::new(Vec::new());
    let together = Barrier::new(BUYERS);
    std::thread::scope(|scope| {
        for n in 0..BUYERS {
            let client = shop.client();
            let (lamp, outcomes, together) = (&lamp, &outcomes, &together);
            scope.spawn(move || {
                let cart = fill_cart(&client, &[(lamp, 1)]).unwrap().expect(201);
                together.wait();
                let order =
                    place(&client, cart.json["id"].as_str().unwrap(), &format!("buyer{n}@example.com"), "4242424242424242", 30).unwrap();
                // Who is late is told that the goods are out, and has no order.
                if order.status == 409 && order.json["code"] == "out-of-stock" {
                    return;
                }
                assert!((200..300).contains(&order.status), "{}", order.text);
                outcomes.lock().unwrap().push(order.json);
            });
        }
    });

    let admin = shop.admin();
    assert!(settled(&admin).iter().all(|queue| queue["dead"] == 0));
    let outcomes = outcomes.into_inner().unwrap();
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for order in &outcomes {
        let now = admin.get(&format!("/api/v1/orders/{}", order["id"].as_str().unwrap())).expect(200).json;
        let reason = now["cancel_reason"].as_str().unwrap_or("").to_owned();
        *counts.entry((now["status"].as_str().unwrap().to_owned(), reason)).or_default() += 1;
    }
    println!("{counts:?}");
    let mut expected = HashMap::from([(("confirmed".to_owned(), String::new()), 50)]);
    if outcomes.len() > 50 {
        expected.insert(("cancelled".to_owned(), "out_of_stock".to_owned()), outcomes.len() - 50);
    }
    assert_eq!(counts, expected);

    let stock = admin.get(&format!("/api/v1/admin/stock/{}", lamp.variant)).expect(200).json;
    assert_eq!(
        (stock["available"].as_i64(), stock["reserved"].as_i64(), stock["on_hand"].as_i64()),
        (Some(0), Some(PIECES), Some(PIECES)),
        "{stock}"
    );
    let low = mails_to(&shop.client(), "admin@souk.example").iter().filter(|mail| mail["template"] == "low_stock_to_admin").count();
    assert_eq!(low, 2, "the admin hears once that little is left, and once that nothing is");

    let book = shop.gateway_book();
    let count = |sql: &str| book.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM payments WHERE state = 'captured'"), PIECES);
    assert_eq!(count("SELECT COUNT(*) FROM payments WHERE state = 'authorized'"), 0, "nobody else's money is held");
    assert_eq!(count("SELECT COUNT(*) FROM operations WHERE kind = 'capture'"), PIECES);
}
