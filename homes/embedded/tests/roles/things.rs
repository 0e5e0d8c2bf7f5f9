//! What there is in the shop when it is asked: something in every state that an operation needs.

use contracts::{Event, EventData as _, PasswordResetRequested, VerificationRequested};
use directory::{DEFAULT_MAPPING, FileKind, Mapping};
use identity::Links;
use kernel::Problem;
use ports::reads::{LinkPurpose, LinkTokens as _};
use serde_json::{Value, json};
use shell::Changes;
use shell::queues::FailedDelivery;
use wiring::Platform as _;

use super::shop::{Answer, Body, PASSWORD, Role, Shop};

/// Takes the payment at once.
pub const CARD: &str = "4242424242424242";
/// Wants the customer to confirm at the bank.
pub const CARD_WITH_ACTION: &str = "4000002760003184";
/// Every refund of it is refused.
pub const CARD_WITHOUT_REFUNDS: &str = "4000000000005126";

/// The ids, unless they say otherwise.
#[derive(Default)]
pub struct Things {
    pub customer: String,
    pub other_customer: String,
    pub staff: String,
    /// An account that nobody in the table has.
    pub bystander: String,
    pub disabled: String,
    pub verification_token: String,
    pub reset_token: String,
    pub refresh_token: String,
    pub session: String,
    pub address: String,

    pub business: String,
    pub draft_business: String,
    pub pending_business: String,
    pub suspended_business: String,
    /// Its new name waits for an admin.
    pub renamed_business: String,
    pub unclaimed_business: String,
    /// With its ETag.
    pub business_categories_etag: String,
    pub business_profile_etag: String,
    pub business_category: String,
    pub empty_business_category: String,
    pub claim: String,
    pub lead: String,
    pub suspicious_lead: String,
    pub returned_lead: String,
    pub released_lead: String,

    pub category: String,
    pub empty_category: String,
    pub empty_category_etag: String,
    pub product: String,
    pub variant: String,
    pub product_etag: String,
    pub stock_etag: String,
    pub draft_product: String,
    pub answered_product: String,
    pub unreviewed_product: String,
    pub unbought_product: String,
    /// Its name.
    pub file: String,

    pub cart: String,
    pub guest_cart: String,
    /// With a price that has changed.
    pub stale_cart: String,
    pub stale_guest_cart: String,
    pub unpaid_order: String,
    pub paid_order: String,
    pub guest_order: String,
    pub guest_token: String,
    pub payment: String,
    /// Waits for the customer at the bank.
    pub open_payment: String,
    /// Of which a refund was refused.
    pub unrefunded_payment: String,
    pub refused_refund: String,

    pub review: String,
    pub waiting_review: String,
    pub answered_review: String,
    pub mail: String,
    pub mail_template: String,
    pub consumer: &'static str,
    pub dead_letter: String,
}

pub fn postal_address(name: &str) -> Value {
    json!({
        "name": name, "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München",
        "address_country": "DE"
    })
}

pub fn profile(name: &str, category: &str) -> Value {
    let address = json!({ "street_address": "Ring 1", "postal_code": "80331", "address_locality": "München", "address_country": "DE" });
    json!({ "name": name, "categories": [category], "address": address })
}

pub fn product(title: &str, seller: &str, category: &str, status: &str, price: i64) -> Value {
    let variant = json!({ "price": { "amount": price, "currency": "EUR" }, "options": [] });
    json!({ "title": title, "seller_id": seller, "category_id": category, "status": status, "variants": [variant] })
}

pub fn enquiry(n: u8) -> Value {
    json!({ "name": "Ann Lee", "email": format!("ann{n}@example.com"), "message": "Do you bake on Sundays?" })
}

pub fn order_of(cart: &str) -> Value {
    json!({ "cart_id": cart, "email": "ann@example.com", "shipping_address": postal_address("Ann Lee") })
}

