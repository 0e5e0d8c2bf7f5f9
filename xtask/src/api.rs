//! The `api` stage: schemathesis holds every operation of the running binary against its own OpenAPI
//! document, as nobody, as a customer and as an admin.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{get, post, wait_until_ready};
use crate::process::{self, Server};
use crate::{Outcome, tools};

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";
const EXAMPLES_PER_OPERATION: u32 = 40;
/// Far above what a run takes; a run that hangs must not hang everything.
const RUN_TIMEOUT: Duration = Duration::from_secs(600);
const MAIL_TRIES: u32 = 100;
const PASSWORD: &str = "three green lanterns";

/// These can end the very session that a run is signed in with: who loses a business is signed out, and the
/// tool finds its own account's id and disables it. Everything after that would only test the answer 401. So
/// the long runs leave them out, and each has a run of its own with an admin of its own. Changing the password
/// and erasing the account ask for the password, which the tool does not know: they stay in.
const END_THE_SESSION: [&str; 5] = ["signOutEverywhere", "disableUser", "setRoles", "removeBusiness", "removeBusinessStaff"];

pub fn run(root: &Path) -> Outcome {
    let folder = process::empty_folder(root.join("target/api-test"))?;
    let data = folder.join("data");
    process::folder(&data)?;
    let souk = root.join("target/debug/souk");
    process::output(Command::new(&souk).arg("demo").arg("--data").arg(&data))?;
    let admin = "admin@api-test.example".to_owned();
    let admins_of_their_own = END_THE_SESSION.map(|operation| (operation, format!("{operation}@api-test.example").to_lowercase()));
    for email in admins_of_their_own.iter().map(|(_, email)| email).chain([&admin]) {
        let mut create = Command::new(&souk);
        create.args(["admin", "create", "--email", email, "--password-stdin", "--data"]).arg(&data);
        process::output_of_input(&mut create, &format!("{PASSWORD}\n"))?;
    }

    let mut serve = Command::new(&souk);
    // Thousands of requests a minute from one address are the point here.
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).env("SOUK_LIMITS__RATE_LIMIT", "false");
    let server = Server::start(&mut serve, &folder.join("server.log"))?;
    wait_until_ready(server.address, Duration::from_secs(30))?;

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
    command.arg("run").arg(format!("{}/api/openapi.json", server.url()));
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

/// Registers a customer the way a person does: with the link from the mail.
fn register(address: SocketAddr, email: &str) -> Outcome {
    post(address, "/api/v1/auth/register", &json!({"email": email, "password": PASSWORD, "name": "Ann Lee"}))?;
    let token = mailed_token(address, email)?;
    post(address, "/api/v1/auth/verify-email", &json!({"token": token}))?;
    Ok(())
}

/// The token of the first link with one in the mails to this address. Mails are sent behind the scenes,
/// so it may take a moment.
fn mailed_token(address: SocketAddr, email: &str) -> Outcome<String> {
    let path = format!("/mailbox/messages?to={}", email.replace('@', "%40"));
    let mut last = String::new();
    for _ in 0..MAIL_TRIES {
        let answer = get(address, &path, None)?;
        let page = answer.json()?;
        if let Some(token) = find_token(&page) {
            return Ok(token);
        }
        for id in ids(&page) {
            let message = get(address, &format!("/mailbox/messages/{id}"), None)?.json()?;
            if let Some(token) = find_token(&message) {
                return Ok(token);
            }
        }
        last = answer.body;
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("no mail to {email} with a link came; the mailbox has {last}"))
}

fn ids(page: &Value) -> Vec<String> {
    let items = page.as_array().or_else(|| page["items"].as_array());
    items.into_iter().flatten().filter_map(|item| item["id"].as_str()).map(str::to_owned).collect()
}

/// What follows `token=` anywhere in the texts of a JSON document.
fn find_token(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let (_, rest) = text.split_once("token=")?;
            let end =
                rest.find(|character: char| !(character.is_ascii_alphanumeric() || "-_.~%".contains(character))).unwrap_or(rest.len());
            // A point at the end is the sentence's.
            Some(decoded(rest[..end].trim_end_matches('.'))).filter(|token| !token.is_empty())
        }
        Value::Array(items) => items.iter().find_map(find_token),
        Value::Object(fields) => fields.values().find_map(find_token),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A text of a URL without its percent signs.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => plain.extend([char::from(byte)].into_iter().chain(part.chars().skip(2))),
            None => plain.extend(['%'].into_iter().chain(part.chars())),
        }
    }
    plain
}

fn sign_in(address: SocketAddr, email: &str) -> Outcome<String> {
    let answer = post(address, "/api/v1/auth/sign-in", &json!({"email": email, "password": PASSWORD}))?.json()?;
    answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| "signing in gave no access_token".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tokens_and_ids() {
        let page =
            json!({"items": [{"id": "msg_1", "subject": "Hello"}, {"id": "msg_2", "text": "see http://x/verify?token=aB-_9.\nBye"}]});
        assert_eq!(ids(&page), ["msg_1", "msg_2"]);
        assert_eq!(find_token(&json!({"text": "http://x/verify?token=aB-_9&x=y"})), Some("aB-_9".to_owned()));
        assert_eq!(find_token(&page["items"][0]), None);
        assert_eq!(find_token(&page["items"][1]), Some("aB-_9".to_owned()));
        assert_eq!(find_token(&json!("/x?token=a%2Eb%3D%")), Some("a.b=%".to_owned()));
        assert_eq!(find_token(&json!(["token="])), None);
    }
}
