//! A made-up town, the same every time: places with the tags of OpenStreetMap, in districts and streets.

use kernel::GeoPosition;
use serde_json::{Value, json};

use std::collections::BTreeMap;

const KINDS: &str = include_str!("town.txt");
const SURNAMES: &[&str] = &[
    "Abele",
    "Bachmann",
    "Castro",
    "Dornbusch",
    "Ebert",
    "Falk",
    "Gruber",
    "Hauser",
    "Ilic",
    "Jansen",
    "Kessler",
    "Lorenz",
    "Maurer",
    "Nagel",
    "Oswald",
    "Pfeiffer",
    "Quast",
    "Reuter",
    "Sommer",
    "Thoma",
    "Ulrich",
    "Vogt",
    "Wimmer",
    "Yilmaz",
    "Zeller",
    "Brandl",
    "Conti",
    "Deniz",
    "Ertl",
    "Funke",
    "Greiner",
    "Hölzl",
    "Imhof",
    "Jost",
    "Krämer",
    "Lechner",
    "Moretti",
    "Nowak",
    "Oppermann",
    "Petrov",
    "Rössler",
    "Seidl",
    "Tran",
    "Unger",
    "Völker",
    "Weidner",
    "Zimmer",
];
const STREETS: &[&str] = &[
    "Lindenallee",
    "Mühlgasse",
    "Bahnhofstraße",
    "Kirchweg",
    "Gartenstraße",
    "Goethestraße",
    "Schillerplatz",
    "Am Anger",
    "Hafenstraße",
    "Rosengasse",
    "Kastanienweg",
    "Marktplatz",
    "Burgstraße",
    "Sonnenstraße",
    "Brunnengasse",
    "Feldweg",
    "Industriestraße",
    "Parkallee",
    "Färbergasse",
    "Uferpromenade",
    "Steinstraße",
    "Wiesenweg",
    "Ringstraße",
    "Klosterhof",
    "Weberstraße",
    "Amselweg",
    "Kaiserplatz",
    "Bergstraße",
    "Neue Gasse",
    "Holzmarkt",
];
/// Name, and how far north and east of the middle, in metres.
const DISTRICTS: &[(&str, f64, f64)] = &[
    ("Altstadt", 0.0, 0.0),
    ("Nordend", 2_400.0, 300.0),
    ("Südpark", -2_300.0, -400.0),
    ("Westheim", 200.0, -3_000.0),
    ("Ostvorstadt", -300.0, 2_900.0),
    ("Mooslach", 2_600.0, -2_500.0),
    ("Giesenau", -2_700.0, 2_300.0),
    ("Hochfeld", 2_900.0, 2_700.0),
];
/// Places by which people say where something is: name, tags, north, east.
const LANDMARKS: &[(&str, &str, &str, f64, f64)] = &[
    ("Erlenstadt Hauptbahnhof", "railway", "station", 650.0, -900.0),
    ("Bahnhof Westheim", "railway", "station", 300.0, -3_300.0),
    ("Erlenburg", "tourism", "attraction", -350.0, 420.0),
    ("Universität Erlenstadt", "amenity", "university", 1_500.0, 900.0),
    ("Lindenpassage", "shop", "mall", 120.0, 250.0),
];
/// Names that are asked for as names.
const NAMED: &[(&str, &str, &str)] = &[
    ("Rabenwirt", "amenity", "restaurant"),
    ("Zum Goldenen Hirschen", "amenity", "restaurant"),
    ("Osteria Quattro Mori", "amenity", "restaurant"),
    ("Schraubenkönig", "shop", "hardware"),
    ("Möbel Quastenberg", "shop", "furniture"),
    ("Tausendschön", "shop", "florist"),
    ("Bäckerei Hinterhuber", "shop", "bakery"),
    ("Optik Scharfblick", "shop", "optician"),
    ("Hotel Drei Mohnblumen", "tourism", "hotel"),
    ("Café Zwiebelfisch", "amenity", "cafe"),
    ("Kletterreich", "leisure", "sports_centre"),
    ("Pizzeria Vesuvio Due", "amenity", "restaurant"),
    ("Autohaus Blechschmidt", "shop", "car"),
    ("Buchhandlung Eselsohr", "shop", "books"),
    ("Kanzlei Paragraf & Partner", "office", "lawyer"),
    ("Tierarztpraxis Dr. Wauzinger", "amenity", "veterinary"),
    ("Löffelstube", "amenity", "cafe"),
    ("Fahrschule Blinkfix", "amenity", "driving_school"),
    ("Salon Figaro & Söhne", "shop", "hairdresser"),
    ("Brauhaus Malzmühle", "amenity", "pub"),
    ("Musikhaus Paukenschlag", "shop", "musical_instrument"),
    ("Reisebüro Weltenbummel", "shop", "travel_agency"),
    ("Naturkost Erdapfel", "shop", "health_food"),
    ("Zahnärzte Perlweiß", "amenity", "dentist"),
];
/// Days, and the minutes after midnight between which a place is open on them.
type Open = (&'static str, u32, u32);
const HOURS: &[(char, &str, &[Open])] = &[
    ('o', "Mo-Fr 09:00-18:00", &[("MoTuWeThFr", 540, 1080)]),
    ('s', "Mo-Fr 09:00-19:00; Sa 09:00-16:00", &[("MoTuWeThFr", 540, 1140), ("Sa", 540, 960)]),
    ('b', "Mo-Sa 06:30-18:30; Su 07:30-12:00", &[("MoTuWeThFrSa", 390, 1110), ("Su", 450, 720)]),
    ('g', "Tu-Su 11:30-23:00", &[("TuWeThFrSaSu", 690, 1380)]),
    ('n', "Mo-Su 18:00-23:59", &[("MoTuWeThFrSaSu", 1080, 1439)]),
    ('a', "24/7", &[("MoTuWeThFrSaSu", 0, 1440)]),
    ('d', "Mo-Fr 08:00-12:00; Mo,Tu,Th 14:00-18:00", &[("WeFr", 480, 720), ("MoTuTh", 840, 1080)]),
    ('m', "Mo-Sa 07:00-22:00", &[("MoTuWeThFrSa", 420, 1320)]),
    ('c', "Mo-Su 08:00-18:00", &[("MoTuWeThFrSaSu", 480, 1080)]),
];
const MIDDLE: GeoPosition = GeoPosition { lat: 50.4, lon: 9.2 };
const METRES_PER_DEGREE: f64 = 111_195.0;

pub struct Place {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub position: GeoPosition,
    /// The letter of its hours; `-` where they are not told.
    hours: char,
}

pub struct Town {
    pub places: Vec<Place>,
}

/// Splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let place = self.below(u32::try_from(list.len()).unwrap());
        &list[place as usize]
    }

    /// Between -1 and 1, mostly near to 0.
    fn around(&mut self) -> f64 {
        (0..3).map(|_| f64::from(self.below(2_001)) / 1_000.0 - 1.0).sum::<f64>() / 3.0
    }
}

