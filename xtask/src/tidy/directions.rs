//! Who may depend on whom: `kernel <- contracts <- ports <- shell <- services <- wiring <- homes <- apps`.
//! Adapters see only ports and below and are seen only by homes; services never see one another.

use std::path::Path;

use serde_json::Value;

use super::Finding;
use crate::{Outcome, process};

/// Where a crate stands, told by its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Kernel,
    Hours,
    Contracts,
    Ports,
    Shell,
    Service,
    Adapter,
    /// The tests that every store has to pass.
    Suite,
    Wiring,
    /// What a home brings: its adapters, its ways of running services.
    Home,
    /// What several homes offer alike.
    HomePart,
    App,
    /// Programs of the workshop: they drive the binary and know nothing of its insides.
    Tool,
}

impl Place {
    fn of(folder: &str) -> Option<Self> {
        match folder.split('/').collect::<Vec<_>>().as_slice() {
            ["kernel"] => Some(Self::Kernel),
            ["hours"] => Some(Self::Hours),
            ["contracts"] => Some(Self::Contracts),
            ["ports"] => Some(Self::Ports),
            ["shell"] => Some(Self::Shell),
            ["services", _] => Some(Self::Service),
            ["adapters", "suite" | "fault-proxy"] => Some(Self::Suite),
            ["adapters", _] => Some(Self::Adapter),
            ["wiring"] => Some(Self::Wiring),
            ["homes", "test-gateway"] => Some(Self::HomePart),
            ["homes", _] => Some(Self::Home),
            ["apps", _] | ["sim"] => Some(Self::App),
            ["bench" | "xtask"] => Some(Self::Tool),
            _ => None,
        }
    }

    fn may_use(self, other: Self) -> bool {
        use Place::{Adapter, App, Contracts, Home, HomePart, Hours, Kernel, Ports, Service, Shell, Suite, Tool, Wiring};
        match self {
            Kernel | Tool => false,
            Hours | Contracts => matches!(other, Kernel),
            Ports => matches!(other, Kernel | Contracts),
            Shell | Suite => matches!(other, Kernel | Contracts | Ports),
            Adapter => matches!(other, Kernel | Hours | Contracts | Ports),
            Service => matches!(other, Kernel | Hours | Contracts | Ports | Shell),
            Wiring => matches!(other, Kernel | Hours | Contracts | Ports | Shell | Service),
            HomePart => matches!(other, Kernel | Contracts | Ports | Shell | Service | Wiring | Adapter),
            Home => other == HomePart || HomePart.may_use(other),
            App => matches!(other, Kernel | Contracts | Ports | Shell | Service | Wiring | Home),
        }
    }
}

struct Dependency {
    folder: String,
    name: String,
    /// `dev`, `build`, or nothing for an ordinary one.
    kind: Option<String>,
    optional: bool,
}

struct Package {
    folder: String,
    dependencies: Vec<Dependency>,
}

pub fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let text = process::output(process::cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata printed no JSON: {error}"))?;
    let packages = packages(&metadata).ok_or("cargo metadata printed JSON of an unknown form")?;
    let line = |folder: &str, name: &str| {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap_or_default();
        line_of(&manifest, name)
    };
    Ok(judge(&packages, line))
}

fn packages(metadata: &Value) -> Option<Vec<Package>> {
    let root = metadata["workspace_root"].as_str()?;
    let below = |path: &str| path.strip_prefix(root).map(|rest| rest.trim_start_matches('/').to_owned());
    let package = |value: &Value| {
        let folder = below(value["manifest_path"].as_str()?.strip_suffix("/Cargo.toml")?)?;
        let ours = |value: &Value| {
            let name = value["rename"].as_str().or(value["name"].as_str())?.to_owned();
            let kind = value["kind"].as_str().map(str::to_owned);
            Some(Dependency { folder: below(value["path"].as_str()?)?, name, kind, optional: value["optional"] == true })
        };
        let dependencies = value["dependencies"].as_array()?.iter().filter_map(ours).collect();
        Some(Package { folder, dependencies })
    };
    metadata["packages"].as_array()?.iter().map(package).collect()
}

