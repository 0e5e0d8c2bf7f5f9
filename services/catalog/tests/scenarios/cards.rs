//! What a list of products shows without another question.

use contracts::{BusinessChanged, RatingChanged};
use kernel::{Duration, ProductId, Rating, ReviewTarget, StockState, VariantId};
use serde_json::{Value, json};
use shell::testing::Harness;

use super::{POTTERY, Shop, eur, potter, simple, text, with};

async fn cards(shop: &Shop, query: &str) -> Vec<Value> {
    shop.world.get(&format!("/api/v1/products{query}")).send().await.expect(200).json["items"].as_array().unwrap().clone()
}

/// A pot in two sizes, in a category below another one.
async fn pot(shop: &Shop) -> (ProductId, [VariantId; 2]) {
    let home = shop.category(&json!({ "name": "Home" })).await;
    let pots = shop.category(&json!({ "name": "Pots", "parent_id": home })).await;
    let body = json!({
        "title": "Clay Pot", "status": "published", "options": ["Size"], "category_id": pots,
        "variants": [{ "options": ["L"], "price": eur(1900) }, { "options": ["S"], "price": eur(900) }],
    });
    let made = shop.create(&potter(), &body).await.expect(201).json;
    let variant = |place: usize| text(&made["variants"][place]["id"]).parse().unwrap();
    (text(&made["id"]).parse().unwrap(), [variant(0), variant(1)])
}

#[tokio::test]
async fn a_card_shows_all_that_a_list_needs() {
    let shop = Shop::open().await;
    let (id, [large, small]) = pot(&shop).await;
    let before = cards(&shop, "").await.remove(0);
    assert_eq!((&before["stock"], &before["rating"]), (&json!("out"), &Value::Null));
    assert_eq!(before["default_variant"]["id"], json!(large), "the first one, since none can be ordered");

    shop.stocks(id, small, StockState::Low, 1).await;
    shop.world.publish(RatingChanged { target: ReviewTarget::Product(id), rating: Rating { sum: 14, count: 3 } }).await;
    shop.world.settle().await;
    let expect = json!({
        "id": id, "slug": "clay-pot", "title": "Clay Pot", "seller_id": POTTERY, "price_from": eur(900), "price_to": eur(1900),
        "seller": { "id": POTTERY, "slug": "pottery", "name": "Pottery" }, "variants": 2, "stock": "low",
        "default_variant": { "id": small, "price": eur(900) }, "rating": { "average": 4.67, "count": 3 },
    });
    for query in ["", "?category=home", "?category=pots", &format!("?seller_id={POTTERY}"), "?sort=-price", &format!("?ids={id}")] {
        let shown = cards(&shop, query).await;
        let names: Vec<&Value> = shown[0]["categories"].as_array().unwrap().iter().map(|category| &category["name"]).collect();
        assert_eq!(names, [&json!("Home"), &json!("Pots")], "{query}");
        assert_eq!(with(shown[0].clone(), json!({ "categories": null })), with(expect.clone(), json!({ "categories": null })), "{query}");
    }
    let page = shop.world.get("/api/v1/products/clay-pot").send().await.expect(200).json;
    for member in ["seller", "stock", "rating"] {
        assert_eq!(page[member], expect[member], "the page shows the same {member}");
    }
    assert_eq!((&page["variants"][0]["stock"], &page["variants"][1]["stock"]), (&json!("out"), &json!("low")));
    assert_eq!(page["categories"][1]["slug"], "pots");
}

#[tokio::test]
async fn news_that_come_late_change_no_card() {
    let shop = Shop::open().await;
    let (id, [large, _]) = pot(&shop).await;
    shop.stocks(id, large, StockState::InStock, 2).await;
    let stored = shop.world.stored(&catalog::TABLE);
    shop.stocks(id, large, StockState::Out, 1).await;
    shop.stocks(id, large, StockState::InStock, 2).await;
    // It tells of a variant that stands beside the one that counts: the shelf is another, the cards are not.
    assert_eq!(shop.world.stored(&catalog::TABLE), stored);
    assert_eq!(cards(&shop, "").await[0]["stock"], "in_stock");
}

