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

use super::shop::{Body, PASSWORD, Role, Shop};

/// Takes the payment at once.
pub const CARD: &str = "4242424242424242";
/// Wants the customer to confirm at the bank.
pub const CARD_WITH_ACTION: &str = "4000002760003184";

/// The ids, unless they say otherwise.
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
    pub address: String,

    pub business: String,
    pub draft_business: String,
    pub pending_business: String,
    pub suspended_business: String,
    pub unclaimed_business: String,
    /// With its ETag.
    pub business_profile_etag: String,
    pub business_category: String,
    pub empty_business_category: String,
    pub claim: String,
    pub lead: String,
    pub suspicious_lead: String,
    pub returned_lead: String,

    pub category: String,
    pub empty_category: String,
    pub empty_category_etag: String,
    pub product: String,
    pub variant: String,
    pub product_etag: String,
    pub stock_etag: String,
    pub draft_product: String,
    pub unreviewed_product: String,
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

    pub review: String,
    pub waiting_review: String,
    pub answered_review: String,
    pub mail: String,
    pub mail_template: String,
    pub consumer: &'static str,
    pub dead_letter: String,
}

/// A product with its only variant.
struct Goods {
    product: String,
    variant: String,
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
    #[allow(clippy::too_many_lines)] // A list of what there is, from top to bottom.
    pub async fn in_shop(shop: &mut Shop) -> Self {
        let id = async |role| shop.get(role, "/api/v1/me").await.expect(200).get("/id");
        let (customer, other_customer, staff) = (id(Role::Customer).await, id(Role::OtherCustomer).await, id(Role::Staff).await);
        // Not the only admin, so that one may go.
        let bystander = shop.home.create_admin("bystander@people.example".parse().unwrap(), PASSWORD).await.unwrap().to_string();
        let disabled =
            shop.home.create_customer("disabled@people.example".parse().unwrap(), "Disabled", PASSWORD).await.unwrap().to_string();
        let disable = format!("/api/v1/admin/users/{disabled}/disable");
        shop.post(Role::Admin, &disable, json!({ "reason": "complaints" })).await.expect(200);
        let refresh_token = shop.sign_in(Role::Customer).await.get("/refresh_token");
        let (verification_token, reset_token) = shop.mailed_tokens().await;
        let home = json!({ "address": postal_address("Ann Lee") });
        let address = shop.post(Role::Customer, "/api/v1/me/addresses", home).await.expect(201).get("/id");

        let business_category = shop.create("/api/v1/business-categories", json!({ "name": "Bakeries" })).await;
        let empty_business_category = shop.create("/api/v1/business-categories", json!({ "name": "Tailors" })).await;
        let business = shop.business(Role::Owner, "Bakery", &business_category, &["submit", "approve"]).await;
        let member = json!({ "role": "staff" });
        shop.set_staff(Role::Owner, &business, &staff, &member).await;
        let other = shop.business(Role::OtherOwner, "Café", &business_category, &["submit", "approve"]).await;
        let other_staff = shop.get(Role::OtherStaff, "/api/v1/me").await.expect(200).get("/id");
        shop.set_staff(Role::OtherOwner, &other, &other_staff, &member).await;
        let draft_business = shop.business(Role::Owner, "Stand", &business_category, &[]).await;
        let pending_business = shop.business(Role::Owner, "Kiosk", &business_category, &["submit"]).await;
        let suspended_business = shop.business(Role::Owner, "Cart", &business_category, &["submit", "approve", "suspend"]).await;
        for id in [&draft_business, &pending_business, &suspended_business] {
            shop.set_staff(Role::Owner, id, &staff, &member).await;
        }
        let unclaimed_business = shop.imported_business().await;
        let claims = format!("/api/v1/businesses/{unclaimed_business}/claims");
        let claim = shop.post(Role::Customer, &claims, json!({ "proof": "My name is on the door." })).await.expect(202).get("/id");
        shop.settle().await;

        let leads = format!("/api/v1/businesses/{business}/leads");
        let lead = shop.post(Role::Customer, &leads, enquiry(1)).await.expect(202).get("/id");
        let mut with_links = enquiry(2);
        with_links["message"] = "Look here: https://a.example https://b.example https://c.example https://d.example".into();
        let suspicious_lead = shop.post(Role::Customer, &leads, with_links).await.expect(202).get("/id");
        let returned_lead = shop.post(Role::Customer, &leads, enquiry(3)).await.expect(202).get("/id");
        let reason = json!({ "reason": "wrong_category" });
        shop.post(Role::Owner, &format!("{leads}/{returned_lead}/return"), reason).await.expect(200);

        let category = shop.create("/api/v1/categories", json!({ "name": "Bread" })).await;
        let made = shop.post(Role::Admin, "/api/v1/categories", json!({ "name": "Cake" })).await.expect(201);
        let (empty_category, empty_category_etag) = (made.get("/id"), made.etag.unwrap());
        let goods = shop.product(&product("Rye bread", &business, &category, "published", 1900)).await;
        let answered = shop.product(&product("White bread", &business, &category, "published", 1900)).await;
        let unreviewed = shop.product(&product("Brown bread", &business, &category, "published", 1900)).await;
        let unbought = shop.product(&product("Grey bread", &business, &category, "published", 1900)).await;
        let draft = shop.product(&product("New bread", &business, &category, "draft", 1900)).await;
        shop.settle().await;
        let count = json!({ "set_on_hand": 100, "reason": "counted" });
        shop.post(Role::Owner, &format!("/api/v1/admin/stock/{}/adjustments", goods.variant), count).await.expect(200);
        let upload = shop.send(Role::Owner, "POST", "/api/v1/uploads", &Body::Gif, None).await.expect(201);
        let file = upload.get("/url").trim_start_matches("/files/").to_owned();

        let (paid_order, _) = shop.order(Role::Customer, &goods, Some(CARD)).await;
        let (unpaid_order, _) = shop.order(Role::Customer, &goods, None).await;
        let (guest_order, guest_token) = shop.order(Role::Guest, &goods, None).await;
        let (order_at_the_bank, _) = shop.order(Role::Customer, &goods, Some(CARD_WITH_ACTION)).await;
        let paid = shop.get(Role::Customer, &format!("/api/v1/orders/{paid_order}")).await.expect(200);
        assert_eq!(paid.get("/status"), "confirmed");
        let (delivered_order, _) = shop.order(Role::Customer, &goods, Some(CARD)).await;
        for status in ["processing", "shipped", "delivered"] {
            let path = format!("/api/v1/admin/orders/{delivered_order}/status");
            shop.post(Role::Admin, &path, json!({ "status": status })).await.expect(200);
        }
        shop.settle().await;
        let (payment, open_payment) = (shop.payment(&paid_order).await, shop.payment(&order_at_the_bank).await);
        let (stale_cart, stale_guest_cart) = (shop.cart(Role::Customer, &goods).await, shop.cart(Role::Guest, &goods).await);
        // Those carts have prices to accept; the next ones have none.
        let dearer = Body::Json(product("Rye bread", &business, &category, "published", 2100));
        let (path, etag) = (format!("/api/v1/products/{}", goods.product), shop.etag(&format!("/api/v1/products/{}", goods.product)).await);
        shop.send(Role::Owner, "PUT", &path, &dearer, Some(&etag)).await.expect(200);
        shop.settle().await;
        let (cart, guest_cart) = (shop.cart(Role::Customer, &goods).await, shop.cart(Role::Guest, &goods).await);

        let review = shop.review(&goods.product).await;
        let answered_review = shop.review(&answered.product).await;
        for id in [&review, &answered_review] {
            shop.post(Role::Admin, &format!("/api/v1/admin/reviews/{id}/publish"), json!({})).await.expect(200);
        }
        let thanks = Body::Json(json!({ "text": "Thank you." }));
        shop.send(Role::Owner, "PUT", &format!("/api/v1/reviews/{answered_review}/reply"), &thanks, None).await.expect(200);
        // Of something that the customer has not bought.
        let waiting_review = shop.review(&unbought.product).await;
        let seen = shop.get(Role::Customer, &format!("/api/v1/reviews/{waiting_review}")).await.expect(200);
        assert_eq!(seen.get("/status"), "pending");
        let vote = format!("/api/v1/reviews/{review}/helpful");
        shop.send(Role::OtherCustomer, "PUT", &vote, &Body::Empty, None).await.expect(204);
        let report = json!({ "reason": "fake" });
        shop.post(Role::OtherCustomer, &format!("/api/v1/reviews/{review}/reports"), report).await.expect(204);
        shop.settle().await;

        let consumer = shop.host.services().iter().flat_map(|service| &service.consumers).next().unwrap().name;
        Self {
            mail: shop.get(Role::Admin, "/api/v1/admin/mails").await.expect(200).get("/items/0/id"),
            mail_template: shop.get(Role::Admin, "/api/v1/admin/mail-templates").await.expect(200).get("/items/0/name"),
            dead_letter: shop.dead_letter(consumer).await,
            business_profile_etag: shop.etag(&format!("/api/v1/businesses/{business}/profile")).await,
            product_etag: shop.etag(&format!("/api/v1/products/{}", goods.product)).await,
            stock_etag: shop.etag(&format!("/api/v1/admin/stock/{}", goods.variant)).await,
            product: goods.product,
            variant: goods.variant,
            draft_product: draft.product,
            unreviewed_product: unreviewed.product,
            customer,
            other_customer,
            staff,
            bystander,
            disabled,
            verification_token,
            reset_token,
            refresh_token,
            address,
            business,
            draft_business,
            pending_business,
            suspended_business,
            unclaimed_business,
            business_category,
            empty_business_category,
            claim,
            lead,
            suspicious_lead,
            returned_lead,
            category,
            empty_category,
            empty_category_etag,
            file,
            cart,
            guest_cart,
            stale_cart,
            stale_guest_cart,
            unpaid_order,
            paid_order,
            guest_order,
            guest_token,
            payment,
            open_payment,
            review,
            waiting_review,
            answered_review,
            consumer,
        }
    }
}

