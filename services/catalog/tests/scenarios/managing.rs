//! What sellers and staff do with many products, and with a part of one.

use kernel::Duration;
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};

use super::{HOUSE, POTTERY, Shop, eur, potter, simple, text, with};

/// The titles of a list for a seller or staff, page by page.
async fn titles(shop: &Shop, query: &str) -> Vec<String> {
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let path = format!("/api/v1/admin/products?{query}{cursor}");
        let got = shop.world.get(&path).as_actor(&Harness::admin()).send().await.expect(200).json;
        titles.extend(got["items"].as_array().unwrap().iter().map(|item| text(&item["title"])));
        match got["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return titles,
        }
    }
    panic!("{query}: there are more than ten pages: {titles:?}")
}

#[tokio::test]
async fn staff_find_products_by_words() {
    let shop = Shop::open().await;
    let tea = shop.category(&json!({ "name": "Tea" })).await;
    let green = shop.category(&json!({ "name": "Green", "parent_id": tea })).await;
    for (actor, body) in [
        (Harness::admin(), with(simple("Grüner Tee", 1), json!({ "category_id": green, "vendor": "Höfner", "tags": ["Bio"] }))),
        (Harness::admin(), with(simple("Black Tea", 2), json!({ "category_id": tea, "status": "draft" }))),
        (Harness::admin(), json!({ "title": "Cup", "variants": [{ "price": eur(3), "sku": "TEA-CUP" }] })),
        (potter(), simple("Tea Pot", 4)),
    ] {
        shop.create(&actor, &body).await.expect(201);
        shop.world.advance(Duration::from_secs(1));
    }
    for (query, expect) in [
        ("", vec!["Tea Pot", "Cup", "Black Tea", "Grüner Tee"]),
        ("sort=created_at", vec!["Grüner Tee", "Black Tea", "Cup", "Tea Pot"]),
        ("q=tea", vec!["Tea Pot", "Cup", "Black Tea"]),
        ("q=tea&limit=1", vec!["Tea Pot", "Cup", "Black Tea"]),
        ("q=tea&limit=2&sort=created_at", vec!["Black Tea", "Cup", "Tea Pot"]),
        ("q=tea+black", vec!["Black Tea"]),
        ("q=tea&status=draft", vec!["Cup", "Black Tea"]),
        ("q=GRUENER", vec!["Grüner Tee"]),
        ("q=h%C3%B6fner+bio", vec!["Grüner Tee"]),
        ("q=tea-cup", vec!["Cup"]),
        ("q=nothing", vec![]),
        ("category=tea", vec!["Black Tea", "Grüner Tee"]),
        ("category=green&q=tee", vec!["Grüner Tee"]),
        (&format!("q=tea&seller_id={POTTERY}"), vec!["Tea Pot"]),
    ] {
        assert_eq!(titles(&shop, query).await, expect, "{query}");
    }
    let own = shop.world.get("/api/v1/admin/products?q=tea").as_actor(&potter()).send().await.expect(200).json;
    assert_eq!(own["items"].as_array().unwrap().len(), 1, "sellers look among their own");
    for (query, status) in [("category=none", 404), ("q=", 400), ("sort=price", 400)] {
        shop.world.get(&format!("/api/v1/admin/products?{query}")).as_actor(&Harness::admin()).send().await.expect(status);
    }
    let counts =
        async |actor| shop.world.get("/api/v1/admin/products/counts").as_actor(&actor).send().await.expect(200).json["items"].clone();
    let count = |status: &str, count: u64| json!({ "status": status, "count": count, "more": false });
    assert_eq!(counts(Harness::admin()).await, json!([count("draft", 2), count("published", 2), count("archived", 0)]));
    assert_eq!(counts(potter()).await, json!([count("draft", 0), count("published", 1), count("archived", 0)]));
    shop.world.get("/api/v1/admin/products/counts").as_actor(&Harness::customer(1)).send().await.expect(403);
}

async fn product(shop: &Shop, id: &Value) -> TestResponse {
    shop.world.get(&format!("/api/v1/products/{}", text(id))).as_actor(&Harness::admin()).send().await.expect(200)
}

