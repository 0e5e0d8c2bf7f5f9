//! Somebody of the demo who talks to the shop.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use super::Account;
use crate::output::CliError;

/// An answer that takes longer is a failure.
const WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    pub fn guest(url: &str) -> Self {
        let agent = Agent::config_builder().timeout_global(Some(WITHIN)).http_status_as_error(false).proxy(None).build();
        Self { agent: agent.into(), url: url.to_owned(), token: None }
    }

    pub fn sign_in(&self, account: &Account) -> Result<Self, CliError> {
        let tokens = self.post("/auth/sign-in", &json!({ "email": account.email, "password": account.password }))?;
        Ok(Self { token: Some(text(&tokens["access_token"])?), ..self.clone() })
    }

    pub fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send("GET", path, None, &[])
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send("POST", path, Some(body), &[])
    }

    pub fn put(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send("PUT", path, Some(body), &[])
    }

    pub fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Result<Value, CliError> {
        let failed = |error: &dyn std::fmt::Display| CliError::Failed(format!("{method} {path}: {error}"));
        let mut request = Request::builder().method(method).uri(format!("{}/api/v1{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body.map(Value::to_string).unwrap_or_default()).map_err(|error| failed(&error))?;
        let mut answer = self.agent.run(request).map_err(|error| failed(&error))?;
        let said = answer.body_mut().read_to_string().map_err(|error| failed(&error))?;
        if !answer.status().is_success() {
            return Err(failed(&said));
        }
        if said.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&said).map_err(|error| failed(&error)) }
    }
}

/// A text of an answer.
pub fn text(value: &Value) -> Result<String, CliError> {
    value.as_str().map(str::to_owned).ok_or_else(|| CliError::Failed(format!("the shop answered {value} where a text was expected")))
}

/// The items of a page.
pub fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map_or(&[], Vec::as_slice)
}
