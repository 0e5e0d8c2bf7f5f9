//! Files of places: in, in again, and in after people have edited what came in.

use directory::{DEFAULT_MAPPING, FileKind, Mapping, Place, Report, import, parse};
use kernel::Actor;
use serde_json::{Value, json};
use shell::testing::Harness;

use super::{Town, text, time_zones, with};

pub fn places(text: &str, kind: FileKind) -> Vec<Place> {
    let mapping = Mapping::parse(DEFAULT_MAPPING).unwrap();
    parse(text, kind, &mapping).unwrap().into_iter().filter_map(Result::ok).collect()
}

pub async fn import_file(town: &Town, text: &str, kind: FileKind) -> Report {
    import(&town.work, &time_zones(), places(text, kind), |_| ()).await.unwrap()
}

fn counts(report: &Report) -> (usize, usize, usize) {
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    (report.created, report.updated, report.unchanged)
}

/// Forty places of three names, so that slugs and commits meet.
fn file() -> String {
    let place = |n: usize| {
        let (name, shop) = [("Bäckerei Huber", "bakery"), ("Radl Meier", "bicycle"), ("Blumen Rosa", "florist")][n % 3];
        let geometry = json!({ "type": "Point", "coordinates": [11.5 + n as f64 / 1000.0, 48.1] });
        let properties =
            json!({ "id": n, "type": "node", "name": name, "shop": shop, "addr:street": "Ring", "addr:housenumber": n.to_string() });
        json!({ "type": "Feature", "geometry": geometry, "properties": properties })
    };
    json!({ "type": "FeatureCollection", "features": (1..=40).map(place).collect::<Vec<_>>() }).to_string()
}

#[tokio::test]
async fn a_file_comes_in_once() {
    let town = Town::open();
    assert_eq!(counts(&import_file(&town, &file(), FileKind::GeoJson).await), (40, 0, 0));
    let events = town.world.events().await.len();
    assert_eq!(town.names("limit=100").await.len(), 40);
    assert_eq!(town.names("category=shops&limit=7").await.len(), 40);
    assert_eq!(town.names("category=bakeries").await.len(), 13);
    let tree = town.get("/business-categories", &Harness::guest()).await.expect(200);
    let shops = tree.json["items"].as_array().unwrap().iter().find(|item| item["name"] == "Shops").unwrap();
    assert_eq!((&shops["businesses"], &shops["businesses_below"]), (&json!(0), &json!(40)));
    assert_eq!(
        town.get("/businesses/baeckerei-huber-ring-6", &Harness::guest()).await.expect(200).json["address"]["street_address"],
        "Ring 6"
    );

    let stored = town.world.stored(&directory::TABLE);
    assert_eq!(counts(&import_file(&town, &file(), FileKind::GeoJson).await), (0, 0, 40));
    assert_eq!(town.world.stored(&directory::TABLE), stored, "a second run changes nothing");
    assert_eq!(town.world.events().await.len(), events);

    let changed = file().replace("\"Blumen Rosa\"", "\"Blumen Lila\"");
    assert_eq!(counts(&import_file(&town, &changed, FileKind::GeoJson).await), (0, 13, 27));
    assert_eq!(town.names("category=florists").await, ["Blumen Lila"; 13]);
}

#[tokio::test]
async fn a_category_that_was_renamed_and_moved_is_found_again() {
    let town = Town::open();
    let own = town.category("Shops", None).await;
    import_file(&town, &file(), FileKind::GeoJson).await;
    let tree = town.get("/business-categories", &Harness::guest()).await.expect(200);
    let count = tree.json["items"].as_array().unwrap().len();
    let bakeries = tree.json["items"].as_array().unwrap().iter().find(|item| item["name"] == "Bakeries").unwrap();
    town.edit_category(&text(&bakeries["id"]), &json!({ "name": "Bread", "slug": "bread" })).await;
    town.edit_category(&own, &json!({ "name": "Where to buy" })).await;
    let stored = town.world.stored(&directory::TABLE);
    assert_eq!(counts(&import_file(&town, &file(), FileKind::GeoJson).await), (0, 0, 40));
    assert_eq!(town.world.stored(&directory::TABLE), stored);
    let tree = town.get("/business-categories", &Harness::guest()).await.expect(200);
    assert_eq!(tree.json["items"].as_array().unwrap().len(), count, "{}", tree.text);
    assert_eq!(town.names("category=bread").await, ["Bäckerei Huber"; 13]);
}

