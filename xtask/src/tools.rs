//! The tools stage: the programs of the system that the tests call, and tools at fixed versions in a
//! folder of this repository: Python programs, and an emulator of DynamoDB that Cargo builds.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::process::{self, Background, cargo};

/// A Python environment: its folder in .tools, what is installed there, and a program to try it with.
struct Environment {
    folder: &'static str,
    requirements: &'static str,
    attempt: &'static [&'static str],
}

const API_TESTS: Environment =
    Environment { folder: "venv", requirements: "xtask/requirements.txt", attempt: &["schemathesis", "--version"] };
const MINISTACK: Environment = Environment {
    folder: "ministack",
    requirements: "xtask/ministack.txt",
    attempt: &["python", "-c", "import ministack.app, cryptography"],
};

const DYNOXIDE: &str = "dynoxide-rs@3.2.0";
/// The server alone; the rest of it would take several times as long to compile.
const DYNOXIDE_FEATURES: &str = "native-sqlite,http-server,cli";

impl Environment {
    fn folder(&self, root: &Path) -> PathBuf {
        root.join(".tools").join(self.folder)
    }
}

/// The folder with the programs of the API tests and the mail server.
pub fn bin(root: &Path) -> PathBuf {
    API_TESTS.folder(root).join("bin")
}

/// The emulator of AWS.
pub fn ministack(root: &Path) -> PathBuf {
    MINISTACK.folder(root).join("bin/ministack")
}

/// The emulator of DynamoDB.
pub fn dynoxide(root: &Path) -> PathBuf {
    root.join(".tools/dynoxide/bin/dynoxide")
}

pub fn install(root: &Path) -> Outcome {
    ensure_programs()?;
    ensure(root, &API_TESTS)?;
    ensure(root, &MINISTACK)
}

fn ensure(root: &Path, environment: &Environment) -> Outcome {
    let requirements = root.join(environment.requirements);
    let folder = environment.folder(root);
    let installed = once(&requirements, &folder.join("requirements.txt"), || {
        process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        process::run(
            Command::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"])
                .arg(&requirements),
        )?;
        let [program, arguments @ ..] = environment.attempt else { return Ok(()) };
        process::run(Command::new(folder.join("bin").join(program)).args(arguments))
    })?;
    if !installed {
        println!("{} is up to date with {}", folder.display(), environment.requirements);
    }
    Ok(())
}

/// Installs what a file lists, unless that has been done: a copy of the file tells. Returns whether it had to be done.
pub fn once(list: &Path, copy: &Path, install: impl FnOnce() -> Outcome) -> Outcome<bool> {
    let wanted = process::read(list)?;
    if std::fs::read_to_string(copy).is_ok_and(|installed| installed == wanted) {
        return Ok(false);
    }
    install()?;
    process::write(copy, &wanted)?;
    Ok(true)
}

/// The npm packages of a folder's lock file, unless they are there. `why` they are needed is for whoever has no npm.
pub fn npm_install(folder: &Path, why: &str) -> Outcome {
    if !process::works(Command::new("npm").arg("--version")) {
        return Err(format!("{why}: install Node.js 20 or later, with npm"));
    }
    let (lock, copy) = (folder.join("package-lock.json"), folder.join("node_modules/.installed-lock.json"));
    once(&lock, &copy, || process::run(Command::new("npm").args(["ci", "--silent"]).current_dir(folder))).map(|_| ())
}

/// Begins to build the emulator of DynamoDB beside the first stages, if it is missing. It takes a minute
/// or two; `finish_dynoxide` waits for it.
pub fn begin_dynoxide(root: &Path) -> Outcome<Option<Background>> {
    if dynoxide(root).exists() {
        return Ok(None);
    }
    println!("{DYNOXIDE} is being built beside the first stages");
    let log = process::folder(&root.join("target/emulators"))?.join("dynoxide-build.log");
    Background::start(&mut build_of_dynoxide(root), &log).map(Some)
}

/// Waits for the build, since Cargo lets only one of the two at the folder, or does it if none is under way.
pub fn finish_dynoxide(root: &Path) -> Outcome {
    if dynoxide(root).exists() {
        return Ok(());
    }
    process::run(&mut build_of_dynoxide(root))?;
    let objects = objects_of_dynoxide(root);
    std::fs::remove_dir_all(&objects).map_err(|error| format!("cannot remove {}: {error}", objects.display()))
}

fn objects_of_dynoxide(root: &Path) -> PathBuf {
    root.join(".tools/dynoxide-objects")
}

fn build_of_dynoxide(root: &Path) -> Command {
    let mut command = Command::new("nice");
    command.arg(cargo(root).get_program()).current_dir(std::env::temp_dir());
    command.args(["install", DYNOXIDE, "--locked", "--quiet", "--debug", "--no-default-features", "--features", DYNOXIDE_FEATURES]);
    command.arg("--root").arg(root.join(".tools/dynoxide")).arg("--target-dir").arg(objects_of_dynoxide(root));
    command
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
        why: "the API tests and the AWS emulator are Python programs",
    },
    Need { packages: &["curl"], check: &["curl", "--version"], why: "docs/first-sale.md is run as it stands" },
    Need { packages: &["jq"], check: &["jq", "--version"], why: "docs/first-sale.md is run as it stands" },
];

/// Sees to the programs that are missing.
fn ensure_programs() -> Outcome {
    let works = |need: &&Need| process::works(Command::new(need.check[0]).args(&need.check[1..]));
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !works(need)).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let Some(first) = missing.first() else {
        println!("no system package had to be installed");
        return Ok(());
    };
    let help = format!("{}: on Debian, apt-get install {}", first.why, packages.join(" "));
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let debian = process::works(Command::new("apt-get").arg("--version"));
    if !(root && debian) {
        return Err(help);
    }
    process::run(Command::new("apt-get").arg("update").arg("--quiet"))?;
    process::run(Command::new("apt-get").args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&packages))?;
    println!("system packages installed: {}", packages.join(", "));
    if missing.iter().all(works) { Ok(()) } else { Err(help) }
}
