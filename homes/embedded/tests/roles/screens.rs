//! The screens of docs/screens.md, each with its calls and no others: what a screen needs is in their answers.

use serde_json::{Value, json};

use super::shop::{Answer, Role, Shop};
use super::things::Things;

const PAGE: &str = include_str!("../../../../docs/screens.md");
const CALLS_MAX: usize = 2;

/// A screen while it is built: who looks at it, and what it has asked.
struct Screen<'a> {
    shop: &'a Shop,
    name: &'static str,
    role: Role,
    calls: Vec<String>,
}

impl<'a> Screen<'a> {
    fn of(shop: &'a Shop, name: &'static str, role: Role) -> Self {
        Self { shop, name, role, calls: Vec::new() }
    }

    /// Asks an operation as the page names it, with these words in the places of `{…}`.
    async fn get(&mut self, call: &str, words: &[&str]) -> Value {
        let path = self.path(call, words);
        self.shop.get(self.role, &path).await.expect(200).json
    }

    async fn post(&mut self, call: &str, words: &[&str], body: Value) -> Answer {
        let path = self.path(call, words);
        self.shop.post(self.role, &path, body).await.expect(200)
    }

    fn path(&mut self, call: &str, words: &[&str]) -> String {
        self.calls.push(call.to_owned());
        let template = call.split_once(' ').map(|(_, path)| path).unwrap();
        let mut parts = template.split('{');
        let mut path = format!("/api/v1{}", parts.next().unwrap());
        let mut words = words.iter();
        for part in parts {
            path.push_str(words.next().unwrap());
            path.push_str(part.split_once('}').unwrap().1);
        }
        assert_eq!((words.next(), path.contains('{')), (None, false), "{call}");
        path
    }

    /// The page tells the same calls.
    fn check(self) {
        let told = self.calls.iter().map(|call| format!("`{call}`")).collect::<Vec<_>>().join(", ");
        let row = format!("| {} | {told} |", self.name);
        assert!(PAGE.lines().any(|line| line.starts_with(&row)), "docs/screens.md has no row {row}");
        assert!(self.calls.len() <= CALLS_MAX, "{} asks {:?}", self.name, self.calls);
    }
}

#[track_caller]
fn shows(item: &Value, members: &[&str]) {
    for member in members {
        assert!(item.pointer(&format!("/{member}")).is_some_and(|value| !value.is_null()), "no {member} in {item:#}");
    }
}

/// What a tile of a product shows, and what its button puts into the cart.
const TILE: &[&str] = &[
    "slug",
    "title",
    "price_from/amount",
    "default_variant/id",
    "default_variant/price/amount",
    "stock",
    "seller/name",
    "seller/slug",
    "rating/average",
    "rating/count",
    "categories/0/name",
];

fn tile<'a>(list: &'a Value, id: &str) -> &'a Value {
    list["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()
}

