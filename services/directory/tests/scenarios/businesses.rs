//! Businesses from their registration to their removal.

use contracts::RatingChanged;
use kernel::{Rating, ReviewTarget};
use serde_json::json;
use shell::testing::Harness;

use super::{Town, cafe, owner, text, time_zones, with};

#[tokio::test]
async fn a_business_is_registered_moderated_and_found() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    town.post("/businesses", &Harness::guest(), &cafe(&category)).await.expect(401);
    let made = town.post("/businesses", &owner(), &cafe(&category)).await.expect(201);
    let id = text(&made.json["id"]);
    assert_eq!((made.json["slug"].as_str(), made.json["status"].as_str()), (Some("cafe-foehn"), Some("draft")));
    town.get(&format!("/businesses/{id}"), &owner()).await.expect(404);
    let stranger = Harness::customer(2);
    town.get(&format!("/businesses/{id}/profile"), &stranger).await.expect(404);
    town.get(&format!("/businesses/{id}/profile"), &owner()).await.expect(200);
    town.post(&format!("/businesses/{id}/submit"), &stranger, &json!({})).await.expect(404);

    town.post(&format!("/businesses/{id}/submit"), &owner(), &json!({})).await.expect(200);
    let waiting = town.get("/admin/businesses", &Harness::support()).await.expect(200);
    assert_eq!(waiting.json["items"][0]["id"], json!(id));
    town.get("/admin/businesses", &owner()).await.expect(403);
    town.post(&format!("/admin/businesses/{id}/approve"), &owner(), &json!({})).await.expect(403);
    let reason = json!({ "reason": "please add a photo" });
    let rejected = town.post(&format!("/admin/businesses/{id}/reject"), &Harness::admin(), &reason).await.expect(200);
    assert_eq!(rejected.json["moderation_reason"], "please add a photo");
    assert_eq!(
        town.post(&format!("/admin/businesses/{id}/approve"), &Harness::admin(), &json!({})).await.expect(409).code(),
        "illegal-transition"
    );
    town.post(&format!("/businesses/{id}/submit"), &owner(), &json!({})).await.expect(200);
    town.post(&format!("/admin/businesses/{id}/approve"), &Harness::admin(), &json!({})).await.expect(200);

    let page = town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(200);
    assert_eq!(page.json["opening_hours"]["understood"], true);
    assert_eq!((&page.json["time_zone"], &page.json["takes_enquiries"]), (&json!("Europe/Berlin"), &json!(true)));
    let machine = &page.json["json_ld"];
    assert_eq!((&machine["@type"], &machine["geo"]["latitude"]), (&json!("LocalBusiness"), &json!(48.1374)));
    assert_eq!(machine["address"]["streetAddress"], "Ring 1");
    assert!(machine["openingHoursSpecification"].as_array().unwrap().len() >= 4, "{machine}");
    assert_eq!(town.names("").await, ["Café Föhn"]);

    town.post(&format!("/admin/businesses/{id}/suspend"), &Harness::admin(), &json!({ "reason": "complaints" })).await.expect(200);
    town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(404);
    assert!(town.names("").await.is_empty() && town.names("category=cafes").await.is_empty());
    town.post(&format!("/admin/businesses/{id}/restore"), &Harness::admin(), &json!({})).await.expect(200);
    let removed = town.world.delete(&format!("/api/v1/businesses/{id}/profile")).as_actor(&owner()).send().await.expect(200);
    assert_eq!(removed.json["status"], "removed");
    town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(404);
    assert!(town.get("/me/businesses", &owner()).await.expect(200).json["items"].as_array().unwrap().is_empty());
    let emitted = town.world.event_types().await;
    let expect = [
        "category.changed",
        "business.created",
        "business.staff_changed",
        "business.submitted",
        "business.rejected",
        "business.submitted",
        "business.published",
        "business.suspended",
        "business.published",
        "business.removed",
    ];
    assert_eq!(emitted, expect);
}

