//! Only what a published business offers is for sale.

use contracts::{BusinessClaimed, BusinessPublished, BusinessRemoved, BusinessSuspended};
use kernel::{BusinessId, ProductId};
use ports::reads::{CatalogReads, ProductReads};
use serde_json::{Value, json};
use shell::testing::Harness;

use super::{POTTERY, Shop, simple, text};

const STAND: BusinessId = BusinessId(3);

fn published() -> BusinessPublished {
    BusinessPublished { business_id: STAND, name: "Stand".into(), slug: "stand".into() }
}

fn suspended() -> BusinessSuspended {
    BusinessSuspended { business_id: STAND, name: "Stand".into(), reason: "complaints".into() }
}

fn removed() -> BusinessRemoved {
    BusinessRemoved { business_id: STAND, members: Vec::new() }
}

/// Whether a product is in the list, on its page, in offers and in what search reads.
async fn seen(shop: &Shop, product: &Value) -> [bool; 4] {
    let id: ProductId = text(&product["id"]).parse().unwrap();
    let variant = text(&product["variants"][0]["id"]).parse().unwrap();
    let page = shop.world.get(&format!("/api/v1/products/{id}")).send().await;
    let listed = shop.slugs("").await.contains(&text(&product["slug"]));
    assert_eq!(shop.slugs(&format!("seller_id={STAND}")).await.len(), usize::from(listed));
    let offer = shop.reads.offers(&[(id, variant)]).await.unwrap().pop().flatten().unwrap();
    let listing = shop.reads.products(&[id]).await.unwrap().pop().flatten().unwrap();
    [listed, page.status == 200, offer.for_sale, listing.published]
}

#[tokio::test]
async fn what_a_business_sells_comes_and_goes_with_it() {
    let shop = Shop::open().await;
    let seller = Harness::business(3, STAND);
    let refused = shop.create(&seller, &simple("Mug", 900)).await.expect(409);
    assert_eq!(refused.code(), "conflict");
    let draft = shop.create(&seller, &json!({ "title": "Mug", "variants": [{ "price": super::eur(900) }] })).await.expect(201);
    let path = format!("/api/v1/products/{}", text(&draft.json["id"]));
    let publish = || async {
        let (path, body) = (format!("{path}/status"), json!({ "status": "published" }));
        shop.world.post(&path, &body).as_actor(&seller).send().await
    };
    publish().await.expect(409);
    assert_eq!(seen(&shop, &draft.json).await, [false; 4]);

    shop.world.publish(published()).await;
    shop.world.settle().await;
    publish().await.expect(200);
    assert_eq!(seen(&shop, &draft.json).await, [true; 4]);

    shop.world.publish(suspended()).await;
    shop.world.settle().await;
    assert_eq!(seen(&shop, &draft.json).await, [false; 4]);
    let own = shop.world.get(&path).as_actor(&seller).send().await.expect(200);
    assert_eq!((&own.json["status"], &own.json["for_sale"]), (&json!("published"), &json!(false)));
    shop.create(&seller, &simple("Bowl", 900)).await.expect(409);

    shop.world.publish(published()).await;
    shop.world.settle().await;
    assert_eq!(seen(&shop, &draft.json).await, [true; 4]);

    shop.world.publish(removed()).await;
    shop.world.settle().await;
    assert_eq!(seen(&shop, &draft.json).await, [false; 4]);
    let told: Vec<_> = shop.event_types().await.into_iter().filter(|kind| kind.starts_with("product.")).collect();
    assert_eq!(told.len(), 5, "search hears of each step: {told:?}");
    shop.create(&Harness::admin(), &simple("Vase", 900)).await.expect(201);
}

#[tokio::test]
async fn a_listing_sells_once_it_is_claimed() {
    let shop = Shop::open().await;
    let seller = Harness::business(3, STAND);
    shop.create(&seller, &simple("Mug", 900)).await.expect(409);
    let claimed =
        BusinessClaimed { business_id: STAND, name: "Stand".into(), slug: "stand".into(), claim_id: 1.into(), owner_id: 3.into() };
    shop.world.publish(claimed).await;
    shop.world.settle().await;
    shop.create(&seller, &simple("Mug", 900)).await.expect(201);
}

#[tokio::test]
async fn before_a_business_is_published_its_people_upload_a_few_pictures() {
    let shop = Shop::open().await;
    let upload = |n: u8, actor| {
        let bytes = [b"\x89PNG\r\n\x1a\n".as_slice(), &[n]].concat();
        let shop = &shop;
        async move { shop.world.post("/api/v1/uploads", &Value::Null).raw("image/png", &bytes).as_actor(&actor).send().await }
    };
    for n in 0..20 {
        upload(n, Harness::business(3, STAND)).await.expect(201);
    }
    assert_eq!(upload(20, Harness::business(3, STAND)).await.expect(409).code(), "conflict");
    upload(21, Harness::business(4, POTTERY)).await.expect(201);
    shop.world.publish(published()).await;
    shop.world.settle().await;
    upload(22, Harness::business(3, STAND)).await.expect(201);
}
