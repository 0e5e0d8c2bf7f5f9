//! What orders keep of a person, and what is left once the person was erased.

use contracts::UserErased;
use kernel::{Actor, OrderId};
use ports::reads::PersonOrderReads as _;
use ports::{Person, PersonalData as _};
use serde_json::{Value, json};
use shell::testing::Harness;

use crate::shop::{Shop, order_id, text};

const TRACES: [&str; 4] = ["ann@example.com", "Ann Lee", "Marienplatz", "Ring twice"];

async fn placed(shop: &Shop, n: u128, customer: &Actor) -> (OrderId, String) {
    let mut body = shop.request(shop.cart(n, Some(customer).filter(|actor| actor.user_id().is_some())));
    body["note"] = json!("Ring twice.");
    body["billing_address"] = body["shipping_address"].clone();
    let placed = shop.harness.post("/api/v1/orders", &body).as_actor(customer).send().await.expect(202);
    (order_id(&placed), text(&placed, "guest_token"))
}

async fn advance(shop: &Shop, id: OrderId, status: &str) {
    let path = format!("/api/v1/admin/orders/{id}/status");
    shop.harness.post(&path, &json!({ "status": status })).as_actor(&Harness::admin()).send().await.expect(200);
}

fn traces(shop: &Shop, of: &[OrderId]) -> Vec<&'static str> {
    let stored: Vec<String> = shop.harness.stored(&orders::TABLE);
    let stored = stored.iter().filter(|item| of.iter().any(|id| item.contains(&id.to_string())));
    stored.flat_map(|item| TRACES.into_iter().filter(|trace| item.contains(trace))).collect()
}

#[tokio::test]
async fn the_law_keeps_the_order_without_the_person() {
    let shop = Shop::open();
    let (ann, bob) = (Harness::customer(1), Harness::customer(2));
    let (own, _) = placed(&shop, 1, &ann).await;
    let (of_guest, token) = placed(&shop, 2, &Harness::guest()).await;
    let (to_deliver, _) = placed(&shop, 3, &ann).await;
    let (of_bob, _) = placed(&shop, 4, &bob).await;
    for id in [own, to_deliver] {
        shop.stock_reserved(id).await;
        shop.captured(id).await;
        advance(&shop, id, "processing").await;
    }
    advance(&shop, own, "shipped").await;
    let cancel = format!("/api/v1/orders/{of_guest}/cancel?token={token}");
    shop.harness.post(&cancel, &json!({ "reason": "Ann Lee is away." })).send().await.expect(200);

    let person = Person { user_id: ann.user_id().unwrap(), verified_email: Some("ann@example.com".parse().unwrap()) };
    let exported = shop.reads.export(&person).await.unwrap();
    assert_eq!(exported["orders"].as_array().unwrap().len(), 3);
    for trace in TRACES {
        assert!(exported.to_string().contains(trace), "{trace} in {exported}");
    }
    assert_eq!(shop.reads.orders_of(&person).await.unwrap(), [own, to_deliver, of_guest]);

    let erased = shop.harness.publish(UserErased { user_id: person.user_id, email: person.verified_email.clone() }).await;
    shop.harness.settle().await;
    shop.harness.deliver("orders", &erased).await.unwrap();
    assert_eq!(shop.told("order.anonymized").await, 3);
    assert_eq!(traces(&shop, &[own, of_guest]), Vec::<&str>::new());
    assert_eq!(shop.reads.export(&person).await.unwrap(), Value::Null);
    shop.harness.get(&format!("/api/v1/orders/{of_guest}?token={token}")).send().await.expect(404);
    let kept = shop.show(own, &Harness::admin()).await.expect(200).json;
    assert_eq!((&kept["status"], &kept["total"]["amount"], &kept["lines"][0]["quantity"]), (&json!("shipped"), &json!(3990), &json!(2)));

    // What is not shipped yet is delivered all the same, and then forgotten.
    assert_eq!(traces(&shop, &[to_deliver]), ["Ann Lee", "Marienplatz", "Ring twice"]);
    advance(&shop, to_deliver, "shipped").await;
    assert_eq!(traces(&shop, &[to_deliver]), Vec::<&str>::new());
    // It is bob's order, although he gave this address.
    assert!(!traces(&shop, &[of_bob]).is_empty());
}

#[tokio::test]
async fn a_person_of_many_orders_is_erased_in_steps() {
    let shop = Shop::open();
    let ann = Harness::customer(1);
    for n in 0..60 {
        placed(&shop, n, &ann).await;
    }
    shop.hear(UserErased { user_id: ann.user_id().unwrap(), email: None }).await;
    assert_eq!(shop.told("order.anonymized").await, 60);
    assert!(shop.harness.stored(&orders::TABLE).iter().all(|item| !item.contains("ann@example.com")));
}
