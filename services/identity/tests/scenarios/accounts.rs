//! One's own account, and the accounts for admins.

use crate::shop::{PASSWORD, Shop};
use contracts::{BusinessRemoved, BusinessStaffChanged};
use identity::TABLE;
use kernel::{Actor, BusinessId, Membership, Role, StaffRole, UserId};
use ports::reads::{IdentityReads, LinkPurpose};
use ports::{Person, PersonalData as _};
use serde_json::{Value, json};
use shell::testing::{Harness, TestResponse};

fn address(name: &str) -> Value {
    json!({"name": name, "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München", "address_country": "DE"})
}

async fn erase(shop: &Shop, actor: &Actor, password: &str) -> TestResponse {
    let body = json!({"password": password}).to_string();
    shop.world.delete("/api/v1/me").raw("application/json", body.as_bytes()).as_actor(actor).send().await
}

async fn make_admin(shop: &Shop, email: &str) -> UserId {
    identity::create_admin(&shop.work, &shop.passwords, email.parse().unwrap(), PASSWORD).await.unwrap()
}

#[tokio::test]
async fn profile() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let actor = shop.actor("ann@example.com").await;
    shop.world.get("/api/v1/me").send().await.expect(401);
    let me = shop.world.get("/api/v1/me").as_actor(&actor).send().await.expect(200);
    assert!(!me.text.contains("argon2"), "{}", me.text);
    let change = json!({"name": "Ann Lee", "telephone": "+49 89 1"});
    let patch = |etag: &str| shop.world.patch("/api/v1/me", &change).as_actor(&actor).header("If-Match", etag);
    let changed = patch(&me.headers["etag"]).send().await.expect(200);
    assert_eq!((changed.json["name"].as_str(), changed.json["telephone"].as_str()), (Some("Ann Lee"), Some("+49 89 1")));
    patch(&me.headers["etag"]).send().await.expect(412);
    let read = shop.world.get("/api/v1/me").as_actor(&actor).send().await.expect(200);
    assert_eq!((&read.json, &read.headers["etag"]), (&changed.json, &changed.headers["etag"]));
    shop.world.patch("/api/v1/me", &json!({"name": ""})).as_actor(&actor).send().await.expect(422);
}

#[tokio::test]
async fn another_address_needs_the_password_and_a_mail() {
    let shop = Shop::open();
    let id = shop.verified("ann@example.com").await;
    shop.verified("taken@example.com").await;
    let actor = shop.actor("ann@example.com").await;
    let patch = async |body: Value| shop.world.patch("/api/v1/me", &body).as_actor(&actor).send().await;
    patch(json!({"email": "ann@new.example"})).await.expect(422);
    patch(json!({"email": "ann@new.example", "current_password": "not the password"})).await.expect(422);

    let mails = shop.count("user.verification_requested").await;
    let taken = patch(json!({"email": "taken@example.com", "current_password": PASSWORD})).await.expect(200);
    assert_eq!(taken.json["pending_email"], "taken@example.com", "the same answer");
    assert_eq!(shop.count("user.verification_requested").await, mails, "and no mail");

    patch(json!({"email": "ann@new.example", "current_password": PASSWORD})).await.expect(200);
    assert_eq!(shop.count("user.verification_requested").await, mails + 1);
    assert_eq!(shop.reads.account(id).await.unwrap().unwrap().email.as_str(), "ann@example.com");
    shop.follow(id, LinkPurpose::VerifyEmail, 2).await.expect(204);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(401);
    shop.sign_in("ann@new.example", PASSWORD).await.expect(200);
    shop.register("ann@example.com").await;
}

