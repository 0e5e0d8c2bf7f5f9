//! The `infra` stage: the stacks for AWS compile, hold to their rules and can be made without a network. And `manifest`, which
//! writes anew what is made from the services: `infra/manifest.json` and the templates that the stacks are held to.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, process, tools};

/// CDK itself writes dependencies that a reference has made already.
const LINT_IGNORED: &str = "W3005";
/// Of a template's file.
const ENDING: &str = ".template.json";
/// The test that holds the manifest to the code writes it.
const MANIFEST_TEST: &str = "the_stacks_are_built_from_this_manifest";

pub fn run(root: &Path) -> Outcome {
    install(root)?;
    let folder = root.join("infra");
    // Compiles, and writes the templates of every context to dist/templates.
    process::run(Command::new("npm").args(["test", "--silent"]).current_dir(&folder))?;
    process::run(Command::new("npx").args(["cdk", "synth", "--quiet"]).current_dir(&folder))?;
    let mut templates = process::files_below(&folder.join("dist/templates"))?;
    templates.extend(process::files_below(&folder.join("cdk.out"))?);
    templates.retain(|file| file.to_string_lossy().ends_with(ENDING));
    if templates.is_empty() {
        return Err(format!("{} has no templates to check", folder.display()));
    }
    println!("cfn-lint checks {} templates", templates.len());
    process::run(Command::new(tools::bin(root).join("cfn-lint")).args(["--ignore-checks", LINT_IGNORED, "--"]).args(templates))
}

pub fn write_manifest(root: &Path) -> Outcome {
    process::run(process::cargo(root).args(["test", "--package", "home-aws", "--lib", MANIFEST_TEST]).env("MANIFEST", "write"))?;
    install(root)?;
    process::run(Command::new("npm").args(["run", "snapshot", "--silent"]).current_dir(root.join("infra")))
}

/// The packages of the lock file, unless they are there.
pub fn install(root: &Path) -> Outcome {
    tools::npm_install(&root.join("infra"), "the stacks for AWS are written in TypeScript")
}
