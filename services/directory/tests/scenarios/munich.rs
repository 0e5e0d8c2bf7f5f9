//! Real places, where the folder of real data is beside this project.

use std::path::{Path, PathBuf};

use directory::{DEFAULT_MAPPING, FileKind, Mapping, parse};
use serde_json::{Value, json};
use shell::testing::Harness;

use super::Town;
use super::imports::import_file;

const FILES: [&str; 2] = ["munich-restaurants.geojson", "munich-gyms.geojson"];

fn folder() -> Option<PathBuf> {
    // The project itself, or a second copy of it one folder further down.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../../../shared/data", "../../../../shared/data"].map(|path| root.join(path));
    let found = folders.into_iter().find(|folder| FILES.iter().all(|file| folder.join(file).exists()));
    if found.is_none() {
        println!("skipped: there is no folder of real places beside this project");
    }
    found
}

/// The features of a file, read with nothing but serde_json.
fn features(text: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(text).unwrap();
    file["features"].take().as_array().unwrap().clone()
}

/// Some mappers write "Unnamed" into the name of a place that has none.
fn is_named(feature: &Value) -> bool {
    feature["properties"]["name"].as_str().is_some_and(|name| !name.trim().is_empty() && name != "Unnamed")
}

#[tokio::test]
async fn every_place_with_a_name_comes_in_once() {
    let Some(folder) = folder() else { return };
    let town = Town::open();
    let mut named = 0;
    for file in FILES {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let expect = features(&text).iter().filter(|feature| is_named(feature)).count();
        let report = import_file(&town, &text, FileKind::GeoJson).await;
        assert_eq!((report.created, report.refused.len()), (expect, 0), "{file}");
        named += expect;
    }
    let stored = town.world.stored(&directory::TABLE);
    for file in FILES {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let report = import_file(&town, &text, FileKind::GeoJson).await;
        assert_eq!((report.created, report.updated), (0, 0), "{file}");
    }
    assert!(town.world.stored(&directory::TABLE) == stored, "a second run changes nothing");
    assert_eq!(town.names("limit=100").await.len(), named);
    check_by_hand(&town).await;
}

/// Five places, written down from the files by hand.
async fn check_by_hand(town: &Town) {
    for (slug, expect) in BY_HAND {
        let expect: Value = serde_json::from_str(expect).unwrap();
        let got = town.get(&format!("/businesses/{slug}"), &Harness::guest()).await.expect(200).json;
        let categories: Vec<String> = got["categories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|category| category["path"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" > "))
            .collect();
        let seen = json!({
            "name": got["name"], "street_address": got["address"]["street_address"], "postal_code": got["address"]["postal_code"],
            "address_locality": got["address"]["address_locality"], "address_country": got["address"]["address_country"],
            "lat": got["position"]["lat"], "lon": got["position"]["lon"], "phone": got["phone"], "email": got["email"],
            "website": got["website"], "opening_hours": got["opening_hours"]["text"], "tags": got["tags"], "categories": categories,
        });
        assert_eq!(seen, expect, "{slug}");
    }
}

#[test]
fn every_opening_hours_is_understood_or_listed() {
    let Some(folder) = folder() else { return };
    let mapping = Mapping::parse(DEFAULT_MAPPING).unwrap();
    for file in FILES {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let (mut understood, mut listed) = (0, Vec::new());
        for place in parse(&text, FileKind::GeoJson, &mapping).unwrap() {
            let place = match place {
                Ok(place) => place,
                Err(refused) => {
                    assert!(refused.reason.contains("Unnamed"), "{refused:?}");
                    continue;
                }
            };
            if let Some(hours) = &place.profile.opening_hours {
                match place.warnings.iter().find(|warning| warning.starts_with("opening_hours")) {
                    None => understood += 1,
                    Some(warning) => {
                        assert!(warning.contains(hours), "{warning} says which");
                        listed.push(warning.clone());
                    }
                }
            }
        }
        println!("{file}: {understood} understood, {} listed: {listed:#?}", listed.len());
        let given =
            features(&text).iter().filter(|feature| is_named(feature) && feature["properties"]["opening_hours"].is_string()).count();
        assert_eq!(understood + listed.len(), given, "each is understood or listed");
        assert!(understood * 100 >= given * 95, "{understood} of {given} are understood");
    }
}

const BY_HAND: [(&str, &str); 5] = [
    (
        "franziskaner-garten",
        r#"{"name": "Franziskaner Garten", "street_address": "Friedenspromenade 45", "postal_code": "81827", "address_locality": "München", "address_country": "DE", "lat": 48.1093154, "lon": 11.6707224, "phone": "+49 89 4300996", "email": "info@franziskanergarten.de", "website": "https://franziskanergarten.de/", "opening_hours": "Tu-Su 11:00-23:00", "tags": ["bavarian"], "categories": ["Food & drink > Restaurants > German & Bavarian"]}"#,
    ),
    (
        "taverna-romaneasca",
        r#"{"name": "Taverna Româneascǎ", "street_address": "Leipartstraße 19", "postal_code": "81369", "address_locality": null, "address_country": null, "lat": 48.1089884, "lon": 11.5371996, "phone": null, "email": null, "website": null, "opening_hours": null, "tags": [], "categories": ["Food & drink > Restaurants"]}"#,
    ),
    (
        "la-tavernetta",
        r#"{"name": "la tavernetta", "street_address": "Hildegardstraße 9", "postal_code": "80539", "address_locality": "München", "address_country": null, "lat": 48.1374799, "lon": 11.5833332, "phone": null, "email": null, "website": "https://www.ristorantetavernetta.com/", "opening_hours": "Mo-Fr 11:00-14:30; Mo-Sa 18:00-23:00", "tags": [], "categories": ["Food & drink > Restaurants"]}"#,
    ),
    (
        "pilates-boutique",
        r#"{"name": "Pilates Boutique", "street_address": "Franz-Joseph-Straße 46", "postal_code": "80801", "address_locality": "München", "address_country": "DE", "lat": 48.1579969, "lon": 11.5757932, "phone": "+49 152 56570360", "email": null, "website": "https://www.pilatesboutique.de/", "opening_hours": null, "tags": ["pilates"], "categories": ["Sports & fitness > Gyms", "Sports & fitness > Yoga & Pilates"]}"#,
    ),
    (
        "ristorante-centro-moda",
        r#"{"name": "Ristorante Centro Moda", "street_address": "Taunusstraße 45", "postal_code": "80807", "address_locality": "München", "address_country": "DE", "lat": 48.1891617, "lon": 11.5813153, "phone": "+49 89 3506 2129", "email": "info@ristorante-centro-moda.de", "website": "https://www.ristorante-centro-moda.de/", "opening_hours": null, "tags": ["italian"], "categories": ["Food & drink > Restaurants > Italian"]}"#,
    ),
];
