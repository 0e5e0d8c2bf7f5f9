//! The table as it is kept: a page that people read, compared line by line.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;
use shell::Access;

use super::samples::Sample;
use super::shop::{Role, Shop};

const INTRODUCTION: &str = "# Roles

Who may do what. Every operation was asked as every role; a change of the rules is a change of this page, and is reviewed as one. The page is
written by `ROLES=write cargo test -p home-embedded --test roles`, and the same test without `ROLES` fails where it is not so.

- **customer**: the one whose cart, order, review, lead, claim or address it is. **other customer**: somebody else with an account.
- **business**: the one whose product, stock, order line or lead it is. Its *staff* have the role `staff`, its *owner* the role `owner`.
  **other business**: people of another one.
- **support** and **admin** work for the shop.

`yes`: done. `empty`: a list with nothing in it. `unchanged`: accepted, and all is as it was. A number is the status of the refusal:
401 sign in, 403 not for you, 404 nothing here that you may see. In this test, mail goes out by a mail server, so `/mailbox` is
absent; the shop is in development mode, so `/test-gateway/outage` exists.
";

pub struct Row<'a> {
    pub sample: &'a Sample,
    pub access: Access,
    pub cells: Vec<(Role, String)>,
}

impl Row<'_> {
    /// `GET /orders/{order_id} (a guest's)`.
    pub fn shown(&self) -> String {
        let Sample { operation, case, .. } = self.sample;
        if case.is_empty() { (*operation).to_owned() } else { format!("{operation} ({case})") }
    }

    fn line(&self, document: &Value) -> String {
        let Sample { operation, case, .. } = self.sample;
        let (method, path) = operation.split_once(' ').unwrap_or_default();
        let id = document["paths"][path][method.to_lowercase()]["operationId"].as_str();
        let texts = [id, (!case.is_empty()).then_some(case)];
        let what: Vec<&str> = texts.into_iter().flatten().collect();
        let cells: Vec<&str> = self.cells.iter().map(|(_, cell)| cell.as_str()).collect();
        format!("| `{operation}` {} | {} |", what.join(", "), cells.join(" | ")).replace("`  |", "` |")
    }
}

/// A section for each service, in the order of its operations.
pub fn document(shop: &Shop, rows: &[Row]) -> String {
    let document = serde_json::to_value(shop.host.openapi()).unwrap();
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    let head = format!("| Operation | {} |\n|---|{}\n", names.join(" | "), ":-:|".repeat(names.len()));
    let mut text = INTRODUCTION.to_owned();
    for service in shop.host.services().iter().filter(|service| !service.operations.is_empty()) {
        text.push_str(&format!("\n## {}\n\n{head}", service.name));
        for operation in &service.operations {
            let name = format!("{} {}", operation.method, operation.path);
            for row in rows.iter().filter(|row| row.sample.operation == name) {
                text.push_str(&row.line(&document));
                text.push('\n');
            }
        }
    }
    text
}

/// With ROLES=write the page is written instead.
pub fn compare(now: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/roles.md");
    if std::env::var("ROLES").is_ok_and(|wish| wish == "write") {
        std::fs::write(&file, now).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let only_in = |one: &str, other: &str, sign: &str| {
        let lines: HashSet<&str> = other.lines().collect();
        one.lines().filter(|line| !lines.contains(line)).map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    assert!(
        kept == now,
        "docs/roles.md is not what the shop does:\n{}{}\nIf that is wanted, run `ROLES=write cargo test -p home-embedded --test roles`, and look at the difference.",
        only_in(&kept, now, "-"),
        only_in(now, &kept, "+")
    );
}