impl Things {
    pub async fn in_shop(shop: &mut Shop) -> Self {
        let mut things = Self::default();
        things.add_people(shop).await;
        things.add_businesses(shop).await;
        things.add_leads(shop).await;
        things.add_goods(shop).await;
        things.add_orders(shop).await;
        things.add_carts(shop).await;
        things.add_reviews(shop).await;
        things.mail = shop.get(Role::Admin, "/api/v1/admin/mails").await.expect(200).get("/items/0/id");
        things.mail_template = shop.get(Role::Admin, "/api/v1/admin/mail-templates").await.expect(200).get("/items/0/name");
        things.consumer = shop.host.services().iter().flat_map(|service| &service.consumers).next().unwrap().name;
        things.dead_letter = shop.dead_letter(things.consumer).await;
        things
    }

    async fn add_people(&mut self, shop: &Shop) {
        self.customer = shop.id_of(Role::Customer).await;
        self.other_customer = shop.id_of(Role::OtherCustomer).await;
        self.staff = shop.id_of(Role::Staff).await;
        let email = |name: &str| format!("{name}@people.example").parse().unwrap();
        // Not the only admin, so that one may go.
        self.bystander = shop.home.operator().create_admin(email("bystander"), PASSWORD).await.unwrap().to_string();
        self.disabled = shop.home.operator().create_customer(email("disabled"), "Disabled", PASSWORD).await.unwrap().to_string();
        let disable = format!("/api/v1/admin/users/{}/disable", self.disabled);
        shop.post(Role::Admin, &disable, json!({ "reason": "complaints" })).await.expect(200);
        self.refresh_token = shop.sign_in(Role::Customer).await.get("/refresh_token");
        self.session = self.refresh_token.split('.').next().unwrap().to_owned();
        (self.verification_token, self.reset_token) = shop.mailed_tokens().await;
        let home = json!({ "address": postal_address("Ann Lee") });
        self.address = shop.post(Role::Customer, "/api/v1/me/addresses", home).await.expect(201).get("/id");
    }

    async fn add_businesses(&mut self, shop: &mut Shop) {
        self.business_category = shop.create("/api/v1/business-categories", json!({ "name": "Bakeries" })).await;
        self.empty_business_category = shop.create("/api/v1/business-categories", json!({ "name": "Tailors" })).await;
        let category = self.business_category.as_str();
        self.business = shop.business(Role::Owner, "Bakery", category, &["submit", "approve"]).await;
        self.draft_business = shop.business(Role::Owner, "Stand", category, &[]).await;
        self.pending_business = shop.business(Role::Owner, "Kiosk", category, &["submit"]).await;
        self.suspended_business = shop.business(Role::Owner, "Cart", category, &["submit", "approve", "suspend"]).await;
        for business in [&self.business, &self.draft_business, &self.pending_business, &self.suspended_business] {
            shop.add_staff(Role::Owner, business, &self.staff).await;
        }
        self.renamed_business = shop.business(Role::Owner, "Mill", category, &["submit", "approve"]).await;
        let path = format!("/api/v1/businesses/{}/profile", self.renamed_business);
        let renamed = Body::Json(profile("Old Mill", category));
        shop.send(Role::Owner, "PUT", &path, &renamed, Some(&shop.etag(&path).await)).await.expect(200);
        let other = shop.business(Role::OtherOwner, "Café", category, &["submit", "approve"]).await;
        shop.add_staff(Role::OtherOwner, &other, &shop.id_of(Role::OtherStaff).await).await;
        self.unclaimed_business = shop.imported_business().await;
        let claims = format!("/api/v1/businesses/{}/claims", self.unclaimed_business);
        self.claim = shop.post(Role::Customer, &claims, json!({ "proof": "My name is on the door." })).await.expect(202).get("/id");
        shop.settle().await;
        self.business_categories_etag = shop.etag(&format!("/api/v1/business-categories/{}", self.business_category)).await;
        self.business_profile_etag = shop.etag(&format!("/api/v1/businesses/{}/profile", self.business)).await;
    }

