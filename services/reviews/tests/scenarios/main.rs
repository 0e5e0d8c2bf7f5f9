//! Reviews as customers, owners, moderators and other services see them.

// A failing unwrap is a failing test, also in the helpers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use contracts::{Event, LeadAnswered, LeadBilled, OrderRef, OrderStatusChanged, UserErased};
use kernel::CategoryId;
use kernel::{
    Actor, BusinessId, Currency, Cursor, Duration, Email, LeadId, Money, OrderId, Page, Problem, ProductId, Rating, ReviewTarget, Role,
    Timestamp, UserId,
};
use ports::reads::{
    Account, BusinessListing, DirectoryReads, EnquiryReply, IdentityReads, OrderLineSummary, OrderPartSummary, OrderReads, OrderSummary,
    ProductListing, ProductReads, ReviewReads as _,
};
use ports::{Person, PersonalData as _};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};

use reviews::{Config, Deps, Moderation, Reads, TABLE, Unverified, service};

mod recount;
mod seen_by_others;

const BAKERY: BusinessId = BusinessId(50);
const BREAD: ProductId = ProductId(60);
/// Their part of an order was cancelled, and nobody has received what they sell.
const CANCELLED_SELLER: BusinessId = BusinessId(51);
const NEVER_SENT: ProductId = ProductId(61);

/// A town with one bakery that sells one bread.
#[derive(Default)]
struct Town {
    orders: Mutex<BTreeMap<OrderId, UserId>>,
}

fn address(user: UserId) -> Email {
    format!("person-{}@example.com", user.0).parse().unwrap()
}

#[async_trait]
impl IdentityReads for Town {
    async fn account(&self, user: UserId) -> Result<Option<Account>, Problem> {
        Ok(Some(Account {
            id: user,
            email: address(user),
            email_verified: unverified().user_id() != Some(user),
            email_proven: unverified().user_id() != Some(user),
            name: format!("Ada Lovelace{}", user.0),
            roles: vec![Role::Customer],
            businesses: Vec::new(),
            disabled: false,
            tokens_valid_from: Timestamp::from_millis(0),
        }))
    }
}

#[async_trait]
impl DirectoryReads for Town {
    async fn businesses(&self, ids: &[BusinessId]) -> Result<Vec<Option<BusinessListing>>, Problem> {
        let bakery = BusinessListing {
            id: BAKERY,
            slug: "bakery".into(),
            name: "Bakery".into(),
            description: String::new(),
            categories: Vec::new(),
            tags: Vec::new(),
            address: None,
            district: String::new(),
            position: None,
            opening_hours: None,
            time_zone: None,
            region: String::new(),
            phone: None,
            website: None,
            image_url: None,
            published: true,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        };
        Ok(ids.iter().map(|id| (*id == BAKERY).then(|| bakery.clone())).collect())
    }

    async fn page(&self, _: Option<Cursor>) -> Result<Page<BusinessListing>, Problem> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn category(&self, _: &str) -> Result<Option<CategoryId>, Problem> {
        Ok(None)
    }

    async fn owners(&self, id: BusinessId) -> Result<Vec<UserId>, Problem> {
        Ok(if id == BAKERY { vec![baker().user_id().unwrap()] } else { Vec::new() })
    }

    async fn managers(&self, id: BusinessId) -> Result<Vec<UserId>, Problem> {
        self.owners(id).await
    }

    async fn enquiry_reply(&self, _: LeadId, _: u32) -> Result<Option<EnquiryReply>, Problem> {
        Ok(None)
    }
}

#[async_trait]
impl ProductReads for Town {
    async fn cards(&self, _: &[ProductId]) -> Result<Vec<Option<ports::reads::ProductCard>>, Problem> {
        panic!("reviews show no cards")
    }