#[tokio::test]
async fn a_position_has_a_time_zone() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let lisbon = json!({ "lat": 38.7223, "lon": -9.1393 });
    let sea = json!({ "lat": 30, "lon": -40 });
    for (n, (name, changes, expect)) in [
        ("Found", json!({ "position": lisbon }), "Europe/Lisbon"),
        ("Stated", json!({ "position": lisbon, "time_zone": "Atlantic/Azores" }), "Atlantic/Azores"),
        ("At sea", json!({ "position": sea }), "Europe/Berlin"),
        ("Nowhere", json!({ "position": null }), "Europe/Berlin"),
    ]
    .into_iter()
    .enumerate()
    {
        let actor = Harness::customer(n as u128);
        let id = town.published(&actor, &with(with(cafe(&category), json!({ "name": name })), changes)).await;
        let got = town.get(&format!("/businesses/{id}"), &Harness::guest()).await.expect(200);
        assert_eq!(got.json["time_zone"], expect, "{name}");
    }
}

#[tokio::test]
async fn a_new_name_moves_the_page_and_the_old_address_leads_there() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let id = town.published(&owner(), &cafe(&category)).await;
    let path = format!("/api/v1/businesses/{id}/profile");
    let edit = |body, etag: &str| town.world.put(&path, &body).as_actor(&owner()).header("If-Match", etag).send();
    let etag = town.get(&format!("/businesses/{id}/profile"), &owner()).await.expect(200).headers["etag"].clone();
    town.world.put(&path, &cafe(&category)).as_actor(&owner()).send().await.expect(428);
    let renamed = edit(with(cafe(&category), json!({ "name": "Tea Room" })), &etag).await.expect(200);
    assert_eq!(renamed.json["slug"], "tea-room");
    edit(cafe(&category), &etag).await.expect(412);
    let moved = town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(308);
    assert_eq!(moved.headers["location"], "/api/v1/businesses/tea-room");
    assert_eq!(town.names("category=cafes").await, ["Tea Room"]);

    // The slug that was left is free for another business; then it leads there.
    let other = town.published(&Harness::customer(2), &cafe(&category)).await;
    assert_eq!(town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(200).json["id"], json!(other));
    let third = town.post("/businesses", &Harness::customer(3), &cafe(&category)).await.expect(201);
    assert_eq!(third.json["slug"], "cafe-foehn-ring-1", "a slug belongs to one business");
    let taken = with(cafe(&category), json!({ "slug": "tea-room" }));
    assert_eq!(town.post("/businesses", &Harness::customer(3), &taken).await.expect(409).code(), "already-exists");
    town.post("/businesses", &owner(), &with(cafe(&category), json!({ "opening_hours": "whenever" }))).await.expect(422);
}

#[tokio::test]
async fn places_are_listed_by_category_and_by_where_they_are() {
    let town = Town::open();
    let food = town.category("Food", None).await;
    let cafes = town.category("Cafés", Some(&food)).await;
    let shops = town.category("Shops", None).await;
    for (n, (name, category, lat, lon)) in [
        ("Anker", &cafes, 48.1374, 11.5755),
        ("Birke", &cafes, 48.1384, 11.5765),
        ("Cedar", &shops, 48.1474, 11.5755),
        ("Dill", &food, 48.5, 11.9),
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(cafe(category), json!({ "name": name, "position": { "lat": lat, "lon": lon } }));
        town.published(&Harness::customer(n as u128), &body).await;
    }
    for (query, expect) in [
        ("", vec!["Anker", "Birke", "Cedar", "Dill"]),
        ("limit=1", vec!["Anker", "Birke", "Cedar", "Dill"]),
        ("category=food", vec!["Anker", "Birke", "Dill"]),
        ("category=food&limit=1", vec!["Anker", "Birke", "Dill"]),
        ("category=cafes", vec!["Anker", "Birke"]),
        ("near=48.1384,11.5765", vec!["Birke", "Anker"]),
        ("near=48.1384,11.5765&radius_m=2000", vec!["Birke", "Anker", "Cedar"]),
        ("near=48.1384,11.5765&radius_m=2000&category=shops", vec!["Cedar"]),
        ("bounds=48.13,11.5,48.14,11.6", vec!["Anker", "Birke"]),
        ("bounds=48,11,49,12", vec!["Anker", "Birke", "Cedar", "Dill"]),
    ] {
        assert_eq!(town.names(query).await, expect, "{query}");
    }
    for (query, status) in
        [("category=none", 404), ("bounds=1,2,3", 422), ("bounds=0,0,2,2", 422), ("near=91,0", 422), ("near=0,0&radius_m=0", 422)]
    {
        town.get(&format!("/businesses?{query}"), &Harness::guest()).await.expect(status);
    }
    let tree = town.get("/business-categories", &Harness::guest()).await.expect(200);
    let counts: Vec<_> = tree.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(&item["name"]), item["businesses_below"].as_i64().unwrap()))
        .collect();
    assert_eq!(counts, [("Food".into(), 3), ("Shops".into(), 1), ("Cafés".into(), 2)]);

    let moved = json!({ "name": "Cafés", "parent_id": shops });
    town.world.put(&format!("/api/v1/business-categories/{cafes}"), &moved).as_actor(&Harness::admin()).send().await.expect(200);
    assert_eq!(town.names("category=shops").await, ["Anker", "Birke", "Cedar"], "what is in it moves along");
    for id in [&cafes, &shops] {
        town.world.delete(&format!("/api/v1/business-categories/{id}")).as_actor(&Harness::admin()).send().await.expect(409);
    }
    let sitemap = town.world.get("/sitemap.xml").send().await.expect(200);
    assert!(sitemap.text.contains("<loc>https://town.example/sitemaps/businesses/first.xml</loc>"), "{}", sitemap.text);
    let file = town.world.get("/sitemaps/businesses/first.xml").send().await.expect(200);
    assert_eq!(file.text.matches("<loc>").count(), 4);
    assert!(file.text.contains("<loc>https://town.example/businesses/birke</loc><lastmod>2026-"), "{}", file.text);
    town.world.get("/sitemaps/businesses/second.xml").send().await.expect(404);
    let robots = town.world.get("/robots.txt").send().await.expect(200);
    for sitemap in ["sitemap.xml", "sitemap-products.xml"] {
        assert!(robots.text.contains(&format!("\nSitemap: https://town.example/{sitemap}\n")), "{}", robots.text);
    }
}

