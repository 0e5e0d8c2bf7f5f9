//! `new service NAME`: a service that compiles, with its entries everywhere else. All files are made in memory first, so that
//! nothing is changed when one of them does not fit.

use std::collections::BTreeMap;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};

use crate::{Outcome, process};

#[derive(Subcommand)]
pub enum New {
    /// Write a service: crate, rule, storage, routes, tests, event, and its entry in the wiring.
    Service(Options),
}

#[derive(Args)]
pub struct Options {
    /// In the plural and lower case, as its paths begin: `bookings`.
    name: String,
}

const NAME_CHARS_MAX: usize = 30;
/// Words of Rust, modules of a service, and programs; the manifest of the workspace lists what else there is.
const TAKEN: [&str; 24] = [
    "as", "bench", "box", "break", "const", "consumer", "crate", "dyn", "else", "enum", "formats", "http", "impl", "lambda", "loop",
    "match", "reads", "souk", "static", "storage", "trait", "types", "views", "xtask",
];

const TEMPLATES: [(&str, &str); 9] = [
    ("services/{{service}}/Cargo.toml", include_str!("../templates/service/Cargo.toml.txt")),
    ("services/{{service}}/src/lib.rs", include_str!("../templates/service/lib.rs.txt")),
    ("services/{{service}}/src/{{noun}}.rs", include_str!("../templates/service/noun.rs.txt")),
    ("services/{{service}}/src/storage.rs", include_str!("../templates/service/storage.rs.txt")),
    ("services/{{service}}/src/http.rs", include_str!("../templates/service/http.rs.txt")),
    ("services/{{service}}/src/formats.rs", include_str!("../templates/service/formats.rs.txt")),
    ("services/{{service}}/formats.jsonl", include_str!("../templates/service/formats.jsonl.txt")),
    ("services/{{service}}/tests/scenarios.rs", include_str!("../templates/service/scenarios.rs.txt")),
    ("contracts/src/{{service}}.rs", include_str!("../templates/service/contracts.rs.txt")),
];

/// Of each: a file, a line that it holds, and what comes before that line.
const ENTRIES: &str = include_str!("../templates/service/entries.json");

/// What a service is called in all its places.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    service: String,
    noun: String,
    /// Of its identifiers.
    prefix: String,
}

pub fn run(root: &Path, new: &New) -> Outcome {
    let New::Service(options) = new;
    // Who asked for what cannot be is told so in the way of every wrong argument.
    let files = plan(root, &options.name).unwrap_or_else(|refused| clap::Error::raw(ErrorKind::ValueValidation, refused + "\n").exit());
    write(root, &files, &options.name)
}

fn write(root: &Path, files: &BTreeMap<String, String>, name: &str) -> Outcome {
    for (path, text) in files {
        let file = root.join(path);
        process::folder(file.parent().ok_or_else(|| format!("{path} has no folder"))?)?;
        process::write(&file, text)?;
        println!("wrote {path}");
    }
    // Modules and imports come into their order.
    process::run(process::cargo(root).args(["fmt", "--all"]))?;
    println!(
        "next: cargo test -p {name}. By hand: a line for services/{name} in the map of ARCHITECTURE.md, a consumer for its event, and \
         a sample for each operation in homes/embedded/tests/roles/samples.rs. Then write the manifest, docs/roles.md and \
         docs/events.md anew, as docs/extending.md says under \"A service\""
    );
    Ok(())
}

/// The files to be written, with their whole texts, by their paths.
fn plan(root: &Path, name: &str) -> Outcome<BTreeMap<String, String>> {
    let read = |path: &str| process::read(&root.join(path));
    let names = Names::of(name, &read("kernel/src/id.rs")?, &read("Cargo.toml")?)?;
    let mut files = BTreeMap::new();
    for (path, text) in TEMPLATES {
        let path = names.filled(path);
        if root.join(&path).exists() {
            return Err(format!("{name} is taken: {path} exists"));
        }
        files.insert(path, names.filled(text));
    }
    let entries: Vec<[String; 3]> = serde_json::from_str(ENTRIES).map_err(|error| format!("the entries of a service: {error}"))?;
    for [path, before, text] in entries {
        let whole = match files.remove(&path) {
            Some(changed) => changed,
            None => read(&path)?,
        };
        let at = match whole.match_indices(&before).map(|(at, _)| at).collect::<Vec<_>>().as_slice() {
            [at] => *at,
            found => return Err(format!("{path} holds {before:?} {} times instead of once", found.len())),
        };
        let changed = format!("{}{}{}", &whole[..at], names.filled(&text), &whole[at..]);
        files.insert(path, changed);
    }
    Ok(files)
}

