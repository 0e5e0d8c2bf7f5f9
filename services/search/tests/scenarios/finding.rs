//! What can be asked, and what is refused.

use kernel::{Rating, ReviewTarget};
use serde_json::json;
use shell::testing::Harness;

use crate::shop::{FOOD, ITALIAN, business, changed, get, names, product_changed, world};

async fn town() -> Harness {
    let (world, town) = world();
    // The harness begins on 2026-09-21, a Monday, at 15:33 in Munich.
    town.put(business(1, "Pizzeria Bella", 48.140, 11.580));
    town.put(business(2, "Trattoria Löwe", 48.150, 11.580));
    let mut night = business(3, "Nachtküche", 48.141, 11.581);
    night.opening_hours = Some("Mo-Su 22:00-04:00".into());
    town.put(night);
    town.ratings.lock().unwrap().insert(ReviewTarget::Business(2.into()), Rating { sum: 48, count: 10 });
    town.sell(1, "Grüner Tee", 1_250);
    town.sell(2, "Schwarzer Tee", 850);
    for id in 1..=3 {
        world.publish(changed(id)).await;
    }
    world.publish(product_changed(1)).await;
    world.publish(product_changed(2)).await;
    world.settle().await;
    world
}

#[tokio::test]
async fn words_filters_and_orders() {
    let world = town().await;
    let here = "lat=48.14&lon=11.58";
    for (parameters, expect) in [
        ("q=bella".to_owned(), vec!["Pizzeria Bella"]),
        ("q=loewe".into(), vec!["Trattoria Löwe"]),
        ("q=tee&sort=price".into(), vec!["Schwarzer Tee", "Grüner Tee"]),
        ("q=tee&price_min=900".into(), vec!["Grüner Tee"]),
        ("kind=product&tag=neu&sort=newest".into(), vec!["Schwarzer Tee", "Grüner Tee"]),
        ("kind=business&rating_min=4".into(), vec!["Trattoria Löwe"]),
        ("kind=business&sort=rating&limit=1".into(), vec!["Trattoria Löwe"]),
        (format!("q=pizza&{here}&sort=distance"), vec!["Pizzeria Bella", "Nachtküche", "Trattoria Löwe"]),
        (format!("{here}&radius_m=300"), vec!["Pizzeria Bella", "Nachtküche"]),
        ("bounds=48.145,11.5,48.2,11.6".into(), vec!["Trattoria Löwe"]),
        (format!("category={FOOD}&open_now=true&{here}"), vec!["Pizzeria Bella", "Trattoria Löwe"]),
        (format!("category={ITALIAN}&q=nachtkuche"), vec!["Nachtküche"]),
        ("q=italienisch+jetzt+geöffnet+in+der+nähe&lat=48.15&lon=11.58".into(), vec!["Trattoria Löwe", "Pizzeria Bella"]),
        ("q=italian+restaurants&lat=48.15&lon=11.58&limit=1".into(), vec!["Trattoria Löwe"]),
        ("category=italian&q=nachtkuche".into(), vec!["Nachtküche"]),
        ("q=089+123452".into(), vec!["Trattoria Löwe"]),
        ("q=%2B49+89+123453".into(), vec!["Nachtküche"]),
        ("q=www.lokal1.example".into(), vec!["Pizzeria Bella"]),
        ("q=wo+ist+hier+ein+italiener+mit+klavier&lat=48.15&lon=11.58&limit=1".into(), vec!["Trattoria Löwe"]),
        ("q=italiener+um+23+uhr&lat=48.15&lon=11.58".into(), vec!["Nachtküche"]),
        ("q=italiener+um+5+uhr&lat=48.15&lon=11.58&limit=1".into(), vec!["Trattoria Löwe"]),
        ("q=italiener+leopoldstrasse+in+muenchen&lat=48.15&lon=11.58&limit=1".into(), vec!["Trattoria Löwe"]),
    ] {
        assert_eq!(names(&world, &parameters).await, expect, "{parameters}");
    }
}

#[tokio::test]
async fn what_a_hit_tells() {
    let world = town().await;
    let found = get(&world, "/api/v1/search?q=lowe&lat=48.15&lon=11.58&facets=kind,category,tag,rating&explain=1").await;
    let hit = &found["items"][0];
    assert_eq!(hit["highlights"]["name"], "Trattoria <mark>Löwe</mark>");
    assert_eq!(
        (hit["distance_m"].as_f64(), hit["open_now"].as_bool(), hit["rating"]["average"].as_f64()),
        (Some(0.0), Some(true), Some(4.8))
    );
    assert_eq!(hit["id"].as_str().unwrap().get(..4), Some("biz_"));
    assert_eq!(found["facets"][1]["values"][0]["label"], "Italian");
    assert_eq!(found["facets"][1]["values"][0]["value"], ITALIAN.to_string());
    assert_eq!(found["explanation"]["intent"], "name");
    assert_eq!(found["explanation"]["words"][0]["word"], "lowe");
    assert_eq!((hit["phone"].as_str(), hit["website"].as_str()), (Some("+49 (0)89 123452"), Some("https://www.lokal2.example/karte")));
    assert_eq!(found["did_you_mean"], serde_json::Value::Null);
    assert_eq!(get(&world, "/api/v1/search?q=tratoria+lowe").await["did_you_mean"], "Trattoria lowe");
    let all = get(&world, "/api/v1/search?facets=kind").await;
    assert_eq!(all["total"], 5);
    assert_eq!(all["facets"][0]["values"][0]["count"], 3);
}

