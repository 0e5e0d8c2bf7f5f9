//! What is stored has to stay readable: every record of a crate has its shapes in the crate's golden file.

use super::{File, Finding};

const GOLDEN: &str = "formats.jsonl";

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let Some((folder, _)) = file.path.split_once("/src/") else { continue };
        let golden = format!("{folder}/{GOLDEN}");
        let recorded = files.iter().find(|file| file.path == golden).map_or("", |file| &file.text);
        for (number, line) in file.code_lines() {
            let Some(name) = record(line) else { continue };
            if !recorded.contains(&format!("\"record\":\"{name}\"")) {
                let message = format!("`{name}` is stored and has no line in {golden}; add samples of it to formats.rs (CONTRIBUTING.md)");
                findings.push(Finding::new(&file.path, number, message));
            }
        }
    }
    findings
}

/// The type that the line makes a record.
fn record(line: &str) -> Option<&str> {
    let (_, name) = line.trim_start().strip_prefix("impl").and_then(|rest| rest.split_once("Record for "))?;
    name.split(|character: char| !character.is_alphanumeric() && character != '_').next()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    #[test]
    fn every_record_has_a_line_in_the_golden_file_of_its_crate() {
        let carts = "impl Record for Cart {\n}\n// impl Record for Nothing\nimpl<T> Record for Kept<T> {\n}\n";
        let tested = "#[cfg(test)]\nmod tests {\n    impl Record for Tally {\n    }\n}\n";
        let files = [
            ("services/cart/src/storage.rs", carts),
            ("services/cart/src/lines/storage.rs", "impl Record for Line {\n}\n"),
            ("services/cart/formats.jsonl", "{\"record\":\"Cart\",\"stored\":{}}\n{\"record\":\"Lines\",\"stored\":{}}\n"),
            ("shell/src/scheduler.rs", "impl Record for Cart {\n}\n"),
            ("shell/src/queues.rs", tested),
            ("shell/tests/host.rs", "impl Record for Tally {\n}\n"),
        ];
        let found = lines(check(&tree(&files)));
        let begins = [
            "services/cart/src/lines/storage.rs:1: `Line` is stored",
            "services/cart/src/storage.rs:4: `Kept` is stored",
            "shell/src/scheduler.rs:1: `Cart` is stored",
        ];
        assert_eq!(found.len(), begins.len(), "{found:?}");
        for (found, begin) in found.iter().zip(begins) {
            assert!(found.starts_with(begin), "{found}");
        }
    }
}
