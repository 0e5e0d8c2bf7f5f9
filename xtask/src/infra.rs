//! The `infra` stage: the stacks for AWS compile, hold to their rules and can be made without a network.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, process, tools};

/// CDK itself writes dependencies that a reference has made already.
const LINT_IGNORED: &str = "W3005";
/// Of a template's file.
const ENDING: &str = ".template.json";

pub fn run(root: &Path) -> Outcome {
    install(root)?;
    let folder = root.join("infra");
    // Compiles, and writes the templates of every context to dist/templates.
    process::run(Command::new("npm").args(["test", "--silent"]).current_dir(&folder))?;
    process::run(Command::new("npx").args(["cdk", "synth", "--quiet"]).current_dir(&folder))?;
    let mut templates = process::files_below(&folder.join("dist/templates"), ENDING)?;
    templates.extend(process::files_below(&folder.join("cdk.out"), ENDING)?);
    if templates.is_empty() {
        return Err(format!("{} has no templates to check", folder.display()));
    }
    println!("cfn-lint checks {} templates", templates.len());
    process::run(Command::new(tools::bin(root).join("cfn-lint")).args(["--ignore-checks", LINT_IGNORED, "--"]).args(templates))
}

/// The packages of the lock file, unless they are there.
pub fn install(root: &Path) -> Outcome {
    if !Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Err("the stacks for AWS are written in TypeScript: install Node.js 20 or later, with npm".to_owned());
    }
    let folder = root.join("infra");
    let (lock, stamp) = (folder.join("package-lock.json"), folder.join("node_modules/.installed-lock.json"));
    let wanted = std::fs::read_to_string(&lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    process::run(Command::new("npm").args(["ci", "--silent"]).current_dir(&folder))?;
    process::write(&stamp, &wanted)
}