#[tokio::test]
async fn suggestions() {
    let world = town().await;
    for (typed, expect) in [
        ("tratt", "Trattoria Löwe"),
        ("ital", "Italian"),
        ("italienisch", "Italienisch"),
        ("schwarzer+t", "Schwarzer Tee"),
        ("piz", "Pizzeria Bella"),
        ("löw", "Trattoria Löwe"),
    ] {
        let found = get(&world, &format!("/api/v1/suggest?q={typed}")).await;
        assert_eq!(found["items"][0]["text"], expect, "{typed}: {found}");
    }
    assert_eq!(get(&world, "/api/v1/suggest?q=").await["items"], serde_json::json!([]));
    assert_eq!(get(&world, "/api/v1/suggest?q=tratoria").await["items"][0]["text"], "Trattoria Löwe");
}

#[tokio::test]
async fn a_page_follows_a_page_also_while_the_index_changes() {
    let (world, town) = world();
    for id in 1..=25 {
        town.put(business(id, &format!("Trattoria {id}"), 48.1, 11.5));
        world.publish(changed(id)).await;
    }
    world.settle().await;
    let (mut seen, mut next) = (Vec::new(), None::<String>);
    loop {
        let cursor = next.map_or(String::new(), |next| format!("&cursor={next}"));
        let page = get(&world, &format!("/api/v1/search?q=trattoria&limit=10{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
        // What comes and goes meanwhile does not shift what somebody pages through.
        town.put(business(100 + seen.len() as u128, "Trattoria", 48.1, 11.5));
        town.businesses.lock().unwrap().remove(&25.into());
        world.publish(changed(100 + seen.len() as u128)).await;
        world.publish(changed(25)).await;
        world.settle().await;
    }
    let mut expected: Vec<String> = (1..=25).map(|id| format!("Trattoria {id}")).collect();
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
    let page = get(&world, "/api/v1/search?q=trattoria&limit=10").await;
    let foreign = format!("/api/v1/search?q=other&cursor={}", page["next"].as_str().unwrap());
    assert_eq!(world.get(&foreign).send().await.expect(400).code(), "invalid-cursor");
}

#[tokio::test]
async fn what_cannot_be_asked() {
    let world = town().await;
    for (path, status, code) in [
        ("/api/v1/search?limit=0", 422, "invalid"),
        ("/api/v1/search?kind=car", 422, "invalid"),
        ("/api/v1/search?category=cat_none", 422, "invalid"),
        ("/api/v1/search?category=italian,nonsense", 422, "invalid"),
        ("/api/v1/search?sort=distance", 422, "invalid"),
        ("/api/v1/search?lat=48", 422, "invalid"),
        ("/api/v1/search?colour=red", 400, "malformed-request"),
        ("/api/v1/search?open_now=perhaps", 400, "malformed-request"),
        ("/api/v1/search?cursor=rubbish", 400, "invalid-cursor"),
        ("/api/v1/suggest", 400, "malformed-request"),
        ("/api/v1/suggest?q=x&limit=21", 422, "invalid"),
    ] {
        let got = world.get(path).send().await.expect(status);
        assert_eq!(got.code(), code, "{path}");
    }
    world.get("/api/v1/admin/search").send().await.expect(401);
    world.get("/api/v1/admin/search").as_actor(&Harness::customer(1)).send().await.expect(403);
    world.post("/api/v1/admin/search/rebuild", &serde_json::json!({})).as_actor(&Harness::customer(1)).send().await.expect(403);
}

#[tokio::test]
async fn a_product_is_found_with_its_card() {
    let world = town().await;
    let found = get(&world, "/api/v1/search?q=tee&sort=price").await;
    for (place, price) in [(0, 850), (1, 1_250)] {
        let hit = &found["items"][place];
        assert_eq!(hit["product"]["id"], hit["id"]);
        assert_eq!((&hit["product"]["stock"], &hit["product"]["seller"]["name"]), (&json!("low"), &json!("The shop")));
        assert_eq!(hit["product"]["default_variant"]["price"]["amount"], price);
    }
    let place = get(&world, "/api/v1/search?q=bella").await;
    assert_eq!(place["items"][0].get("product"), None);
}
