//! The stock of many variants at once: of a request, and of a file.

use contracts::{CountedVariant, Event, ProductStockCounted, VariantRef};
use kernel::{Actor, BusinessId, VariantId};
use serde_json::json;
use shell::testing::Harness;

use super::{SELLER, check_stock, stock, stocked};

#[tokio::test]
async fn the_stock_of_many_variants_changes_at_once() {
    let world = stocked(&[(1, 10, 3), (2, 5, 0)]).await;
    let rows = json!({ "items": [
        { "variant_id": VariantId(1), "set_on_hand": 2, "reason": "counted" },
        { "variant_id": VariantId(2), "delta": -9, "reason": "broken" },
        { "variant_id": VariantId(2), "threshold": 5, "backorder": true, "version": 1 },
        { "variant_id": VariantId(2), "threshold": 7, "version": 1 },
        { "variant_id": VariantId(9), "delta": 1, "reason": "found" },
        { "variant_id": VariantId(1), "delta": 1 },
        { "variant_id": VariantId(1), "delta": 1, "threshold": 1, "reason": "found" },
    ] });
    let send = async |actor: &Actor| {
        world.post("/api/v1/admin/stock/bulk", &rows).as_actor(actor).header("Idempotency-Key", "count-7").send().await.expect(207).json
    };
    let manager = Harness::business(3, SELLER);
    let done = send(&manager).await;
    let told: Vec<u64> = done["items"].as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!((told, &done["refused"]), (vec![200, 409, 200, 412, 404, 422, 422], &json!(5)));
    assert_eq!(done["items"][1]["problem"]["code"], "insufficient-stock");
    let events = world.events().await.len();
    assert_eq!(send(&manager).await, done);
    assert_eq!(world.events().await.len(), events, "repeated, nothing moves");
    check_stock(&world, 1, (2, 2, 0)).await;
    let two = stock(&world, 2).await;
    assert_eq!((&two["threshold"], &two["backorder"], &two["state"], &two["version"]), (&json!(5), &json!(true), &json!("low"), &json!(2)));
    let told: Vec<(u128, kernel::StockState)> = world
        .events()
        .await
        .into_iter()
        .filter_map(|envelope| match envelope.event {
            Event::StockStateChanged(event) => Some((event.variant_id.0, event.state)),
            _ => None,
        })
        .collect();
    use kernel::StockState::{InStock, Low};
    assert_eq!(told, [(1, InStock), (2, InStock), (1, Low), (2, Low)], "customers are told of each change once");
    let strangers = world.post("/api/v1/admin/stock/bulk", &rows).as_actor(&Harness::business(4, BusinessId(51))).send().await.expect(207);
    assert_eq!(strangers.json["items"][0]["status"], 404);
    world.post("/api/v1/admin/stock/bulk", &json!({ "items": [] })).as_actor(&manager).send().await.expect(422);
}

#[tokio::test]
async fn a_file_counts_what_nobody_has_counted() {
    let world = stocked(&[(1, 10, 3)]).await;
    let variant = |id: u128| VariantRef { variant_id: id.into(), sku: format!("SKU-{id}"), title: "Thing".into() };
    let counted = |id, on_hand| CountedVariant { variant: variant(id), on_hand, backorder: false };
    let event = ProductStockCounted { product_id: 1.into(), seller_id: SELLER, variants: vec![counted(1, 99), counted(2, 7)] };
    let envelope = world.publish(event).await;
    world.settle().await;
    world.deliver("inventory", &envelope).await.unwrap();
    check_stock(&world, 1, (10, 10, 0)).await;
    check_stock(&world, 2, (7, 7, 0)).await;
}
