//! The tests of the workspace as programs. Cargo builds them all at once, because it would compile most crates
//! anew for every other selection of packages, and the stages run them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Outcome;
use crate::process::{self, cargo};

/// The tests of a library, of a program, or of one file in `tests/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Of the crate, from the root: `services/cart`.
    pub folder: String,
    pub name: String,
    program: PathBuf,
}

pub fn build(root: &Path) -> Outcome<Vec<Suite>> {
    let mut command = cargo(root);
    command.args(["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"]);
    // What the compiler finds goes to the terminal; an error need not repeat what Cargo told this program.
    let untold = |error: String| error.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n");
    let told = process::output(command.stderr(Stdio::inherit())).map_err(untold)?;
    let mut suites = Vec::new();
    for line in told.lines() {
        let artifact: Value = serde_json::from_str(line).map_err(|error| format!("cargo printed no JSON ({error}): {line}"))?;
        suites.extend(suite(root, &artifact));
    }
    if suites.is_empty() { Err("cargo built no tests".to_owned()) } else { Ok(suites) }
}

fn suite(root: &Path, artifact: &Value) -> Option<Suite> {
    let program = artifact["executable"].as_str().filter(|_| artifact["profile"]["test"] == true)?;
    let folder = Path::new(artifact["manifest_path"].as_str()?).parent()?.strip_prefix(root).ok()?;
    let name = artifact["target"]["name"].as_str()?;
    Some(Suite { folder: folder.to_str()?.to_owned(), name: name.to_owned(), program: program.into() })
}

/// Runs all of them, as Cargo does, each with what `prepare` adds; those that fail do not stop the others.
pub fn run<'a>(root: &Path, suites: impl Iterator<Item = &'a Suite>, prepare: impl Fn(&mut Command) -> &mut Command) -> Outcome {
    let (mut ran, mut failed) = (0, Vec::new());
    for suite in suites {
        println!("--- {} {}", suite.folder, suite.name);
        let folder = root.join(&suite.folder);
        let mut command = Command::new(&suite.program);
        command.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder);
        ran += 1;
        if let Err(error) = process::run(prepare(&mut command)) {
            println!("{error}");
            failed.push(format!("{} {}", suite.folder, suite.name));
        }
    }
    match (ran, failed.len()) {
        (0, _) => Err("there are no such tests".to_owned()),
        (_, 0) => Ok(()),
        _ => Err(format!("tests failed: {}", failed.join(", "))),
    }
}

/// Runs the examples in the documentation, if there are any: rustdoc would go through every crate to find none.
pub fn run_examples(root: &Path) -> Outcome {
    for source in process::files_below(root)?.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        if has_example(&process::read(source)?) {
            println!("--- examples, such as in {}", source.display());
            return process::run(cargo(root).args(["test", "--workspace", "--doc", "--no-fail-fast"]));
        }
    }
    println!("--- no documentation has an example");
    Ok(())
}

/// Whether a comment for documentation holds a block that rustdoc takes for Rust.
fn has_example(text: &str) -> bool {
    let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix("///").or(line.trim_start().strip_prefix("//!")));
    let fences = comments.filter_map(|comment| comment.trim_start().strip_prefix("```"));
    // Every other fence ends a block.
    fences
        .step_by(2)
        .any(|about| about.split([',', ' ']).all(|word| word.is_empty() || !["text", "ignore", "json", "sh", "toml"].contains(&word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_built() {
        let root = Path::new("/r");
        let artifact = |test: bool| {
            serde_json::json!({"reason": "compiler-artifact", "manifest_path": "/r/services/cart/Cargo.toml", "target": {"name": "cart"},
                "profile": {"test": test}, "executable": "/r/target/debug/deps/cart-1"})
        };
        let expected = Suite { folder: "services/cart".into(), name: "cart".into(), program: "/r/target/debug/deps/cart-1".into() };
        assert_eq!(suite(root, &artifact(true)), Some(expected));
        assert_eq!(suite(root, &artifact(false)), None);
        assert_eq!(suite(root, &serde_json::json!({"reason": "build-finished"})), None);
    }

    #[test]
    fn tells_examples_from_drawings() {
        assert!(has_example("/// Adds.\n///\n/// ```\n/// add(1);\n/// ```\n"));
        assert!(has_example("//! ```text\n//! a -> b\n//! ```\n    /// ```no_run\n    /// add(1);\n    /// ```\n"));
        assert!(!has_example("//! ```text\n//! a -> b\n//! ```\n// ```\n/// ```ignore\n/// add(1);\n/// ```\n"));
    }

    #[test]
    fn a_suite_that_fails_does_not_hide_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let suite = |name: &str, program: &str| Suite { folder: String::new(), name: name.to_owned(), program: program.into() };
        let suites = [suite("bad", "false"), suite("good", "true"), suite("worse", "false")];
        assert_eq!(run(folder.path(), suites.iter(), |command| command).unwrap_err(), "tests failed:  bad,  worse");
        assert_eq!(run(folder.path(), suites[1..2].iter(), |command| command), Ok(()));
        assert!(run(folder.path(), suites[..0].iter(), |command| command).is_err());
    }
}
