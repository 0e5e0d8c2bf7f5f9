//! The tree of categories.

use serde_json::json;
use shell::testing::Harness;

use super::{Shop, potter, simple, text, with};

#[tokio::test]
async fn only_admins_change_the_tree() {
    let shop = Shop::open().await;
    let tea = json!({ "name": "Tea" });
    for (actor, status) in [(Harness::guest(), 401), (Harness::customer(1), 403), (potter(), 403), (Harness::admin(), 201)] {
        shop.world.post("/api/v1/categories", &tea).as_actor(&actor).send().await.expect(status);
    }
    let taken = shop.world.post("/api/v1/categories", &tea).as_actor(&Harness::admin()).send().await.expect(409);
    assert_eq!(taken.code(), "already-exists");
    let list = shop.world.get("/api/v1/categories").send().await.expect(200);
    assert_eq!(list.json["items"][0]["slug"], "tea");
    let again = shop.world.get("/api/v1/categories").header("If-None-Match", &list.headers["etag"]).send().await;
    assert_eq!(again.status, 304);
    let path = format!("/api/v1/categories/{}", text(&list.json["items"][0]["id"]));
    shop.world.delete(&path).as_actor(&potter()).send().await.expect(403);
    shop.world.delete(&path).as_actor(&Harness::admin()).send().await.expect(204);
    shop.world.delete(&path).as_actor(&Harness::admin()).send().await.expect(404);
    shop.category(&tea).await;
}

#[tokio::test]
async fn products_are_listed_under_all_ancestors() {
    let shop = Shop::open().await;
    let home = shop.category(&json!({ "name": "Home", "position": 2 })).await;
    let lamps = shop.category(&json!({ "name": "Lamps", "parent_id": home })).await;
    let tea = shop.category(&json!({ "name": "Tea", "position": 1 })).await;
    let list = shop.world.get("/api/v1/categories").send().await.expect(200);
    let order: Vec<_> = list.json["items"].as_array().unwrap().iter().map(|item| (text(&item["slug"]), item["level"].clone())).collect();
    assert_eq!(order, [("tea".into(), json!(1)), ("home".into(), json!(1)), ("lamps".into(), json!(2))]);

    let lamp = with(simple("Lamp", 4900), json!({ "category_id": lamps }));
    let made = shop.create(&potter(), &lamp).await.expect(201);
    assert_eq!(made.json["category_path"], json!([home, lamps]));
    for (query, count) in [("category=home", 1), ("category=lamps", 1), (&format!("category={home}&sort=price"), 1), ("category=tea", 0)] {
        assert_eq!(shop.slugs(query).await.len(), count, "{query}");
    }
    let moved = with(simple("Lamp", 4900), json!({ "category_id": tea }));
    let path = format!("/api/v1/products/{}", text(&made.json["id"]));
    shop.world.put(&path, &moved).as_actor(&potter()).header("If-Match", "\"v1\"").send().await.expect(200);
    for (query, count) in [("category=home", 0), ("category=lamps", 0), ("category=tea", 1), ("", 1)] {
        assert_eq!(shop.slugs(query).await.len(), count, "{query}");
    }
}

#[tokio::test]
async fn what_holds_something_stays() {
    let shop = Shop::open().await;
    let admin = Harness::admin();
    let home = shop.category(&json!({ "name": "Home" })).await;
    let lamps = shop.category(&json!({ "name": "Lamps", "parent_id": home })).await;
    let made = shop.create(&potter(), &with(simple("Lamp", 4900), json!({ "category_id": lamps }))).await.expect(201);
    let path = |id: &str| format!("/api/v1/categories/{id}");
    let edit = |id: &str, body| shop.world.put(&path(id), &body).as_actor(&admin).header("If-Match", "\"v1\"");

    shop.world.delete(&path(&home)).as_actor(&admin).send().await.expect(409);
    shop.world.delete(&path(&lamps)).as_actor(&admin).send().await.expect(409);
    edit(&lamps, json!({ "name": "Lamps" })).send().await.expect(409);
    edit(&home, json!({ "name": "Home", "parent_id": lamps })).send().await.expect(422);
    shop.world.put(&path(&lamps), &json!({ "name": "Lights", "parent_id": home })).as_actor(&admin).send().await.expect(428);
    let renamed = edit(&lamps, json!({ "name": "Lights", "slug": "lights", "parent_id": home })).send().await.expect(200);
    assert_eq!((renamed.headers["etag"].as_str(), &renamed.json["slug"]), ("\"v2\"", &json!("lights")));
    edit(&lamps, json!({ "name": "Lamps", "parent_id": home })).send().await.expect(412);
    assert_eq!(shop.slugs("category=lights").await.len(), 1);
    assert_eq!(shop.slugs("category=lamps").await.len(), 1, "the slug that it had leads to it");
    shop.world.get("/api/v1/products?category=lanterns").send().await.expect(404);

    // An archived product does not hold its category; made a draft again, it has none.
    let product = format!("/api/v1/products/{}", text(&made.json["id"]));
    shop.world.delete(&product).as_actor(&potter()).send().await.expect(204);
    shop.world.delete(&path(&lamps)).as_actor(&admin).send().await.expect(204);
    for gone in ["lights", "lamps"] {
        shop.world.get(&format!("/api/v1/products?category={gone}")).send().await.expect(404);
    }
    let draft = shop.world.post(&format!("{product}/status"), &json!({ "status": "draft" })).as_actor(&potter()).send().await.expect(200);
    assert_eq!(draft.json["category_path"], json!([]));
    shop.world.delete(&path(&home)).as_actor(&admin).send().await.expect(204);
}

