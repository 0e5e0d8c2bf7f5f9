//! The binary: the whole of Souk in one process, and the tools around it.
//!
//! Exit codes: 0 done, 1 failed, 2 the input or the configuration is wrong.

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
    Admin(Admin),
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
    Products {
        file: PathBuf,
        /// Read and check everything, change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Businesses from GeoJSON or Overpass JSON with the tags of OpenStreetMap, or from CSV
    Businesses {
        #[arg(required_unless_present = "print_mapping")]
        file: Option<PathBuf>,
        /// Read and check everything, change nothing
        #[arg(long)]
        dry_run: bool,
        /// A TOML file that says which tags lead to which category
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// Print the mapping in force, to be edited
        #[arg(long)]
        print_mapping: bool,
        /// List everything that could not be taken as it is
        #[arg(long)]
        warnings: bool,
    },
}

#[derive(Subcommand)]
enum Admin {
    /// Create an admin, or make an existing account one
    Create {
        #[arg(long)]
        email: String,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
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
            eprintln!("souk: {error}");
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
        Command::Serve { .. } => runtime.block_on(serve::serve(&config)).map(|()| done),
        Command::Import(Import::Products { file, dry_run }) => runtime.block_on(import::products(&config, &file, dry_run)),
        Command::Import(Import::Businesses { file, dry_run, mapping, print_mapping, warnings }) => {
            let options = import_businesses::Options { file, dry_run, mapping, print_mapping, warnings };
            runtime.block_on(import_businesses::run(&config, options))
        }
        Command::Admin(Admin::Create { email, password_stdin }) => {
            runtime.block_on(admin::create(&config, &email, password_stdin)).map(|()| done)
        }
        Command::Queues(command) => runtime.block_on(queues::run(&config, command)).map(|()| done),
        Command::Search(command) => runtime.block_on(search::run(&config, command)).map(|()| done),
        Command::Demo => runtime.block_on(demo::load(&config)).map(|()| done),
        Command::Manifest => runtime.block_on(output::manifest(&config)).map(|()| done),
        Command::Openapi => runtime.block_on(output::openapi(&config)).map(|()| done),
        Command::Backup { file } => runtime.block_on(output::backup(&config, &file)).map(|()| done),
        Command::Cost(arguments) => runtime.block_on(async { cost::run(&config, &arguments) }).map(|()| done),
        Command::Config(ConfigCommand::Check) => output::config(&config).map(|()| done),
    }
}
