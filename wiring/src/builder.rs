//! Hands a service what it is built from, and records what that was: the manifest, and with it the rights of each function in
//! the cloud, follow from the record.

use std::sync::Arc;

use ports::store::TableSchema;
use ports::{Blobs, EventLog, Mailer, PaymentGateway, Search, UserPool};
use shell::{Need, Passwords, Resource, RootRoutes, Runtime, Service, ServiceRole, Signer, UnitOfWork, queues};

use crate::config::{Config, ConfigError};
use crate::platform::{Platform, TimeZoneSource, work};

/// Why a service was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There are homes without it, and the service is not built there.
    #[error("this home lacks what it needs: {0:?}")]
    Lacks(Resource),
}

/// What a service lets others read.
pub trait Readable: Sized {
    const TABLE: TableSchema;
    fn over(work: &UnitOfWork, config: &Config) -> Self;
}

pub struct Builder<'a> {
    config: &'a Config,
    platform: &'a dyn Platform,
    table: Option<TableSchema>,
    reads: Vec<&'static str>,
    needs: Vec<Need>,
}

impl<'a> Builder<'a> {
    /// For the service that owns the table, if it has one.
    pub fn new(config: &'a Config, platform: &'a dyn Platform, table: Option<TableSchema>) -> Self {
        Self { config, platform, table, reads: Vec::new(), needs: Vec::new() }
    }

    /// The service, with what was recorded while it was built.
    pub fn finish(mut self, mut service: Service) -> Service {
        self.reads.sort_unstable();
        self.reads.dedup();
        self.needs.sort_unstable_by_key(|need| need.resource);
        self.needs.dedup();
        (service.reads, service.needs) = (self.reads, self.needs);
        service
    }

    pub fn config(&self) -> &'a Config {
        self.config
    }

    pub fn runtime(&self) -> &'a Arc<Runtime> {
        self.platform.runtime()
    }

    /// On the service's own table.
    ///
    /// Errors: if the list of services gives it none.
    pub fn work(&self) -> Result<UnitOfWork, ConfigError> {
        let table = self.table.ok_or_else(|| ConfigError("a service without a table has no unit of work".into()))?;
        Ok(work(self.platform, table))
    }

    /// On the shell's table, where a home with a log keeps how far the events have been delivered.
    pub fn shell_work(&self) -> UnitOfWork {
        work(self.platform, queues::TABLE)
    }

    /// What another service lets be read.
    pub fn read<R: Readable>(&mut self) -> Arc<R> {
        Arc::new(R::over(&self.work_of(R::TABLE), self.config))
    }

    /// On another service's table, for that service's code to read.
    pub fn work_of(&mut self, table: TableSchema) -> UnitOfWork {
        self.reads.push(table.name);
        work(self.platform, table)
    }

    pub fn passwords(&self) -> Arc<Passwords> {
        self.platform.passwords()
    }

    pub fn signer(&mut self) -> Result<Arc<Signer>, ConfigError> {
        self.need(Resource::SigningKey, ServiceRole::ALL);
        self.platform.signer()
    }

    pub fn user_pool(&mut self, used_by: &'static [ServiceRole]) -> Result<Option<Arc<dyn UserPool>>, ConfigError> {
        self.need(Resource::UserPool, used_by);
        self.platform.user_pool()
    }

    pub fn files(&mut self, used_by: &'static [ServiceRole]) -> Result<Arc<dyn Blobs>, ConfigError> {
        self.need(Resource::Files, used_by);
        self.platform.files()
    }

    pub fn mailer(&mut self, used_by: &'static [ServiceRole]) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
        self.need(Resource::Mail, used_by);
        self.platform.mailer()
    }

    pub fn gateway(&mut self, used_by: &'static [ServiceRole]) -> Result<Arc<dyn PaymentGateway>, ConfigError> {
        self.need(Resource::Gateway, used_by);
        self.platform.gateway()
    }

    pub fn gateway_pages(&self) -> Result<RootRoutes, ConfigError> {
        self.platform.gateway_pages()
    }

    /// Tells whether something can be a means of payment. That takes no call of the gateway, so it needs no right to one.
    pub fn method_check(&self) -> Result<orders::MethodCheck, ConfigError> {
        let gateway = self.platform.gateway()?;
        Ok(Arc::new(move |method| gateway.check_method(method)))
    }

    /// Like `method_check`, no call of the gateway.
    pub fn payment_methods(&self) -> Result<Vec<String>, ConfigError> {
        Ok(self.platform.gateway()?.methods().iter().map(|method| (*method).to_owned()).collect())
    }

    pub fn time_zones(&mut self, used_by: &'static [ServiceRole]) -> Result<TimeZoneSource, ConfigError> {
        self.need(Resource::TimeZones, used_by);
        self.platform.time_zones()
    }

    pub fn search_index(&mut self, used_by: &'static [ServiceRole]) -> Result<Arc<dyn Search>, BuildError> {
        self.need(Resource::SearchIndex, used_by);
        self.platform.search_index()?.ok_or(BuildError::Lacks(Resource::SearchIndex))
    }

    pub fn event_log(&mut self, used_by: &'static [ServiceRole]) -> Result<Arc<dyn EventLog>, BuildError> {
        self.need(Resource::EventLog, used_by);
        self.platform.event_log().ok_or(BuildError::Lacks(Resource::EventLog))
    }

    fn need(&mut self, resource: Resource, roles: &'static [ServiceRole]) {
        self.needs.push(Need { resource, roles });
    }
}
