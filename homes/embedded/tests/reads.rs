//! Who reads whom. A circle would mean that no service of it can be understood, changed or started without the others.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use home_embedded::Home;
use wiring::Config;

/// What is left once everyone is taken away, again and again, who reads nobody that is left.
fn in_circles<'a>(mut reads: BTreeMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    loop {
        let before = reads.len();
        let left: Vec<&str> = reads.keys().copied().collect();
        reads.retain(|_, others| others.iter().any(|other| left.contains(other)));
        if reads.len() == before {
            return left;
        }
    }
}

#[test]
fn services_read_one_another_without_circles() {
    let services = Home::in_memory(&Config::default()).unwrap().services().unwrap();
    let known: Vec<&str> = services.iter().map(|service| service.name).collect();
    let reads: BTreeMap<&str, Vec<&str>> = services.iter().map(|each| (each.name, each.reads.clone())).collect();
    assert!(reads.values().flatten().count() > 10, "the reads are recorded: {reads:?}");
    assert!(reads.values().flatten().all(|other| known.contains(other)), "{reads:?}");
    assert_eq!(in_circles(reads), Vec::<&str>::new(), "these read one another in circles");
}

#[test]
fn a_circle_is_found() {
    let reads = |edges: &[(&'static str, &[&'static str])]| edges.iter().map(|(name, others)| (*name, others.to_vec())).collect();
    assert_eq!(in_circles(reads(&[("a", &["b"]), ("b", &["c"]), ("c", &[])])), Vec::<&str>::new());
    assert_eq!(in_circles(reads(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])])), ["a", "b", "c"]);
    assert_eq!(in_circles(reads(&[("a", &["a"])])), ["a"]);
}
