//! Carts as guests, customers and other services see them.

// Helpers of tests may unwrap as the tests themselves do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cart::{Config, Deps, Reads, TABLE, service};
use contracts::{OrderPlaced, OrderRef, UserErased};
use kernel::Offer;
use kernel::{Actor, CartId, Currency, Duration, Money, OrderId, Problem, ProductId, TaxRate, VariantId};
use ports::reads::{Availability, CartReads as _, CatalogReads, InventoryReads};
use ports::{Person, PersonalData as _};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};

const PRODUCT: ProductId = ProductId(1);

/// A small shop: variants with price and stock. Counts the questions that it is asked.
#[derive(Default)]
struct Shop {
    offers: Mutex<BTreeMap<VariantId, Offer>>,
    stock: Mutex<BTreeMap<VariantId, (i64, bool)>>,
    questions: Mutex<(usize, usize)>,
}

#[async_trait]
impl CatalogReads for Shop {
    async fn offers(&self, variants: &[(ProductId, VariantId)]) -> Result<Vec<Option<Offer>>, Problem> {
        self.questions.lock().unwrap().0 += 1;
        let offers = self.offers.lock().unwrap();
        let offer = |(product, variant): &(ProductId, VariantId)| offers.get(variant).filter(|offer| offer.product_id == *product).cloned();
        Ok(variants.iter().map(offer).collect())
    }
}

#[async_trait]
impl InventoryReads for Shop {
    async fn availability(&self, variants: &[VariantId]) -> Result<Vec<Availability>, Problem> {
        self.questions.lock().unwrap().1 += 1;
        let stock = self.stock.lock().unwrap();
        let availability = |variant_id: &VariantId| {
            let (available, backorder) = stock.get(variant_id).copied().unwrap_or((0, false));
            Availability { variant_id: *variant_id, available, backorder }
        };
        Ok(variants.iter().map(availability).collect())
    }
}

impl Shop {
    fn sells(&self, variant: u128, price: i64, for_sale: bool) {
        let offer = Offer {
            product_id: PRODUCT,
            variant_id: variant.into(),
            seller_id: 1.into(),
            sku: format!("SKU-{variant}"),
            title: format!("Thing {variant}"),
            unit_price: Money::new(price, Currency::EUR),
            tax_rate: TaxRate(1900),
            requires_shipping: true,
            image_url: None,
            for_sale,
            shown: kernel::OfferShown {
                slug: format!("thing-{variant}"),
                product_title: "Thing".into(),
                options: vec![kernel::OptionValue { name: "Number".into(), value: variant.to_string() }],
                seller: Some(kernel::SellerRef { id: 1.into(), slug: None, name: "The shop".into() }),
            },
        };
        self.offers.lock().unwrap().insert(variant.into(), offer);
    }

    fn has(&self, variant: u128, available: i64, backorder: bool) {
        self.stock.lock().unwrap().insert(variant.into(), (available, backorder));
    }
}

fn world() -> (Harness, Arc<Shop>) {
    let shop = Arc::new(Shop::default());
    for (variant, price) in [(1, 100), (2, 50), (3, 999)] {
        shop.sells(variant, price, true);
        shop.has(variant, 10, false);
    }
    let harness =
        Harness::new(|kit| vec![service(&kit.work(&TABLE), Deps { catalog: shop.clone(), inventory: shop.clone() }, Config::default())]);
    (harness, shop)
}

fn line(variant: u128, quantity: u32) -> Value {
    json!({"product_id": PRODUCT, "variant_id": VariantId(variant), "quantity": quantity})
}

async fn new_cart(world: &Harness, actor: &Actor, lines: &[(u128, u32)]) -> String {
    let lines: Vec<Value> = lines.iter().map(|(variant, quantity)| line(*variant, *quantity)).collect();
    let got = world.post("/api/v1/carts", &json!({"lines": lines})).as_actor(actor).send().await.expect(201);
    let id = got.json["id"].as_str().unwrap().to_owned();
    assert_eq!(got.headers["location"], format!("/api/v1/carts/{id}"));
    id
}

async fn get(world: &Harness, actor: &Actor, id: &str) -> TestResponse {
    world.get(&format!("/api/v1/carts/{id}")).as_actor(actor).send().await
}

fn placed(cart: &str, order: u128) -> OrderPlaced {
    let order = OrderRef {
        order_id: order.into(),
        number: "S-1".into(),
        customer_id: None,
        email: "a@example.com".parse().unwrap(),
        total: Money::new(100, Currency::EUR),
    };
    OrderPlaced { order, cart_id: cart.parse().unwrap(), lines: Vec::new(), payment: None }
}

