//! `souk admin`.

use std::io::{BufRead as _, IsTerminal as _};

use home_embedded::Home;
use wiring::Config;

use crate::output::{CliError, say};

/// Creates a verified admin. Without `--password-stdin` a password is made and printed once.
pub async fn create(config: &Config, email: &str, password_stdin: bool) -> Result<(), CliError> {
    let email = email.parse().map_err(|error| CliError::Input(format!("{email}: {error}")))?;
    let home = Home::open(config)?;
    let password = if password_stdin { read_password()? } else { home.operator().new_password() };
    let user = home.operator().create_admin(email, &password).await?;
    home.close().await?;
    say(&format!("{user} is an admin"))?;
    if password_stdin { Ok(()) } else { say(&format!("password: {password}")) }
}

fn read_password() -> Result<String, CliError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("password, then Enter:");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(CliError::failed)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() { Err(CliError::Input("no password on standard input".into())) } else { Ok(password) }
}
