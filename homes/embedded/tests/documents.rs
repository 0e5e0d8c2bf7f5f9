//! What docs/events.md says of events follows from what the services declare: `EVENTS=write` writes it anew. The API document has no
//! gaps.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use home_embedded::Home;
use shell::testing::Conformance;
use wiring::{Config, Manifest, manifest};

const BEGIN: &str = "<!-- generated: EVENTS=write cargo test -p home-embedded --test documents -->\n";
const END: &str = "<!-- end of what is generated -->\n";

/// The consumers that hear events of the type.
fn heard_by<'a>(manifest: &'a Manifest, kind: &'a str) -> impl Iterator<Item = &'static str> + 'a {
    let consumers = manifest.services.iter().flat_map(|service| &service.consumers);
    consumers.filter(move |consumer| consumer.types.contains(&kind)).map(|consumer| consumer.name)
}

/// A picture of who hears whom, and a row for each event.
fn events(manifest: &Manifest) -> String {
    let emitted = || manifest.services.iter().flat_map(|service| service.emits.iter().map(|kind| (service.name, *kind)));
    let mut arrows: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut table = String::from("| event | emitted by | heard by |\n|---|---|---|\n");
    for (from, kind) in emitted() {
        let consumers: Vec<_> = heard_by(manifest, kind).collect();
        assert!(!consumers.is_empty(), "nobody hears {kind}: give it a consumer, or take it away");
        table.push_str(&format!("| `{kind}` | {from} | {} |\n", consumers.join(", ")));
        for consumer in consumers {
            arrows.entry((from, consumer)).or_default().push(kind);
        }
    }
    let arrow = |((from, consumer), kinds): (&(&str, &str), &Vec<&str>)| format!("    {from} -->|\"{}\"| {consumer}\n", kinds.join("<br>"));
    let picture: String = arrows.iter().map(arrow).collect();
    format!("```mermaid\nflowchart LR\n{picture}```\n\n{table}")
}

#[test]
fn the_events_are_those_that_the_services_declare() {
    let services = Home::in_memory(&Config::default()).unwrap().services().unwrap();
    let generated = events(&manifest(&services));
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/events.md says where the generated part begins");
    let (written, after) = rest.split_once(END).expect("docs/events.md says where the generated part ends");
    if std::env::var("EVENTS").is_ok_and(|value| value == "write") {
        return std::fs::write(&file, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
    }
    assert_eq!(written, generated, "docs/events.md is out of date: run this test with EVENTS=write");
}

#[test]
fn the_api_document_describes_everything_and_shows_every_body() {
    let host = Home::in_memory(&Config::default()).unwrap().host().unwrap();
    let gaps = Conformance::of(host.openapi()).gaps();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}
