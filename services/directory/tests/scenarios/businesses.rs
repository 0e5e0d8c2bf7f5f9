//! Businesses from their registration to their removal.

use contracts::RatingChanged;
use kernel::{Duration, Rating, ReviewTarget};
use serde_json::json;
use shell::testing::Harness;

use super::{Town, cafe, owner, text, time_zones, unverified, with};

#[tokio::test]
async fn a_business_is_registered_moderated_and_found() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    town.post("/businesses", &Harness::guest(), &cafe(&category)).await.expect(401);
    assert_eq!(town.post("/businesses", &unverified(), &cafe(&category)).await.expect(403).code(), "forbidden");
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
    assert!(!page.text.contains('<'), "json_ld is put into script elements: {}", page.text);
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
    assert_eq!((&renamed.json["name"], &renamed.json["pending"]["name"]), (&json!("Café Föhn"), &json!("Tea Room")));
    edit(cafe(&category), &etag).await.expect(412);
    assert_eq!(town.names("").await, ["Café Föhn"]);
    let waiting = town.get("/admin/businesses?pending=true", &Harness::support()).await.expect(200);
    assert_eq!(waiting.json["items"][0]["id"], json!(id));
    town.get("/admin/businesses?pending=true&status=published", &Harness::support()).await.expect(422);
    let decide = |what: &str| format!("/admin/businesses/{id}/pending/{what}");
    town.post(&decide("approve"), &owner(), &json!({})).await.expect(403);
    let approved = town.post(&decide("approve"), &Harness::admin(), &json!({})).await.expect(200);
    assert_eq!((&approved.json["slug"], &approved.json["name"]), (&json!("tea-room"), &json!("Tea Room")));
    let waiting = town.get("/admin/businesses?pending=true", &Harness::support()).await.expect(200);
    assert_eq!(waiting.json["items"], json!([]));
    let wish = with(cafe(&category), json!({ "name": "Bank", "website": "https://bank.example" }));
    edit(wish, &approved.headers["etag"]).await.expect(200);
    let rejected = town.post(&decide("reject"), &Harness::admin(), &json!({ "reason": "no bank" })).await.expect(200);
    assert_eq!((&rejected.json["name"], rejected.json.get("pending")), (&json!("Tea Room"), None));
    let moved = town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(308);
    assert_eq!(moved.headers["location"], "/api/v1/businesses/tea-room");
    assert_eq!(town.names("category=cafes").await, ["Tea Room"]);

    // The slug that was left leads there for a year; then another business may have it.
    let second = town.post("/businesses", &Harness::customer(2), &cafe(&category)).await.expect(201);
    assert_eq!(second.json["slug"], "cafe-foehn-ring-1", "a slug belongs to one business");
    let wanted = with(cafe(&category), json!({ "slug": "cafe-foehn" }));
    assert_eq!(town.post("/businesses", &Harness::customer(2), &wanted).await.expect(409).code(), "already-exists");
    town.world.advance(Duration::from_secs(365 * 24 * 3600 + 1));
    town.get("/businesses/cafe-foehn", &Harness::guest()).await.expect(404);
    town.post("/businesses", &Harness::customer(2), &wanted).await.expect(201);
    let taken = with(cafe(&category), json!({ "slug": "tea-room" }));
    assert_eq!(town.post("/businesses", &Harness::customer(3), &taken).await.expect(409).code(), "already-exists");
    let refused =
        town.post("/businesses", &owner(), &with(cafe(&category), json!({ "opening_hours": "Mo-Fr whenever" }))).await.expect(422);
    assert!(refused.json.to_string().contains("`whenever` at character 7 is no word that is known here"), "{}", refused.json);
}

#[tokio::test]
async fn hours_are_tried_before_they_are_saved() {
    let town = Town::open();
    let preview = async |body: serde_json::Value| town.post("/opening-hours/preview", &owner(), &body).await;
    let span = |day: &str| json!({ "day": day, "opens": "09:00", "closes": "18:00" });
    let week = json!({ "spans": [span("monday"), span("tuesday"), { "day": "saturday", "opens": "10:00", "closes": "12:00", "unknown": true, "comment": "by appointment" }], "public_holidays": "closed" });
    let made = preview(json!({ "week": week, "position": { "lat": 48.1374, "lon": 11.5755 } })).await.expect(200).json;
    assert_eq!(made["text"], "Mo-Tu 09:00-18:00; Sa 10:00-12:00 \"by appointment\"; PH off");
    assert_eq!((&made["understood"], made["week"].as_array().map(Vec::len)), (&json!(true), Some(7)));
    let saturday = made["week"].as_array().unwrap().iter().find(|day| day["day"] == "saturday").unwrap();
    assert_eq!(saturday["spans"], json!([{ "opens": "10:00", "closes": "12:00", "state": "unknown", "comment": "by appointment" }]));

    let typed = preview(json!({ "opening_hours": "Mo, Mi 9-12 Uhr" })).await.expect(200).json;
    assert_eq!((&typed["text"], &typed["normalized"]), (&json!("Mo, Mi 9-12 Uhr"), &json!("Mo,We 09:00-12:00")));
    assert!(typed["next_change"].is_string(), "{typed}");
    let unfinished = preview(json!({ "opening_hours": "Mo-Fr 9-" })).await.expect(200).json;
    assert_eq!(
        (&unfinished["understood"], &unfinished["problem"]["offset"], &unfinished["problem"]["part"]),
        (&json!(false), &json!(8), &json!(""))
    );
    for body in [
        json!({}),
        json!({ "opening_hours": "24/7", "week": { "spans": [] } }),
        json!({ "week": { "spans": [{ "day": "monday", "opens": "9", "closes": "18:00" }] } }),
        json!({ "opening_hours": "24/7", "time_zone": "Europe/Munich" }),
    ] {
        preview(body).await.expect(422);
    }
    town.post("/opening-hours/preview", &Harness::guest(), &json!({ "opening_hours": "24/7" })).await.expect(401);
}

