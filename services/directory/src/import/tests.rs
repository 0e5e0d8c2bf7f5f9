use super::*;
use crate::import::mapping::DEFAULT_MAPPING;

fn mapping() -> Mapping {
    Mapping::parse(DEFAULT_MAPPING).unwrap()
}

fn read(text: &str, kind: FileKind) -> Vec<Result<Place, RefusedRow>> {
    parse(text, kind, &mapping()).unwrap()
}

#[test]
fn ids_are_the_same_in_every_file() {
    for (id, properties, expect) in [
        ("\"node/12\"", "", Some("osm:node/12")),
        ("null", "\"@id\": \"way/7\",", Some("osm:way/7")),
        ("null", "\"id\": 12, \"type\": \"node\",", Some("osm:node/12")),
        ("null", "\"id\": 12, \"type\": \"turkish\",", Some("geojson:12")),
        ("99", "", Some("geojson:99")),
        ("\"shop-1\"", "", Some("geojson:shop-1")),
        ("null", "", None),
    ] {
        let text = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","id":{id},
                "geometry":{{"type":"Point","coordinates":[11.5,48.1]}},"properties":{{{properties} "name":"Café"}}}}]}}"#
        );
        let found = read(&text, FileKind::GeoJson).remove(0);
        assert_eq!(found.ok().map(|place| place.source_id).as_deref(), expect, "{id} {properties}");
    }
}

#[test]
fn geojson_with_all_its_oddities() {
    let text = r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[11.0,48.0],[11.2,48.0],[11.2,48.2],[11.0,48.0]]]},
         "properties":{"@id":"way/1","name":" Gasthof ","amenity":"restaurant","cuisine":"bavarian;german","addr:street":"Dorfstraße",
         "addr:housenumber":"3a","addr:suburb":"Au","addr:postcode":"80000","addr:city":"Dorf","addr:country":"de","phone":"+49 1; +49 2","website":"gasthof.example",
         "opening_hours":"täglich ab 10"}},
        {"type":"Feature","geometry":null,"properties":{"@id":"node/2","name":"Imbiss","website":"not an address","email":"x"}},
        {"type":"Feature","geometry":null,"properties":{"@id":"node/3"}},
        {"type":"Feature","geometry":null,"properties":{"@id":"node/4","name":"Kiosk","opening_hours":"Mo-Fr 10:00-21:00;\nSa 09:00-21:00"}},
        {"type":"Feature","geometry":null,"properties":{"@id":"way/1","name":"Again"}}
    ]}"#;
    let found = read(text, FileKind::GeoJson);
    let place = found[0].as_ref().unwrap();
    let address = place.profile.address.as_ref().unwrap();
    assert_eq!(place.profile.name, "Gasthof");
    assert_eq!(place.profile.position, GeoPosition::new(48.1, 11.1));
    assert_eq!(
        (address.street_address.as_str(), address.district.as_str(), address.address_country.as_str()),
        ("Dorfstraße 3a", "Au", "DE")
    );
    assert_eq!((place.profile.phone.as_deref(), place.profile.website.as_deref()), (Some("+49 1"), Some("https://gasthof.example")));
    assert_eq!(place.profile.opening_hours.as_deref(), Some("täglich ab 10"), "kept as it is");
    assert_eq!(place.profile.tags, ["bavarian", "german"]);
    assert_eq!(place.categories, [["Food & drink", "Restaurants", "German & Bavarian"]]);
    assert!(place.warnings.len() == 1 && place.warnings[0].contains("not understood"), "{:?}", place.warnings);

    let sparse = found[1].as_ref().unwrap();
    assert_eq!((sparse.profile.website.as_deref(), sparse.profile.email.as_deref()), (None, None));
    assert_eq!(sparse.warnings.len(), 3, "{:?}", sparse.warnings);
    assert_eq!(sparse.categories, [["Other places"]]);
    assert!(found[2].as_ref().unwrap_err().reason.contains("name"));
    let broken = found[3].as_ref().unwrap();
    assert_eq!(broken.profile.opening_hours.as_deref(), Some("Mo-Fr 10:00-21:00; Sa 09:00-21:00"), "lines become one");
    assert!(broken.warnings.iter().all(|warning| !warning.starts_with("opening_hours")), "{:?}", broken.warnings);
    assert!(found[4].as_ref().unwrap_err().reason.contains("in the file before"));
}

