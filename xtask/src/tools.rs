//! The tools stage: Python tools in a folder of this repository, at the versions of requirements.txt.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process};

const REQUIREMENTS: &str = "xtask/requirements.txt";

/// The folder with the programs of the Python environment.
pub fn bin(root: &Path) -> PathBuf {
    root.join(".tools/venv/bin")
}

pub fn install(root: &Path) -> Outcome {
    let wanted = read(&root.join(REQUIREMENTS))?;
    let environment = root.join(".tools/venv");
    let stamp = environment.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("{} is up to date with {REQUIREMENTS}", environment.display());
        return Ok(());
    }
    let installed = ensure_python()?;
    if installed.is_empty() {
        println!("no system package had to be installed");
    } else {
        println!("system packages installed: {}", installed.join(", "));
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

/// Sees to a Python that can make environments; returns the system packages it had to install.
fn ensure_python() -> Outcome<Vec<&'static str>> {
    let works = || Command::new("python3").args(["-c", "import venv, ensurepip"]).output().is_ok_and(|output| output.status.success());
    if works() {
        return Ok(Vec::new());
    }
    let packages = vec!["python3", "python3-venv"];
    let help = format!("Python 3.10 or later with its venv module is needed (on Debian: apt-get install {})", packages.join(" "));
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let debian = Command::new("apt-get").arg("--version").output().is_ok_and(|output| output.status.success());
    if !(root && debian) {
        return Err(help);
    }
    process::run(Command::new("apt-get").arg("update").arg("--quiet"))?;
    process::run(Command::new("apt-get").args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&packages))?;
    if works() { Ok(packages) } else { Err(help) }
}

fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
