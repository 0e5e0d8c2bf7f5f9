//! `test`: all checks as stages. Each is timed; one that fails does not hide what the others find.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use crate::{Outcome, api, emulators, infra, process, table, tidy, tools};

#[derive(Args)]
pub struct Options {
    /// Run only this stage; may be given more than once.
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// End the run at the first stage that fails.
    #[arg(long)]
    fail_fast: bool,
    /// Say what the stages are.
    #[arg(long)]
    list: bool,
}

struct Stage {
    name: &'static str,
    about: &'static str,
    run: fn(&Path) -> Outcome,
}

/// Cheap and telling stages first. Those from `first-sale` on drive the real binary.
const STAGES: &[Stage] = &[
    Stage { name: "tools", about: "Python tools at fixed versions, in .tools", run: tools::install },
    Stage { name: "fmt", about: "the code is formatted", run: |root| process::run(cargo(root).args(["fmt", "--all", "--check"])) },
    Stage { name: "tidy", about: "directions, pure nouns, sizes, documents", run: tidy::run },
    Stage {
        name: "clippy",
        about: "no lint speaks up",
        run: |root| process::run(cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    },
    Stage { name: "unit", about: "rules, scenarios, the suite of the stores, documentation examples", run: unit },
    Stage {
        name: "binary",
        about: "the binary builds and its own tests pass",
        run: |root| {
            process::run(cargo(root).args(["build", "--package", "souk"]))?;
            process::run(cargo(root).args(["test", "--package", "souk", "--bins"]))
        },
    },
    Stage { name: "first-sale", about: "from an empty folder to a delivered order", run: |root| whole(root, "first_sale") },
    Stage { name: "crash", about: "killed at any context, nothing is lost", run: |root| whole(root, "crash") },
    Stage { name: "search", about: "a change is found, and still is after a kill", run: |root| whole(root, "search") },
    Stage { name: "flash-sale", about: "more buyers than goods, nothing is oversold", run: |root| whole(root, "flash_sale") },
    Stage { name: "faults", about: "the outside fails and the shop recovers", run: |root| whole(root, "faults") },
    Stage { name: "cost", about: "the bill of a metered run", run: |root| whole(root, "cost") },
    Stage { name: "smtp", about: "mails arrive at a mail server of another make", run: smtp },
    Stage { name: "infra", about: "the stacks for AWS: types, rights, findings, templates", run: infra::run },
    Stage { name: "aws", about: "the AWS adapters against emulators of two makes", run: aws },
    Stage { name: "deploy", about: "our stacks in an emulated AWS, sold from through the deployed API", run: deploy },
    Stage { name: "api", about: "every operation against its own description", run: api::run },
];

pub fn run(root: &Path, options: &Options) -> Outcome {
    if options.list {
        let rows: Vec<_> = STAGES.iter().map(|stage| format!("{:<11} {}", stage.name, stage.about)).collect();
        println!("{}", rows.join("\n"));
        return Ok(());
    }
    let chosen = choose(&options.only)?;
    let emulated = chosen.iter().any(|stage| stage.name == "aws");
    // Kept until the end, so that an early end of this run does not leave it behind.
    let _build = if emulated { tools::begin_dynoxide(root)? } else { None };
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    for (index, stage) in chosen.iter().enumerate() {
        println!("=== {}: {}", stage.name, stage.about);
        let started = Instant::now();
        let outcome = (stage.run)(root);
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        rows.push(vec![stage.name.to_owned(), word.to_owned(), seconds(started.elapsed())]);
        if let Err(message) = outcome {
            println!("=== stage `{0}` failed: {message}\nrun it alone with: cargo xtask test --only {0}", stage.name);
            failed.push(stage.name);
            if options.fail_fast {
                let skipped = &chosen[index + 1..];
                rows.extend(skipped.iter().map(|stage| vec![stage.name.to_owned(), "not run".to_owned(), String::new()]));
                break;
            }
        }
    }
    println!("\n{}", table::render(&["stage", "outcome", "seconds"], &rows));
    println!("{} s in all", seconds(begin.elapsed()));
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// Cargo, in the repository's folder.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// A test of the whole system: a test target of the binary's crate.
fn whole(root: &Path, target: &str) -> Outcome {
    process::run(cargo(root).args(["test", "--package", "souk", "--test", target]))
}

fn smtp(root: &Path) -> Outcome {
    let python = tools::bin(root).join("python");
    process::run(cargo(root).args(["test", "--package", "souk", "--test", "smtp"]).env("TEST_PYTHON", python))
}

fn unit(root: &Path) -> Outcome {
    let mut command = cargo(root);
    command.args(["test", "--no-fail-fast", "--workspace", "--exclude", "souk"]);
    for name in aws_crates(root)? {
        command.args(["--exclude", &name]);
    }
    process::run(&mut command)
}

fn aws(root: &Path) -> Outcome {
    let (dynoxide, ministack) = (emulators::dynoxide(root)?, emulators::ministack(root)?);
    let mut command = aws_tests(root)?;
    command.env("TEST_DYNOXIDE_ENDPOINT", dynoxide.endpoint()).env("TEST_MINISTACK_ENDPOINT", ministack.endpoint());
    process::run(&mut command)
}

/// One after the other: they share a deployment, and the machine.
fn deploy(root: &Path) -> Outcome {
    infra::install(root)?;
    let ministack = emulators::ministack(root)?;
    let mut command = aws_tests(root)?;
    command.args(["--test", "deployed", "--", "--ignored", "--test-threads", "1"]);
    process::run(command.env("TEST_MINISTACK_ENDPOINT", ministack.endpoint()))
}

/// The tests of the crates that only the AWS home needs. Always of all of them together: Cargo would
/// compile the clients of AWS once more for another selection.
fn aws_tests(root: &Path) -> Outcome<Command> {
    let mut command = cargo(root);
    command.args(["test", "--no-fail-fast"]);
    for name in aws_crates(root)? {
        command.args(["--package", &name]);
    }
    Ok(command)
}

/// The members that are no default members: the binary is built and tested without them.
fn aws_crates(root: &Path) -> Outcome<Vec<String>> {
    let text = process::output(cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let default = list(&metadata["workspace_default_members"]);
    let apart = list(&metadata["packages"]).into_iter().filter(|package| !default.contains(&package["id"]));
    Ok(apart.filter_map(|package| package["name"].as_str().map(str::to_owned)).collect())
}

fn choose(only: &[String]) -> Outcome<Vec<&'static Stage>> {
    if let Some(unknown) = only.iter().find(|name| STAGES.iter().all(|stage| stage.name != name.as_str())) {
        let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
        return Err(format!("there is no stage `{unknown}`; the stages are {}", names.join(", ")));
    }
    Ok(STAGES.iter().filter(|stage| only.is_empty() || only.iter().any(|name| name == stage.name)).collect())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_crates_of_aws() {
        let crates = aws_crates(Path::new("..")).unwrap();
        assert!(crates.iter().any(|name| name == "lambda") && !crates.iter().any(|name| name == "souk"), "{crates:?}");
    }

    #[test]
    fn chooses_stages() {
        let names = |only: &[&str]| {
            let only: Vec<_> = only.iter().map(|name| (*name).to_owned()).collect();
            choose(&only).map(|stages| stages.iter().map(|stage| stage.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), STAGES.len());
        assert_eq!(names(&["tidy", "fmt"]).unwrap(), ["fmt", "tidy"]);
        assert!(names(&["nothing"]).unwrap_err().contains("there is no stage `nothing`"));
    }
}