#[tokio::test]
async fn an_empty_category_moves() {
    let shop = Shop::open().await;
    let admin = Harness::admin();
    let [home, garden] = [shop.category(&json!({ "name": "Home" })).await, shop.category(&json!({ "name": "Garden" })).await];
    let pots = shop.category(&json!({ "name": "Pots", "parent_id": home })).await;
    let body = json!({ "name": "Pots", "parent_id": garden });
    let moved =
        shop.world.put(&format!("/api/v1/categories/{pots}"), &body).as_actor(&admin).header("If-Match", "\"v1\"").send().await.expect(200);
    assert_eq!(moved.json["parent_id"], json!(garden));
    shop.world.delete(&format!("/api/v1/categories/{garden}")).as_actor(&admin).send().await.expect(409);
    shop.world.delete(&format!("/api/v1/categories/{home}")).as_actor(&admin).send().await.expect(204);
    let missing = json!({ "name": "X", "parent_id": home });
    shop.world.post("/api/v1/categories", &missing).as_actor(&admin).send().await.expect(422);
}

#[tokio::test]
async fn a_slug_that_was_left_is_free_for_another_category() {
    let shop = Shop::open().await;
    let admin = Harness::admin();
    let tea = shop.category(&json!({ "name": "Tea" })).await;
    let path = format!("/api/v1/categories/{tea}");
    let put = |body: serde_json::Value, etag: &str| shop.world.put(&path, &body).as_actor(&admin).header("If-Match", etag).send();
    put(json!({ "name": "Fine teas", "slug": "fine-teas" }), "\"v1\"").await.expect(200);
    put(json!({ "name": "Tea", "slug": "tea" }), "\"v2\"").await.expect(200);
    put(json!({ "name": "Fine teas", "slug": "fine-teas" }), "\"v3\"").await.expect(200);
    let second = shop.category(&json!({ "name": "Tea" })).await;
    assert_ne!(second, tea);
    let taken = put(json!({ "name": "Tea", "slug": "tea" }), "\"v4\"").await.expect(409);
    assert_eq!(taken.code(), "already-exists");
    assert_eq!(shop.event_types().await, ["product_category.changed"; 5]);
}

#[tokio::test]
async fn a_category_is_edited_by_what_its_page_says() {
    let shop = Shop::open().await;
    let id = shop.category(&json!({ "name": "Ceramics" })).await;
    let path = format!("/api/v1/categories/{id}");
    let edit = |name: &str| shop.world.put(&path, &json!({ "name": name })).as_actor(&Harness::admin());
    edit("Keramik").send().await.expect(428);
    for reference in [id.as_str(), "ceramics"] {
        let shown = shop.world.get(&format!("/api/v1/categories/{reference}")).send().await.expect(200);
        assert_eq!((text(&shown.json["id"]), &shown.json["version"]), (id.clone(), &json!(1)));
        assert_eq!(shown.headers["etag"], "\"v1\"");
    }
    let edited = edit("Keramik").header("If-Match", "\"v1\"").send().await.expect(200);
    assert_eq!((text(&edited.json["name"]), &edited.json["version"]), ("Keramik".into(), &json!(2)));
    edit("Töpferei").header("If-Match", "\"v1\"").send().await.expect(412);
    // The list tells the version, too.
    let listed = shop.world.get("/api/v1/categories").send().await.expect(200).json["items"][0]["version"].clone();
    edit("Töpferei").header("If-Match", &format!("\"v{listed}\"")).send().await.expect(200);
    assert_eq!(shop.world.get(&path).send().await.expect(200).json["name"], "Töpferei");
    for unknown in ["no-such-category", &kernel::CategoryId(9).to_string()] {
        shop.world.get(&format!("/api/v1/categories/{unknown}")).send().await.expect(404);
    }
}
