//! The one place that reads the SDK's settings. The SDK's own loader asks profile files, tokens of
//! other services and the machine's metadata in turn; a function has its region and its keys in the
//! environment, a container the address of its keys, and neither needs the rest.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// A service in the same region answers in milliseconds; a lost packet costs a second.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// One try, from the request to the last byte of the answer.
const TRY_WITHIN: Duration = Duration::from_secs(5);
/// With all tries and the pauses between them. A function has more time than this.
const CALL_WITHIN: Duration = Duration::from_secs(12);
const TRIES_MAX: u32 = 3;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientsError {
    #[error("AWS_REGION is not set")]
    Region,
    #[error("no keys: neither AWS_ACCESS_KEY_ID nor an address of a container's keys is set")]
    Keys,
}

/// The clients of a process. Each is made when it is first asked for; all share connections.
#[derive(Debug)]
pub struct Clients {
    config: SdkConfig,
    pool: OnceLock<aws_sdk_cognitoidentityprovider::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    files: OnceLock<aws_sdk_s3::Client>,
    mails: OnceLock<aws_sdk_sesv2::Client>,
    texts: OnceLock<aws_sdk_sns::Client>,
    queues: OnceLock<aws_sdk_sqs::Client>,
}

impl Clients {
    /// Reads AWS_REGION, the keys of a function or a container, and AWS_ENDPOINT_URL for emulators.
    pub fn from_environment() -> Result<Self, ClientsError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).ok_or(ClientsError::Region)?;
        let http = http_client();
        let credentials = if set("AWS_ACCESS_KEY_ID").is_some() {
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
        } else if set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some() || set("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some() {
            let provider = ProviderConfig::without_region().with_http_client(http.clone());
            SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&provider).build())
        } else {
            return Err(ClientsError::Keys);
        };
        Ok(Self::of(region, credentials, http, set("AWS_ENDPOINT_URL")))
    }

    /// For emulators and tests: a place with keys that mean nothing.
    pub fn at(endpoint_url: &str) -> Self {
        let keys = aws_credential_types::Credentials::builder();
        let keys = keys.access_key_id("test").secret_access_key("test").provider_name("emulator").build();
        Self::of("eu-central-1".into(), SharedCredentialsProvider::new(keys), http_client(), Some(endpoint_url.to_owned()))
    }

    fn of(region: String, credentials: SharedCredentialsProvider, http: SharedHttpClient, endpoint_url: Option<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_WITHIN)
            .operation_attempt_timeout(TRY_WITHIN)
            .operation_timeout(CALL_WITHIN)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(credentials)
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX));
        if let Some(url) = endpoint_url {
            config = config.endpoint_url(url);
        }
        Self {
            config: config.build(),
            pool: OnceLock::new(),
            events: OnceLock::new(),
            files: OnceLock::new(),
            mails: OnceLock::new(),
            texts: OnceLock::new(),
            queues: OnceLock::new(),
        }
    }

    /// For clients that are made elsewhere, such as the tables'.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub fn region(&self) -> &str {
        self.config.region().map_or("", AsRef::as_ref)
    }

    pub fn pool(&self) -> &aws_sdk_cognitoidentityprovider::Client {
        self.pool.get_or_init(|| aws_sdk_cognitoidentityprovider::Client::new(&self.config))
    }

    pub fn events(&self) -> &aws_sdk_eventbridge::Client {
        self.events.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.config))
    }

    pub fn files(&self) -> &aws_sdk_s3::Client {
        self.files.get_or_init(|| {
            let mut config = aws_sdk_s3::config::Builder::from(&self.config)
                // A checksum of its body cannot be signed for an upload that somebody else will make.
                .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired);
            if self.config.endpoint_url().is_some() {
                config = config.force_path_style(true);
            }
            aws_sdk_s3::Client::from_conf(config.build())
        })
    }

    pub fn mails(&self) -> &aws_sdk_sesv2::Client {
        self.mails.get_or_init(|| aws_sdk_sesv2::Client::new(&self.config))
    }

    pub fn texts(&self) -> &aws_sdk_sns::Client {
        self.texts.get_or_init(|| aws_sdk_sns::Client::new(&self.config))
    }

    pub fn queues(&self) -> &aws_sdk_sqs::Client {
        self.queues.get_or_init(|| aws_sdk_sqs::Client::new(&self.config))
    }
}

/// The trusted certificates are read when the first client is made.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
