//! A made-up country of businesses and products: words by syllables, chosen as in real texts, where the
//! few are frequent (Zipf). The same seed makes the same country.

use kernel::{Currency, GeoPosition, Money, Rating, Timestamp};
use ports::search::{Document, DocumentCategory, Hours, Kind};

/// Splitmix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The first of `end` is the most frequent: each about in inverse proportion to its rank.
    pub fn zipf(&mut self, end: usize) -> usize {
        let rank = (end as f64 + 1.0).powf(self.share()) - 1.0;
        (rank as usize).min(end - 1)
    }

    pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let place = self.zipf(list.len());
        &list[place]
    }
}

const STARTS: &[&str] = &[
    "Al", "Ber", "Brau", "Da", "Fisch", "Fran", "Gar", "Hof", "Ka", "Kro", "Lin", "Lö", "Ma", "Mü", "Neu", "Ol", "Ro", "Schä", "Sa",
    "Stein", "Tho", "Wald", "Wei", "Zie",
];
const MIDDLES: &[&str] =
    &["ber", "chen", "del", "fel", "ga", "hei", "ken", "la", "len", "mer", "na", "ni", "ra", "sel", "ta", "ter", "wi", "zi"];
const ENDS: &[&str] =
    &["bach", "berger", "burg", "dorf", "er", "feld", "hof", "ich", "ini", "kirch", "ler", "mann", "o", "ski", "stein", "wirt", "witz"];
const FORMS: &[&str] = &[
    "Restaurant",
    "Café",
    "Gasthaus",
    "Praxis",
    "Salon",
    "Studio",
    "Trattoria",
    "Bar",
    "Wirtshaus",
    "Bäckerei",
    "Zum",
    "Hotel",
    "Werkstatt",
    "Apotheke",
    "Imbiss",
    "Atelier",
];
const TOPICS: &[&str] = &[
    "Restaurants",
    "Cafes",
    "Gyms",
    "Hairdressers",
    "Bakeries",
    "Pharmacies",
    "Doctors",
    "Dentists",
    "Hotels",
    "Bars",
    "Clothes",
    "Shoes",
    "Furniture",
    "Books",
    "Bicycles",
    "Car repair",
    "Florists",
    "Electronics",
    "Yoga studios",
    "Lawyers",
];
const KITCHENS: &[&str] = &[
    "italian",
    "bavarian",
    "asian",
    "vietnamese",
    "indian",
    "greek",
    "sushi",
    "burger",
    "vegan",
    "outdoor seating",
    "pizza",
    "turkish",
    "thai",
    "mexican",
    "french",
    "takeaway",
    "wheelchair",
    "organic",
    "ramen",
    "tapas",
];
const HOURS: &[&str] = &[
    "Mo-Fr 09:00-18:00",
    "Mo-Su 11:00-23:00",
    "Tu-Su 17:00-24:00",
    "Mo-Sa 08:00-20:00",
    "24/7",
    "Mo-Fr 08:00-12:00,14:00-18:00; Sa 09:00-13:00",
    "We-Su 10:00-22:00; PH off",
];

pub struct Country {
    names: Vec<String>,
    words: Vec<String>,
    streets: Vec<String>,
    cities: Vec<(String, GeoPosition)>,
}

