//! The signing key, from Secrets Manager: 64 hexadecimal digits.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use shell::SigningKey;
use wiring::ConfigError;

pub async fn signing_key(client: &Client, secret: &str) -> Result<SigningKey, ConfigError> {
    let asked = client.get_secret_value().secret_id(secret).send().await;
    let answer = asked.map_err(|error| ConfigError(format!("the secret {secret} cannot be read: {}", DisplayErrorContext(&error))))?;
    let key = answer.secret_string().and_then(|text| SigningKey::from_hex(text.trim()));
    key.ok_or_else(|| ConfigError(format!("the secret {secret} must hold 64 hexadecimal digits")))
}