#[tokio::test]
async fn stars_follow_the_reviews() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let id = town.published(&owner(), &cafe(&category)).await;
    let target = ReviewTarget::Business(id.parse().unwrap());
    let shown = async || {
        let page = town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(200).json;
        let list = town.get("/businesses?category=cafes", &Harness::guest()).await.expect(200).json;
        assert_eq!(page["rating"], list["items"][0]["rating"]);
        (page["rating"].clone(), page["json_ld"]["aggregateRating"]["reviewCount"].clone())
    };
    assert_eq!(shown().await, (json!(null), json!(null)));
    let early = town.world.publish(RatingChanged { target, rating: Rating { sum: 5, count: 1 } }).await;
    let late = town.world.publish(RatingChanged { target, rating: Rating { sum: 14, count: 3 } }).await;
    town.world.deliver("directory", &late).await.unwrap();
    assert_eq!(shown().await, (json!({ "mean": 4.67, "count": 3 }), json!(3)));
    let stored = town.world.stored(&directory::TABLE);
    town.world.deliver("directory", &early).await.unwrap();
    town.world.deliver("directory", &late).await.unwrap();
    town.world.settle().await;
    assert_eq!(town.world.stored(&directory::TABLE), stored, "an event that comes late or twice changes nothing");
    town.world.publish(RatingChanged { target, rating: Rating::default() }).await;
    town.world.publish(RatingChanged { target: ReviewTarget::Product(1.into()), rating: Rating { sum: 5, count: 1 } }).await;
    town.world.settle().await;
    assert_eq!(shown().await, (json!(null), json!(null)));
}

#[tokio::test]
async fn one_person_acts_for_twenty_businesses() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let body = |n: usize| with(cafe(&category), json!({ "name": format!("Café {n}") }));
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(text(&town.post("/businesses", &owner(), &body(n)).await.expect(201).json["id"]));
    }
    town.post("/businesses", &owner(), &body(20)).await.expect(409);
    let other = Harness::customer(2);
    let id = text(&town.post("/businesses", &other, &body(21)).await.expect(201).json["id"]);
    let path = format!("/api/v1/businesses/{id}/staff/{}", owner().user_id().unwrap());
    let join = || async { town.world.put(&path, &json!({ "role": "staff" })).as_actor(&other).send().await };
    join().await.expect(409);
    town.world.delete(&format!("/api/v1/businesses/{}/profile", ids[0])).as_actor(&owner()).send().await.expect(200);
    for _ in 0..2 {
        join().await.expect(200);
    }
    town.post("/businesses", &owner(), &body(20)).await.expect(409);
    town.world.delete(&path).as_actor(&owner()).send().await.expect(200);
    town.post("/businesses", &owner(), &body(20)).await.expect(201);
}

