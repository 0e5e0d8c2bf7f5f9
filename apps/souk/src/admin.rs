//! `souk admin`.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Subcommand;
use home_embedded::Home;
use kernel::Email;
use wiring::Config;

use crate::output::{CliError, note, say};

#[derive(Subcommand)]
pub enum Admin {
    /// Create an admin, or make an existing account one, which keeps its password
    Create {
        #[arg(long)]
        email: String,
        /// Read the password of a new account from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set the password of an account; its sessions end
    SetPassword {
        #[arg(long)]
        email: String,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
}

pub async fn run(config: &Config, command: Admin) -> Result<(), CliError> {
    let (Admin::Create { email, .. } | Admin::SetPassword { email, .. }) = &command;
    let email: Email = email.parse().map_err(|error| CliError::Input(format!("{email}: {error}")))?;
    let home = match command {
        Admin::Create { .. } => Home::open(config)?,
        Admin::SetPassword { .. } => Home::open_existing(config)?,
    };
    let result = match command {
        Admin::Create { password_stdin, .. } => create(&home, email, password_stdin).await,
        Admin::SetPassword { password_stdin, .. } => set_password(&home, &email, password_stdin).await,
    };
    home.close().await?;
    result
}

async fn create(home: &Home, email: Email, password_stdin: bool) -> Result<(), CliError> {
    let operator = home.operator();
    let known = operator.verified_account(&email).await?.is_some();
    if known && password_stdin {
        return Err(CliError::Input(format!(
            "{email} has an account already, with its own password: without --password-stdin it becomes an admin, and souk admin set-password sets another one"
        )));
    }
    let password = password(home, password_stdin)?;
    let user = operator.create_admin(email, &password).await?;
    say(&format!("{user} is an admin"))?;
    if known {
        return say("the account was there before and keeps its password; souk admin set-password sets another one");
    }
    tell(&password, password_stdin)
}

async fn set_password(home: &Home, email: &Email, password_stdin: bool) -> Result<(), CliError> {
    let password = password(home, password_stdin)?;
    let user = home.operator().set_password(email, &password).await?;
    say(&format!("{user} has a new password"))?;
    tell(&password, password_stdin)
}

/// A password that was made is printed once.
fn tell(password: &str, password_stdin: bool) -> Result<(), CliError> {
    if password_stdin { Ok(()) } else { say(&format!("password: {password}")) }
}

fn password(home: &Home, password_stdin: bool) -> Result<String, CliError> {
    if !password_stdin {
        return Ok(home.operator().new_password());
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        note("password, then Enter:");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(CliError::failed)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() { Err(CliError::Input("no password on standard input".into())) } else { Ok(password) }
}
