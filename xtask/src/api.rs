//! The `api` stage: schemathesis holds every operation of the running binary against its own OpenAPI
//! document, as nobody, as a customer and as an admin.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::client::{Answer, get, post_with};
use crate::process::{self, Server};
use crate::shop::Shop;
use crate::{Outcome, tools};

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";
const EXAMPLES_PER_OPERATION: u32 = 40;
/// Far above what a run takes; a run that hangs must not hang everything.
const RUN_TIMEOUT: Duration = Duration::from_secs(600);
const MAIL_TIMEOUT: Duration = Duration::from_secs(10);
/// Of the networks for documentation (RFC 5737), in which nobody else is.
const OWN_CLIENT: &str = "192.0.2.1";
const PASSWORD: &str = "three green lanterns";

/// These can end the very session that a run is signed in with: who loses a business is signed out, and the
/// tool finds its own account's and session's ids and ends them. Everything after that would only test the answer 401. So
/// the long runs leave them out, and each has a run of its own with an admin of its own. Changing the password
/// and erasing the account ask for the password, which the tool does not know: they stay in.
const END_THE_SESSION: [&str; 7] =
    ["signOutEverywhere", "endSession", "endUserSession", "disableUser", "setRoles", "removeBusiness", "removeBusinessStaff"];

pub fn run(root: &Path) -> Outcome {
    let shop = Shop::new(root.join("target/debug/souk"), root.join("target/api-test"))?;
    process::output(&mut shop.command(&["demo"]))?;
    let password = shop.folder.join("password");
    process::write(&password, &format!("{PASSWORD}\n"))?;
    let admin = "admin@api-test.example".to_owned();
    let admins_of_their_own = END_THE_SESSION.map(|operation| (operation, format!("{operation}@api-test.example").to_lowercase()));
    for email in admins_of_their_own.iter().map(|(_, email)| email).chain([&admin]) {
        let password = File::open(&password).map_err(|error| format!("cannot read the password: {error}"))?;
        process::output(shop.command(&["admin", "create", "--email", email, "--password-stdin"]).stdin(password))?;
    }

    // Whoever fails to sign in as often as the tool does may not sign in for a while: so the stage's own people come from
    // an address of their own.
    let server = shop.serve(&[("SOUK_LIMITS__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)])?;
    fuzz(root, &server, "nobody", None, &[])?;
    let customer = "customer@api-test.example";
    register(server.address, customer)?;
    for (who, email, own) in [("a customer", customer, "/api/v1/me"), ("an admin", admin.as_str(), "/api/v1/admin/users")] {
        let token = sign_in(server.address, email)?;
        fuzz(root, &server, who, Some(&token), &END_THE_SESSION.map(|operation| ("--exclude-operation-id", operation)))?;
        // A session or a role that was lost on the way would have made the rest of the run worthless.
        let answer = get(server.address, own, Some(&token))?;
        if answer.status != 200 {
            return Err(format!("at the end of the run {who} could no longer GET {own}: {}", answer.body));
        }
    }
    for (operation, email) in &admins_of_their_own {
        let token = sign_in(server.address, email)?;
        fuzz(root, &server, &format!("an admin, {operation} only"), Some(&token), &[("--include-operation-id", operation)])?;
    }
    server.stop()
}

fn fuzz(root: &Path, server: &Server, who: &str, token: Option<&str>, filters: &[(&str, &str)]) -> Outcome {
    println!("--- as {who}");
    let mut command = Command::new(tools::bin(root).join("schemathesis"));
    command.current_dir(root.join("target/api-test"));
    command.arg("--config-file").arg(root.join("xtask/schemathesis.toml"));
    command.arg("run").arg(format!("http://{}/api/openapi.json", server.address));
    command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing,stateful"]);
    command.args(["--seed", "1", "--generation-database", "none", "--no-color", "--continue-on-failure"]);
    command.args(["--request-timeout", "15", "--max-examples"]).arg(EXAMPLES_PER_OPERATION.to_string());
    // Slow or heavily filtered generation is the tool's business and no fault of the shop.
    command.args(["--suppress-health-check", "all"]);
    if let Some(token) = token {
        command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    }
    for (option, operation) in filters {
        command.args([option, operation]);
    }
    // It advises on schemas at length; what fails is what counts.
    command.args(["--warnings", "off"]);
    process::run_within(&mut command, RUN_TIMEOUT).map_err(|error| {
        // The command line holds a token; the log of a build is no place for it, even for a throw-away one.
        let error = token.map_or(error.clone(), |token| error.replace(token, "..."));
        format!("as {who}: {error}\n{}", process::tail(&root.join("target/api-test/server.log")))
    })
}

/// Registers a customer the way a person does: with the link from the mail. Mails are sent behind the scenes, so it
/// may take a moment.
fn register(address: SocketAddr, email: &str) -> Outcome {
    ask(address, "/api/v1/auth/register", &json!({"email": email, "password": PASSWORD, "name": "Ann Lee"}))?;
    let mut mailbox = String::new();
    let token = process::wait_for(MAIL_TIMEOUT, Duration::from_millis(100), || {
        mailbox = get(address, &format!("/mailbox/messages?to={}", email.replace('@', "%40")), None)?.body;
        Ok(find_token(&mailbox))
    });
    let token = token.map_err(|error| format!("no mail to {email} with a link came: {error}; the mailbox has {mailbox}"))?;
    ask(address, "/api/v1/auth/verify-email", &json!({"token": token, "password": PASSWORD}))?;
    Ok(())
}

/// What follows `token=` in the mails of a mailbox.
fn find_token(mailbox: &str) -> Option<String> {
    let (_, rest) = mailbox.split_once("token=")?;
    // In JSON a line break begins with a backslash, and a text ends with a quotation mark.
    let token = rest.split(|character: char| !(character.is_ascii_alphanumeric() || "-_.~%".contains(character))).next()?;
    // A point at the end is the sentence's.
    let token = percent_decode_str(token.trim_end_matches('.')).decode_utf8().ok()?;
    (!token.is_empty()).then(|| token.into_owned())
}

/// As one of the stage's own people.
fn ask(address: SocketAddr, path: &str, body: &Value) -> Outcome<Answer> {
    post_with(address, path, &[("X-Forwarded-For", OWN_CLIENT)], body)
}

fn sign_in(address: SocketAddr, email: &str) -> Outcome<String> {
    let answer = ask(address, "/api/v1/auth/sign-in", &json!({"email": email, "password": PASSWORD}))?.json()?;
    answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| "signing in gave no access_token".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tokens() {
        for (mail, token) in [
            ("see http://x/verify?token=aB-_9.\nBye", Some("aB-_9")),
            ("http://x/verify?token=aB-_9&x=y", Some("aB-_9")),
            ("/x?token=a%2Eb%3D%", Some("a.b=%")),
            ("token=", None),
            ("Hello", None),
        ] {
            let mailbox = json!({"items": [{"subject": "Hello"}, {"text": mail}]}).to_string();
            assert_eq!(find_token(&mailbox).as_deref(), token, "{mailbox}");
        }
    }
}
