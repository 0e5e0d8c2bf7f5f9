//! Errors of the command line, and the commands that print.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use home_embedded::Home;
use kernel::{Code, Problem};
use wiring::{Config, ConfigError};

/// The exit code where the input was wrong, or a part of it.
pub const REFUSED: u8 = 2;
/// Of a line about a file; a reason has room beside a name.
const SHOWN_CHARS_MAX: usize = 400;

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
            Self::Input(_) => ExitCode::from(REFUSED),
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

/// Prints a line to standard error, for the person at the terminal. Nothing depends on whether it is read.
pub fn note(text: &str) {
    // There is nowhere left to say that it failed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A text of somebody else's file, fit for a terminal: cut, and without characters that steer it or hide others.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        if kernel::is_unseen(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown
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
    home_embedded::check_config(config)?;
    say_json(&config.shown())?;
    warn(config);
    note("the configuration is fine");
    Ok(())
}

pub fn warn(config: &Config) {
    for warning in config.warnings() {
        note(&format!("warning: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_does_not_steer_the_terminal() {
        for (text, expect) in [
            ("Käse & Co.", "Käse & Co."),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb", "a\\u{a}b"),
            ("invoice\u{202e}gpj.exe", "invoice\\u{202e}gpj.exe"),
        ] {
            assert_eq!(shown(text), expect);
        }
        assert_eq!(shown(&"x".repeat(10_000_000)).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
