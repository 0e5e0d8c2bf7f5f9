//! The signing key, 64 hexadecimal digits: from Secrets Manager, or given by the configuration.

use aws::Clients;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use shell::SigningKey;
use wiring::{Config, ConfigError};

use crate::settings::Settings;

/// The key, if the function is told of one: the stack tells those that need it, and only they have the right to read it.
pub async fn signing_key(config: &Config, settings: &Settings, clients: &Clients) -> Result<Option<SigningKey>, ConfigError> {
    let Some(secret) = &settings.signing_key else {
        let given = config.secrets.signing_key.as_deref().map(|text| parsed(text, "secrets.signing_key"));
        return given.transpose();
    };
    let asked = Client::new(clients.config()).get_secret_value().secret_id(secret).send().await;
    let answer = asked.map_err(|error| ConfigError(format!("the secret {secret} cannot be read: {}", DisplayErrorContext(&error))))?;
    parsed(answer.secret_string().unwrap_or_default(), &format!("the secret {secret}")).map(Some)
}

fn parsed(text: &str, name: &str) -> Result<SigningKey, ConfigError> {
    SigningKey::from_hex(text.trim()).ok_or_else(|| ConfigError(format!("{name} must hold 64 hexadecimal digits")))
}