impl Country {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut word = |middles: usize| {
            let mut word = STARTS[dice.below(STARTS.len())].to_owned();
            for _ in 0..dice.below(middles + 1) {
                word.push_str(MIDDLES[dice.below(MIDDLES.len())]);
            }
            word + ENDS[dice.below(ENDS.len())]
        };
        let names = (0..20_000).map(|_| word(2)).collect();
        let words = (0..40_000).map(|_| word(3).to_lowercase()).collect();
        let streets = (0..3_000).map(|_| word(1) + "straße").collect();
        let towns: Vec<String> = (0..60).map(|_| word(1)).collect();
        let cities = towns
            .into_iter()
            .map(|name| (name, GeoPosition::new(47.5 + dice.share() * 6.0, 7.0 + dice.share() * 7.0).expect("in Germany")))
            .collect();
        Self { names, words, streets, cities }
    }

    pub fn document(&self, n: u64) -> Document {
        let mut dice = Dice::new(n.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let topic = dice.zipf(TOPICS.len());
        let (city, middle) = dice.of(&self.cities);
        let product = dice.below(4) == 0;
        let first = dice.of(&self.names).clone();
        let name = match dice.below(4) {
            0 => first,
            1 => format!("{first} {}", dice.of(&self.names)),
            _ => format!("{} {first}", dice.of(FORMS)),
        };
        let description: Vec<&str> = (0..10 + dice.below(40)).map(|_| dice.of(&self.words).as_str()).collect();
        let position = GeoPosition::new(middle.lat + (dice.share() - 0.5) * 0.2, middle.lon + (dice.share() - 0.5) * 0.3);
        let count = dice.zipf(200) as u64;
        Document {
            kind: if product { Kind::Product } else { Kind::Business },
            id: format!("{}_{n:026}", if product { "prd" } else { "biz" }),
            slug: format!("s{n}"),
            description: description.join(" "),
            address: if product {
                String::new()
            } else {
                format!("{} {}, {:05} {city}", dice.of(&self.streets), 1 + dice.below(120), 10_000 + dice.below(80_000))
            },
            district: String::new(),
            phone: None,
            website: None,
            categories: vec![DocumentCategory {
                id: format!("cat_{topic}"),
                name: TOPICS[topic].into(),
                path: vec!["cat_root".into(), format!("cat_{topic}")],
                above: vec!["All".into()],
            }],
            tags: (0..dice.below(4)).map(|_| (*dice.of(KITCHENS)).to_owned()).collect(),
            price: product.then(|| Money::new(100 + dice.zipf(100_000) as i64, Currency::EUR)),
            rating: Rating { sum: count * 4 + dice.below(count as usize + 1) as u64, count },
            position: if product { None } else { position },
            hours: (!product && dice.below(3) > 0).then(|| Hours {
                expression: (*dice.of(HOURS)).into(),
                time_zone: "Europe/Berlin".into(),
                region: "DE".into(),
            }),
            image_url: None,
            language: Some("de".into()),
            created_at: Timestamp::from_millis(1_700_000_000_000 + n as i64 * 1000),
            name,
        }
    }

    /// Words that somebody may type: names, kinds of places, both, some of them misspelt.
    pub fn text(&self, dice: &mut Dice) -> String {
        let text = match dice.below(10) {
            0..4 => dice.of(&self.names).clone(),
            4..6 => format!("{} {}", dice.of(FORMS), dice.of(&self.names)),
            6..8 => (*dice.of(KITCHENS)).to_owned(),
            8 => format!("{} {}", dice.of(KITCHENS), dice.of(TOPICS)),
            _ => format!("{} {}", dice.of(&self.names), dice.of(&self.cities).0),
        };
        if dice.below(5) == 0 { misspelt(&text, dice) } else { text }
    }

    pub fn prefix(&self, dice: &mut Dice) -> String {
        let name = dice.of(&self.names).clone();
        let length = 1 + dice.below(7);
        name.chars().take(length).collect()
    }

    pub fn place(&self, dice: &mut Dice) -> GeoPosition {
        let middle = dice.of(&self.cities).1;
        GeoPosition::new(middle.lat + (dice.share() - 0.5) * 0.1, middle.lon + (dice.share() - 0.5) * 0.1).expect("in Germany")
    }

    pub fn topic(dice: &mut Dice) -> String {
        format!("cat_{}", dice.zipf(TOPICS.len()))
    }
}

/// One letter left out, doubled or exchanged with the next.
fn misspelt(text: &str, dice: &mut Dice) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.len() < 5 {
        return text.to_owned();
    }
    let at = 1 + dice.below(chars.len() - 2);
    match dice.below(3) {
        0 => {
            chars.remove(at);
        }
        1 => chars.insert(at, chars[at]),
        _ => chars.swap(at, at + 1),
    }
    chars.into_iter().collect()
}