/// Quantities by line, subtotal.
fn short(cart: &Value) -> (Vec<u64>, i64) {
    let quantities = cart["lines"].as_array().unwrap().iter().map(|line| line["quantity"].as_u64().unwrap()).collect();
    (quantities, cart["subtotal"]["amount"].as_i64().unwrap())
}

#[tokio::test]
async fn a_guest_fills_a_cart() {
    let (world, shop) = world();
    let guest = Harness::guest();
    let id = new_cart(&world, &guest, &[(1, 1), (1, 1)]).await;
    let lines = format!("/api/v1/carts/{id}/lines");
    *shop.questions.lock().unwrap() = (0, 0);
    let added = world.post(&lines, &line(2, 3)).send().await.expect(200);
    assert_eq!((short(&added.json), added.headers["etag"].as_str()), ((vec![2, 3], 350), "\"v2\""));
    assert_eq!(*shop.questions.lock().unwrap(), (1, 1), "adding asks once for all lines");
    assert_eq!(added.json, get(&world, &guest, &id).await.json, "the answer is whole");
    let second = format!("{lines}/{}", VariantId(2));
    let set = world.put(&second, &json!({"quantity": 5})).header("If-Match", "\"v2\"").send().await.expect(200);
    assert_eq!(short(&set.json), (vec![2, 5], 450));
    world.put(&second, &json!({"quantity": 6})).header("If-Match", "\"v2\"").send().await.expect(412);
    world.put(&format!("{lines}/{}", VariantId(3)), &json!({"quantity": 6})).send().await.expect(404);
    let shown = get(&world, &guest, &id).await.expect(200);
    assert_eq!((short(&shown.json), shown.headers["etag"].as_str(), &shown.json["quantity"]), ((vec![2, 5], 450), "\"v3\"", &json!(7)));
    world.post(&lines, &line(2, 1)).header("If-Match", "\"v2\"").send().await.expect(412);
    let accept = format!("/api/v1/carts/{id}/accept-prices");
    world.post(&accept, &json!({})).header("If-Match", "\"v2\"").send().await.expect(412);
    let removed = world.delete(&second).send().await.expect(200);
    assert_eq!((short(&removed.json), removed.headers["etag"].as_str()), ((vec![2], 200), "\"v4\""));
    assert_eq!(world.delete(&second).send().await.expect(200).headers["etag"], "\"v4\"");
}

#[tokio::test]
async fn what_cannot_be_added() {
    let (world, shop) = world();
    let id = new_cart(&world, &Harness::guest(), &[(1, 998)]).await;
    shop.sells(4, 10, false);
    let lines = format!("/api/v1/carts/{id}/lines");
    let other_product = json!({"product_id": ProductId(2), "variant_id": VariantId(1), "quantity": 1});
    for (body, status, code) in [
        (line(4, 1), 409, "not-for-sale"),
        (line(5, 1), 409, "not-for-sale"),
        (other_product, 409, "not-for-sale"),
        (line(1, 2), 422, "invalid"),
        (line(2, 0), 422, "invalid"),
        (line(2, 1000), 422, "invalid"),
        (json!({"quantity": 1}), 422, "invalid"),
    ] {
        let got = world.post(&lines, &body).send().await;
        assert_eq!((got.status, got.code()), (status, code), "{body}");
        let got = world.post("/api/v1/carts", &json!({"lines": [line(1, 998), body]})).send().await;
        assert_eq!(got.status, status);
    }
    let many: Vec<Value> = (0..49).map(|_| line(1, 1)).collect();
    world.post("/api/v1/carts", &json!({"lines": many})).send().await.expect(422);
    world.post(&format!("/api/v1/carts/{}/lines", CartId(9)), &line(1, 1)).send().await.expect(404);
    assert_eq!(short(&get(&world, &Harness::guest(), &id).await.expect(200).json), (vec![998], 99_800));
}

