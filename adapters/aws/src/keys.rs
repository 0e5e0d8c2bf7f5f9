//! The public keys of a user pool, with which everybody can verify its tokens.

use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use ports::PublicKeys;
use tokio::sync::OnceCell;

use crate::clients::Clients;

const FETCH_WITHIN: Duration = Duration::from_secs(5);
/// Two keys have about 900.
const KEYS_BYTES_MAX: usize = 64 * 1024;

pub struct PoolKeys {
    url: String,
    connector: OnceCell<Connector>,
}

impl PoolKeys {
    pub fn new(clients: &Clients, pool_id: &str) -> Self {
        let base = match clients.config().endpoint_url() {
            Some(emulator) => emulator.trim_end_matches('/').to_owned(),
            None => format!("https://cognito-idp.{}.amazonaws.com", clients.region()),
        };
        Self { url: format!("{base}/{pool_id}/.well-known/jwks.json"), connector: OnceCell::new() }
    }

    /// What the pool writes as `iss` into its tokens.
    pub fn issuer(clients: &Clients, pool_id: &str) -> String {
        format!("https://cognito-idp.{}.amazonaws.com/{pool_id}", clients.region())
    }

    async fn get(&self) -> Result<String, String> {
        let connect = async || Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
        let connector = self.connector.get_or_init(connect).await;
        let request = HttpRequest::get(self.url.as_str()).map_err(|error| error.to_string())?;
        let response = connector.call(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(format!("status {status}"));
        }
        let mut body = ByteStream::new(response.into_body());
        let mut bytes = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| error.to_string())? {
            if bytes.len() + chunk.len() > KEYS_BYTES_MAX {
                return Err(format!("more than {KEYS_BYTES_MAX} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl PublicKeys for PoolKeys {
    async fn fetch(&self) -> Result<String, String> {
        let fetched = tokio::time::timeout(FETCH_WITHIN, self.get()).await.unwrap_or_else(|_| Err("no answer in time".into()));
        fetched.map_err(|error| format!("{}: {error}", self.url))
    }
}