#[tokio::test]
async fn each_screen_takes_two_calls_at_most() {
    let mut shop = Shop::open().await;
    let things = Things::in_shop(&mut shop).await;

    let mut home = Screen::of(&shop, "Home", Role::Guest);
    let tree = home.get("GET /categories", &[]).await;
    shows(&tree["items"][0], &["slug", "name", "level"]);
    let newest = home.get("GET /products?limit=12", &[]).await;
    shows(tile(&newest, &things.product), TILE);
    home.check();

    let mut list = Screen::of(&shop, "List", Role::Guest);
    let page = list.get("GET /products?category={category}&limit=24", &["bread"]).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 4);
    shows(tile(&page, &things.product), TILE);
    assert_eq!(tile(&page, &things.product)["stock"], "in_stock");
    assert_eq!(tile(&page, &things.unreviewed_product)["stock"], "out");
    list.check();

    let mut recent = Screen::of(&shop, "Recently seen", Role::Guest);
    let cards = recent.get("GET /products?ids={ids}", &[&format!("{},{}", things.unreviewed_product, things.product)]).await;
    let ids: Vec<&Value> = cards["items"].as_array().unwrap().iter().map(|card| &card["id"]).collect();
    assert_eq!(ids, [&json!(things.unreviewed_product), &json!(things.product)]);
    recent.check();

    let mut product = Screen::of(&shop, "Product", Role::Guest);
    let page = product.get("GET /products/{product_id}", &["rye-bread"]).await;
    shows(&page, &["title", "seller/name", "seller/slug", "stock", "rating/average", "categories/0/name", "variants/0/stock", "json_ld"]);
    let reviews = product.get("GET /reviews?target={product_id}", &[&things.product]).await;
    shows(&reviews["items"][0], &["rating", "text"]);
    product.check();

    let mut cart = Screen::of(&shop, "Cart", Role::Guest);
    let shown = cart.get("GET /carts/{cart_id}", &[&things.guest_cart]).await;
    let line = ["slug", "title", "product_title", "options", "quantity", "unit_price/amount", "total/amount", "seller/name", "stock/state"];
    shows(&shown["lines"][0], &line);
    shows(&shown, &["subtotal/amount", "quantity"]);
    cart.check();

    let mut checkout = Screen::of(&shop, "Checkout", Role::Guest);
    let about = checkout.get("GET /shop", &[]).await;
    shows(&about, &["payment_methods", "name"]);
    let address = json!({ "shipping_address": { "address_country": "DE" } });
    let quote = checkout.post("POST /carts/{cart_id}/quote", &[&things.guest_cart], address).await.json;
    shows(&quote, &["total/amount", "shipping/amount", "tax/amount", "lines/0/title"]);
    checkout.check();

    let mut order = Screen::of(&shop, "Order", Role::Customer);
    let shown = order.get("GET /orders/{order_id}", &[&things.paid_order]).await;
    shows(&shown, &["number", "status", "lines/0/title", "total/amount", "shipping_address/name", "payment/captured"]);
    let timeline = order.get("GET /orders/{order_id}/timeline", &[&things.paid_order]).await;
    shows(&timeline["steps"][0], &["at", "status"]);
    order.check();

    let mut portal = Screen::of(&shop, "Orders of a seller", Role::Owner);
    let own = portal.get("GET /businesses/{business_id}/orders", &[&things.business]).await;
    shows(&own["items"][0], &["number", "status", "lines/0/title", "placed_at"]);
    portal.check();

    let mut offers = Screen::of(&shop, "Offers of a seller", Role::Owner);
    let own = offers.get("GET /admin/products?seller_id={business_id}&q={words}", &[&things.business, "bread"]).await;
    shows(&own["items"][0], &["title", "status", "stock", "price_from/amount", "version"]);
    let counts = offers.get("GET /admin/products/counts?seller_id={business_id}", &[&things.business]).await;
    shows(&counts["items"][0], &["status", "count"]);
    offers.check();

    let mut desk = Screen::of(&shop, "Orders for staff", Role::Support);
    let number = shown["number"].as_str().unwrap();
    let found = desk.get("GET /admin/orders?number={number}", &[number]).await;
    assert_eq!(found["items"][0]["id"], json!(things.paid_order), "{found}");
    shows(&found["items"][0], &["number", "email", "status", "total/amount", "placed_at"]);
    let counts = desk.get("GET /admin/orders/counts", &[]).await;
    shows(&counts["items"][0], &["status", "count"]);
    desk.check();

    let mut people = Screen::of(&shop, "Users for staff", Role::Support);
    let found = people.get("GET /admin/users?q={words}", &["customer+people"]).await;
    shows(&found["items"][0], &["name", "email", "created_at"]);
    people.check();

    let mut places = Screen::of(&shop, "Businesses for staff", Role::Support);
    let found = places.get("GET /admin/businesses?q={words}", &["bakery"]).await;
    assert_eq!(found["items"][0]["id"], json!(things.business));
    let counts = places.get("GET /admin/businesses/counts", &[]).await;
    shows(&counts["items"][0], &["status", "count"]);
    places.check();
}