    async fn category(&self, _: &str) -> Result<Option<CategoryId>, Problem> {
        Ok(None)
    }

    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductListing>>, Problem> {
        let bread = ProductListing {
            id: BREAD,
            seller_id: BAKERY,
            slug: "bread".into(),
            title: "Bread".into(),
            description: String::new(),
            vendor: String::new(),
            tags: Vec::new(),
            category: None,
            price_from: None,
            price_to: None,
            image_url: None,
            published: true,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        };
        Ok(ids.iter().map(|id| (*id == BREAD).then(|| bread.clone())).collect())
    }

    async fn products_page(&self, _: Option<Cursor>) -> Result<Page<ProductListing>, Problem> {
        Ok(Page { items: Vec::new(), next: None })
    }
}

#[async_trait]
impl OrderReads for Town {
    async fn order(&self, id: OrderId) -> Result<Option<OrderSummary>, Problem> {
        let price = Money::new(450, Currency::EUR);
        let line = OrderLineSummary {
            product_id: BREAD,
            seller_id: BAKERY,
            sku: "BREAD".into(),
            title: "Bread".into(),
            quantity: 1,
            unit_price: price,
            total: price,
        };
        let part =
            |seller_id, cancelled| OrderPartSummary { seller_id, subtotal: price, shipping: price, tax: price, total: price, cancelled };
        let found = self.orders.lock().unwrap().get(&id).copied();
        Ok(found.map(|customer| OrderSummary {
            pay_by: None,
            id,
            number: "S-1".into(),
            customer_id: Some(customer),
            email: address(customer),
            placed_at: Timestamp::from_millis(0),
            lines: vec![line.clone(), OrderLineSummary { seller_id: CANCELLED_SELLER, product_id: NEVER_SENT, ..line }],
            parts: vec![part(BAKERY, false), part(CANCELLED_SELLER, true)],
            subtotal: price,
            shipping: price,
            tax: price,
            total: price,
            shipping_address: None,
        }))
    }
}

/// Has confirmed no address.
fn unverified() -> Actor {
    Harness::customer(997)
}

fn baker() -> Actor {
    Harness::business(1, BAKERY)
}

fn town(config: Config) -> (Harness, Arc<Town>) {
    let town = Arc::new(Town::default());
    let deps = Deps { accounts: town.clone(), directory: town.clone(), products: town.clone(), orders: town.clone() };
    (Harness::new(|kit| vec![service(&kit.work(&TABLE), deps, config)]), town)
}

fn open() -> Config {
    Config { moderation: Moderation::None, ..Config::default() }
}

fn words(target: ReviewTarget, rating: u8, text: &str) -> Value {
    json!({"target": target, "rating": rating, "text": text})
}

fn bakery() -> ReviewTarget {
    ReviewTarget::Business(BAKERY)
}

async fn submit(world: &Harness, actor: &Actor, target: ReviewTarget, rating: u8, text: &str) -> TestResponse {
    world.post("/api/v1/reviews", &words(target, rating, text)).as_actor(actor).send().await
}

async fn submitted(world: &Harness, actor: &Actor, target: ReviewTarget, rating: u8) -> String {
    let got = submit(world, actor, target, rating, "Some words.").await.expect(201);
    got.json["id"].as_str().unwrap().to_owned()
}

async fn listed(world: &Harness, query: &str) -> Vec<u64> {
    let got = world.get(&format!("/api/v1/reviews?target={BAKERY}{query}")).send().await.expect(200);
    got.json["items"].as_array().unwrap().iter().map(|review| review["rating"].as_u64().unwrap()).collect()
}

/// Count and sum.
async fn summary(world: &Harness, target: ReviewTarget) -> (u64, u64) {
    let got = world.get(&format!("/api/v1/reviews/summary?target={target}")).send().await.expect(200);
    (got.json["count"].as_u64().unwrap(), got.json["sum"].as_u64().unwrap())
}

fn delivered(order: u128, customer: &Actor) -> OrderStatusChanged {
    let customer = customer.user_id().unwrap();
    let order = OrderRef {
        order_id: order.into(),
        number: "S-1".into(),
        customer_id: Some(customer),
        email: address(customer),
        total: Money::new(450, Currency::EUR),
    };
    OrderStatusChanged { order, status: "delivered".into() }
}

