//! The `infra` stage: the stacks for AWS compile, hold to their rules and can be made without a network.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process, tools};

/// CDK itself writes dependencies that a reference has made already.
const LINT_IGNORED: &str = "W3005";

pub fn run(root: &Path) -> Outcome {
    install(root)?;
    let folder = root.join("infra");
    // Compiles, and writes the templates of every context to dist/templates.
    process::run(Command::new("npm").args(["test", "--silent"]).current_dir(&folder))?;
    process::run(Command::new("npx").args(["cdk", "synth", "--quiet"]).current_dir(&folder))?;
    let mut templates = Vec::new();
    collect(&folder.join("dist/templates"), &mut templates)?;
    collect(&folder.join("cdk.out"), &mut templates)?;
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
    std::fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// The templates in a folder and in those below it.
fn collect(folder: &Path, templates: &mut Vec<PathBuf>) -> Outcome {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, templates)?;
        } else if path.to_string_lossy().ends_with(".template.json") {
            templates.push(path);
        }
    }
    templates.sort();
    Ok(())
}
