//! What a function brings to its service. Clients are made when something needs them, so a function
//! starts with none but those that it uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws::{Bus, Clients, CognitoPool, PoolKeys, Queues, S3Blobs, SesMailer};
use dynamodb::Dynamo;
use identity::Credentials;
use kernel::Problem;
use ports::store::{Key, Store, TableSchema};
use ports::{Blobs, Clock, SystemClock, SystemEntropy};
use shell::{Api, ApiConfig, Passwords, Ready, Runtime, Service, Signer, SigningKey};
use test_gateway::TestGateway;
use wiring::{Config, ConfigError, Platform, PoolIssuer, Transport};

use crate::events::EventsFunction;
use crate::invocation::Invocations;
use crate::secrets;
use crate::settings::{Delivery, Settings, missing};

/// API Gateway gives up after 30 s; the function must have answered by then.
const REQUEST_TIMEOUT_SECS: u64 = 25;
/// Where the borders of time zones are, beside the program: they would be a fourth of it.
const BORDERS_FILE: &str = "time-zones.tzb";

pub struct Home {
    config: Config,
    settings: Settings,
    clients: Arc<Clients>,
    runtime: Arc<Runtime>,
    tables: OnceLock<Dynamo>,
    gateway: OnceLock<Arc<TestGateway>>,
    signer: OnceLock<Arc<Signer>>,
    /// Whether the signer was wanted before its key was read.
    key_wanted: OnceLock<()>,
    passwords: Arc<Passwords>,
}

impl Home {
    /// Reads AWS_REGION and the keys that the environment gives; asks nobody.
    pub fn open(config: Config, settings: Settings) -> Result<Self, ConfigError> {
        let clients = Clients::from_environment().map_err(|error| ConfigError(error.to_string()))?;
        Ok(Self::with_clients(config, settings, clients))
    }

    fn with_clients(mut config: Config, settings: Settings, clients: Clients) -> Self {
        // One function serves one request at a time, and knows nothing of the others: rates are the gateway's.
        config.limits.rate_limit = false;
        config.limits.request_timeout_secs = config.limits.request_timeout_secs.min(REQUEST_TIMEOUT_SECS);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self {
            config,
            settings,
            clients: Arc::new(clients),
            runtime: Runtime::new(clock, Arc::new(SystemEntropy)),
            tables: OnceLock::new(),
            gateway: OnceLock::new(),
            signer: OnceLock::new(),
            key_wanted: OnceLock::new(),
            passwords: Arc::new(Passwords::default()),
        }
    }

    pub fn runtime(&self) -> Arc<Runtime> {
        self.runtime.clone()
    }