#[test]
fn what_cannot_be_a_place_is_named() {
    let deep = "A > B > C > D > E > F > G";
    let long = "x".repeat(81);
    for (row, refused, warning) in [
        ("1,Kiosk,,48.1,11.5", "", ""),
        ("1,Unnamed,,48.1,11.5", "has no name: Unnamed stands for a missing one", ""),
        (&format!("1,Kiosk,{deep},48.1,11.5"), "the category A > B > C > D > E > F > G: categories are at most 5 levels deep", ""),
        (&format!("1,Kiosk,{long},48.1,11.5"), "must be 1 to 80 characters", ""),
        ("1,Kiosk,,148.1,11.5", "", "148.1 is no latitude"),
        ("1,Kiosk,,48.1,211.5", "", "211.5 is no longitude"),
        ("1,Kiosk,,north,11.5", "", "\"north\" is no latitude"),
        ("1,Kiosk,,0,0", "", "has no position but 0, 0"),
        ("1,Kiosk,,,", "", "has no position"),
    ] {
        let found = read(&format!("id,name,categories,lat,lon\n{row}\n"), FileKind::Csv).remove(0);
        match found {
            Err(error) => assert!(!refused.is_empty() && error.reason.contains(refused), "{row}: {}", error.reason),
            Ok(place) => {
                assert!(refused.is_empty(), "{row}");
                assert_eq!(place.warnings.len(), usize::from(!warning.is_empty()), "{row}: {:?}", place.warnings);
                assert!(place.warnings.iter().all(|said| said.contains(warning)), "{row}: {:?}", place.warnings);
            }
        }
    }
    let copied = read("id,name,phone\n1,Kiosk\u{200B},\u{202A}+49 1\u{202C}\n", FileKind::Csv).remove(0).unwrap();
    assert_eq!((copied.profile.name.as_str(), copied.profile.phone.as_deref()), ("Kiosk", Some("+49 1")));
}

#[test]
fn other_encodings_and_separators_are_named() {
    let collection = "\u{feff}{\"type\":\"FeatureCollection\",\"features\":[]}";
    assert_eq!(FileKind::of(Path::new("a.json"), collection), FileKind::GeoJson);
    assert!(read(collection, FileKind::GeoJson).is_empty(), "a mark of the byte order is no mistake");
    for (separator, expect) in [(";", "semicolons"), ("\t", "tabs")] {
        let error = parse(&["id", "name", "city"].join(separator), FileKind::Csv, &mapping()).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
    assert!(text_of(vec![0xFF, 0xFE, b'i', 0]).unwrap_err().contains("UTF-16"));
    assert!(text_of(b"id,name\n1,K\xE4se\n".to_vec()).unwrap_err().contains("save it as UTF-8"));
}

#[test]
fn overpass_and_its_corners() {
    let text = r#"{"version":0.6,"elements":[
        {"type":"node","id":5,"lat":48.1,"lon":11.5,"tags":{"name":"Bäckerei","shop":"bakery"}},
        {"type":"node","id":6,"lat":48.1,"lon":11.5},
        {"type":"way","id":7,"center":{"lat":48.2,"lon":11.6},"nodes":[6],"tags":{"name":"Hotel","tourism":"hotel"}}
    ]}"#;
    let found: Vec<Place> = read(text, FileKind::Overpass).into_iter().map(Result::unwrap).collect();
    let read: Vec<_> = found.iter().map(|place| (place.row, place.source_id.as_str(), place.profile.position.unwrap().lat)).collect();
    assert_eq!(read, [(1, "osm:node/5", 48.1), (3, "osm:way/7", 48.2)]);
    assert_eq!(found[0].categories, [["Shops", "Bakeries"]]);
}

#[test]
fn csv_with_named_columns() {
    let text = "\u{feff}id,Name,categories,street_address,postal_code,city,country,lat,lon,phone,opening_hours,description\n\
        1,Fahrrad Huber,Shops > Bicycles; Crafts & repairs,Ring 1,80001,Dorf,DE,48.1,11.5,+49 1,Mo-Fr 09:00-18:00,\"Räder, neu und alt\"\n\
        osm:node/9,Kiosk,,,,,,,,,,\n\
        ,Nameless id,,,,,,,,,,\n";
    let found = read(text, FileKind::Csv);
    let first = found[0].as_ref().unwrap();
    assert_eq!((first.row, first.source_id.as_str()), (2, "csv:1"));
    assert_eq!(first.categories, [vec!["Shops", "Bicycles"], vec!["Crafts & repairs"]]);
    assert_eq!(first.profile.address.as_ref().unwrap().street_address, "Ring 1");
    assert_eq!(first.profile.description, "Räder, neu und alt");
    assert_eq!(first.warnings, [""; 0]);
    assert_eq!(found[1].as_ref().unwrap().source_id, "osm:node/9");
    assert!(found[2].as_ref().unwrap_err().reason.contains("no id"));
    assert!(parse("title\nx\n", FileKind::Csv, &mapping()).is_err());
}

#[test]
fn files_are_known_by_name_and_content() {
    for (file, text, expect) in [
        ("a.geojson", "", FileKind::GeoJson),
        ("a.CSV", "{", FileKind::Csv),
        ("a.json", r#"{"type":"FeatureCollection"}"#, FileKind::GeoJson),
        ("a.json", r#" {"elements":[]}"#, FileKind::Overpass),
        ("a.txt", "id,name", FileKind::Csv),
    ] {
        assert_eq!(FileKind::of(Path::new(file), text), expect, "{file}");
    }
    for kind in [FileKind::GeoJson, FileKind::Overpass] {
        assert!(parse("{\"type\":\"Feature\"}", kind, &mapping()).is_err());
    }
}