#[tokio::test]
async fn what_nobody_has_bought_waits_for_a_moderator() {
    let (world, _) = town(Config::default());
    let (ada, admin) = (Harness::customer(1), Harness::admin());
    let id = submitted(&world, &ada, bakery(), 5).await;
    let path = format!("/api/v1/reviews/{id}");
    assert_eq!((listed(&world, "").await, summary(&world, bakery()).await), (vec![], (0, 0)));
    world.get(&path).send().await.expect(404);
    world.get(&path).as_actor(&Harness::customer(2)).send().await.expect(404);
    let own = world.get(&path).as_actor(&ada).send().await.expect(200);
    assert_eq!((&own.json["status"], &own.json["verified"]), (&json!("pending"), &json!(false)));
    let queue = world.get("/api/v1/admin/reviews").as_actor(&admin).send().await.expect(200);
    assert_eq!(queue.json["items"][0]["id"], json!(id));
    let (publish, reject) = (format!("/api/v1/admin/reviews/{id}/publish"), format!("/api/v1/admin/reviews/{id}/reject"));
    for actor in [&ada, &baker(), &Harness::support()] {
        world.post(&publish, &json!({})).as_actor(actor).send().await.expect(403);
    }
    world.post(&publish, &json!({})).as_actor(&admin).send().await.expect(200);
    world.post(&publish, &json!({})).as_actor(&admin).send().await.expect(200);
    assert_eq!((listed(&world, "").await, summary(&world, bakery()).await), (vec![5], (1, 5)));
    assert_eq!(world.get("/api/v1/admin/reviews").as_actor(&admin).send().await.expect(200).json["items"], json!([]));
    world.post(&reject, &json!({"reason": "About another bakery."})).as_actor(&admin).send().await.expect(200);
    assert_eq!((listed(&world, "").await, summary(&world, bakery()).await), (vec![], (0, 0)));
    let own = world.get("/api/v1/me/reviews").as_actor(&ada).send().await.expect(200);
    assert_eq!(own.json["items"][0]["rejection"], json!("About another bakery."));
    let types = world.event_types().await;
    assert_eq!(types, ["review.submitted", "review.published", "rating.changed", "review.rejected", "rating.changed"]);
}

#[tokio::test]
async fn a_delivered_order_verifies_what_was_and_what_will_be_written() {
    let (world, town) = town(Config::default());
    let ada = Harness::customer(1);
    let before = submitted(&world, &ada, bakery(), 4).await;
    town.orders.lock().unwrap().insert(1.into(), ada.user_id().unwrap());
    let event = world.publish(delivered(1, &ada)).await;
    world.settle().await;
    world.deliver("reviews", &event).await.unwrap();
    let own = world.get(&format!("/api/v1/reviews/{before}")).as_actor(&ada).send().await.expect(200);
    assert_eq!((&own.json["verified"], &own.json["status"]), (&json!(true), &json!("pending")), "a moderator has it already");
    let eligible = world.get("/api/v1/me/reviews/eligible").as_actor(&ada).send().await.expect(200);
    assert_eq!(eligible.json["items"].as_array().unwrap().len(), 2, "{}", eligible.text);
    for item in eligible.json["items"].as_array().unwrap() {
        let reviewed = item["target"] == json!(bakery());
        assert_eq!(item.get("review_id"), reviewed.then(|| json!(before)).as_ref(), "{item}");
        assert_eq!(item["subject"]["title"], if reviewed { "Bakery" } else { "Bread" });
    }
    let bread = submit(&world, &ada, ReviewTarget::Product(BREAD), 5, "Crisp.").await;
    if bread.status == 201 {
        assert_eq!((&bread.json["verified"], &bread.json["status"]), (&json!(true), &json!("published")));
    } else {
        panic!("{}", bread.text);
    }
}