#[tokio::test]
async fn places_have_the_time_zone_of_their_position() {
    let town = Town::open();
    let text = "id,name,lat,lon\nosm:node/1,Deli,40.71,-74\nosm:node/2,Nowhere,,\n";
    let zone = async |slug: &str| town.get(&format!("/businesses/{slug}"), &Harness::guest()).await.expect(200).json["time_zone"].clone();
    import_file(&town, text, FileKind::Csv).await;
    assert_eq!((zone("deli").await, zone("nowhere").await), (json!("America/New_York"), json!("Europe/Berlin")));
    let mapping = Mapping::parse("otherwise = [\"Other\"]\ntime_zone = \"America/Chicago\"").unwrap();
    let stated = parse(text, FileKind::Csv, &mapping).unwrap().into_iter().map(Result::unwrap).collect();
    import(&town.work, &time_zones(), stated, |_| ()).await.unwrap();
    assert_eq!((zone("deli").await, zone("nowhere").await), (json!("America/Chicago"), json!("America/Chicago")));
}

#[tokio::test]
async fn imports_side_by_side_make_one_of_each() {
    let town = Town::open();
    let time_zones = time_zones();
    let imports = (0..4).map(|_| import(&town.work, &time_zones, places(&file(), FileKind::GeoJson), |_| ()));
    let reports: Vec<Report> = futures::future::join_all(imports).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(reports.iter().map(|report| report.created).sum::<usize>(), 40);
    assert_eq!(town.world.event_types().await.iter().filter(|kind| **kind == "business.created").count(), 40);
}

#[tokio::test]
async fn what_the_owner_edited_stays() {
    let town = Town::open();
    import_file(&town, &file(), FileKind::GeoJson).await;
    let listing = town.get("/businesses/radl-meier", &Harness::guest()).await.expect(200);
    let (id, owner): (String, Actor) = (text(&listing.json["id"]), Harness::customer(1));
    let claim = town.post(&format!("/businesses/{id}/claims"), &owner, &json!({ "proof": "I am Meier" })).await.expect(202);
    town.post(&format!("/admin/claims/{}/approve", text(&claim.json["id"])), &Harness::admin(), &json!({})).await.expect(200);
    let profile = town.get(&format!("/businesses/{id}/profile"), &owner).await.expect(200);
    let kept = ["name", "categories", "tags", "address", "position"].map(|name| (name.to_owned(), profile.json[name].clone()));
    let body = with(Value::Object(kept.into_iter().collect()), json!({ "opening_hours": "Mo-Fr 08:00-17:00" }));
    let path = format!("/api/v1/businesses/{id}/profile");
    town.world.put(&path, &body).as_actor(&owner).header("If-Match", &profile.headers["etag"]).send().await.expect(200);

    let changed = file().replace("\"name\":\"Radl Meier\"", "\"name\":\"Radl Meier\",\"opening_hours\":\"24/7\",\"phone\":\"+49 1\"");
    assert_eq!(counts(&import_file(&town, &changed, FileKind::GeoJson).await), (0, 14, 26));
    let after = town.get(&format!("/businesses/{id}"), &Harness::guest()).await.expect(200);
    assert_eq!((&after.json["opening_hours"]["text"], &after.json["phone"]), (&json!("Mo-Fr 08:00-17:00"), &json!("+49 1")));
}

#[tokio::test]
async fn a_category_without_room_refuses_its_row_only() {
    let town = Town::open();
    let row = |n: u32, path: &str| format!("id,name,categories\n{n},Place {n},{path}\n");
    assert_eq!(counts(&import_file(&town, &row(1, "A > B"), FileKind::Csv).await), (1, 0, 0));
    let tree = town.get("/business-categories", &Harness::guest()).await.expect(200);
    let a = tree.json["items"].as_array().unwrap().iter().find(|item| item["name"] == "A").map(|item| text(&item["id"])).unwrap();
    let mut above = None;
    for name in ["X", "Y", "Z"] {
        above = Some(town.category(name, above.as_deref()).await);
    }
    let moved = json!({ "name": "A", "parent_id": above });
    town.edit_category(&a, &moved).await;

    let file = "id,name,categories\n2,Deep,A > B > C\n3,Fine,A > B\n4,Other,D\n";
    let report = import_file(&town, file, FileKind::Csv).await;
    assert_eq!((report.created, report.refused.len()), (2, 1), "{report:?}");
    assert_eq!(report.refused[0].reason, "the category A > B > C: categories are at most 5 levels deep");
}
