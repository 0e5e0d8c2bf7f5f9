//! Documents name only files that exist, and the map of the architecture names every crate.

use std::collections::BTreeSet;

use super::source::has_word;
use super::{File, Finding};

/// Endings by which a text in backticks is known to mean a file.
const ENDINGS: [&str; 12] = [".rs", ".md", ".toml", ".json", ".csv", ".txt", ".html", ".yml", ".yaml", ".sh", ".sql", ".ts"];
/// Folders that appear only once something has run.
const MADE: [&str; 4] = ["target", "data", ".tools", "node_modules"];

const MAP: &str = "ARCHITECTURE.md";

/// The paths of the files and of their folders.
struct Tree<'a>(BTreeSet<&'a str>);

pub fn check(files: &[File]) -> Vec<Finding> {
    let tree = Tree::of(files);
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut fenced = false;
        for (index, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let missing = named(line)
                .filter(|_| !fenced)
                .filter(|name| tree.misses(folder, name))
                .chain(linked(line).filter(|path| !tree.has(folder, path)));
            findings.extend(missing.map(|name| Finding::new(&file.path, index + 1, format!("`{name}` does not exist"))));
        }
    }
    findings.extend(unmapped(files));
    findings
}

/// The crates that the map leaves out. It names a crate by its folder, or in the line of the folder above.
fn unmapped(files: &[File]) -> Vec<Finding> {
    let Some(map) = files.iter().find(|file| file.path == MAP).map(|map| &map.text) else { return Vec::new() };
    let named = |folder: &str| {
        let (above, name) = folder.rsplit_once('/').unwrap_or((folder, folder));
        let above = format!("`{above}/`");
        map.contains(&format!("`{folder}`"))
            || map.contains(&format!("`{folder}/`"))
            || map.lines().any(|line| line.contains(&above) && has_word(line, name))
    };
    let crates = files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml"));
    crates
        .filter(|folder| !named(folder))
        .map(|folder| Finding::new(MAP, 1, format!("the map does not name the crate `{folder}`")))
        .collect()
}

impl<'a> Tree<'a> {
    fn of(files: &'a [File]) -> Self {
        Self(files.iter().flat_map(|file| file.path.match_indices('/').map(|(at, _)| &file.path[..at]).chain([&*file.path])).collect())
    }

    /// Whether the path exists, from the root or from the document's folder.
    fn has(&self, folder: &str, path: &str) -> bool {
        let beside = join(folder, path);
        let plain = path.trim_end_matches('/');
        [plain, beside.as_str()].iter().any(|path| self.0.contains(path) || path.is_empty())
    }

    /// Whether a text in backticks means a file of this repository, and there is none.
    fn misses(&self, folder: &str, name: &str) -> bool {
        let first = name.split('/').next().unwrap_or_default();
        if MADE.contains(&first) || self.has(folder, name) {
            return false;
        }
        let ends = ENDINGS.iter().any(|ending| name.ends_with(ending));
        if name.contains('/') {
            return ends || name.ends_with('/') || self.0.contains(first);
        }
        let named = |path: &&str| path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        (name.ends_with(".rs") || name.ends_with(".md")) && !self.0.iter().any(named)
    }
}

/// The document's folder and a path from there, with `..` resolved.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Texts in backticks that could be relative paths; a line number after a colon is cut off.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let inside = line.split('`').skip(1).step_by(2);
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    inside
        .map(|text| {
            text.rsplit_once(':').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit())).map_or(text, |(path, _)| path)
        })
        .filter(move |text| {
            text.contains(['/', '.']) && text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
        })
}

/// Targets of links to files: `[text](path#part)`.
fn linked(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:") || target.contains(' ');
        if elsewhere { None } else { Some(target) }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    #[test]
    fn paths_in_documents_exist() {
        let text = "\
Fine: `kernel/src/money.rs`, `kernel/src/money.rs:12`, `kernel/`, `money.rs`, `guide.md`, [guide](docs/guide.md#top), `target/x.json`.
No paths: `application/json`, `orders.v1`, `GET /carts`, `a + b/c.rs`, `<noun>.rs`, `souk.toml`, [site](https://x.example/a.md).
Gone: `kernel/src/gold.rs`, `gold.rs`, `kernel/tests`, `sevices/x.rs`, [gone](docs/gone.md).
```
`kernel/src/gold.rs`
```
";
        let found = lines(check(&tree(&[
            ("README.md", text),
            ("kernel/src/money.rs", ""),
            ("docs/guide.md", "See `../kernel/src/money.rs`, [me](guide.md), `../kernel/no.rs`.\n"),
        ])));
        let expected = [
            "README.md:3: `kernel/src/gold.rs` does not exist",
            "README.md:3: `gold.rs` does not exist",
            "README.md:3: `kernel/tests` does not exist",
            "README.md:3: `sevices/x.rs` does not exist",
            "README.md:3: `docs/gone.md` does not exist",
            "docs/guide.md:1: `../kernel/no.rs` does not exist",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_map_names_every_crate() {
        let map = "| `kernel/` | words |\n| `services/` | cart, orders |\n| `adapters/sqlite` | cart |\n";
        let crates = ["kernel", "services/cart", "services/tax", "adapters/sqlite", "adapters/cart", "bench"];
        let manifests: Vec<_> = crates.iter().map(|folder| (format!("{folder}/Cargo.toml"), "")).collect();
        let files = manifests.iter().map(|(path, text)| (path.as_str(), *text)).chain([("ARCHITECTURE.md", map), ("Cargo.toml", "")]);
        let found = lines(check(&tree(&files.collect::<Vec<_>>())));
        let missing =
            ["adapters/cart", "bench", "services/tax"].map(|name| format!("ARCHITECTURE.md:1: the map does not name the crate `{name}`"));
        assert_eq!(found, missing);
    }
}
