//! Every operation of the API says in its first line of documentation what it does, as a command: "Add a line to a cart."

use super::{File, Finding};

const BEGIN: &str = "#[utoipa::path(";
/// A sentence that begins with one of these is no command.
const NO_VERBS: [&str; 20] = [
    "A", "All", "An", "Another", "Each", "Every", "How", "If", "It", "No", "Nobody", "One", "Other", "The", "These", "This", "What",
    "Where", "Whether", "Who",
];

/// One operation: its id, its line, and its first line of documentation, if it has one.
struct Operation<'a> {
    id: &'a str,
    line: usize,
    summary: Option<&'a str>,
}

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.contains("/src/")) {
        for operation in operations(file) {
            if let Some(fault) = fault(operation.summary) {
                findings.push(Finding::new(&file.path, operation.line, format!("operation `{}`: {fault}", operation.id)));
            }
        }
    }
    findings
}

fn operations(file: &File) -> Vec<Operation<'_>> {
    let lines: Vec<&str> = file.text.lines().map(str::trim).take(file.length).collect();
    let documented = |line: &&str| line.starts_with("///") || line.starts_with("#[");
    let mut operations = Vec::new();
    for at in (0..lines.len()).filter(|&at| lines[at].starts_with(BEGIN)) {
        let above = lines[..at].iter().rev().take_while(|line| documented(line)).count();
        let end = lines[at..].iter().position(|line| line.contains("fn ")).map_or(lines.len(), |length| at + length);
        let summary = lines[at - above..end].iter().find_map(|line| line.strip_prefix("///"));
        let id = lines[at..end].iter().find_map(|line| line.split_once("operation_id = \"")?.1.split('"').next());
        operations.push(Operation { id: id.unwrap_or("without an id"), line: at + 1, summary: summary.map(str::trim) });
    }
    operations
}

fn fault(summary: Option<&str>) -> Option<String> {
    let summary = summary.filter(|summary| !summary.is_empty());
    let Some(summary) = summary else { return Some("it has no summary: a line of documentation above it".to_owned()) };
    let first = summary.split(|one: char| !one.is_alphanumeric()).next().unwrap_or_default();
    let third_person = first.ends_with('s') && !first.ends_with("ss");
    let participle = first.ends_with("ed") && !first.ends_with("eed");
    (third_person || participle || NO_VERBS.contains(&first))
        .then(|| format!("\"{summary}\" is no command, such as \"Add a line to a cart.\""))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lines, tree};
    use super::*;

    const CODE: &str = "\
/// Add a line to a cart.
#[utoipa::path(post, operation_id = \"addLine\")]
async fn add() {}

/// Adds a line.
///
/// Twice is once.
#[utoipa::path(
    put,
    operation_id = \"setLine\",
)]
async fn set() {}

#[utoipa::path(delete, operation_id = \"removeLine\")]
async fn remove() {}
#[utoipa::path(get, operation_id = \"getLine\")]
/// Whether it is there.
async fn show() {}
/// Process a line.
#[utoipa::path(post, operation_id = \"processLine\")]
async fn process() {}
";

    #[test]
    fn summaries_are_commands() {
        let files = tree(&[("services/cart/src/http.rs", CODE), ("shell/tests/common.rs", CODE)]);
        let found = lines(check(&files));
        assert_eq!(found.len(), 3, "{found:?}");
        for (line, start) in found.iter().zip([
            "services/cart/src/http.rs:8: operation `setLine`: \"Adds a line.\" is no command",
            "services/cart/src/http.rs:14: operation `removeLine`: it has no summary",
            "services/cart/src/http.rs:16: operation `getLine`: \"Whether",
        ]) {
            assert!(line.starts_with(start), "{line}");
        }
    }
}
