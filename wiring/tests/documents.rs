//! Documents that follow from the code say what the code says. A failure prints the text to paste.

use std::path::Path;

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)).expect("the document is there")
}

#[track_caller]
fn holds(name: &str, part: &str) {
    assert!(document(name).contains(part), "docs/{name} is out of date; it must hold:\n\n{part}");
}

#[test]
fn lifecycles() {
    for diagram in [orders::diagram(), orders::part_diagram(), directory::diagram(), directory::lead_diagram(), reviews::diagram()] {
        holds("lifecycles.md", &format!("```mermaid\n{}\n```", diagram.trim_end()));
    }
}

/// Every setting stands in the reference with its default.
#[test]
fn configuration() {
    let defaults = serde_json::to_value(wiring::Config::default()).unwrap();
    let mut rows = Vec::new();
    collect("", &defaults, &mut rows);
    let text = document("operations.md");
    let missing: Vec<_> = rows.iter().filter(|row| !text.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/operations.md lacks these rows: {missing:#?}");
}

fn collect(prefix: &str, value: &serde_json::Value, rows: &mut Vec<String>) {
    let Some(section) = value.as_object() else {
        let shown = if value.is_null() { "not set".to_owned() } else { format!("`{value}`") };
        return rows.push(format!("| `{prefix}` | {shown} |"));
    };
    for (name, value) in section {
        collect(&if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") }, value, rows);
    }
}
