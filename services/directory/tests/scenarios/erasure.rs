//! What is left of somebody who had their account erased.

use contracts::UserErased;
use kernel::Actor;
use ports::store::Key;
use ports::{Person, PersonalData as _};
use serde_json::{Value, json};
use shell::testing::Harness;
use shell::{Changes, DecisionContext};

use super::imports::import_file;
use super::leads::enquiry;
use super::{Town, cafe, owner, text, with};

/// Erases the account, and delivers the event again.
async fn erase(town: &Town, actor: &Actor) {
    let erased = UserErased { user_id: actor.user_id().unwrap(), email: Some("ann.sophie@example.com".parse().unwrap()) };
    let erased = town.world.publish(erased).await;
    town.world.settle().await;
    let stored = town.world.stored(&directory::TABLE);
    let events = town.world.events().await.len();
    town.world.deliver("directory", &erased).await.unwrap();
    assert_eq!(town.world.stored(&directory::TABLE), stored, "delivered again, it changes nothing");
    assert_eq!(town.world.events().await.len(), events);
    let id = actor.user_id().unwrap().to_string();
    assert!(!stored.iter().any(|item| item.contains(&id)), "{stored:#?}");
}

#[tokio::test]
async fn who_asked_is_forgotten_and_the_books_stay() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let business = town.published(&owner(), &cafe(&category)).await;
    import_file(&town, "id,name,lat,lon\nosm:node/1,Old Mill,48,11\n", directory::FileKind::Csv).await;
    let mill = text(&town.get("/businesses/old-mill", &Harness::guest()).await.expect(200).json["id"]);
    let (ann, bob) = (Harness::customer(5), Harness::customer(6));
    let ask = async |actor: &Actor, body: &Value| {
        text(&town.post(&format!("/businesses/{business}/leads"), actor, body).await.expect(202).json["id"])
    };
    let (billed, suspicious) = (ask(&ann, &enquiry()).await, {
        let links = "Ann-Sophie: http://a.example http://b.example http://c.example";
        ask(&ann, &with(enquiry(), json!({ "message": links }))).await
    });
    let other =
        ask(&bob, &with(enquiry(), json!({ "name": "Bob", "email": "bob@example.org", "phone": null, "message": "Tea, please" }))).await;
    for id in [&billed, &other] {
        town.post(&format!("/admin/leads/{id}/bill"), &Harness::admin(), &json!({})).await.expect(200);
    }
    town.post(&format!("/businesses/{mill}/claims"), &ann, &json!({ "proof": "Leebrück is on the imprint" })).await.expect(202);
    town.post(&format!("/businesses/{mill}/claims"), &bob, &json!({ "proof": "no, it is mine" })).await.expect(202);

    erase(&town, &ann).await;
    let stored = town.world.stored(&directory::TABLE).join("\n");
    for secret in ["Leebrück", "ann.sophie@example.com", "2345678", "Two cakes"] {
        assert!(!stored.contains(secret), "{secret} in {stored}");
    }
    let lead = async |id: &str| town.get(&format!("/businesses/{business}/leads/{id}"), &owner()).await;
    let after = lead(&billed).await.expect(200).json;
    assert_eq!(
        (&after["status"], &after["price"]["amount"], &after["preview"]["message_chars"]),
        (&json!("billed"), &json!(500), &json!(0))
    );
    assert!(after.get("contact").is_none(), "{after}");
    assert_eq!(lead(&other).await.expect(200).json["contact"]["email"], "bob@example.org", "others stay");
    town.post(&format!("/admin/leads/{suspicious}/deliver"), &Harness::admin(), &json!({})).await.expect(404);
    let claims = town.get("/admin/claims", &Harness::support()).await.expect(200);
    assert_eq!(claims.json["items"].as_array().unwrap().len(), 1, "{}", claims.text);
}

#[tokio::test]
async fn who_asked_is_forgotten_where_the_lead_is_gone() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let business = town.published(&owner(), &cafe(&category)).await;
    let asked = town.post(&format!("/businesses/{business}/leads"), &Harness::guest(), &enquiry()).await.expect(202);
    let lead = Key::new(format!("lead#{}", text(&asked.json["id"])), "lead");
    let delete = |(), _: &DecisionContext| Ok(Changes::none().delete_derived(lead.clone()));
    assert!(town.work.run_job("test", async |_| Ok(()), delete).await.unwrap());
    assert!(town.world.stored(&directory::TABLE).join("\n").contains("Leebrück"));

    erase(&town, &Harness::customer(5)).await;
    assert!(!town.world.stored(&directory::TABLE).join("\n").contains("Leebrück"));
}

