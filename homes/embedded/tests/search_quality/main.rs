//! How well search understands what people type: a made-up town with the tags of OpenStreetMap goes through import and index, and
//! judged queries are asked. What is right follows from the tags and the positions alone.
//!
//! `queries.txt` has sections. A heading says what is wanted and how it is judged, and each of the queries below is asked from one of a
//! few spots in the town:
//!
//! - `first`: the first hit is the nearest place that fulfils all conditions;
//! - `near`: one of the first three hits is one of the three nearest that do;
//! - `has`: one of the first three does, wherever it is;
//! - `all`: each of the first three does;
//! - `@ NAME` measures from a place of that name instead of the spot.

#![allow(clippy::unwrap_used)]

mod town;

use directory::{DEFAULT_MAPPING, FileKind, Mapping};
use home_embedded::Home;
use kernel::{GeoPosition, Timestamp};
use ports::Search;
use ports::search::SearchQuery;
use tantivy_search::TantivySearch;
use wiring::Config;

use crate::town::{Place, Town, at};

/// Queries of which this share has to be understood.
const SHARE_MIN: f64 = 0.95;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Judging {
    First,
    Near,
    Has,
    All,
}

struct Section<'a> {
    judging: Judging,
    conditions: Vec<&'a str>,
    from: Option<&'a str>,
    queries: Vec<&'a str>,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(heading) => {
                let (judging, rest) = heading.split_once(' ').unwrap();
                let judging = match judging {
                    "first" => Judging::First,
                    "near" => Judging::Near,
                    "has" => Judging::Has,
                    "all" => Judging::All,
                    other => panic!("{other} is no way to judge"),
                };
                let (conditions, from) = rest.split_once(" @ ").map_or((rest, None), |(conditions, from)| (conditions, Some(from)));
                // A name may have the sign itself.
                let conditions = if conditions.starts_with("name=") { vec![conditions] } else { conditions.split(" & ").collect() };
                sections.push(Section { judging, conditions, from, queries: Vec::new() });
            }
            None => sections.last_mut().unwrap().queries.extend(line.split(';').map(str::trim).filter(|query| !query.is_empty())),
        }
    }
    sections
}

impl Section<'_> {
    /// Whether the hits, which are numbers of places, are right.
    fn is_right(&self, town: &Town, hits: &[usize], spot: GeoPosition) -> bool {
        let landmark = self.from.map(|name| town.places.iter().find(|place| place.name == name).unwrap().position);
        let metres = |number: usize| landmark.unwrap_or(spot).distance_m(town.places[number].position);
        let wanted = |place: &Place| self.conditions.iter().all(|condition| place.fulfils(condition));
        let mut right: Vec<usize> = (0..town.places.len()).filter(|number| wanted(&town.places[*number])).collect();
        right.sort_by(|one, other| metres(*one).total_cmp(&metres(*other)));
        assert!(!right.is_empty(), "nothing in the town fulfils {:?}", self.conditions);
        let first_three = &hits[..hits.len().min(3)];
        match self.judging {
            Judging::First => hits.first() == right.first(),
            Judging::Near => first_three.iter().any(|hit| right[..right.len().min(3)].contains(hit)),
            Judging::Has => first_three.iter().any(|hit| right.contains(hit)),
            Judging::All => !hits.is_empty() && first_three.iter().all(|hit| right.contains(hit)),
        }
    }
}

/// The index as a shop builds it from what it has imported.
async fn index_of(town: &Town, folder: &std::path::Path) -> TantivySearch {
    let config = Config { data: folder.to_owned(), ..Config::default() };
    let home = Home::open(&config).unwrap();
    let mapping = Mapping::parse(DEFAULT_MAPPING).unwrap();
    let places = directory::parse(&town.geojson(), FileKind::GeoJson, &mapping).unwrap();
    let places = places.into_iter().map(Result::unwrap).collect();
    let report = home.operator().import_businesses(places, |_| {}).await.unwrap();
    assert_eq!((report.created, report.refused.len()), (town.places.len(), 0));
    home.operator().rebuild_search().await.unwrap();
    home.close().await.unwrap();
    TantivySearch::open(&folder.join("search")).unwrap()
}

/// The numbers of the places that are found, by their positions and names.
async fn ask(search: &TantivySearch, town: &Town, text: &str, spot: GeoPosition) -> (Vec<usize>, String) {
    let friday: Timestamp = "2026-11-20T11:00:00Z".parse().unwrap();
    let query = SearchQuery { position: Some(spot), limit: 3, explain: true, ..SearchQuery::new(text, friday) };
    let results = search.search(query).await.unwrap();
    let number = |hit: &ports::search::Hit| {
        let there = |place: &Place| hit.document.position.is_some_and(|position| position.distance_m(place.position) < 0.5);
        town.places.iter().position(|place| place.name == hit.document.name && there(place)).unwrap()
    };
    (results.hits.iter().map(number).collect(), format!("{:?}", results.explanation))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_find_what_they_look_for_in_an_unknown_town() {
    let town = Town::build(1);
    let folder = tempfile::tempdir().unwrap();
    let search = index_of(&town, folder.path()).await;
    let spots = [at(150.0, -200.0), at(2_300.0, 500.0), at(-2_000.0, -300.0), at(-400.0, 2_600.0), at(400.0, -2_700.0)];
    let (mut asked, mut right, mut firsts, mut right_firsts) = (0, 0, 0, 0);
    for section in sections(include_str!("queries.txt")) {
        for query in &section.queries {
            let spot = spots[asked % spots.len()];
            let (hits, explanation) = ask(&search, &town, query, spot).await;
            let good = section.is_right(&town, &hits, spot);
            asked += 1;
            right += usize::from(good);
            if section.judging == Judging::First {
                firsts += 1;
                right_firsts += usize::from(good);
            }
            if !good {
                let found: Vec<String> = hits.iter().map(|hit| shown(&town.places[*hit], spot)).collect();
                println!("miss: {query:?} wants {:?}\n      found {found:?}\n      {explanation}", section.conditions);
            }
        }
    }
    println!("{right} of {asked} queries are understood; the nearest of a kind is first for {right_firsts} of {firsts}");
    assert!(asked >= 300 && firsts >= 60);
    assert_eq!(right_firsts, firsts, "the nearest of a kind comes first");
    assert!(right as f64 >= asked as f64 * SHARE_MIN, "{right} of {asked}");
}

fn shown(place: &Place, spot: GeoPosition) -> String {
    let tags: Vec<String> = place
        .tags
        .iter()
        .filter(|(key, _)| !key.starts_with("addr:") && !["name", "phone", "website"].contains(&key.as_str()))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{} {:.0} m {}", place.name, spot.distance_m(place.position), tags.join(" "))
}
