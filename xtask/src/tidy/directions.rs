//! Who may depend on whom: `kernel <- contracts <- ports <- shell <- services <- wiring <- homes <- apps`.
//! Adapters see only ports and below and are seen only by homes; services never see one another.

use std::path::Path;

use serde_json::Value;

use super::Finding;
use crate::{Outcome, process};

type Names = &'static [&'static str];

/// Crates that stand at one place.
struct Layer {
    name: &'static str,
    /// Of its crates; a star is any name.
    folders: Names,
    /// It may use as many of the first layers,
    first: usize,
    /// and these.
    also: Names,
    rule: &'static str,
}

const fn layer(name: &'static str, folders: Names, first: usize, also: Names, rule: &'static str) -> Layer {
    Layer { name, folders, first, also, rule }
}

const OF_HOMES: &str = "homes see everything but other homes, apps and test suites";

/// What a folder fits first is its layer.
const LAYERS: [Layer; 13] = [
    layer("kernel", &["kernel"], 0, &[], "the kernel depends on nothing of ours"),
    layer("contracts", &["contracts"], 1, &[], "contracts see only the kernel"),
    layer("ports", &["ports"], 2, &[], "ports see only contracts and the kernel"),
    layer("shell", &["shell"], 3, &[], "the shell sees only ports and below"),
    layer("service", &["services/*"], 4, &["hours"], "services see only the shell and below, never one another and never an adapter"),
    layer("wiring", &["wiring"], 5, &["hours"], "wiring sees services and below; a home brings the adapters"),
    // The tests that every store has to pass.
    layer("suite", &["adapters/suite", "adapters/fault-proxy"], 3, &[], "adapters see only ports and below"),
    layer("adapter", &["adapters/*"], 3, &["hours"], "adapters see only ports and below"),
    // What several homes offer alike.
    layer("part of homes", &["homes/test-gateway"], 6, &["hours", "adapter"], OF_HOMES),
    // What a home brings: its adapters, its ways of running services.
    layer("home", &["homes/*"], 6, &["hours", "adapter", "part of homes"], OF_HOMES),
    layer("app", &["apps/*"], 6, &["home"], "apps get their adapters from a home"),
    layer("hours", &["hours"], 1, &[], "opening hours see only the kernel"),
    // Programs of the workshop: they know nothing of the binary's insides.
    layer("tool", &["bench", "xtask"], 0, &[], "workshop programs drive the binary from outside"),
];

pub fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let metadata = process::json(process::cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let line = |manifest: &str, name: &str| line_of(&std::fs::read_to_string(root.join(manifest)).unwrap_or_default(), name);
    judge(&metadata, line).ok_or_else(|| "cargo metadata printed JSON of an unknown form".to_owned())
}

/// `line` finds the name of a dependency in a manifest.
fn judge(metadata: &Value, line: impl Fn(&str, &str) -> usize) -> Option<Vec<Finding>> {
    let root = metadata["workspace_root"].as_str()?;
    let below = |path: &'_ Value| Some(path.as_str()?.strip_prefix(root)?.trim_start_matches('/').to_owned());
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array()? {
        let manifest = below(&package["manifest_path"])?;
        let folder = manifest.strip_suffix("/Cargo.toml")?;
        let Some(layer) = layer_of(folder) else {
            findings.push(Finding::new(&manifest, 1, "this crate lies in no layer that tidy knows; see ARCHITECTURE.md"));
            continue;
        };
        for value in package["dependencies"].as_array()? {
            // What has no path is another's crate.
            let Some(used) = below(&value["path"]) else { continue };
            if !allowed(layer, folder, &used, value["kind"] == "dev", value["optional"] == true) {
                let name = value["rename"].as_str().or(value["name"].as_str())?;
                let message = format!("`{folder}` may not depend on `{used}`: {}", layer.rule);
                findings.push(Finding::new(&manifest, line(&manifest, name), message));
            }
        }
    }
    Some(findings)
}

fn layer_of(folder: &str) -> Option<&'static Layer> {
    let any = folder.rsplit_once('/').map(|(above, _)| format!("{above}/*"));
    LAYERS.iter().find(|layer| layer.folders.iter().any(|fits| *fits == folder || Some(*fits) == any.as_deref()))
}