/// Only what is surely open is told to machines.
#[tokio::test]
async fn unknown_hours_are_not_open_for_machines() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    for (name, hours, expect) in
        [("Asked", "\"nach Vereinbarung\"", 0), ("Open end", "Mo-Su 12:00-14:00+", 7), ("List", "Mo, We, Fr 09:00-12:00", 3)]
    {
        let id = town.published(&owner(), &with(cafe(&category), json!({ "name": name, "opening_hours": hours }))).await;
        let page = town.get(&format!("/businesses/{id}"), &Harness::guest()).await.expect(200).json;
        assert_eq!(page["json_ld"]["openingHoursSpecification"].as_array().map(Vec::len), Some(expect), "{hours}: {page}");
        assert!(expect > 0 || page["opening_hours"]["state"] == "unknown", "{page}");
    }
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
    let ids = town.get("/businesses", &Harness::guest()).await.expect(200).json;
    let id = |place: usize| text(&ids["items"][place]["id"]);
    assert_eq!(town.names(&format!("ids={},{},{}", id(2), kernel::BusinessId(9), id(0))).await, ["Cedar", "Anker"]);
    town.get(&format!("/businesses?ids={}&category=shops", id(0)), &Harness::guest()).await.expect(422);
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
    town.edit_category(&cafes, &moved).await;
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
    assert_eq!(shown().await, (json!({ "average": 4.67, "count": 3 }), json!(3)));
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

#[tokio::test]
async fn staff_find_businesses_by_words() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let named = |name: &str| with(cafe(&category), json!({ "name": name }));
    town.published(&Harness::customer(1), &named("Café Anker")).await;
    town.post("/businesses", &Harness::customer(2), &named("Anker Bar")).await.expect(201);
    town.published(&Harness::customer(3), &named("Birke")).await;
    let found = async |query: &str| {
        let got = town.get(&format!("/admin/businesses?{query}"), &Harness::support()).await.expect(200).json;
        let names: std::collections::BTreeSet<String> = got["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect();
        (names.into_iter().collect::<Vec<_>>(), got["next"].as_str().map(|next| next.replace('#', "%23")))
    };
    for (query, expect) in [
        ("q=anker", vec!["Anker Bar", "Café Anker"]),
        ("q=anker&status=draft", vec!["Anker Bar"]),
        ("q=bar+anker", vec!["Anker Bar"]),
        ("q=nobody", vec![]),
    ] {
        assert_eq!(found(query).await, (expect.into_iter().map(str::to_owned).collect(), None), "{query}");
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let (some, next) = found(&format!("q=anker&limit=1{cursor}")).await;
        names.extend(some);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, ["Anker Bar", "Café Anker"]);
    town.get("/admin/businesses?q=a&pending=true", &Harness::support()).await.expect(422);
    let counts = town.get("/admin/businesses/counts", &Harness::support()).await.expect(200).json;
    let count = |status: &str| counts["items"].as_array().unwrap().iter().find(|item| item["status"] == status).unwrap()["count"].clone();
    assert_eq!([count("draft"), count("pending"), count("published")], [json!(1), json!(0), json!(2)]);
    town.get("/admin/businesses/counts", &owner()).await.expect(403);
}

#[tokio::test]
async fn one_field_of_a_profile_changes() {
    let town = Town::open();
    let category = town.category("Cafés", None).await;
    let id = town.published(&owner(), &cafe(&category)).await;
    let path = format!("/api/v1/businesses/{id}/profile");
    let profile = async || town.world.get(&path).as_actor(&owner()).send().await.expect(200);
    let patch = async |body: serde_json::Value| {
        let etag = profile().await.headers["etag"].clone();
        town.world.patch(&path, &body).as_actor(&owner()).header("If-Match", &etag).send().await
    };
    let before = profile().await.json;
    town.world.patch(&path, &json!({ "phone": "+49 89 1" })).as_actor(&owner()).send().await.expect(428);
    town.world.patch(&path, &json!({ "phone": "+49 89 1" })).as_actor(&Harness::customer(7)).send().await.expect(403);
    let changed = patch(json!({ "phone": "+49 89 1" })).await.expect(200).json;
    assert_eq!(with(changed, json!({ "phone": before["phone"], "updated_at": before["updated_at"] })), before, "all else stays");
    // A name waits for an admin; another change does not take the wish back.
    patch(json!({ "name": "Café Nord" })).await.expect(200);
    let waiting = patch(json!({ "phone": null })).await.expect(200).json;
    assert_eq!((&waiting["name"], &waiting["pending"]["name"]), (&before["name"], &json!("Café Nord")));
    assert_eq!(waiting.get("phone"), None);
    for (body, status) in [(json!({ "nmae": "x" }), 422), (json!({ "name": null }), 422), (json!({ "slug": "A b" }), 422)] {
        patch(body.clone()).await.expect(status);
    }
}
