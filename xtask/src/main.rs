//! The project's own commands: `cargo xtask up`, `test`, `tidy`, `bench`, `lambda`, `manifest` and `new`.

mod api;
mod bench;
mod client;
mod clients;
mod emulators;
// What surrounds a function on AWS; the tests of the bootstrap have it too.
#[allow(dead_code, clippy::expect_used)]
#[path = "../../apps/lambda/tests/fakes/mod.rs"]
mod fakes;
mod infra;
mod lambda;
mod new;
mod process;
mod products;
mod shop;
mod suites;
mod table;
mod test;
mod tidy;
mod tools;
mod up;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What went wrong, in a sentence for the person at the terminal.
type Outcome<T = ()> = Result<T, String>;

#[derive(Parser)]
#[command(about = "Commands for working on Souk", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the shop, load demo data and serve it here until Ctrl-C.
    Up(up::Options),
    /// Run every check there is, stage by stage.
    Test(test::Options),
    /// Check the rules of this code base that no compiler knows.
    Tidy,
    /// Measure a release build over HTTP.
    Bench(bench::Options),
    /// Build the bootstrap of the functions on AWS, and zip it.
    Lambda,
    /// Write anew what is made from the services: the manifest and the templates of the stacks.
    Manifest,
    /// Write the first version of something.
    #[command(subcommand)]
    New(new::New),
}

fn main() -> ExitCode {
    let root = root();
    let outcome = match Arguments::parse().command {
        Command::Up(options) => up::run(&root, &options),
        Command::Test(options) => test::run(&root, &options),
        Command::Tidy => tidy::run(&root),
        Command::Bench(options) => bench::run(&root, &options),
        Command::Lambda => lambda::run(&root),
        Command::Manifest => infra::write_manifest(&root),
        Command::New(new) => new::run(&root, &new),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's folder: the one that holds this crate's folder.
fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