    async fn add_leads(&mut self, shop: &Shop) {
        let leads = format!("/api/v1/businesses/{}/leads", self.business);
        self.lead = shop.post(Role::Customer, &leads, enquiry(1)).await.expect(202).get("/id");
        let mut with_links = enquiry(2);
        with_links["message"] = "Look here: https://a.example https://b.example https://c.example https://d.example".into();
        self.suspicious_lead = shop.post(Role::Customer, &leads, with_links).await.expect(202).get("/id");
        self.returned_lead = shop.post(Role::Customer, &leads, enquiry(3)).await.expect(202).get("/id");
        self.released_lead = shop.post(Role::Customer, &leads, enquiry(4)).await.expect(202).get("/id");
        let bill = format!("/api/v1/admin/leads/{}/bill", self.released_lead);
        shop.post(Role::Admin, &bill, json!({})).await.expect(200);
        let reason = json!({ "reason": "wrong_category" });
        shop.post(Role::Owner, &format!("{leads}/{}/return", self.returned_lead), reason).await.expect(200);
    }

    async fn add_goods(&mut self, shop: &mut Shop) {
        self.category = shop.create("/api/v1/categories", json!({ "name": "Bread" })).await;
        let made = shop.post(Role::Admin, "/api/v1/categories", json!({ "name": "Cake" })).await.expect(201);
        (self.empty_category, self.empty_category_etag) = (made.get("/id"), made.etag.unwrap());
        let bread = |title, status| product(title, &self.business, &self.category, status, 1900);
        let goods = shop.post(Role::Owner, "/api/v1/products", bread("Rye bread", "published")).await.expect(201);
        let answered = shop.product(bread("White bread", "published")).await;
        let unreviewed = shop.product(bread("Brown bread", "published")).await;
        let unbought = shop.product(bread("Grey bread", "published")).await;
        let draft = shop.product(bread("New bread", "draft")).await;
        (self.product, self.variant) = (goods.get("/id"), goods.get("/variants/0/id"));
        (self.answered_product, self.unreviewed_product) = (answered, unreviewed);
        (self.unbought_product, self.draft_product) = (unbought, draft);
        shop.settle().await;
        let count = json!({ "set_on_hand": 100, "reason": "counted" });
        shop.post(Role::Owner, &format!("/api/v1/admin/stock/{}/adjustments", self.variant), count).await.expect(200);
        let upload = shop.send(Role::Owner, "POST", "/api/v1/uploads", &Body::Gif, None).await.expect(201);
        self.file = upload.get("/url").trim_start_matches("/files/").to_owned();
    }

    async fn add_orders(&mut self, shop: &mut Shop) {
        self.paid_order = self.order(shop, Role::Customer, Some(CARD)).await.get("/id");
        self.unpaid_order = self.order(shop, Role::Customer, None).await.get("/id");
        let of_guest = self.order(shop, Role::Guest, None).await;
        (self.guest_order, self.guest_token) = (of_guest.get("/id"), of_guest.get("/guest_token"));
        let at_the_bank = self.order(shop, Role::Customer, Some(CARD_WITH_ACTION)).await.get("/id");
        let paid = shop.get(Role::Customer, &format!("/api/v1/orders/{}", self.paid_order)).await.expect(200);
        assert_eq!(paid.get("/status"), "confirmed");
        let delivered = self.order(shop, Role::Customer, Some(CARD)).await.get("/id");
        for status in ["processing", "shipped", "delivered"] {
            let path = format!("/api/v1/admin/orders/{delivered}/status");
            shop.post(Role::Admin, &path, json!({ "status": status })).await.expect(200);
        }
        shop.settle().await;
        (self.payment, self.open_payment) = (shop.payment(&self.paid_order).await, shop.payment(&at_the_bank).await);
        let unrefunded = self.order(shop, Role::Customer, Some(CARD_WITHOUT_REFUNDS)).await.get("/id");
        self.unrefunded_payment = shop.payment(&unrefunded).await;
        let refunds = format!("/api/v1/admin/payments/{}/refunds", self.unrefunded_payment);
        self.refused_refund = shop.post(Role::Admin, &refunds, json!({ "reason": "broken" })).await.expect(202).get("/refunds/0/id");
        shop.post(Role::Admin, &format!("/api/v1/payments/{}/refresh", self.unrefunded_payment), json!({})).await.expect(204);
        shop.settle().await;
    }