fn judge(packages: &[Package], line: impl Fn(&str, &str) -> usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let Some(place) = Place::of(&package.folder) else {
            findings.push(Finding::new(&manifest, 1, "this crate lies in no layer that tidy knows; see ARCHITECTURE.md"));
            continue;
        };
        for dependency in &package.dependencies {
            let allowed =
                Place::of(&dependency.folder).is_some_and(|other| place.may_use(other) || excepted(package, place, dependency, other));
            if !allowed {
                let message = format!("`{}` may not depend on `{}`: {}", package.folder, dependency.folder, rule(place));
                findings.push(Finding::new(&manifest, line(&package.folder, &dependency.name), message));
            }
        }
    }
    findings
}

/// The exceptions. For tests, every store is held against the suite and the memory adapter, the test
/// gateway is tried on stores, the shell's harness runs services on the memory adapter, search is tried on
/// its index, and payments are tried against the test gateway.
fn excepted(package: &Package, place: Place, dependency: &Dependency, other: Place) -> bool {
    let dev = dependency.kind.as_deref() == Some("dev");
    // A crate's own tests may want one of its features.
    let itself = dev && dependency.folder == package.folder;
    itself
        || match place {
            Place::Adapter if dev && other == Place::Adapter => {
                dependency.folder == "adapters/memory" || package.folder == "adapters/test-gateway"
            }
            Place::Adapter => dev && other == Place::Suite,
            Place::Shell => dependency.folder == "adapters/memory" && (dev || dependency.optional),
            Place::App | Place::Home | Place::HomePart => dev && matches!(other, Place::Adapter | Place::Suite),
            Place::Service => dev && matches!(dependency.folder.as_str(), "adapters/test-gateway" | "adapters/tantivy"),
            _ => false,
        }
}

fn rule(place: Place) -> &'static str {
    match place {
        Place::Kernel => "the kernel depends on nothing of ours",
        Place::Contracts | Place::Hours => "contracts and hours see only the kernel",
        Place::Ports => "ports see only contracts and the kernel",
        Place::Shell => "the shell sees only ports and below",
        Place::Service => "services see only the shell and below, never one another and never an adapter",
        Place::Adapter | Place::Suite => "adapters see only ports, hours and below",
        Place::Wiring => "wiring sees services and below; a home brings the adapters",
        Place::Home | Place::HomePart => "homes see everything but other homes, apps and test suites",
        Place::App => "apps get their adapters from a home",
        Place::Tool => "workshop programs drive the binary from outside",
    }
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
        let dependency = Dependency { folder: to.to_owned(), name: "x".to_owned(), kind: kind.map(str::to_owned), optional };
        judge(&[Package { folder: from.to_owned(), dependencies: vec![dependency] }], |_, _| 7).is_empty()
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
    }

    #[test]
    fn reads_metadata_and_names_the_line() {
        let metadata = serde_json::json!({"workspace_root": "/r", "packages": [
            {"manifest_path": "/r/services/cart/Cargo.toml", "dependencies": [
                {"name": "serde", "kind": null, "optional": false},
                {"name": "orders", "kind": null, "optional": false, "path": "/r/services/orders"}]},
            {"manifest_path": "/r/misc/Cargo.toml", "dependencies": []}]});
        let manifest = "[dependencies]\nserde.workspace = true\norders.workspace = true\n";
        let findings = judge(&packages(&metadata).unwrap(), |_, name| line_of(manifest, name));
        let lines = super::super::testing::lines(findings);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("services/cart/Cargo.toml:3: `services/cart` may not depend on `services/orders`"), "{lines:?}");
        assert!(lines[1].starts_with("misc/Cargo.toml:1: this crate lies in no layer"), "{lines:?}");
    }
}