#[tokio::test]
async fn a_lead_that_is_paid_for_or_answered_makes_a_customer() {
    let (world, _) = town(Config { unverified: Unverified::Refuse, ..open() });
    let (ada, bob) = (Harness::customer(1), Harness::customer(2));
    submit(&world, &ada, bakery(), 5, "Good.").await.expect(403);
    let billed = |price, customer: &Actor| LeadBilled {
        lead_id: 9.into(),
        business_id: BAKERY,
        price: Money::new(price, Currency::EUR),
        customer_id: customer.user_id(),
    };
    world.publish(billed(0, &ada)).await;
    world.settle().await;
    submit(&world, &ada, bakery(), 5, "Good.").await.expect(403);
    world.publish(billed(500, &ada)).await;
    let cleo = Harness::customer(3);
    world.publish(LeadAnswered { lead_id: 10.into(), business_id: BAKERY, reply: 0, customer_id: cleo.user_id() }).await;
    world.settle().await;
    submit(&world, &cleo, bakery(), 5, "Good.").await.expect(201);
    submit(&world, &ada, bakery(), 5, "Good.").await.expect(201);
    submit(&world, &bob, bakery(), 5, "Good.").await.expect(403);
}

#[tokio::test]
async fn who_may_submit_what() {
    let (world, _) = town(open());
    let ada = Harness::customer(1);
    let nowhere = ReviewTarget::Business(BusinessId(51));
    for (actor, target, rating, text, status) in [
        (Harness::guest(), bakery(), 5, "Good.", 401),
        (baker(), bakery(), 5, "Good.", 403),
        (unverified(), bakery(), 5, "Good.", 403),
        // The token does not know of the business yet; the directory does.
        (Actor::User { id: baker().user_id().unwrap(), roles: vec![Role::Customer], businesses: vec![] }, bakery(), 5, "Good.", 403),
        (baker(), ReviewTarget::Product(BREAD), 5, "Good.", 403),
        (ada.clone(), nowhere, 5, "Good.", 404),
        (ada.clone(), ReviewTarget::Product(ProductId(61)), 5, "Good.", 404),
        (ada.clone(), bakery(), 0, "Good.", 422),
        (ada.clone(), bakery(), 6, "Good.", 422),
        (ada.clone(), bakery(), 5, " ", 422),
        (ada.clone(), bakery(), 5, "Good.", 201),
        (ada.clone(), bakery(), 5, "Good.", 201),
        (ada.clone(), bakery(), 1, "Bad.", 409),
    ] {
        let got = submit(&world, &actor, target, rating, text).await;
        assert_eq!(got.status, status, "{actor:?} {target} {rating} {text:?}: {}", got.text);
    }
    assert_eq!(summary(&world, bakery()).await, (1, 5));
}