    /// For the measurements of the function.
    pub fn invocations(&self) -> Invocations {
        Invocations::new(self.runtime.clone(), &self.settings.service, self.settings.role.name(), self.settings.metrics)
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The service of this function.
    pub async fn service(&self) -> Result<Service, ConfigError> {
        if self.settings.service == shell::OPERATIONS {
            return self.operations();
        }
        let build = || wiring::service(&self.config, self, &self.settings.service);
        self.with_key(build).await
    }

    /// What looks after the queues of all consumers, which the stack names.
    fn operations(&self) -> Result<Service, ConfigError> {
        let queues = match self.settings.delivery.ok_or_else(|| missing("DELIVERY"))? {
            Delivery::Queues => self.queues()?,
            Delivery::Direct => self.queues()?.called_by(self.bus()?),
        };
        Ok(shell::operations(Arc::new(queues), self.settings.consumers.iter().cloned()))
    }

    /// The service's routes, behind the edge.
    pub async fn api(&self) -> Result<Api, ConfigError> {
        let mut service = self.service().await?;
        let authenticator = self.with_key(|| wiring::authenticator(self)).await?;
        // Who keeps nothing still needs the accounts of those who ask.
        let table = wiring::work(self, service.table.unwrap_or(identity::TABLE)).table().clone();
        let ready: Ready = Arc::new(move || {
            let table = table.clone();
            // There is no such item; what counts is that the table says so.
            Box::pin(async move { table.get_eventual::<serde::de::IgnoredAny>(&Key::new("health", "health")).await.map(|_| ()) })
        });
        let config = ApiConfig { runtime: self.runtime.clone(), authenticator, limits: self.config.limits.clone(), ready };
        Api::new(config, std::slice::from_mut(&mut service)).map_err(unfit)
    }

    pub fn bus(&self) -> Result<Bus, ConfigError> {
        let name = self.settings.event_bus.as_deref().ok_or_else(|| missing("EVENT_BUS"))?;
        Ok(Bus::new(self.clients.clone(), name, self.runtime.entropy.clone()))
    }

    pub fn queues(&self) -> Result<Queues, ConfigError> {
        let prefix = self.settings.queue_prefix.as_deref().ok_or_else(|| missing("QUEUE_PREFIX"))?;
        Ok(Queues::new(self.clients.clone(), prefix, self.runtime.entropy.clone()))
    }

    /// Delivers to the consumers of the service, or to the one that the bus calls this function for.
    pub async fn events(&self) -> Result<EventsFunction, ConfigError> {
        let function = EventsFunction::new(self.runtime(), self.service().await?, self.queues()?, self.invocations());
        match &self.settings.consumer {
            None => Ok(function),
            Some(name) => {
                function.called_for(name).ok_or_else(|| ConfigError(format!("CONSUMER is {name}, whom the service does not have")))
            }
        }
    }

    /// Builds something, and if it turns out that it needs the signing key, reads the key and builds again:
    /// only functions that need it have the right to read it.
    async fn with_key<T>(&self, build: impl Fn() -> Result<T, ConfigError>) -> Result<T, ConfigError> {
        let built = build();
        if built.is_ok() || self.key_wanted.get().is_none() || self.signer.get().is_some() {
            return built;
        }
        let key = match (&self.settings.signing_key, &self.config.secrets.signing_key) {
            (Some(secret), _) => {
                let client = aws_sdk_secretsmanager::Client::new(self.clients.config());
                secrets::signing_key(&client, secret).await?
            }
            (None, Some(text)) => {
                SigningKey::from_hex(text).ok_or_else(|| ConfigError("secrets.signing_key must be 64 hexadecimal digits".into()))?
            }
            (None, None) => return Err(missing("SIGNING_KEY_PARAMETER")),
        };
        let signer = Signer::new(&self.config.shop.public_url, &key).map_err(unfit)?;
        self.signer.get_or_init(|| Arc::new(signer));
        build()
    }

    fn borders_file(&self) -> Result<PathBuf, ConfigError> {
        match &self.settings.borders_file {
            Some(file) => Ok(file.clone()),
            None => {
                let program = std::env::current_exe().map_err(|error| ConfigError(format!("where the program is: {error}")))?;
                Ok(program.with_file_name(BORDERS_FILE))
            }
        }
    }

    fn tables(&self) -> &Dynamo {
        self.tables.get_or_init(|| {
            let mut config = aws_sdk_dynamodb::config::Builder::from(self.clients.config());
            if let Some(endpoint) = &self.settings.dynamodb_endpoint {
                config = config.endpoint_url(endpoint);
            }
            let client = aws_sdk_dynamodb::Client::from_conf(config.build());
            Dynamo::new(client, self.settings.table_prefix.clone().unwrap_or_default(), self.runtime.clock.clone())
        })
    }
}

impl Platform for Home {
    fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    fn store(&self, schema: TableSchema) -> Arc<dyn Store> {
        self.tables().table(schema)
    }

    fn files(&self) -> Result<Arc<dyn Blobs>, ConfigError> {
        let bucket = self.settings.files_bucket.as_deref().ok_or_else(|| missing("FILES_BUCKET"))?;
        Ok(Arc::new(S3Blobs::new(self.clients.clone(), bucket)))
    }