#[tokio::test]
async fn an_edit_and_stock_do_not_undo_each_other() {
    let shop = Shop::open().await;
    let (id, [large, _]) = pot(&shop).await;
    shop.stocks(id, large, StockState::InStock, 1).await;
    let path = format!("/api/v1/products/{id}");
    let etag = shop.world.get(&path).as_actor(&potter()).send().await.expect(200).headers["etag"].clone();
    let edited =
        with(simple("Clay Pot", 500), json!({ "options": ["Size"], "variants": [{ "id": large, "options": ["L"], "price": eur(500) }] }));
    shop.world.put(&path, &edited).as_actor(&potter()).header("If-Match", &etag).send().await.expect(200);
    let card = cards(&shop, "").await.remove(0);
    assert_eq!((&card["stock"], &card["price_from"], &card["categories"]), (&json!("in_stock"), &eur(500), &json!([])));
    // What was archived comes back with the stock that it had.
    for status in ["archived", "draft", "published"] {
        let path = format!("{path}/status");
        shop.world.post(&path, &json!({ "status": status })).as_actor(&potter()).send().await.expect(200);
        assert_eq!(cards(&shop, "").await.len(), usize::from(status == "published"));
        if status == "archived" {
            shop.stocks(id, large, StockState::Low, 2).await;
        }
    }
    assert_eq!(cards(&shop, "").await[0]["stock"], "low");
}

#[tokio::test]
async fn a_seller_and_a_category_that_are_renamed_are_shown_so() {
    let shop = Shop::open().await;
    let (_, _) = pot(&shop).await;
    cards(&shop, "").await;
    let change = BusinessChanged { business_id: POTTERY, published: true, name: "Fine Pottery".into(), slug: "fine-pottery".into() };
    shop.world.publish(change).await;
    shop.world.settle().await;
    let category = shop.world.get("/api/v1/categories/pots").send().await.expect(200);
    let path = format!("/api/v1/categories/{}", text(&category.json["id"]));
    let body = json!({ "name": "Jugs", "parent_id": category.json["parent_id"] });
    let edit = shop.world.put(&path, &body).as_actor(&Harness::admin());
    edit.header("If-Match", &category.headers["etag"]).send().await.expect(200);
    shop.world.advance(Duration::from_secs(10));
    let card = cards(&shop, "").await.remove(0);
    assert_eq!(card["seller"], json!({ "id": POTTERY, "slug": "fine-pottery", "name": "Fine Pottery" }));
    assert_eq!((&card["categories"][1]["name"], &card["categories"][0]["name"]), (&json!("Jugs"), &json!("Home")));
    assert_eq!(cards(&shop, "").await.len(), 1, "and may still sell");
}

#[tokio::test]
async fn cards_of_given_products() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for title in ["One", "Two", "Three"] {
        ids.push(text(&shop.create(&Harness::admin(), &simple(title, 100)).await.expect(201).json["id"]));
    }
    let draft = shop.create(&Harness::admin(), &with(simple("Four", 1), json!({ "status": "draft" }))).await.expect(201);
    let wanted = [&ids[2], &ids[0], &text(&draft.json["id"]), &ProductId(9).to_string(), &ids[2]].map(String::as_str).join(",");
    let titles: Vec<Value> = cards(&shop, &format!("?ids={wanted}")).await.iter().map(|card| card["title"].clone()).collect();
    assert_eq!(titles, ["Three", "One"]);
    let many: Vec<String> = (0..51).map(|id| ProductId(id).to_string()).collect();
    for query in [format!("?ids={}", many.join(",")), "?ids=x".into(), "?ids=".into(), format!("?ids={}&tag=x", ids[0])] {
        shop.world.get(&format!("/api/v1/products{query}")).send().await.expect(422);
    }
}