#[tokio::test]
async fn address_book() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let ann = shop.actor("ann@example.com").await;
    shop.verified("bea@example.com").await;
    let bea = shop.actor("bea@example.com").await;
    let add = async |name: &str| {
        let body = json!({"address": address(name)});
        shop.world.post("/api/v1/me/addresses", &body).as_actor(&ann).header("Idempotency-Key", name).send().await.expect(201)
    };
    let home = add("Home").await;
    assert_eq!(add("Home").await.json, home.json, "a retry");
    let work = add("Work").await;
    let list = shop.world.get("/api/v1/me/addresses").as_actor(&ann).send().await.expect(200);
    assert_eq!(list.json["items"], json!([home.json, work.json]));
    assert_eq!((home.json["is_default"].as_bool(), work.json["is_default"].as_bool()), (Some(true), Some(false)));

    let path = work.headers["location"].clone();
    let body = json!({"address": address("Office"), "is_default": true});
    shop.world.put(&path, &body).as_actor(&bea).send().await.expect(404);
    shop.world.put(&path, &body).as_actor(&ann).header("If-Match", "\"v1\"").send().await.expect(412);
    let put = shop.world.put(&path, &body).as_actor(&ann).header("If-Match", &list.headers["etag"]).send().await.expect(200);
    assert_eq!((put.json["address"]["name"].as_str(), put.json["is_default"].as_bool()), (Some("Office"), Some(true)));
    shop.world.delete(&path).as_actor(&ann).send().await.expect(204);
    shop.world.delete(&path).as_actor(&ann).send().await.expect(204);
    let list = shop.world.get("/api/v1/me/addresses").as_actor(&ann).send().await.expect(200);
    assert_eq!((list.json["items"].as_array().unwrap().len(), list.json["items"][0]["is_default"].as_bool()), (1, Some(true)));

    let bad =
        json!({"address": {"name": "", "street_address": "x", "postal_code": "1", "address_locality": "y", "address_country": "Germany"}});
    let refused = shop.world.post("/api/v1/me/addresses", &bad).as_actor(&ann).send().await.expect(422);
    assert_eq!(refused.json["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn export_and_erasure() {
    let shop = Shop::open();
    let id = shop.verified("ann@example.com").await;
    let ann = shop.actor("ann@example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    shop.world.post("/api/v1/me/addresses", &json!({"address": address("Ann Lee")})).as_actor(&ann).send().await.expect(201);
    let person = Person { user_id: id, verified_email: Some("ann@example.com".parse().unwrap()) };
    let export = shop.reads.export(&person).await.unwrap();
    assert_eq!(export["profile"]["email"], "ann@example.com");
    assert_eq!(export["addresses"][0]["address"]["name"], "Ann Lee");
    assert_eq!(export["sessions"].as_array().unwrap().len(), 2);
    assert!(!export.to_string().contains("argon2"));

    erase(&shop, &ann, "not the password").await.expect(422);
    assert!(shop.who(&tokens).await.is_ok());
    erase(&shop, &ann, PASSWORD).await.expect(204);
    assert!(shop.who(&tokens).await.is_err());
    shop.refresh(&tokens).await.expect(401);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(401);
    shop.world.post("/api/v1/me/addresses", &json!({"address": address("Ann Lee")})).as_actor(&ann).send().await.expect(409);
    let left = shop.world.get(&format!("/api/v1/admin/users/{id}")).as_actor(&Harness::support()).send().await.expect(200);
    assert_eq!(left.json["status"], "erased");
    assert!(!left.text.contains("ann@") && !left.text.contains("Ann"), "{}", left.text);
    assert_eq!(shop.count("user.erased").await, 1);
    shop.world.settle().await;
    assert_eq!(shop.reads.export(&person).await.unwrap(), Value::Null);
    for item in shop.world.stored(&TABLE) {
        assert!(!["ann@example.com", "Ann", "Marienplatz", "session#"].iter().any(|text| item.contains(text)), "{item}");
    }
    let again = shop.world.post("/api/v1/auth/register", &json!({"email": "ann@example.com", "password": PASSWORD, "name": "Ann"}));
    again.send().await.expect(202);
    assert_eq!(shop.count("user.verification_requested").await, 2, "the address is free again");
}

#[tokio::test]
async fn admins_disable_and_enable() {
    let shop = Shop::open();
    let id = shop.verified("ann@example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let path = |step: &str| format!("/api/v1/admin/users/{id}/{step}");
    let disable = |actor: &Actor| shop.world.post(&path("disable"), &json!({"reason": "fraud"})).as_actor(actor).send();
    disable(&Harness::guest()).await.expect(401);
    disable(&Harness::customer(1)).await.expect(403);
    disable(&Harness::business(1, 1.into())).await.expect(403);
    disable(&Harness::support()).await.expect(403);
    assert!(shop.who(&tokens).await.is_ok());

    assert_eq!(disable(&Harness::admin()).await.expect(200).json["status"], "disabled");
    disable(&Harness::admin()).await.expect(200);
    assert_eq!(shop.count("user.disabled").await, 1);
    assert!(shop.who(&tokens).await.is_err(), "at once");
    shop.refresh(&tokens).await.expect(401);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(401);
    shop.post("/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(202);
    assert_eq!(shop.count("user.password_reset_requested").await, 0);

    shop.world.post(&path("enable"), &json!({})).as_actor(&Harness::admin()).send().await.expect(200);
    shop.refresh(&tokens).await.expect(401);
    shop.sign_in("ann@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn roles_count_at_once() {
    let shop = Shop::open();
    let id = shop.verified("ann@example.com").await;
    let tokens = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let path = format!("/api/v1/admin/users/{id}/roles");
    let put = async |actor: &Actor, body: Value| shop.world.put(&path, &body).as_actor(actor).send().await;
    put(&Harness::support(), json!({"roles": ["admin"]})).await.expect(403);
    put(&Harness::admin(), json!({"roles": ["king"]})).await.expect(422);
    let seller = put(&Harness::admin(), json!({"roles": ["business"]})).await.expect(200).json;
    assert_eq!(seller["roles"], json!(["customer", "business"]));
    assert_eq!(seller["businesses"].as_array().unwrap().len(), 1);
    let tokens = shop.refresh(&tokens).await.expect(200).json;
    let actor = shop.who(&tokens).await.unwrap();
    assert!(actor.acts_for(seller["businesses"][0]["business_id"].as_str().unwrap().parse().unwrap()));
    put(&Harness::admin(), json!({"roles": []})).await.expect(200);
    assert!(shop.who(&tokens).await.is_err());
    assert!(!shop.actor("ann@example.com").await.has_role(Role::Business));
}

#[tokio::test]
async fn the_last_admin_stays() {
    let shop = Shop::open();
    let root = make_admin(&shop, "root@example.com").await;
    assert_eq!(make_admin(&shop, "root@example.com").await, root, "again");
    let admin = shop.actor("root@example.com").await;
    assert!(admin.is_admin());
    let disable = async |id: UserId| {
        let path = format!("/api/v1/admin/users/{id}/disable");
        shop.world.post(&path, &json!({"reason": "left"})).as_actor(&admin).send().await.status
    };
    let demote = async |id: UserId| {
        let path = format!("/api/v1/admin/users/{id}/roles");
        shop.world.put(&path, &json!({"roles": []})).as_actor(&admin).send().await.status
    };
    assert_eq!((disable(root).await, demote(root).await, erase(&shop, &admin, PASSWORD).await.status), (409, 409, 409));
    let ann = shop.register("ann@example.com").await;
    assert_eq!(make_admin(&shop, "ann@example.com").await, ann, "who has the address is made one");
    let (first, second) = tokio::join!(disable(root), disable(ann));
    let mut statuses = [first, second];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "two at once");
}

#[tokio::test]
async fn users_are_listed() {
    let shop = Shop::open();
    let root = make_admin(&shop, "root@example.com").await;
    let mut ids = vec![root];
    for n in 0..5 {
        shop.world.advance(kernel::Duration::from_millis(1));
        ids.push(shop.register(&format!("user{n}@example.com")).await);
    }
    let admin = Harness::admin();
    let change = async |id: UserId, step: &str, body: Value| {
        let path = format!("/api/v1/admin/users/{id}/{step}");
        let ask = if step == "roles" { shop.world.put(&path, &body) } else { shop.world.post(&path, &body) };
        ask.as_actor(&admin).send().await.expect(200);
    };
    change(ids[1], "roles", json!({"roles": ["business"]})).await;
    change(ids[2], "roles", json!({"roles": ["business"]})).await;
    change(ids[2], "disable", json!({"reason": "spam"})).await;
    change(ids[3], "disable", json!({"reason": "spam"})).await;
    for (query, expect) in [
        ("", vec![5, 4, 3, 2, 1, 0]),
        ("role=customer", vec![5, 4, 3, 2, 1, 0]),
        ("role=business", vec![2, 1]),
        ("role=business&status=active", vec![1]),
        ("role=business&status=disabled", vec![2]),
        ("role=admin", vec![0]),
        ("role=support", vec![]),
        ("status=disabled", vec![3, 2]),
        ("status=active", vec![5, 4, 1, 0]),
        ("status=erased", vec![]),
        ("email=User", vec![1, 2, 3, 4, 5]),
        ("email=user3@", vec![4]),
        ("email=user&status=disabled", vec![2, 3]),
        ("email=root&role=business", vec![]),
    ] {
        for limit in [1, 2, 100] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            for _ in 0..20 {
                let path = format!("/api/v1/admin/users?limit={limit}&{query}{cursor}");
                let page = shop.world.get(&path).as_actor(&admin).send().await.expect(200).json;
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                seen.extend(items.iter().map(|user| user["id"].as_str().unwrap().parse::<UserId>().unwrap()));
                match page["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            let expect: Vec<UserId> = expect.iter().map(|index| ids[*index]).collect();
            assert_eq!(seen, expect, "{query} by {limit}");
        }
    }
    let list = |actor: &Actor| shop.world.get("/api/v1/admin/users").as_actor(actor).send();
    list(&Harness::guest()).await.expect(401);
    list(&Harness::customer(1)).await.expect(403);
    list(&Harness::business(1, 1.into())).await.expect(403);
    list(&Harness::support()).await.expect(200);
    shop.world.get("/api/v1/admin/users?cursor=nonsense").as_actor(&admin).send().await.expect(400);
    shop.world.get("/api/v1/admin/users?limit=101").as_actor(&admin).send().await.expect(422);
}

#[tokio::test]
async fn the_operator_makes_accounts() {
    let shop = Shop::open();
    let make = async |name: &str, password: &str| {
        let email = "demo@example.com".parse().unwrap();
        identity::create_customer(&shop.work, &shop.passwords, email, name, password).await
    };
    assert!(make("Demo", "short").await.is_err());
    let id = make("Demo", PASSWORD).await.unwrap();
    assert_eq!(make("Other", "another long password").await.unwrap(), id, "it stays as it is");
    let account = shop.reads.account(id).await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.email_verified), ("Demo", true));
    assert!(!shop.actor("demo@example.com").await.is_admin());
    assert_eq!(shop.world.event_types().await, ["user.verified"], "nobody is mailed a link");
}

#[tokio::test]
async fn the_operator_sets_a_password() {
    let shop = Shop::open();
    let email: kernel::Email = "boss@example.com".parse().unwrap();
    let set = async |password: &str| identity::set_password(&shop.work, &shop.passwords, &email, password).await;
    let opens = async |password: &str| identity::opens(&shop.work, &shop.passwords, &email, password).await.unwrap();
    assert_eq!(identity::verified_account(&shop.work, &email).await.unwrap(), None);
    assert_eq!(set("another long password").await.unwrap_err().code, kernel::Code::NotFound);
    assert!(!opens(PASSWORD).await);
    let id = make_admin(&shop, email.as_str()).await;
    assert_eq!(identity::verified_account(&shop.work, &email).await.unwrap(), Some(id));
    let before = shop.sign_in(email.as_str(), PASSWORD).await.expect(200).json;

    assert!(set("short").await.is_err());
    assert!(opens(PASSWORD).await, "a password that is refused changes nothing");
    assert_eq!(set("another long password").await.unwrap(), id);
    assert_eq!((opens(PASSWORD).await, opens("another long password").await), (false, true));
    assert_eq!(shop.refresh(&before).await.status, 401, "all sessions have ended");
    shop.sign_in(email.as_str(), "another long password").await.expect(200);
}

#[tokio::test]
async fn who_acts_for_a_business_follows_from_the_directory() {
    let shop = Shop::open();
    let id = shop.verified("ann@example.com").await;
    let business_id = BusinessId(7);
    let role = |role| BusinessStaffChanged { business_id, user_id: id, role };
    let businesses = || async { shop.reads.account(id).await.unwrap().unwrap().businesses };
    let gained = shop.world.publish(role(Some(StaffRole::Owner))).await;
    shop.world.settle().await;
    assert_eq!(businesses().await, [Membership { business_id, role: StaffRole::Owner }]);
    shop.world.deliver("identity", &gained).await.unwrap();
    shop.world.publish(BusinessRemoved { business_id, members: vec![id, UserId(99)] }).await;
    shop.world.settle().await;
    assert!(businesses().await.is_empty());
    shop.world.deliver("identity", &gained).await.unwrap();
    assert!(businesses().await.is_empty(), "late news moves nothing backwards");
}

#[tokio::test]
async fn staff_find_people_by_words_and_by_when_they_came() {
    let shop = Shop::open();
    shop.verified("ann@example.com").await;
    let ann = shop.sign_in("ann@example.com", PASSWORD).await.expect(200).json;
    let named = shop.world.patch("/api/v1/me", &json!({"name": "Ann Grünthal"})).as_actor(&shop.who(&ann).await.unwrap());
    named.send().await.expect(200);
    shop.world.advance(kernel::Duration::from_secs(3600));
    shop.verified("bob@example.com").await;
    let bob = shop.world.get("/api/v1/admin/users?email=bob").as_actor(&Harness::support()).send().await.expect(200).json;
    let between = bob["items"][0]["created_at"].as_str().unwrap().to_owned();
    let found = async |query: &str| {
        let path = format!("/api/v1/admin/users?{query}");
        let got = shop.world.get(&path).as_actor(&Harness::support()).send().await.expect(200).json;
        got["items"].as_array().unwrap().iter().map(|item| item["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (query, expect) in [
        ("q=gruen", vec!["ann@example.com"]),
        ("q=ann+gr%C3%BCn", vec!["ann@example.com"]),
        ("q=example.com", vec!["bob@example.com", "ann@example.com"]),
        ("q=bob+gruen", vec![]),
        ("q=example&status=disabled", vec![]),
        (&format!("created_from={between}"), vec!["bob@example.com"]),
        (&format!("created_until={between}"), vec!["ann@example.com"]),
    ] {
        assert_eq!(found(query).await, expect, "{query}");
    }
    shop.world.get("/api/v1/admin/users?q=a&email=b").as_actor(&Harness::support()).send().await.expect(422);
    shop.world.get("/api/v1/admin/users?q=a").as_actor(&Harness::customer(1)).send().await.expect(403);
}