/// The exceptions: for tests, every store is held against the suite and the memory adapter, the test
/// gateway is tried on stores, the shell's harness runs services on the memory adapter, search is tried on
/// its index, and payments are tried against the test gateway. A crate's own tests may want one of its features.
fn allowed(from: &Layer, folder: &str, used: &str, dev: bool, optional: bool) -> bool {
    let Some(to) = layer_of(used) else { return false };
    let excepted = match from.name {
        "shell" => used == "adapters/memory" && (dev || optional),
        "adapter" if to.name == "adapter" => dev && (used == "adapters/memory" || folder == "adapters/test-gateway"),
        "adapter" => dev && to.name == "suite",
        "service" => dev && ["adapters/test-gateway", "adapters/tantivy"].contains(&used),
        "app" | "home" | "part of homes" => dev && ["adapter", "suite"].contains(&to.name),
        _ => false,
    };
    let ordinary = LAYERS[..from.first].iter().any(|layer| layer.name == to.name) || from.also.contains(&to.name);
    ordinary || excepted || dev && used == folder
}

fn line_of(manifest: &str, name: &str) -> usize {
    let names = |line: &str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || (line.starts_with('[') && line.ends_with(&format!(".{name}]")))
    };
    manifest.lines().position(names).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, kind: Option<&str>, optional: bool) -> bool {
        allowed(layer_of(from).unwrap(), from, to, kind == Some("dev"), optional)
    }

    #[test]
    fn directions() {
        for (from, to, allowed) in [
            ("contracts", "kernel", true),
            ("kernel", "contracts", false),
            ("shell", "ports", true),
            ("shell", "adapters/memory", false),
            ("services/cart", "shell", true),
            ("services/cart", "services/orders", false),
            ("services/cart", "adapters/sqlite", false),
            ("adapters/sqlite", "ports", true),
            ("adapters/sqlite", "shell", false),
            ("adapters/sqlite", "adapters/suite", false),
            ("wiring", "services/cart", true),
            ("wiring", "adapters/sqlite", false),
            ("wiring", "adapters/test-gateway", false),
            ("wiring", "homes/embedded", false),
            ("homes/embedded", "wiring", true),
            ("homes/embedded", "adapters/sqlite", true),
            ("homes/aws", "homes/embedded", false),
            ("homes/aws", "homes/test-gateway", true),
            ("homes/test-gateway", "adapters/test-gateway", true),
            ("homes/test-gateway", "homes/aws", false),
            ("apps/souk", "homes/test-gateway", false),
            ("apps/souk", "homes/embedded", true),
            ("apps/souk", "wiring", true),
            ("apps/souk", "adapters/sqlite", false),
            ("bench", "kernel", false),
        ] {
            assert_eq!(check(from, to, None, false), allowed, "{from} -> {to}");
        }
        assert!(check("adapters/sqlite", "adapters/suite", Some("dev"), false));
        assert!(check("shell", "adapters/memory", None, true));
        assert!(check("shell", "adapters/memory", Some("dev"), false));
        assert!(!check("services/cart", "services/orders", Some("dev"), false));
        assert!(check("services/cart", "services/cart", Some("dev"), false) && !check("services/cart", "misc", None, false));
        assert!(LAYERS.iter().flat_map(|layer| layer.also).all(|used| LAYERS.iter().any(|layer| layer.name == *used)));
    }

    #[test]
    fn reads_metadata_and_names_the_line() {
        let metadata = serde_json::json!({"workspace_root": "/r", "packages": [
            {"manifest_path": "/r/services/cart/Cargo.toml", "dependencies": [
                {"name": "serde", "kind": null, "optional": false},
                {"name": "orders", "kind": null, "optional": false, "path": "/r/services/orders"}]},
            {"manifest_path": "/r/misc/Cargo.toml", "dependencies": []}]});
        let manifest = "[dependencies]\nserde.workspace = true\norders.workspace = true\n";
        let lines = super::super::testing::lines(judge(&metadata, |_, name| line_of(manifest, name)).unwrap());
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("services/cart/Cargo.toml:3: `services/cart` may not depend on `services/orders`"), "{lines:?}");
        assert!(lines[1].starts_with("misc/Cargo.toml:1: this crate lies in no layer"), "{lines:?}");
    }
}
