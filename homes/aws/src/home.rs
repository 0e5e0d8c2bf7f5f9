//! What a function brings to its service. Clients are made when something needs them, so a function
//! starts with none but those that it uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws::{Bus, Clients, CognitoPool, PoolKeys, Queues, S3Blobs, SesMailer};
use dynamodb::Dynamo;
use home_test_gateway::Bank;
use kernel::Problem;
use ports::store::{Key, Store, TableSchema};
use ports::{Blobs, Clock, Mailer, PaymentGateway, SystemClock, SystemEntropy, UserPool};
use shell::{Api, ApiConfig, Need, Passwords, Ready, Resource, RootRoutes, Runtime, Service, ServiceRole, Signer};
use wiring::{Config, ConfigError, Platform, PoolIssuer, TimeZoneSource, Transport};

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
    bank: OnceLock<Bank>,
    /// Absent in functions that are not told where the key is: they have no right to it.
    signer: Option<Arc<Signer>>,
    passwords: Arc<Passwords>,
}

impl Home {
    /// Reads AWS_REGION and the keys that the environment gives, and the signing key where the function has one.
    pub async fn open(config: Config, settings: Settings) -> Result<Self, ConfigError> {
        let clients = Clients::from_environment().map_err(|error| ConfigError(error.to_string()))?;
        Self::with_clients(config, settings, clients).await
    }

    async fn with_clients(mut config: Config, settings: Settings, clients: Clients) -> Result<Self, ConfigError> {
        // One function serves one request at a time, and knows nothing of the others: rates are the gateway's.
        config.limits.rate_limit = false;
        config.limits.request_timeout_secs = config.limits.request_timeout_secs.min(REQUEST_TIMEOUT_SECS);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let key = secrets::signing_key(&config, &settings, &clients).await?;
        let signer = key.map(|key| Signer::new(&config.shop.public_url, &key)).transpose().map_err(unfit)?;
        Ok(Self {
            config,
            settings,
            clients: Arc::new(clients),
            runtime: Runtime::new(clock, Arc::new(SystemEntropy)),
            tables: OnceLock::new(),
            bank: OnceLock::new(),
            signer: signer.map(Arc::new),
            passwords: Arc::new(Passwords::default()),
        })
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
    pub fn service(&self) -> Result<Service, ConfigError> {
        if self.settings.service == shell::OPERATIONS {
            return self.operations();
        }
        wiring::service(&self.config, self, &self.settings.service)
    }

    /// What looks after the queues of all consumers, which the stack names.
    fn operations(&self) -> Result<Service, ConfigError> {
        let queues = match self.settings.delivery.ok_or_else(|| missing("DELIVERY"))? {
            Delivery::Queues => self.queues()?,
            Delivery::Direct => self.queues()?.called_by(self.bus()?),
        };
        let mut service = shell::operations(Arc::new(queues), self.settings.consumers.iter().cloned());
        service.needs = vec![Need { resource: Resource::Queues, roles: &[ServiceRole::Api] }];
        Ok(service)
    }

    /// The service's routes, behind the edge.
    pub fn api(&self) -> Result<Api, ConfigError> {
        let mut service = self.service()?;
        let authenticator = wiring::authenticator(self)?;
        // Who keeps nothing still needs the accounts of those who ask.
        let table = wiring::work(self, service.table.unwrap_or(wiring::ACCOUNTS)).table().clone();
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
    pub fn events(&self) -> Result<EventsFunction, ConfigError> {
        let function = EventsFunction::new(self.runtime(), self.service()?, self.queues()?, self.invocations());
        match &self.settings.consumer {
            None => Ok(function),
            Some(name) => {
                function.called_for(name).ok_or_else(|| ConfigError(format!("CONSUMER is {name}, whom the service does not have")))
            }
        }
    }

    fn bank(&self) -> &Bank {
        self.bank.get_or_init(|| Bank::new(&self.config, self.store(home_test_gateway::TABLE), self.runtime.clock.clone()))
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
        self.signer.clone().ok_or_else(|| missing("SIGNING_KEY_PARAMETER"))
    }

    fn passwords(&self) -> Arc<Passwords> {
        self.passwords.clone()
    }

    fn user_pool(&self) -> Result<Option<Arc<dyn UserPool>>, ConfigError> {
        Ok(self.settings.user_pool.as_ref().map(|pool| {
            let pool = CognitoPool::new(self.clients.clone(), &pool.id, &pool.client_id, self.runtime.entropy.clone());
            Arc::new(pool) as Arc<dyn UserPool>
        }))
    }

    fn pool_issuer(&self) -> Result<Option<PoolIssuer>, ConfigError> {
        Ok(self.settings.user_pool.as_ref().map(|pool| PoolIssuer {
            issuer: PoolKeys::issuer(&self.clients, &pool.id),
            client_id: pool.client_id.clone(),
            keys: Arc::new(PoolKeys::new(&self.clients, &pool.id)),
        }))
    }

    fn gateway(&self) -> Result<Arc<dyn PaymentGateway>, ConfigError> {
        Ok(self.bank().gateway.clone())
    }

    fn gateway_pages(&self) -> Result<RootRoutes, ConfigError> {
        Ok(self.bank().pages())
    }

    fn mailer(&self) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
        match self.config.mail.transport {
            Transport::Capture => Ok(None),
            Transport::Ses => Ok(Some(Arc::new(SesMailer::new(self.clients.clone())))),
            Transport::Smtp => Err(ConfigError("mail.transport is smtp, which is for a shop in one process; here it is ses".into())),
        }
    }

    /// Whether they are there is seen at the start, before a business would miss them.
    fn time_zones(&self) -> Result<TimeZoneSource, ConfigError> {
        let file = self.borders_file()?;
        let unreadable = |file: &Path, error: std::io::Error| format!("{}: {error}", file.display());
        std::fs::metadata(&file).map_err(|error| ConfigError(unreadable(&file, error)))?;
        Ok(Box::new(move || std::fs::read(&file).map(Into::into).map_err(|error| unreadable(&file, error))))
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
        let home = Home::with_clients(config, settings.unwrap(), Clients::at("http://localhost:1")).await.unwrap();
        let mut services = wiring::services(&home.config, &home).unwrap();
        services.push(home.operations().unwrap());
        let manifest = serde_json::to_string_pretty(&wiring::manifest(&services)).unwrap() + "\n";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/manifest.json");
        if std::env::var("MANIFEST").is_ok_and(|wish| wish == "write") {
            std::fs::write(&file, &manifest).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(kept == manifest, "infra/manifest.json is out of date: if the change is meant, run `cargo xtask manifest`");
    }
}
