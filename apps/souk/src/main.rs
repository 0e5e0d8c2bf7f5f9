//! The binary: the whole of Souk in one process, and the tools around it.
//!
//! Exit codes: 0 done, 1 failed, 2 the input or the configuration is wrong, also where only a part of the input was refused.

mod admin;
mod cost;
mod demo;
mod import;
mod import_businesses;
mod open_files;
mod output;
mod queues;
mod search;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wiring::{Config, Flags};

use output::CliError;

/// Requests and events are many small allocations on several threads, which is what this allocator is
/// made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Souk: a commerce platform for a local market.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    /// A configuration file other than souk.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory that holds everything [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the shop
    Serve {
        /// Address or name, and port; port 0 takes a free one [default: 127.0.0.1:8080]
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<String>,
    },
    /// Bring data in
    #[command(subcommand)]
    Import(Import),
    /// Manage admins
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Look after the queues of the consumers
    #[command(subcommand)]
    Queues(queues::Queues),
    /// Look after the search index
    #[command(subcommand)]
    Search(search::Search),
    /// Load the demo shop: products and two accounts
    Demo,
    /// Print what the services say of themselves, as JSON
    Manifest,
    /// Print the OpenAPI document
    Openapi,
    /// Write a consistent copy of the database, also while the shop runs
    Backup { file: PathBuf },
    /// What a measured run would cost on AWS in a month
    Cost(Box<cost::Cost>),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum Import {
    /// Products from a Shopify product export
    Products(import::Options),
    /// Businesses from GeoJSON or Overpass JSON with the tags of OpenStreetMap, or from CSV
    Businesses(import_businesses::Options),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check it and print what is in force
    Check,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            output::note(&format!("souk: {error}"));
            error.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let listen = match &arguments.command {
        Command::Serve { listen } => listen.clone(),
        _ => None,
    };
    let config = Config::load(&Flags { file: arguments.config, listen, data: arguments.data })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::failed)?;
    let done = ExitCode::SUCCESS;
    match arguments.command {
        Command::Serve { .. } => runtime.block_on(serve::serve(config)).map(|()| done),
        Command::Import(Import::Products(options)) => runtime.block_on(import::products(&config, &options)),
        Command::Import(Import::Businesses(options)) => runtime.block_on(import_businesses::run(&config, &options)),
        Command::Admin(command) => runtime.block_on(admin::run(&config, command)).map(|()| done),
        Command::Queues(command) => runtime.block_on(queues::run(&config, command)).map(|()| done),
        Command::Search(command) => runtime.block_on(search::run(&config, command)).map(|()| done),
        Command::Demo => runtime.block_on(demo::load(&config)).map(|()| done),
        Command::Manifest => runtime.block_on(output::manifest(&config)).map(|()| done),
        Command::Openapi => runtime.block_on(output::openapi(&config)).map(|()| done),
        Command::Backup { file } => runtime.block_on(output::backup(&config, &file)).map(|()| done),
        Command::Cost(arguments) => runtime.block_on(async { cost::run(&config, &arguments) }).map(|()| done),
        Command::Config(ConfigCommand::Check) => runtime.block_on(async { output::config(&config) }).map(|()| done),
    }
}