#[tokio::test]
async fn readers_learn_no_more_than_a_first_name() {
    let (world, _) = town(open());
    let ada = Harness::customer(1);
    let id = submitted(&world, &ada, bakery(), 5).await;
    let list = world.get(&format!("/api/v1/reviews?target={BAKERY}")).send().await.expect(200);
    let one = world.get(&format!("/api/v1/reviews/{id}")).send().await.expect(200);
    let events: Vec<String> = world.events().await.iter().map(|event| event.event.data_json().unwrap()).collect();
    for text in [&list.text, &one.text] {
        assert!(text.contains("Ada L."), "{text}");
        assert!(!text.contains(&ada.user_id().unwrap().to_string()), "{text}");
    }
    for text in [list.text, one.text].iter().chain(&events) {
        assert!(!text.contains("example.com") && !text.contains("Lovelace"), "{text}");
    }
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let (world, _) = town(open());
    for (n, rating) in [(1, 3), (2, 5), (3, 1), (4, 5)] {
        submitted(&world, &Harness::customer(n), bakery(), rating).await;
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(listed(&world, "").await, [5, 1, 5, 3]);
    assert_eq!(listed(&world, "&sort=highest").await, [5, 5, 3, 1]);
    assert_eq!(listed(&world, "&sort=lowest").await, [1, 3, 5, 5]);
    assert_eq!(listed(&world, "&rating=5").await, [5, 5]);
    let first = world.get(&format!("/api/v1/reviews?target={BAKERY}&limit=3")).send().await.expect(200);
    let cursor = first.json["next"].as_str().unwrap();
    assert_eq!(listed(&world, &format!("&limit=3&cursor={cursor}")).await, [3]);
    for bad in ["&rating=6", "&limit=0", "&limit=101", "&sort=oldest", "&cursor=x"] {
        let got = world.get(&format!("/api/v1/reviews?target={BAKERY}{bad}")).send().await;
        assert!(got.status == 400 || got.status == 422, "{bad}: {}", got.text);
    }
    world.get("/api/v1/reviews?target=usr_1").send().await.expect(400);
}

#[tokio::test]
async fn editing_removing_and_writing_anew() {
    let (world, _) = town(open());
    let (ada, bob) = (Harness::customer(1), Harness::customer(2));
    let path = format!("/api/v1/reviews/{}", submitted(&world, &ada, bakery(), 2).await);
    let edit = json!({"rating": 4, "text": "Better now."});
    world.put(&path, &edit).as_actor(&bob).send().await.expect(404);
    world.put(&path, &edit).as_actor(&ada).header("If-Match", "\"v9\"").send().await.expect(412);
    world.put(&path, &edit).as_actor(&ada).send().await.expect(200);
    assert_eq!(summary(&world, bakery()).await, (1, 4));
    world.delete(&path).as_actor(&bob).send().await.expect(404);
    world.delete(&path).as_actor(&ada).send().await.expect(204);
    world.delete(&path).as_actor(&ada).send().await.expect(204);
    assert_eq!((listed(&world, "").await, summary(&world, bakery()).await), (vec![], (0, 0)));
    world.get(&path).send().await.expect(404);
    world.put(&path, &edit).as_actor(&ada).send().await.expect(409);
    submit(&world, &ada, bakery(), 3, "Anew.").await.expect(201);
    assert_eq!((listed(&world, "").await, summary(&world, bakery()).await), (vec![3], (1, 3)));
}

#[tokio::test]
async fn the_owner_answers_and_answers_anew() {
    let (world, _) = town(open());
    let reply = format!("/api/v1/reviews/{}/reply", submitted(&world, &Harness::customer(1), bakery(), 2).await);
    let answer = |text: &str| json!({"text": text});
    let elsewhere = Harness::business(2, BusinessId(51));
    world.put(&reply, &answer("Thanks")).as_actor(&elsewhere).send().await.expect(403);
    world.put(&reply, &answer("Thanks")).as_actor(&Harness::customer(1)).send().await.expect(403);
    let got = world.put(&reply, &answer("Thanks")).as_actor(&baker()).send().await.expect(200);
    assert_eq!(got.json["reply"]["text"], json!("Thanks"));
    world.put(&reply, &answer("Thanks")).as_actor(&baker()).send().await.expect(200);
    let other = world.put(&reply, &answer("Or not")).as_actor(&baker()).send().await.expect(200);
    assert_eq!(other.json["reply"]["text"], json!("Or not"));
    world.delete(&reply).as_actor(&Harness::customer(1)).send().await.expect(403);
    assert!(world.delete(&reply).as_actor(&baker()).send().await.expect(200).json.get("reply").is_none());
    world.put(&reply, &answer("Thanks")).as_actor(&baker()).send().await.expect(200);
    let admin = format!("/api/v1/admin/reviews/{}", reply.trim_start_matches("/api/v1/reviews/"));
    world.delete(&admin).as_actor(&baker()).send().await.expect(403);
    world.delete(&admin).as_actor(&Harness::admin()).send().await.expect(200);
    world.put(&reply, &answer("Or not")).as_actor(&baker()).send().await.expect(200);
}

#[tokio::test]
async fn votes_and_reports_count_once_for_each_reader() {
    let (world, _) = town(open());
    let (ada, bob, eve, admin) = (Harness::customer(1), Harness::customer(2), Harness::customer(3), Harness::admin());
    let path = format!("/api/v1/reviews/{}", submitted(&world, &ada, bakery(), 2).await);
    let helpful = format!("{path}/helpful");
    for actor in [&ada, &baker()] {
        world.put(&helpful, &json!({})).as_actor(actor).send().await.expect(403);
    }
    for actor in [&bob, &bob, &eve] {
        world.put(&helpful, &json!({})).as_actor(actor).send().await.expect(204);
    }
    assert_eq!(world.get(&path).send().await.expect(200).json["helpful"], json!(2));
    let seen = |actor: Actor| world.get(&format!("/api/v1/reviews?target={BAKERY}")).as_actor(&actor).send();
    assert_eq!(seen(bob.clone()).await.json["items"][0]["found_helpful"], json!(true));
    assert_eq!(seen(ada.clone()).await.json["items"][0]["found_helpful"], json!(false));
    assert_eq!(seen(Harness::guest()).await.json["items"][0].get("found_helpful"), None);
    for _ in 0..2 {
        world.delete(&helpful).as_actor(&eve).send().await.expect(204);
    }
    assert_eq!(world.get(&path).send().await.expect(200).json["helpful"], json!(1));
    let report = json!({"reason": "offensive", "text": "It names a person."});
    for actor in [&bob, &bob, &eve] {
        world.post(&format!("{path}/reports"), &report).as_actor(actor).send().await.expect(204);
    }
    world.post(&format!("{path}/reports"), &json!({"reason": "dislike"})).as_actor(&bob).send().await.expect(422);
    let queue = world.get("/api/v1/admin/reviews").as_actor(&admin).send().await.expect(200);
    assert_eq!((&queue.json["items"][0]["reports"], listed(&world, "").await), (&json!(2), vec![2]));
    let (subject, reasons) = (&queue.json["items"][0]["subject"], &queue.json["items"][0]["report_reasons"]);
    assert_eq!((&subject["title"], &reasons[1]["text"]), (&json!("Bakery"), &report["text"]));
    let admin_path = path.replace("/reviews/", "/admin/reviews/");
    let reports = world.get(&format!("{admin_path}/reports")).as_actor(&admin).send().await.expect(200);
    assert_eq!(reports.json["items"].as_array().unwrap().len(), 2);
    world.post(&format!("{admin_path}/dismiss-reports"), &json!({})).as_actor(&admin).send().await.expect(200);
    assert_eq!(world.get("/api/v1/admin/reviews").as_actor(&admin).send().await.expect(200).json["items"], json!([]));
}

#[tokio::test]
async fn a_reminder_comes_once_and_only_for_what_is_not_reviewed() {
    let (world, town) = town(open());
    let (ada, bob) = (Harness::customer(1), Harness::customer(2));
    for (order, customer) in [(1, &ada), (2, &bob)] {
        town.orders.lock().unwrap().insert(order.into(), customer.user_id().unwrap());
        world.publish(delivered(order, customer)).await;
    }
    world.settle().await;
    submit(&world, &bob, ReviewTarget::Product(BREAD), 5, "Crisp.").await.expect(201);
    let reminded = async || {
        world.tick("reviews.remind").await;
        let of = |event: &Event| match event {
            Event::ReviewReminderDue(due) => Some(due.customer_id),
            _ => None,
        };
        world.events().await.iter().filter_map(|envelope| of(&envelope.event)).collect::<Vec<_>>()
    };
    assert_eq!(reminded().await, []);
    world.advance(Duration::from_secs(8 * 24 * 3600));
    for _ in 0..2 {
        assert_eq!(reminded().await, [ada.user_id().unwrap()]);
    }
}