    /// The price changes between them: the first ones have prices to accept.
    async fn add_carts(&mut self, shop: &mut Shop) {
        self.stale_cart = self.filled_cart(shop, Role::Customer).await;
        self.stale_guest_cart = self.filled_cart(shop, Role::Guest).await;
        let path = format!("/api/v1/products/{}", self.product);
        let dearer = Body::Json(product("Rye bread", &self.business, &self.category, "published", 2100));
        shop.send(Role::Owner, "PUT", &path, &dearer, Some(&shop.etag(&path).await)).await.expect(200);
        shop.settle().await;
        self.cart = self.filled_cart(shop, Role::Customer).await;
        self.guest_cart = self.filled_cart(shop, Role::Guest).await;
        self.product_etag = shop.etag(&path).await;
        self.stock_etag = shop.etag(&format!("/api/v1/admin/stock/{}", self.variant)).await;
    }

    async fn add_reviews(&mut self, shop: &mut Shop) {
        self.review = shop.review(&self.product).await;
        self.answered_review = shop.review(&self.answered_product).await;
        for id in [&self.review, &self.answered_review] {
            shop.post(Role::Admin, &format!("/api/v1/admin/reviews/{id}/publish"), json!({})).await.expect(200);
        }
        let thanks = Body::Json(json!({ "text": "Thank you." }));
        shop.send(Role::Owner, "PUT", &format!("/api/v1/reviews/{}/reply", self.answered_review), &thanks, None).await.expect(200);
        self.waiting_review = shop.review(&self.unbought_product).await;
        let waiting = shop.get(Role::Customer, &format!("/api/v1/reviews/{}", self.waiting_review)).await.expect(200);
        assert_eq!(waiting.get("/status"), "pending");
        let review = format!("/api/v1/reviews/{}", self.review);
        shop.send(Role::OtherCustomer, "PUT", &format!("{review}/helpful"), &Body::Empty, None).await.expect(204);
        shop.post(Role::OtherCustomer, &format!("{review}/reports"), json!({ "reason": "fake" })).await.expect(204);
        shop.settle().await;
    }

    async fn filled_cart(&self, shop: &Shop, role: Role) -> String {
        let line = json!({ "product_id": self.product, "variant_id": self.variant, "quantity": 1 });
        shop.post(role, "/api/v1/carts", json!({ "lines": [line] })).await.expect(201).get("/id")
    }

    async fn order(&self, shop: &mut Shop, role: Role, card: Option<&str>) -> Answer {
        let mut body = order_of(&self.filled_cart(shop, role).await);
        body["payment_method"] = card.into();
        let placed = shop.post(role, "/api/v1/orders", body).await.expect(202);
        shop.settle().await;
        placed
    }
}

impl Shop {
    async fn create(&self, path: &str, body: Value) -> String {
        self.post(Role::Admin, path, body).await.expect(201).get("/id")
    }

    async fn id_of(&self, role: Role) -> String {
        self.get(role, "/api/v1/me").await.expect(200).get("/id")
    }

    async fn etag(&self, path: &str) -> String {
        self.get(Role::Admin, path).await.expect(200).etag.unwrap()
    }

    async fn business(&mut self, owner: Role, name: &str, category: &str, steps: &[&str]) -> String {
        let id = self.post(owner, "/api/v1/businesses", profile(name, category)).await.expect(201).get("/id");
        for step in steps {
            let (role, below) = if *step == "submit" { (owner, "") } else { (Role::Admin, "admin/") };
            let path = format!("/api/v1/{below}businesses/{id}/{step}");
            self.post(role, &path, json!({ "reason": "complaints" })).await.expect(200);
        }
        self.settle().await;
        id
    }

