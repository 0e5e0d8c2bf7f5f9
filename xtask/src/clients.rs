//! The `clients` stage: the API document as those who build clients from it take it. Two linters accept it, two generators make
//! TypeScript of it, the strictest compiler accepts that, and a client made of nothing else sells something through the running
//! binary.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::shop::Shop;
use crate::{Outcome, process, tools};

/// Far above what a run takes; a run that hangs must not hang everything.
const RUN_TIMEOUT: Duration = Duration::from_secs(120);
const GENERATED: &str = "src/generated";

pub fn run(root: &Path) -> Outcome {
    let folder = root.join("clients/typescript");
    tools::npm_install(&folder, "the clients are written in TypeScript")?;
    let shop = Shop::new(root.join("target/debug/souk"), root.join("target/clients"))?;
    let document = shop.folder.join("openapi.json");
    process::write(&document, &process::output(&mut shop.command(&["openapi"]))?)?;

    let npm = |script: &str, arguments: &[&str]| {
        let mut command = Command::new("npm");
        command.current_dir(&folder).env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        command.args(["run", "--silent", script, "--"]).args(arguments);
        process::run_within(&mut command, RUN_TIMEOUT)
    };
    let path = document.to_str().ok_or("the repository's path is no text")?;
    process::run(Command::new(tools::bin(root).join("openapi-spec-validator")).args(["--validation-errors", "all", path]))?;
    npm("lint", &[path])?;
    process::empty_folder(folder.join(GENERATED))?;
    npm("types", &[path])?;
    npm("endpoints", &[])?;
    npm("build", &[])?;

    process::output(&mut shop.command(&["demo"]))?;
    let server = shop.serve(&[])?;
    npm("sale", &[&format!("http://{}", server.address)])?;
    server.stop()
}