#[tokio::test]
async fn businesses_stay_without_their_people() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let id = town.published(&owner(), &cafe(&category)).await;
    let draft = text(&town.post("/businesses", &owner(), &with(cafe(&category), json!({ "name": "Plan" }))).await.expect(201).json["id"]);
    let manager = Harness::customer(2);
    let path = format!("/api/v1/businesses/{id}/staff/{}", manager.user_id().unwrap());
    town.world.put(&path, &json!({ "role": "manager" })).as_actor(&owner()).send().await.expect(200);

    erase(&town, &owner()).await;
    let staff = town.get(&format!("/businesses/{id}/profile"), &Harness::admin()).await.expect(200).json["staff"].clone();
    assert_eq!(staff.as_array().unwrap().iter().map(|member| text(&member["role"])).collect::<Vec<_>>(), ["manager"]);
    assert_eq!(town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(200).json["claimed"], true);
    assert_eq!(town.get(&format!("/businesses/{draft}/profile"), &Harness::admin()).await.expect(200).json["staff"], json!([]));
    town.get(&format!("/businesses/{draft}/profile"), &manager).await.expect(404);

    erase(&town, &manager).await;
    let page = town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(200);
    assert_eq!((&page.json["claimed"], &page.json["takes_enquiries"]), (&json!(false), &json!(false)));
    town.post(&format!("/businesses/{id}/claims"), &Harness::customer(3), &json!({ "proof": "I took it over" })).await.expect(202);
    let left = town.world.event_types().await.into_iter().filter(|kind| *kind == "business.staff_changed").count();
    assert_eq!(left, 6, "three came, three left");
}

#[tokio::test]
async fn a_copy_holds_what_is_forgotten() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let business = town.published(&owner(), &cafe(&category)).await;
    import_file(&town, "id,name,lat,lon\nosm:node/1,Old Mill,48,11\n", directory::FileKind::Csv).await;
    let mill = text(&town.get("/businesses/old-mill", &Harness::guest()).await.expect(200).json["id"]);
    let ann = Harness::customer(5);
    let ask = async |actor: &Actor, message: &str| {
        let body = with(enquiry(), json!({ "message": message }));
        town.post(&format!("/businesses/{business}/leads"), actor, &body).await.expect(202);
    };
    ask(&ann, "Two cakes").await;
    ask(&Harness::guest(), "As a guest").await;
    ask(&Harness::customer(6), "Of somebody else").await;
    let body = with(enquiry(), json!({ "email": "Other@example.com", "message": "From elsewhere" }));
    town.post(&format!("/businesses/{business}/leads"), &ann, &body).await.expect(202);
    town.post(&format!("/businesses/{mill}/claims"), &ann, &json!({ "proof": "see the imprint" })).await.expect(202);
    let path = format!("/api/v1/businesses/{business}/staff/{}", ann.user_id().unwrap());
    town.world.put(&path, &json!({ "role": "staff" })).as_actor(&owner()).send().await.expect(200);

    let reads = directory::Reads::new(&town.work, "Europe/Berlin", "DE");
    let person = Person { user_id: ann.user_id().unwrap(), verified_email: Some("ann.sophie@example.com".parse().unwrap()) };
    let copy = reads.export(&person).await.unwrap();
    let members = |list: &str, name: &str| copy[list].as_array().unwrap().iter().map(|item| text(&item[name])).collect::<Vec<_>>();
    let mut messages = members("enquiries", "message");
    messages.sort();
    assert_eq!(messages, ["As a guest", "From elsewhere", "Two cakes"], "{copy}");
    assert_eq!((members("claims", "proof"), members("businesses", "role")), (vec!["see the imprint".into()], vec!["staff".into()]));

    erase(&town, &ann).await;
    assert_eq!(reads.export(&person).await.unwrap(), Value::Null);
    let stored = town.world.stored(&directory::TABLE).join("\n");
    for secret in messages.iter().map(String::as_str).chain(["see the imprint", "Other@example.com"]) {
        assert!(!stored.contains(secret), "{secret} in {stored}");
    }
    assert!(stored.contains("Of somebody else"));
}