impl Names {
    /// From the kernel's identifiers and the manifest of the workspace.
    fn of(service: &str, ids: &str, manifest: &str) -> Outcome<Self> {
        let fits = (3..=NAME_CHARS_MAX).contains(&service.len()) && service.bytes().all(|byte| byte.is_ascii_lowercase());
        if !fits {
            return Err(format!("{service:?} is no name: 3 to {NAME_CHARS_MAX} lower-case letters, such as bookings"));
        }
        let noun = match (service.strip_suffix("ies"), service.strip_suffix('s')) {
            (Some(stem), _) => format!("{stem}y"),
            (None, Some(stem)) => stem.to_owned(),
            (None, None) => service.to_owned(),
        };
        let taken = |word: &str| TAKEN.contains(&word) || manifest.contains(&format!("\n{word} = "));
        if noun == service || taken(&noun) || TAKEN.contains(&service) {
            return Err(format!(
                "{service:?} cannot be the name of a service: it takes a plural that is no word of Rust or of a crate here"
            ));
        }
        let names = Self { service: service.to_owned(), prefix: prefix(&noun, ids), noun };
        if ids.contains(&names.filled("    {{Noun}}Id = ")) {
            return Err(names.filled("{{service}} is taken: the kernel has {{Noun}}Id"));
        }
        Ok(names)
    }

    fn filled(&self, template: &str) -> String {
        let noun = self.noun[..1].to_ascii_uppercase() + &self.noun[1..];
        template
            .replace("{{service}}", &self.service)
            .replace("{{Noun}}", &noun)
            .replace("{{noun}}", &self.noun)
            .replace("{{prefix}}", &self.prefix)
    }
}

/// The first letters of the noun that no other identifier begins with.
fn prefix(noun: &str, ids: &str) -> String {
    let free = |length: usize| noun.get(..length).filter(|prefix| !ids.contains(&format!("\"{prefix}\";")));
    (3..=noun.len()).find_map(free).unwrap_or(noun).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str) -> String {
        plan(Path::new(".."), name).err().unwrap_or_default()
    }

    #[test]
    fn a_service_has_its_files_and_its_entries() {
        let files = plan(Path::new(".."), "bookings").ok().unwrap();
        assert_eq!(files.len(), 17, "{:?}", files.keys());
        for (path, text) in &files {
            assert!(!text.contains("{{") || !path.contains("booking"), "{path} has a placeholder left:\n{text}");
        }
        for (path, part) in [
            ("Cargo.toml", "bookings = { path = \"services/bookings\" }"),
            ("wiring/Cargo.toml", "bookings.workspace = true"),
            ("wiring/src/services.rs", "    Entry::with_table(bookings::TABLE, bookings),"),
            ("wiring/src/services.rs", "Ok(bookings::service(&b.work()?))"),
            ("contracts/src/lib.rs", "BookingCreated(booking_id) = \"booking.created\","),
            ("contracts/tests/formats.rs", ".of([BookingCreated { booking_id: 1.into(), owner_id: 2.into() }])"),
            ("contracts/formats.jsonl", "{\"record\":\"booking.created\",\"stored\":{\"booking_id\":\"boo_"),
            ("services/bookings/formats.jsonl", "{\"record\":\"Booking\",\"stored\":"),
            ("kernel/src/id.rs", "    BookingId = \"boo\";\n    ReviewId"),
            ("services/bookings/src/http.rs", "path = \"/bookings/{booking_id}\""),
            ("services/bookings/src/booking.rs", "Result<Decision<Self>, BookingError>"),
        ] {
            assert!(files[path].contains(part), "{path} lacks {part}:\n{}", files[path]);
        }
    }

    #[test]
    fn a_bad_or_taken_name_is_refused() {
        for (name, sentence) in [
            ("Bookings", "is no name"),
            ("boo-kings", "is no name"),
            ("bo", "is no name"),
            ("types", "cannot be the name"),
            ("booking", "it takes a plural"),
            ("kernels", "cannot be the name"),
            ("souks", "cannot be the name"),
            ("orders", "is taken"),
            ("products", "is taken: the kernel has ProductId"),
        ] {
            assert!(refused(name).contains(sentence), "{name}: {}", refused(name));
        }
    }

    #[test]
    fn words_of_a_name() {
        let ids = "    ReservationId = \"rsv\";\n    ReviewId = \"rev\";\n";
        let names = Names::of("revenues", ids, "").ok().unwrap();
        assert_eq!((names.noun.as_str(), names.prefix.as_str()), ("revenue", "reve"));
        assert_eq!(Names::of("categories", ids, "").ok().unwrap().noun, "category");
    }
}
