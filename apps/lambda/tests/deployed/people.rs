//! People at the deployed API: guests, customers, an admin.

use serde_json::{Value, json};

use crate::cloud::{Cloud, PATIENCE, eventually};

pub const PASSWORD: &str = "a long and quiet river";
pub const CARD: &str = "4242424242424242";

/// An answer: its status, its JSON (null for none) and its text.
#[derive(Debug, Clone)]
pub struct Got {
    pub status: u16,
    pub json: Value,
    pub text: String,
}

impl Got {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// Somebody who talks to the shop.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    /// The API's own name, which no resolver knows.
    host: String,
    token: Option<String>,
}

impl Client {
    pub fn new(url: &str, host: &str) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        Self { agent: agent.into(), url: url.to_owned(), host: host.to_owned(), token: None }
    }

    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Got {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url)).header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body.map(Value::to_string).unwrap_or_default()).expect("a request");
        let mut answer = self.agent.run(request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("a text");
        Got { status: answer.status().as_u16(), json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Got {
        self.send("GET", path, None, &[])
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Got {
        self.send("POST", path, Some(body), &[])
    }

    /// Registers, proves the address with the link from the mail, and signs in.
    #[track_caller]
    pub fn sign_up(self, cloud: &Cloud, email: &str) -> Self {
        self.post("/api/v1/auth/register", &json!({ "email": email, "name": "Ann Lee", "password": PASSWORD })).expect(202);
        let token = eventually("the mail with the link", || {
            cloud.mails_to(email).iter().find_map(|(_, text)| {
                let (_, rest) = text.split_once("token=")?;
                Some(rest.split_whitespace().next()?.to_owned())
            })
        });
        let verified = self.post("/api/v1/auth/verify-email", &json!({ "token": token, "password": PASSWORD }));
        assert!((200..300).contains(&verified.status), "{}", verified.text);
        self.sign_in(email)
    }

    #[track_caller]
    pub fn sign_in(self, email: &str) -> Self {
        let got = self.post("/api/v1/auth/sign-in", &json!({ "email": email, "password": PASSWORD })).expect(200);
        let token = got.json["access_token"].as_str().expect("a token").to_owned();
        self.with_token(&token)
    }

    /// Creates a published product of one variant and so many pieces.
    #[track_caller]
    pub fn stock_up(&self, title: &str, pieces: i64) -> Goods {
        let variant = json!({ "sku": title, "price": { "amount": 4900, "currency": "EUR" } });
        let product = json!({ "title": title, "status": "published", "variants": [variant] });
        let made = self.post("/api/v1/products", &product).expect(201).json;
        let goods = Goods {
            product: made["id"].as_str().expect("an id").to_owned(),
            variant: made["variants"][0]["id"].as_str().expect("a variant").to_owned(),
        };
        // Inventory hears of the product in its own time.
        let count = json!({ "set_on_hand": pieces, "reason": "counted" });
        eventually("the variant has a stock record", || {
            let counted = self.post(&format!("/api/v1/admin/stock/{}/adjustments", goods.variant), &count);
            (counted.status != 404).then(|| counted.expect(200))
        });
        goods
    }

    pub fn stock(&self, goods: &Goods) -> Stock {
        let stock = self.get(&format!("/api/v1/admin/stock/{}", goods.variant)).expect(200).json;
        let count = |name: &str| stock[name].as_i64().unwrap_or_else(|| panic!("{name} in {stock}"));
        Stock { available: count("available"), reserved: count("reserved"), on_hand: count("on_hand") }
    }

    /// A cart with one piece, ordered and paid for by card. The order may not have settled yet.
    #[track_caller]
    pub fn buy(&self, goods: &Goods, email: &str) -> Value {
        let line = json!({ "product_id": goods.product, "variant_id": goods.variant, "quantity": 1 });
        let cart = self.post("/api/v1/carts", &json!({ "lines": [line] })).expect(201).json;
        self.order(cart["id"].as_str().expect("an id"), email).expect("the goods are there")
    }

    /// None if the goods are known to be out.
    #[track_caller]
    pub fn order(&self, cart: &str, email: &str) -> Option<Value> {
        let address = json!({
            "name": "Ann Lee", "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München",
            "address_country": "DE",
        });
        let order = json!({ "cart_id": cart, "email": email, "shipping_address": address, "payment_method": CARD });
        let headers = [("prefer", "wait=5"), ("idempotency-key", cart)];
        // A busy or failing store is answered with a 5xx, and a client asks again under the same key.
        eventually("the order is placed", || {
            let placed = self.send("POST", "/api/v1/orders", Some(&order), &headers);
            match placed.status {
                200..300 => Some(Some(placed.json)),
                409 if placed.json["code"] == "out-of-stock" => Some(None),
                500.. => None,
                _ => panic!("{}", placed.text),
            }
        })
    }

    #[track_caller]
    pub fn cancel(&self, order: &str) {
        self.post(&format!("/api/v1/orders/{order}/cancel"), &json!({ "reason": "out of tea" })).expect(200);
    }

    /// The order when it has come to rest.
    #[track_caller]
    pub fn settled(&self, order: &Value) -> Value {
        let path = format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"));
        eventually("the order settles", || {
            let got = self.get(&path);
            let status = got.json["status"].as_str().unwrap_or_default().to_owned();
            (got.status == 200 && ["confirmed", "cancelled"].contains(&status.as_str())).then_some(got.json)
        })
    }
}

/// Something that can be bought.
#[derive(Debug, Clone)]
pub struct Goods {
    pub product: String,
    pub variant: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    pub available: i64,
    pub reserved: i64,
    pub on_hand: i64,
}