    fn signer(&self) -> Result<Arc<Signer>, ConfigError> {
        self.signer.get().cloned().ok_or_else(|| {
            self.key_wanted.get_or_init(|| ());
            missing("SIGNING_KEY_PARAMETER")
        })
    }

    fn passwords(&self) -> Arc<Passwords> {
        self.passwords.clone()
    }

    fn credentials(&self) -> Result<Credentials, ConfigError> {
        Ok(match &self.settings.user_pool {
            None => self.passwords().into(),
            Some(pool) => {
                let pool = CognitoPool::new(self.clients.clone(), &pool.id, &pool.client_id, self.runtime.entropy.clone());
                Credentials::Pool(Arc::new(pool))
            }
        })
    }

    fn pool_issuer(&self) -> Result<Option<PoolIssuer>, ConfigError> {
        Ok(self.settings.user_pool.as_ref().map(|pool| PoolIssuer {
            issuer: PoolKeys::issuer(&self.clients, &pool.id),
            client_id: pool.client_id.clone(),
            keys: Arc::new(PoolKeys::new(&self.clients, &pool.id)),
        }))
    }

    fn gateway(&self) -> Result<Arc<TestGateway>, ConfigError> {
        let gateway = self.gateway.get_or_init(|| {
            let options = test_gateway::Options {
                action_page: format!("{}/test-gateway/actions", self.config.shop.public_url),
                ..test_gateway::Options::default()
            };
            Arc::new(TestGateway::new(self.store(test_gateway::TABLE), self.runtime.clock.clone(), options))
        });
        Ok(gateway.clone())
    }

    fn mail_delivery(&self) -> Result<notifications::Delivery, ConfigError> {
        match self.config.mail.transport {
            Transport::Capture => Ok(notifications::Delivery::Capture),
            Transport::Ses => Ok(notifications::Delivery::Send(Arc::new(SesMailer::new(self.clients.clone())))),
            Transport::Smtp => Err(ConfigError("mail.transport is smtp, which is for a shop in one process; here it is ses".into())),
        }
    }

    /// Whether they are there is seen at the start, before a business would miss them.
    fn time_zones(&self) -> Result<directory::TimeZoneMap, ConfigError> {
        let file = self.borders_file()?;
        let unreadable = |file: &Path, error: std::io::Error| format!("{}: {error}", file.display());
        std::fs::metadata(&file).map_err(|error| ConfigError(unreadable(&file, error)))?;
        Ok(directory::TimeZoneMap::new(move || std::fs::read(&file).map(Into::into).map_err(|error| unreadable(&file, error))))
    }
}

fn unfit(problem: Problem) -> ConfigError {
    ConfigError(problem.detail)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The stacks have the functions, routes and queues of what this home serves. With MANIFEST=write the file is
    /// written instead.
    #[tokio::test]
    async fn the_stacks_are_built_from_this_manifest() {
        let mut config = Config::default();
        config.mail.transport = Transport::Ses;
        config.secrets.signing_key = Some("5a".repeat(32));
        let set = [
            ("SERVICE", "identity"),
            ("ROLE", "api"),
            ("TABLE_PREFIX", "souk-"),
            ("FILES_BUCKET", "souk-files"),
            ("QUEUE_PREFIX", "souk-"),
            ("DELIVERY", "queues"),
            // Any file will do: nobody reads it.
            ("BORDERS_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
        ];
        let settings = Settings::load(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()));
        let home = Home::with_clients(config, settings.unwrap(), Clients::at("http://localhost:1"));
        let mut services = home.with_key(|| wiring::services(&home.config, &home)).await.unwrap();
        services.push(home.operations().unwrap());
        let manifest = serde_json::to_string_pretty(&wiring::manifest(&services)).unwrap() + "\n";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/manifest.json");
        if std::env::var("MANIFEST").is_ok_and(|wish| wish == "write") {
            std::fs::write(&file, &manifest).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(
            kept == manifest,
            "infra/manifest.json is out of date: run this test with MANIFEST=write, then `npm run snapshot` in infra"
        );
    }
}
