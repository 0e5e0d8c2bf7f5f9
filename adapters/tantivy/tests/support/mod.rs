//! Places of a GeoJSON file with OpenStreetMap's tags and products of a shop's export as documents, and
//! judged queries over them.

// Each test target uses its own part of this.
#![allow(dead_code)]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use kernel::{GeoPosition, Rating, Timestamp};
use ports::Search;
use ports::search::{Change, Document, DocumentCategory, Hours, Kind, SearchQuery};
use serde_json::Value;

/// The folder with real data beside this repository, where there is one.
pub fn shared_data() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir())
}

/// The places of Munich.
pub const PLACES: [&str; 2] = ["munich-restaurants.geojson", "munich-gyms.geojson"];
pub const PRODUCTS: [&str; 2] = ["shopify-apparel.csv", "shopify-home-and-garden.csv"];

/// Judged queries beside this file's folder.
pub fn queries(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)
}

pub fn now() -> Timestamp {
    // A Friday, noon in Munich.
    "2026-11-20T11:00:00Z".parse().unwrap()
}

pub fn places(file: &Path) -> Vec<Document> {
    let json: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    json["features"].as_array().unwrap().iter().filter_map(place).collect()
}

fn place(feature: &Value) -> Option<Document> {
    let tags = &feature["properties"];
    let text = |key: &str| tags[key].as_str().unwrap_or("").trim().to_owned();
    let name = text("name");
    if name.is_empty() {
        return None;
    }
    let id = format!("biz_{}{}", text("type"), tags["id"]);
    let category = text("category");
    let mut words: Vec<String> = ["cuisine", "sport"].iter().flat_map(|key| split(&text(key))).collect();
    let flags = [
        ("diet:vegan", "vegan"),
        ("diet:vegetarian", "vegetarian"),
        ("diet:halal", "halal"),
        ("outdoor_seating", "outdoor seating"),
        ("takeaway", "takeaway"),
        ("delivery", "delivery"),
    ];
    words.extend(flags.iter().filter(|(key, _)| matches!(tags[*key].as_str(), Some("yes" | "only"))).map(|(_, word)| (*word).to_owned()));
    let lines = [text("addr:street"), text("addr:housenumber"), text("addr:postcode"), text("addr:city")];
    let point = feature["geometry"]["coordinates"].as_array().filter(|point| point.len() >= 2 && point[0].is_number());
    let hours = text("opening_hours");
    Some(Document {
        kind: Kind::Business,
        slug: id.clone(),
        id,
        description: text("description"),
        address: lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "),
        district: text("addr:suburb"),
        phone: None,
        website: None,
        categories: vec![DocumentCategory {
            id: format!("cat_{category}"),
            name: title(&category),
            path: vec![format!("cat_{category}")],
            above: Vec::new(),
        }],
        tags: words,
        price: None,
        rating: Rating::default(),
        position: point.and_then(|point| GeoPosition::new(point[1].as_f64()?, point[0].as_f64()?)),
        hours: (!hours.is_empty()).then(|| Hours { expression: hours, time_zone: "Europe/Berlin".into(), region: "DE-BY".into() }),
        image_url: None,
        language: None,
        created_at: Timestamp::from_millis(1_760_000_000_000),
        name,
    })
}

/// The products of a file: of the lines of one product, only the first has a title.
pub fn products(file: &Path) -> Vec<Document> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let headers = reader.headers().unwrap().clone();
    let place = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (handle, title, body, kind, tags) = (place("Handle"), place("Title"), place("Body (HTML)"), place("Type"), place("Tags"));
    let records = reader.records().map(Result::unwrap).filter(|record| !record[title].is_empty());
    let product = |record: csv::StringRecord| {
        let category = record[kind].trim();
        let categories = (!category.is_empty()).then(|| DocumentCategory {
            id: format!("cat_{category}"),
            name: category.to_owned(),
            path: vec![format!("cat_{category}")],
            above: Vec::new(),
        });
        Document {
            kind: Kind::Product,
            id: format!("prd_{}", &record[handle]),
            slug: record[handle].to_owned(),
            name: record[title].trim().to_owned(),
            description: record[body].trim_start_matches("<p>").trim_end_matches("</p>").to_owned(),
            address: String::new(),
            district: String::new(),
            phone: None,
            website: None,
            categories: categories.into_iter().collect(),
            tags: record[tags].split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect(),
            price: None,
            rating: Rating::default(),
            position: None,
            hours: None,
            image_url: None,
            language: None,
            created_at: Timestamp::from_millis(1_760_000_000_000),
        }
    };
    records.map(product).collect()
}

/// Of a file with places or with products, by how its name ends.
pub fn documents(file: &Path) -> Vec<Document> {
    if file.extension().is_some_and(|ending| ending == "csv") { products(file) } else { places(file) }
}

fn split(values: &str) -> Vec<String> {
    values.split(';').map(|value| value.trim().replace('_', " ")).filter(|value| !value.is_empty()).collect()
}

fn title(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

pub async fn fill(search: &dyn Search, documents: Vec<Document>) {
    for batch in documents.chunks(1000) {
        let batch = batch.iter().cloned().map(|document| Change::Put(Box::new(document))).collect();
        search.apply(batch, None).await.unwrap();
    }
}

pub struct Judged {
    pub query: String,
    pub position: Option<GeoPosition>,
    pub expected: Vec<String>,
}

pub fn read_judged(file: &Path) -> Vec<Judged> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let judged = |line: &str| {
        let mut parts = line.split('|').map(str::trim);
        let (query, at, expected) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let position =
            at.split_once(',').map(|(lat, lon)| GeoPosition::new(lat.trim().parse().unwrap(), lon.trim().parse().unwrap()).unwrap());
        Judged { query: query.into(), position, expected: expected.split(';').map(|name| name.trim().to_owned()).collect() }
    };
    lines.map(judged).collect()
}

/// Prints every miss, and returns how many queries there were and how many were hit.
pub async fn judge(search: &dyn Search, judged: &[Judged]) -> (usize, usize) {
    let mut hits = 0;
    for Judged { query, position, expected } in judged {
        let asked = SearchQuery { position: *position, limit: 3, explain: true, ..SearchQuery::new(query, now()) };
        let results = search.search(asked).await.unwrap();
        let found: Vec<&str> = results.hits.iter().map(|hit| hit.document.name.as_str()).collect();
        if found.iter().any(|name| expected.iter().any(|expected| expected == name)) {
            hits += 1;
        } else {
            println!("miss: {query:?} found {found:?}, expected one of {expected:?}\n      {:?}", results.explanation);
        }
    }
    (judged.len(), hits)
}