#[tokio::test]
async fn staff_and_claims() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let id = town.published(&owner(), &cafe(&category)).await;
    let (manager, staff) = (Harness::customer(2), Harness::customer(3));
    let role = |actor: &kernel::Actor, role: &str| {
        let path = format!("/api/v1/businesses/{id}/staff/{}", actor.user_id().unwrap());
        let body = json!({ "role": role });
        town.world.put(&path, &body).as_actor(&owner()).send()
    };
    for (actor, user, status) in [
        (owner(), super::NOBODY, 404),
        (owner(), super::CLOSED, 404),
        (Harness::admin(), super::NOBODY, 404),
        (Harness::customer(2), super::NOBODY, 403),
        (Harness::guest(), super::NOBODY, 401),
    ] {
        let path = format!("/api/v1/businesses/{id}/staff/{user}");
        let refused = town.world.put(&path, &json!({ "role": "staff" })).as_actor(&actor).send().await.expect(status);
        assert_eq!(refused.text.contains("there is no user"), status == 404, "{}", refused.text);
    }
    role(&manager, "manager").await.expect(200);
    role(&staff, "staff").await.expect(200);
    assert_eq!(town.get("/me/businesses", &manager).await.expect(200).json["items"][0]["id"], json!(id));
    let edit = |actor| {
        town.world.put(&format!("/api/v1/businesses/{id}/profile"), &cafe(&category)).as_actor(&actor).header("If-Match", "\"v1\"").send()
    };
    edit(staff.clone()).await.expect(403);
    edit(manager).await.expect(412);
    town.get(&format!("/businesses/{id}/leads"), &staff).await.expect(200);
    town.post(&format!("/businesses/{id}/claims"), &Harness::customer(4), &json!({ "proof": "mine" })).await.expect(409);

    let text_of_file = "id,name,lat,lon\nosm:node/1,Old Mill,48,11\n";
    let mapping = directory::Mapping::parse(directory::DEFAULT_MAPPING).unwrap();
    let places = directory::parse(text_of_file, directory::FileKind::Csv, &mapping).unwrap();
    directory::import(&town.work, &time_zones(), places.into_iter().map(Result::unwrap).collect(), |_| ()).await.unwrap();
    let listing = town.get("/businesses/old-mill", &Harness::guest()).await.expect(200);
    let (mill, claimant) = (text(&listing.json["id"]), Harness::customer(5));
    assert_eq!((&listing.json["claimed"], listing.json["attribution"].is_string()), (&json!(false), true));
    town.post(&format!("/businesses/{mill}/leads"), &Harness::guest(), &super::leads::enquiry()).await.expect(409);
    town.post(&format!("/businesses/{mill}/claims"), &Harness::guest(), &json!({ "proof": "mine" })).await.expect(401);
    let claim = text(
        &town.post(&format!("/businesses/{mill}/claims"), &claimant, &json!({ "proof": "see the imprint" })).await.expect(202).json["id"],
    );
    let rival = text(
        &town.post(&format!("/businesses/{mill}/claims"), &Harness::customer(6), &json!({ "proof": "no, mine" })).await.expect(202).json["id"],
    );
    assert_eq!(town.get("/admin/claims", &Harness::support()).await.expect(200).json["items"].as_array().unwrap().len(), 2);
    town.post(&format!("/admin/claims/{claim}/approve"), &claimant, &json!({})).await.expect(403);
    for _ in 0..2 {
        town.post(&format!("/admin/claims/{claim}/approve"), &Harness::admin(), &json!({})).await.expect(200);
    }
    assert_eq!(town.get(&format!("/businesses/{mill}/profile"), &claimant).await.expect(200).json["staff"][0]["role"], "owner");
    town.post(&format!("/admin/claims/{rival}/approve"), &Harness::admin(), &json!({})).await.expect(409);
    town.post(&format!("/admin/claims/{rival}/refuse"), &Harness::admin(), &json!({ "reason": "has an owner" })).await.expect(200);
    let emitted = town.world.event_types().await;
    for (kind, times) in [("business.claimed", 1), ("claim.requested", 2), ("claim.refused", 1)] {
        assert_eq!(emitted.iter().filter(|other| **other == kind).count(), times, "{kind}");
    }
}
