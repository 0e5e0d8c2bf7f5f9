//! `new service NAME`: a service that compiles, with its entries everywhere else. All files are made in memory first, so that
//! nothing is changed when one of them does not fit.

use std::collections::BTreeMap;
use std::path::Path;

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

/// The sentence for somebody who asked for what cannot be: exit code 2.
pub struct Refused(pub String);

const NAME_CHARS_MAX: usize = 30;
/// Of a crate or a module that has the name, or would be confused with one.
const TAKEN: [&str; 17] = [
    "kernel",
    "contracts",
    "ports",
    "shell",
    "wiring",
    "xtask",
    "bench",
    "souk",
    "lambda",
    "memory",
    "suite",
    "http",
    "storage",
    "formats",
    "consumer",
    "reads",
    "views",
];
const KEYWORDS: [&str; 14] =
    ["as", "box", "break", "const", "crate", "dyn", "else", "enum", "impl", "loop", "match", "static", "trait", "types"];

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

/// File, a line that it holds, and what comes before that line.
const ENTRIES: [(&str, &str, &str); 11] = [
    ("Cargo.toml", "wiring = { path = \"wiring\" }\n", "{{service}} = { path = \"services/{{service}}\" }\n"),
    ("wiring/Cargo.toml", "\n[dev-dependencies]\n", "{{service}}.workspace = true\n"),
    ("wiring/src/services.rs", "    Entry::with_table(search::TABLE", "    Entry::with_table({{service}}::TABLE, {{service}}),\n"),
    (
        "wiring/src/services.rs",
        "fn search(b: &mut Builder<'_>)",
        "fn {{service}}(b: &mut Builder<'_>) -> Result<Service, BuildError> {\n    Ok({{service}}::service(&b.work()?))\n}\n\n",
    ),
    ("contracts/src/lib.rs", "mod reviews;\n", "mod {{service}};\n"),
    ("contracts/src/lib.rs", "pub use reviews::*;\n", "pub use {{service}}::*;\n"),
    (
        "contracts/src/lib.rs",
        "    \"notifications\" {\n",
        "    \"{{service}}\" {\n        {{Noun}}Created({{noun}}_id) = \"{{noun}}.created\",\n    }\n",
    ),
    (
        "contracts/tests/formats.rs",
        "        .of([MailQueued {",
        "        .of([{{Noun}}Created { {{noun}}_id: 1.into(), owner_id: 2.into() }])\n",
    ),
    (
        "contracts/formats.jsonl",
        "{\"record\":\"mail.queued\"",
        concat!(
            "{\"record\":\"{{noun}}.created\",\"stored\":",
            "{\"{{noun}}_id\":\"{{prefix}}_00000000000000000000000001\",\"owner_id\":\"usr_00000000000000000000000002\"}}\n"
        ),
    ),
    ("kernel/src/id.rs", "    ReviewId = \"rev\";\n", "    {{Noun}}Id = \"{{prefix}}\";\n"),
    ("kernel/src/lib.rs", "pub use money::{", "pub use id::{{Noun}}Id;\n"),
];

/// What a service is called in all its places.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    service: String,
    noun: String,
    /// Of its identifiers.
    prefix: String,
}

pub fn run(root: &Path, new: &New) -> Result<Outcome, Refused> {
    let New::Service(options) = new;
    let files = plan(root, &options.name)?;
    Ok(write(root, &files, &options.name))
}

fn write(root: &Path, files: &BTreeMap<String, String>, name: &str) -> Outcome {
    for (path, text) in files {
        let file = root.join(path);
        let folder = file.parent().ok_or_else(|| format!("{path} has no folder"))?;
        let failed = |error: std::io::Error| format!("cannot write {path}: {error}");
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, text)).map_err(failed)?;
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
fn plan(root: &Path, name: &str) -> Result<BTreeMap<String, String>, Refused> {
    let read = |path: &str| {
        let file = root.join(path);
        std::fs::read_to_string(&file).map_err(|error| Refused(format!("cannot read {}: {error}", file.display())))
    };
    let names = Names::of(name, &read("kernel/src/id.rs")?)?;
    let mut files = BTreeMap::new();
    for (path, text) in TEMPLATES {
        let path = names.filled(path);
        if root.join(&path).exists() {
            return Err(Refused(format!("{name} is taken: {path} exists")));
        }
        files.insert(path, names.filled(text));
    }
    for (path, before, text) in ENTRIES {
        let whole = match files.remove(path) {
            Some(changed) => changed,
            None => read(path)?,
        };
        let at = match whole.match_indices(before).map(|(at, _)| at).collect::<Vec<_>>().as_slice() {
            [at] => *at,
            found => return Err(Refused(format!("{path} holds {before:?} {} times instead of once", found.len()))),
        };
        let changed = format!("{}{}{}", &whole[..at], names.filled(text), &whole[at..]);
        files.insert(path.to_owned(), changed);
    }
    Ok(files)
}

impl Names {
    fn of(service: &str, ids: &str) -> Result<Self, Refused> {
        let fits = (3..=NAME_CHARS_MAX).contains(&service.len()) && service.bytes().all(|byte| byte.is_ascii_lowercase());
        if !fits {
            return Err(Refused(format!("{service:?} is no name: 3 to {NAME_CHARS_MAX} lower-case letters, such as bookings")));
        }
        let noun = match (service.strip_suffix("ies"), service.strip_suffix('s')) {
            (Some(stem), _) => format!("{stem}y"),
            (None, Some(stem)) => stem.to_owned(),
            (None, None) => service.to_owned(),
        };
        if [service, &noun].iter().any(|word| TAKEN.contains(word) || KEYWORDS.contains(word)) || noun == service {
            return Err(Refused(format!(
                "{service:?} cannot be the name of a service: it takes a plural that is no word of Rust or of a crate here"
            )));
        }
        let names = Self { service: service.to_owned(), prefix: prefix(&noun, ids), noun };
        if ids.contains(&names.filled("    {{Noun}}Id = ")) {
            return Err(Refused(names.filled("{{service}} is taken: the kernel has {{Noun}}Id")));
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
        plan(Path::new(".."), name).err().map(|refused| refused.0).unwrap_or_default()
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
            ("orders", "is taken"),
            ("products", "is taken: the kernel has ProductId"),
        ] {
            assert!(refused(name).contains(sentence), "{name}: {}", refused(name));
        }
    }

    #[test]
    fn words_of_a_name() {
        let ids = "    ReservationId = \"rsv\";\n    ReviewId = \"rev\";\n";
        let names = Names::of("revenues", ids).ok().unwrap();
        assert_eq!((names.noun.as_str(), names.prefix.as_str()), ("revenue", "reve"));
        assert_eq!(Names::of("categories", ids).ok().unwrap().noun, "category");
    }
}