pub fn at(north: f64, east: f64) -> GeoPosition {
    let lat = MIDDLE.lat + north / METRES_PER_DEGREE;
    GeoPosition { lat, lon: MIDDLE.lon + east / METRES_PER_DEGREE / MIDDLE.lat.to_radians().cos() }
}

impl Town {
    pub fn build(seed: u64) -> Self {
        let mut town = Self { places: Vec::new() };
        let mut dice = Dice(seed);
        for line in KINDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut parts = line.split('|').map(str::trim);
            let mut part = || parts.next().unwrap_or_else(|| panic!("a column is missing: {line}"));
            let (count, hours, tags, shares, names) = (part(), part(), part(), part(), part());
            let (hours, names): (Vec<char>, Vec<&str>) = (hours.chars().collect(), names.split("; ").collect());
            for _ in 0..count.parse::<u32>().unwrap() {
                let mut own: Vec<&str> = tags.split_whitespace().collect();
                for share in shares.split_whitespace() {
                    let (tag, percent) = share.rsplit_once(':').unwrap();
                    if dice.below(100) < percent.parse().unwrap() {
                        own.push(tag);
                    }
                }
                let (name, hours) = (*dice.of(&names), *dice.of(&hours));
                town.settle(&mut dice, name, &own, hours);
            }
        }
        for (name, key, value) in NAMED {
            town.settle(&mut dice, name, &[&format!("{key}={value}")], '-');
        }
        for (name, key, value, north, east) in LANDMARKS {
            town.settle(&mut dice, name, &[&format!("{key}={value}")], '-');
            town.places.last_mut().unwrap().position = at(*north, *east);
        }
        town
    }

    fn settle(&mut self, dice: &mut Dice, name: &str, tags: &[&str], hours: char) {
        // The old town holds more than the others.
        let (district, north, east) = if dice.below(4) == 0 { DISTRICTS[0] } else { *dice.of(DISTRICTS) };
        let street = *dice.of(STREETS);
        let mut name = name.replace("{d}", district).replace("{s}", street);
        while name.contains("{n}") {
            let surname: &str = dice.of::<&str>(SURNAMES);
            name = name.replacen("{n}", surname, 1);
        }
        let mut all = BTreeMap::from([("name".to_owned(), name.clone())]);
        let mut add = |key: &str, value: &str| all.insert(key.to_owned(), value.to_owned());
        for tag in tags {
            let (key, value) = tag.split_once('=').unwrap();
            add(key, value);
        }
        add("addr:street", street);
        add("addr:housenumber", &(1 + dice.below(90)).to_string());
        add("addr:postcode", &format!("3450{}", dice.below(9)));
        add("addr:city", "Erlenstadt");
        add("addr:country", "DE");
        if dice.below(10) < 7 {
            add("addr:suburb", district);
        }
        if let Some((_, text, _)) = HOURS.iter().find(|(letter, ..)| *letter == hours) {
            add("opening_hours", text);
        }
        let number = self.places.len();
        if number.is_multiple_of(3) {
            add("phone", &format!("+49 5551 {:06}", 100_000 + number * 37));
            add("website", &format!("https://www.platz{number}.example/"));
        }
        let position = at(north + 1_500.0 * dice.around(), east + 1_500.0 * dice.around());
        self.places.push(Place { name, tags: all, position, hours });
    }

    pub fn geojson(&self) -> String {
        let feature = |(number, place): (usize, &Place)| {
            json!({
                "type": "Feature", "id": format!("node/{}", number + 1), "properties": place.tags,
                "geometry": { "type": "Point", "coordinates": [place.position.lon, place.position.lat] },
            })
        };
        let features: Vec<Value> = self.places.iter().enumerate().map(feature).collect();
        json!({ "type": "FeatureCollection", "features": features }).to_string()
    }
}

impl Place {
    /// `key=value`, `key=one|other`, `name=…`, or `open=Su` and `open=Su/480` with minutes after midnight.
    pub fn fulfils(&self, condition: &str) -> bool {
        let (key, wanted) = condition.split_once('=').unwrap_or_else(|| panic!("{condition} is no condition"));
        match key {
            "open" => self.is_open(wanted),
            "in" => self.tags.get("addr:suburb").is_some_and(|suburb| suburb == wanted),
            "name" => self.name == wanted,
            _ => self.tags.get(key).is_some_and(|value| value.split(';').any(|one| wanted.split('|').any(|wanted| one == wanted))),
        }
    }

    fn is_open(&self, wanted: &str) -> bool {
        let (day, minute) = match wanted.split_once('/') {
            Some((day, minute)) => (day, Some(minute.parse::<u32>().unwrap())),
            None => (wanted, None),
        };
        let hours = HOURS.iter().find(|(letter, ..)| *letter == self.hours);
        hours.is_some_and(|(_, _, spans)| {
            spans.iter().any(|(days, from, until)| days.contains(day) && minute.is_none_or(|minute| (*from..*until).contains(&minute)))
        })
    }
}
