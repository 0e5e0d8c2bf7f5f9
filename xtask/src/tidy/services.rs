//! Every service has the same files, and its nouns are pure. A noun is a file with rules: with functions
//! that return a decision about their own type, `Decision<Self>`.

use std::collections::BTreeMap;

use super::source::has_word;
use super::{File, Finding};

const REQUIRED: [&str; 3] = ["lib.rs", "storage.rs", "http.rs"];
/// In lib.rs of a service that keeps nothing: it has neither storage nor rules.
const TABLELESS: &str = "Service::without_table(";
const RULE: &str = "Decision<Self>";
const FOREIGN: [&str; 7] = ["async", ".await", "ports::", "shell::", "SystemTime", "Instant", "getrandom"];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut services: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        if let Some((service, _)) = file.path.strip_prefix("services/").and_then(|rest| rest.split_once("/src/")) {
            services.entry(service).or_default().push(file);
        }
    }
    let mut findings = Vec::new();
    for (service, files) in services {
        let source = format!("services/{service}/src/");
        let keeps_nothing = files.iter().any(|file| file.path.ends_with("/lib.rs") && file.text.contains(TABLELESS));
        for name in REQUIRED.into_iter().filter(|name| !keeps_nothing || *name != "storage.rs") {
            if !files.iter().any(|file| file.path == format!("{source}{name}")) {
                findings.push(Finding::new(&format!("{source}lib.rs"), 1, format!("the service has no `{name}`; every service has one")));
            }
        }
        let mut nouns = 0;
        for file in files {
            if file.path.ends_with("/lib.rs") {
                findings.extend(shape(file));
            }
            if file.code_lines().any(|(_, line)| has_word(line, RULE)) {
                nouns += 1;
                findings.extend(impure(file));
            }
        }
        if nouns == 0 && !keeps_nothing {
            findings.push(Finding::new(&format!("{source}lib.rs"), 1, format!("the service has no noun: no rule returns a `{RULE}`")));
        }
    }
    findings
}

/// lib.rs begins with what the service is for and offers one function that makes it.
fn shape(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.text.starts_with("//! ") {
        findings.push(Finding::new(&file.path, 1, "lib.rs begins with `//!` and what the service is for"));
    }
    if file.text.lines().filter(|line| line.starts_with("pub fn service(")).count() != 1 {
        findings.push(Finding::new(&file.path, 1, "lib.rs has exactly one `pub fn service(...)`"));
    }
    findings
}

fn impure(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.code_lines() {
        for word in FOREIGN.into_iter().filter(|word| has_word(line, word)) {
            let message = format!("`{word}` in a noun: rules take state and time and decide; waiting and storage belong to the shell");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    const LIB: &str = "//! Carts.\n\npub fn service(work: &UnitOfWork) -> Service {\n}\n";

    #[test]
    fn a_service_of_the_usual_shape_passes() {
        let noun = "//! Not async.\nfn decide(self) -> Decision<Self> {}\n\n#[cfg(test)]\nmod tests {\n    use shell::testing;\n}\n";
        let files = [
            ("services/cart/src/lib.rs", LIB),
            ("services/cart/src/cart.rs", noun),
            ("services/cart/src/storage.rs", "use ports::Key;\n"),
            ("services/cart/src/http.rs", "async fn f() {}\n"),
            ("services/cart/src/http/views.rs", "use shell::Reply;\n"),
        ];
        assert_eq!(lines(check(&tree(&files))), [""; 0]);
    }

    #[test]
    fn missing_files_and_impure_nouns_are_found() {
        let files = [
            ("services/cart/src/lib.rs", "pub fn service() {}\npub fn service() {}\n"),
            ("services/cart/src/cart.rs", "use shell::UnitOfWork;\nasync fn f() -> Result<Decision<Self>, Problem> {}\n"),
            ("services/cart/src/http.rs", ""),
            ("services/tax/src/http.rs", ""),
            ("services/tax/src/lib.rs", LIB),
            ("services/tax/src/storage.rs", "async fn f() {}\n"),
        ];
        let found = lines(check(&tree(&files)));
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("services/tax/src/lib.rs:1: the service has no noun")), "{found:?}");
        assert!(found.iter().any(|line| line.contains("no `storage.rs`")), "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("services/cart/src/cart.rs:1: `shell::`")), "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("services/cart/src/cart.rs:2: `async`")), "{found:?}");
        assert!(
            found.iter().any(|line| line.contains("exactly one")) && found.iter().any(|line| line.contains("begins with")),
            "{found:?}"
        );
    }
}
