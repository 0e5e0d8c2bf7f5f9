//! Errors of the command line, and the commands that print.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use home_embedded::Home;
use kernel::{Code, Problem};
use wiring::{Config, ConfigError};

/// A sentence for the person at the terminal.
#[derive(Debug)]
pub enum CliError {
    /// Exit code 2: mend the input and try again.
    Input(String),
    /// Exit code 1.
    Failed(String),
}

impl CliError {
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        match problem.code {
            Code::Internal | Code::Unavailable | Code::Overloaded => Self::Failed(problem.detail),
            _ => Self::Input(problem.detail),
        }
    }
}

/// Prints a line to standard output. A reader that has gone away (`souk manifest | head`) is no failure.
pub fn say(text: &str) -> Result<(), CliError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::failed(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

pub fn say_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    say(&serde_json::to_string_pretty(value).map_err(CliError::failed)?)
}

pub async fn manifest(config: &Config) -> Result<(), CliError> {
    say_json(&wiring::manifest(Home::in_memory(config)?.host()?.services()))
}

pub async fn openapi(config: &Config) -> Result<(), CliError> {
    say_json(Home::in_memory(config)?.host()?.openapi())
}

pub async fn backup(config: &Config, file: &Path) -> Result<(), CliError> {
    home_embedded::backup(config, file).await?;
    say(&format!("wrote {}", file.display()))
}

pub fn config(config: &Config) -> Result<(), CliError> {
    say_json(&config.shown())?;
    eprintln!("the configuration is fine");
    Ok(())
}