impl Shop {
    async fn create(&self, path: &str, body: Value) -> String {
        self.post(Role::Admin, path, body).await.expect(201).get("/id")
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

    async fn set_staff(&self, owner: Role, business: &str, user: &str, member: &Value) {
        let path = format!("/api/v1/businesses/{business}/staff/{user}");
        self.send(owner, "PUT", &path, &Body::Json(member.clone()), None).await.expect(200);
    }

    /// A listing that is nobody's yet.
    async fn imported_business(&self) -> String {
        let geometry = json!({ "type": "Point", "coordinates": [11.5, 48.1] });
        let properties = json!({ "id": 1, "type": "node", "name": "Florist Rosa", "shop": "florist" });
        let feature = json!({ "type": "Feature", "geometry": geometry, "properties": properties });
        let file = json!({ "type": "FeatureCollection", "features": [feature] }).to_string();
        let places = directory::parse(&file, FileKind::GeoJson, &Mapping::parse(DEFAULT_MAPPING).unwrap()).unwrap();
        self.home.import_businesses(places.into_iter().map(Result::unwrap).collect(), |_| ()).await.unwrap();
        self.get(Role::Guest, "/api/v1/businesses/florist-rosa").await.expect(200).get("/id")
    }

    async fn product(&self, body: &Value) -> Goods {
        let made = self.post(Role::Owner, "/api/v1/products", body.clone()).await.expect(201);
        Goods { product: made.get("/id"), variant: made.get("/variants/0/id") }
    }

    async fn cart(&self, role: Role, goods: &Goods) -> String {
        let line = json!({ "product_id": goods.product, "variant_id": goods.variant, "quantity": 1 });
        self.post(role, "/api/v1/carts", json!({ "lines": [line] })).await.expect(201).get("/id")
    }

    /// The order and, for a guest's, the token that opens it.
    async fn order(&mut self, role: Role, goods: &Goods, card: Option<&str>) -> (String, String) {
        let mut body = order_of(&self.cart(role, goods).await);
        body["payment_method"] = card.into();
        let placed = self.post(role, "/api/v1/orders", body).await.expect(202);
        self.settle().await;
        (placed.get("/id"), if role == Role::Guest { placed.get("/guest_token") } else { String::new() })
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
        for logged in log.events {
            if let Some(asked) = VerificationRequested::of(&logged.envelope.event) {
                verification = links.link_token(asked.user_id, LinkPurpose::VerifyEmail, asked.serial);
            }
            if let Some(asked) = PasswordResetRequested::of(&logged.envelope.event) {
                reset = links.link_token(asked.user_id, LinkPurpose::ResetPassword, asked.serial);
            }
        }
        (verification, reset)
    }

    async fn dead_letter(&self, consumer: &str) -> String {
        let types: Vec<&str> = Event::TYPES.iter().map(|(kind, _)| *kind).collect();
        let first = self.home.log().read(0, &types, 1).await.unwrap().events.remove(0);
        let letter = FailedDelivery {
            consumer: consumer.to_owned(),
            position: first.position,
            envelope: (*first.envelope).clone(),
            attempts: 5,
            first_failed_at: first.envelope.time,
            next_at: None,
            error: "broken on purpose".into(),
        };
        let rule = |(), _: &shell::DecisionContext| Changes::none().derived(&letter);
        self.home.shell_work().run_job("roles", |_| async { Ok::<_, Problem>(()) }, rule).await.unwrap();
        letter.position.to_string()
    }
}
