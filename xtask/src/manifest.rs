//! `manifest`: writes anew what is made from the services: `infra/manifest.json` and the templates that the stacks are held to.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, infra, process};

/// The test that holds the file to the code writes it.
const TEST: &str = "the_stacks_are_built_from_this_manifest";

pub fn run(root: &Path) -> Outcome {
    process::run(process::cargo(root).args(["test", "--package", "home-aws", "--lib", TEST]).env("MANIFEST", "write"))?;
    infra::install(root)?;
    process::run(Command::new("npm").args(["run", "snapshot", "--silent"]).current_dir(root.join("infra")))
}
