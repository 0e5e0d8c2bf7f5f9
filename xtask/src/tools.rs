//! The tools stage: the programs of the system that the tests call, and Python tools in a folder of this
//! repository, at the versions of requirements.txt.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process};

const REQUIREMENTS: &str = "xtask/requirements.txt";

/// The folder with the programs of the Python environment.
pub fn bin(root: &Path) -> PathBuf {
    root.join(".tools/venv/bin")
}

pub fn install(root: &Path) -> Outcome {
    let installed = ensure_programs()?;
    if installed.is_empty() {
        println!("no system package had to be installed");
    } else {
        println!("system packages installed: {}", installed.join(", "));
    }
    let wanted = read(&root.join(REQUIREMENTS))?;
    let environment = root.join(".tools/venv");
    let stamp = environment.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("{} is up to date with {REQUIREMENTS}", environment.display());
        return Ok(());
    }
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    process::run(
        Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"])
            .arg(root.join(REQUIREMENTS)),
    )?;
    process::run(Command::new(bin(root).join("schemathesis")).arg("--version"))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// A program of the system that the tests call.
struct Need {
    packages: &'static [&'static str],
    /// Succeeds if the program is there and fit.
    check: &'static [&'static str],
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        packages: &["python3", "python3-venv"],
        check: &["python3", "-c", "import venv, ensurepip"],
        why: "the API tests are a Python program",
    },
    Need { packages: &["curl"], check: &["curl", "--version"], why: "docs/first-sale.md is run as it stands" },
    Need { packages: &["jq"], check: &["jq", "--version"], why: "docs/first-sale.md is run as it stands" },
];

/// Sees to the programs that are missing; returns the system packages it had to install.
fn ensure_programs() -> Outcome<Vec<&'static str>> {
    let works = |need: &&Need| Command::new(need.check[0]).args(&need.check[1..]).output().is_ok_and(|output| output.status.success());
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !works(need)).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let Some(first) = missing.first() else { return Ok(packages) };
    let help = format!("{}: on Debian, apt-get install {}", first.why, packages.join(" "));
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let debian = Command::new("apt-get").arg("--version").output().is_ok_and(|output| output.status.success());
    if !(root && debian) {
        return Err(help);
    }
    process::run(Command::new("apt-get").arg("update").arg("--quiet"))?;
    process::run(Command::new("apt-get").args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&packages))?;
    if missing.iter().all(works) { Ok(packages) } else { Err(help) }
}

fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