#[tokio::test]
async fn prices_and_stock_are_those_of_now() {
    let (world, shop) = world();
    let guest = Harness::guest();
    let id = new_cart(&world, &guest, &[(1, 2), (2, 1), (3, 4)]).await;
    shop.sells(1, 120, true);
    shop.sells(2, 50, false);
    shop.has(1, 0, true);
    shop.has(3, 3, false);
    let cart = get(&world, &guest, &id).await.expect(200).json;
    let first = &cart["lines"][0];
    assert_eq!(
        (&first["unit_price"]["amount"], &first["price_seen"]["amount"], &first["total"]["amount"]),
        (&json!(120), &json!(100), &json!(240))
    );
    assert_eq!((&first["price_changed"], &first["stock"]["state"]), (&json!(true), &json!("backorder")));
    assert_eq!((&cart["lines"][1]["unavailable"], &cart["lines"][1]["stock"]), (&json!(true), &Value::Null));
    assert_eq!(cart["lines"][2]["stock"], json!({"state": "short", "available": 3}));
    assert_eq!((short(&cart).1, &cart["price_changed"]), (240 + 4 * 999, &json!(true)));
    shop.has(3, 0, false);
    assert_eq!(get(&world, &guest, &id).await.json["lines"][2]["stock"], json!({"state": "out"}));

    // More of the same does not agree to the new price by the way, and what is out is said to be.
    let added = world.post(&format!("/api/v1/carts/{id}/lines"), &line(1, 1)).send().await.expect(200).json;
    assert_eq!((&added["price_changed"], &added["lines"][2]["stock"]["state"]), (&json!(true), &json!("out")));
    assert_eq!(get(&world, &guest, &id).await.json, added);
    let accept = format!("/api/v1/carts/{id}/accept-prices");
    let accepted = world.post(&accept, &json!({})).send().await.expect(200);
    assert_eq!(accepted.headers["etag"], "\"v3\"");
    assert_eq!(world.post(&accept, &json!({})).send().await.expect(200).headers["etag"], "\"v3\"");
    let cart = get(&world, &guest, &id).await.json;
    assert_eq!((&cart["price_changed"], &cart["lines"][0]["price_seen"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn a_customers_cart_is_only_theirs() {
    let (world, _) = world();
    let owner = Harness::customer(1);
    let id = new_cart(&world, &owner, &[(1, 1)]).await;
    let lines = format!("/api/v1/carts/{id}/lines");
    let changed = format!("{lines}/{}", VariantId(1));
    for (actor, read, write) in [
        (Harness::guest(), 404, 404),
        (Harness::customer(2), 404, 404),
        (Harness::support(), 200, 403),
        (Harness::admin(), 200, 403),
        (owner, 200, 200),
    ] {
        get(&world, &actor, &id).await.expect(read);
        world.post(&lines, &line(1, 1)).as_actor(&actor).send().await.expect(write);
        world.put(&changed, &json!({"quantity": 4})).as_actor(&actor).send().await.expect(write);
        world.post(&format!("/api/v1/carts/{id}/accept-prices"), &json!({})).as_actor(&actor).send().await.expect(write);
        world.delete(&changed).as_actor(&actor).send().await.expect(write);
    }
    // A guest's cart is for whoever knows its id.
    let id = new_cart(&world, &Harness::guest(), &[(1, 1)]).await;
    get(&world, &Harness::customer(2), &id).await.expect(200);
    world
        .post("/api/v1/me/cart/merge", &json!({"cart_id": new_cart(&world, &Harness::customer(3), &[]).await}))
        .as_actor(&Harness::customer(2))
        .send()
        .await
        .expect(404);
}

#[tokio::test]
async fn my_cart_is_found_again_until_it_is_ordered() {
    let (world, _) = world();
    let me = Harness::customer(1);
    let mine = async || world.get("/api/v1/me/cart").as_actor(&me).send().await.expect(200).json["id"].as_str().unwrap().to_owned();
    world.get("/api/v1/me/cart").send().await.expect(401);
    let first = mine().await;
    assert_eq!(mine().await, first);
    let second = new_cart(&world, &me, &[(1, 1)]).await;
    assert_eq!(mine().await, second);
    let envelope = world.publish(placed(&second, 7)).await;
    world.settle().await;
    world.deliver("cart", &envelope).await.unwrap();
    world.publish(placed(&second, 8)).await;
    world.publish(placed(&CartId(9).to_string(), 9)).await;
    world.settle().await;
    world.deliver("cart", &envelope).await.unwrap();
    let closed = get(&world, &me, &second).await.expect(200);
    assert_eq!((&closed.json["status"], &closed.json["order_id"]), (&json!("ordered"), &json!(OrderId(7))));
    assert_eq!(closed.headers["etag"], "\"v2\"");
    let refused = world.post(&format!("/api/v1/carts/{second}/lines"), &line(1, 1)).as_actor(&me).send().await;
    assert_eq!((refused.status, refused.code()), (409, "cart-closed"));
    let third = mine().await;
    assert!(third != second && third != first && third == mine().await);
    let reads = Reads::new(&world.kit().work(&TABLE));
    let person = Person { user_id: me.user_id().unwrap(), verified_email: Some("ann@example.com".parse().unwrap()) };
    assert_eq!(reads.export(&person).await.unwrap()["carts"][0]["id"], json!(third));
    let erased = world.publish(UserErased { user_id: person.user_id, email: None }).await;
    world.settle().await;
    world.deliver("cart", &erased).await.unwrap();
    get(&world, &me, &third).await.expect(404);
    assert_eq!(reads.export(&person).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn a_guest_signs_in() {
    let (world, _) = world();
    let me = Harness::customer(1);
    let guest = new_cart(&world, &Harness::guest(), &[(1, 2), (2, 1)]).await;
    let merge = async |cart: &str| world.post("/api/v1/me/cart/merge", &json!({"cart_id": cart})).as_actor(&me).send().await;
    world.post("/api/v1/me/cart/merge", &json!({"cart_id": guest})).send().await.expect(401);
    let merged = merge(&guest).await.expect(200);
    let mine = merged.json["id"].as_str().unwrap().to_owned();
    assert_eq!((short(&merged.json), merged.headers["etag"].as_str()), ((vec![2, 1], 250), "\"v1\""));
    let again = merge(&guest).await.expect(200);
    assert_eq!((short(&again.json), again.headers["etag"].as_str(), &again.json["id"]), ((vec![2, 1], 250), "\"v1\"", &json!(mine)));
    let closed = get(&world, &Harness::guest(), &guest).await.expect(200).json;
    assert_eq!((&closed["status"], &closed["merged_into"]), (&json!("merged"), &json!(mine)));
    let other = new_cart(&world, &Harness::guest(), &[(1, 1), (3, 1)]).await;
    let merged = merge(&other).await.expect(200);
    assert_eq!((short(&merged.json), merged.headers["etag"].as_str()), ((vec![3, 1, 1], 300 + 50 + 999), "\"v2\""));
    assert_eq!(short(&merge(&mine).await.expect(200).json).0, [3, 1, 1], "one's own cart is merged already");
    merge(&CartId(9).to_string()).await.expect(404);
    assert_eq!(short(&get(&world, &me, &mine).await.json), (vec![3, 1, 1], 1349));
}

#[tokio::test]
async fn a_repeated_request_adds_once() {
    let (world, _) = world();
    let id = new_cart(&world, &Harness::guest(), &[]).await;
    let lines = format!("/api/v1/carts/{id}/lines");
    for _ in 0..2 {
        let got = world.post(&lines, &line(1, 1)).header("Idempotency-Key", "the-first-click-of-all").send().await.expect(200);
        assert_eq!(short(&got.json), (vec![1], 100));
    }
    assert_eq!(
        world.post(&lines, &line(1, 2)).header("Idempotency-Key", "the-first-click-of-all").send().await.expect(422).code(),
        "idempotency-key-reused"
    );
}

#[tokio::test]
async fn carts_are_forgotten_and_read_by_orders() {
    let (world, _) = world();
    let reads = Reads::new(&world.kit().work(&TABLE));
    let me = Harness::customer(1);
    let mine = new_cart(&world, &me, &[(1, 2)]).await;
    let guests = new_cart(&world, &Harness::guest(), &[(1, 2)]).await;
    let contents = reads.cart(mine.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((contents.customer_id, contents.closed), (me.user_id(), false));
    let lines: Vec<_> = contents.lines.iter().map(|line| (line.variant_id.0, line.quantity, line.price_seen.amount)).collect();
    assert_eq!(lines, [(1, 2, 100)]);
    world.publish(placed(&mine, 1)).await;
    world.settle().await;
    assert!(reads.cart(mine.parse().unwrap()).await.unwrap().unwrap().closed);
    assert_eq!(reads.cart(CartId(9)).await.unwrap(), None);
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    world.advance(days(20));
    world.post(&format!("/api/v1/carts/{guests}/lines"), &line(1, 1)).send().await.expect(200);
    world.advance(days(29));
    get(&world, &Harness::guest(), &guests).await.expect(200);
    world.advance(days(2));
    get(&world, &Harness::guest(), &guests).await.expect(404);
    get(&world, &me, &mine).await.expect(200);
    world.advance(days(180));
    get(&world, &me, &mine).await.expect(404);
}

#[tokio::test]
async fn a_line_shows_what_leads_to_the_product_and_who_sells_it() {
    let (world, _) = world();
    let guest = Harness::guest();
    let id = new_cart(&world, &guest, &[(1, 2)]).await;
    let line = get(&world, &guest, &id).await.expect(200).json["lines"][0].clone();
    assert_eq!((&line["slug"], &line["product_title"], &line["title"]), (&json!("thing-1"), &json!("Thing"), &json!("Thing 1")));
    assert_eq!(line["options"], json!([{ "name": "Number", "value": "1" }]));
    assert_eq!(line["seller"], json!({ "id": kernel::BusinessId(1), "name": "The shop" }));
    assert_eq!(line["stock"]["state"], "in_stock");
}