#[tokio::test]
async fn many_products_change_at_once_and_each_is_answered() {
    let shop = Shop::open().await;
    let make = async |actor, body| shop.create(&actor, &body).await.expect(201).json;
    let draft = make(Harness::admin(), with(simple("One", 100), json!({ "status": "draft" }))).await;
    let priced = make(Harness::admin(), simple("Two", 200)).await;
    let stale = make(Harness::admin(), simple("Three", 300)).await;
    let pot = make(potter(), simple("Pot", 400)).await;
    let variant = |product: &Value| product["variants"][0]["id"].clone();
    let rows = json!({ "items": [
        { "product_id": draft["id"], "version": 1, "status": "published" },
        { "product_id": priced["id"], "variants": [{ "id": variant(&priced), "price": 150, "compare_at_price": 200 }] },
        { "product_id": stale["id"], "version": 7, "status": "archived" },
        { "product_id": kernel::ProductId(9), "status": "draft" },
        { "product_id": priced["id"], "variants": [{ "id": variant(&stale), "price": 1 }] },
        { "product_id": stale["id"], "variants": [{ "id": variant(&stale), "price": -1 }] },
        { "product_id": pot["id"], "status": "draft" },
    ] });
    let send = async |actor, rows: &Value| {
        let request = shop.world.post("/api/v1/admin/products/bulk", rows).as_actor(&actor).header("Idempotency-Key", "bulk-1");
        request.send().await
    };
    let done = send(Harness::admin(), &rows).await.expect(207);
    let told: Vec<(u64, Value)> =
        done.json["items"].as_array().unwrap().iter().map(|item| (item["status"].as_u64().unwrap(), item["version"].clone())).collect();
    let none = Value::Null;
    assert_eq!(
        told,
        [(200, json!(2)), (200, json!(2)), (412, none.clone()), (404, none.clone()), (404, none.clone()), (422, none), (200, json!(2))]
    );
    assert_eq!(done.json["refused"], 4);
    assert_eq!(done.json["items"][2]["problem"]["code"], "precondition-failed");
    assert_eq!(done.json["items"][5]["problem"]["errors"][0]["field"], "variants[0].price");
    let mut slugs = shop.slugs("").await;
    slugs.sort();
    assert_eq!(slugs, ["one", "three", "two"], "what was a draft is published now, and the pot is none any more");
    let two = product(&shop, &priced["id"]).await.json;
    assert_eq!((&two["variants"][0]["price"], &two["variants"][0]["compare_at_price"]), (&eur(150), &eur(200)));

    let stored = shop.world.stored(&catalog::TABLE);
    assert_eq!(send(Harness::admin(), &rows).await.expect(207).json, done.json, "the same answers again");
    assert_eq!(shop.world.stored(&catalog::TABLE), stored);
    // Sellers change their own only.
    let tried = send(potter(), &rows).await.expect(207);
    let told: Vec<u64> = tried.json["items"].as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!((told[1], told[6]), (403, 200));
    let many = vec![json!({ "product_id": draft["id"] }); 101];
    for items in [json!([]), json!(many)] {
        shop.world.post("/api/v1/admin/products/bulk", &json!({ "items": items })).as_actor(&Harness::admin()).send().await.expect(422);
    }
    shop.world.post("/api/v1/admin/products/bulk", &rows).send().await.expect(401);
}

#[tokio::test]
async fn one_field_of_a_product_changes() {
    let shop = Shop::open().await;
    let body = json!({
        "title": "Pot", "description": "<p>Round</p>", "status": "published", "options": ["Size"], "tags": ["Clay"], "vendor": "Acme",
        "variants": [{ "options": ["S"], "price": eur(900), "grams": 300 }, { "options": ["L"], "price": eur(1900), "compare_at_price": eur(2000) }],
    });
    let made = shop.create(&potter(), &body).await.expect(201).json;
    let path = format!("/api/v1/products/{}", text(&made["id"]));
    let large = text(&made["variants"][1]["id"]);
    let patch = async |path: &str, body: Value, version: u64| {
        shop.world.patch(path, &body).as_actor(&potter()).header("If-Match", &format!("\"v{version}\"")).send().await
    };
    shop.world.patch(&path, &json!({ "title": "Jug" })).as_actor(&potter()).send().await.expect(428);
    let stranger = shop.world.patch(&path, &json!({ "title": "Jug" })).as_actor(&Harness::business(9, HOUSE));
    stranger.header("If-Match", "\"v1\"").send().await.expect(403);
    patch(&path, json!({ "title": "Jug" }), 7).await.expect(412);
    let same = |json: Value| with(json, json!({ "updated_at": null }));
    let titled = patch(&path, json!({ "title": "Jug", "vendor": null }), 1).await.expect(200);
    assert_eq!(same(titled.json), same(with(made.clone(), json!({ "title": "Jug", "vendor": "" }))), "all else stays, also the slug");
    let variant = format!("{path}/variants/{large}");
    let priced = patch(&variant, json!({ "price": { "amount": 1500 }, "compare_at_price": null }), 2).await.expect(200);
    assert_eq!(priced.headers["etag"], "\"v3\"");
    assert_eq!((&priced.json["variants"][1]["price"], &priced.json["variants"][1]["id"]), (&eur(1500), &json!(large)));
    assert_eq!(priced.json["variants"][1].get("compare_at_price"), None);
    assert_eq!(priced.json["variants"][0], made["variants"][0]);
    let unchanged = patch(&path, json!({ "title": "Jug" }), 3).await.expect(200);
    assert_eq!(unchanged.headers["etag"], "\"v3\"");
    for (path, body, status) in [
        (&path, json!({ "title": null }), 422),
        (&path, json!({ "titel": "Jug" }), 422),
        (&path, json!({ "variants": [] }), 422),
        (&path, json!({ "seller_id": HOUSE }), 422),
        (&path, json!({ "category_id": kernel::CategoryId(9) }), 422),
        (&variant, json!({ "price": { "amount": "x" } }), 422),
        (&format!("{path}/variants/{}", kernel::VariantId(9)), json!({}), 404),
    ] {
        patch(path, body.clone(), 3).await.expect(status);
    }
    assert_eq!(product(&shop, &made["id"]).await.json["variants"][1]["price"], eur(1500));
}