    async fn add_staff(&self, owner: Role, business: &str, user: &str) {
        let path = format!("/api/v1/businesses/{business}/staff/{user}");
        self.send(owner, "PUT", &path, &Body::Json(json!({ "role": "staff" })), None).await.expect(200);
    }

    /// A listing that is nobody's yet.
    async fn imported_business(&self) -> String {
        let geometry = json!({ "type": "Point", "coordinates": [11.5, 48.1] });
        let properties = json!({ "id": 1, "type": "node", "name": "Florist Rosa", "shop": "florist" });
        let feature = json!({ "type": "Feature", "geometry": geometry, "properties": properties });
        let file = json!({ "type": "FeatureCollection", "features": [feature] }).to_string();
        let places = directory::parse(&file, FileKind::GeoJson, &Mapping::parse(DEFAULT_MAPPING).unwrap()).unwrap();
        self.home.operator().import_businesses(places.into_iter().map(Result::unwrap).collect(), |_| ()).await.unwrap();
        self.get(Role::Guest, "/api/v1/businesses/florist-rosa").await.expect(200).get("/id")
    }

    async fn product(&self, body: Value) -> String {
        self.post(Role::Owner, "/api/v1/products", body).await.expect(201).get("/id")
    }

    async fn payment(&self, order: &str) -> String {
        self.get(Role::Admin, &format!("/api/v1/orders/{order}/payments")).await.expect(200).get("/items/0/id")
    }

    async fn review(&self, target: &str) -> String {
        let body = json!({ "target": target, "rating": 4, "text": "Good." });
        self.post(Role::Customer, "/api/v1/reviews", body).await.expect(201).get("/id")
    }

    /// Of the links by which a new account proves its address, and the customer sets a password.
    async fn mailed_tokens(&self) -> (String, String) {
        let newcomer = json!({ "email": "newcomer@people.example", "name": "Newcomer", "password": PASSWORD });
        self.post(Role::Guest, "/api/v1/auth/register", newcomer).await.expect(202);
        let forgetful = json!({ "email": Role::Customer.email() });
        self.post(Role::Guest, "/api/v1/auth/forgot-password", forgetful).await.expect(202);
        let log = self.home.log().read(0, &["user.verification_requested", "user.password_reset_requested"], 100).await.unwrap();
        let links = Links::new(self.home.signer().unwrap());
        let (mut verification, mut reset) = (String::new(), String::new());
        for event in log.events.into_iter().map(|logged| logged.envelope.unwrap().event.clone()) {
            if let Some(asked) = VerificationRequested::of(&event) {
                verification = links.link_token(asked.user_id, LinkPurpose::VerifyEmail, asked.serial);
            }
            if let Some(asked) = PasswordResetRequested::of(&event) {
                reset = links.link_token(asked.user_id, LinkPurpose::ResetPassword, asked.serial);
            }
        }
        (verification, reset)
    }

    async fn dead_letter(&self, consumer: &str) -> String {
        let types: Vec<&str> = Event::TYPES.iter().map(|(kind, _)| *kind).collect();
        let first = self.home.log().read(0, &types, 1).await.unwrap().events.remove(0);
        let envelope = first.envelope.unwrap();
        let letter = json!({
            "consumer": consumer, "position": first.position, "event": *envelope, "attempts": 5, "first_failed_at": envelope.time,
            "error": "broken on purpose"
        });
        let letter: FailedDelivery = serde_json::from_str(&letter.to_string()).unwrap();
        let rule = |(), _: &shell::DecisionContext| Changes::none().derived(&letter);
        self.home.shell_work().run_job("roles", |_| async { Ok::<_, Problem>(()) }, rule).await.unwrap();
        letter.position.to_string()
    }
}
