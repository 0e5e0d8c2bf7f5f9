//! What a home brings, and what follows from it without any one service.

use std::borrow::Cow;
use std::sync::Arc;

use ports::store::{Store, TableSchema};
use ports::{Blobs, EventLog, Mailer, PaymentGateway, PublicKeys, Search, UserPool};
use shell::{Authenticator, Passwords, RootRoutes, Runtime, Signer, TokenVerifier, UnitOfWork};

use crate::config::ConfigError;

/// The table whose accounts are looked up for every request with a token.
pub const ACCOUNTS: TableSchema = identity::TABLE;

/// Reads the borders of the world's time zones in the format of tzf, or says why it cannot.
pub type TimeZoneSource = Box<dyn Fn() -> Result<Cow<'static, [u8]>, String> + Send + Sync>;

/// Each is asked for only when a service that is built needs it.
pub trait Platform {
    fn runtime(&self) -> &Arc<Runtime>;
    fn store(&self, schema: TableSchema) -> Arc<dyn Store>;
    fn files(&self) -> Result<Arc<dyn Blobs>, ConfigError>;
    /// For tokens, and for links in mails.
    fn signer(&self) -> Result<Arc<Signer>, ConfigError>;
    fn passwords(&self) -> Arc<Passwords>;
    /// Keeps the passwords and makes the tokens, where there is one.
    fn user_pool(&self) -> Result<Option<Arc<dyn UserPool>>, ConfigError> {
        Ok(None)
    }
    /// The user pool whose tokens count instead of our own.
    fn pool_issuer(&self) -> Result<Option<PoolIssuer>, ConfigError> {
        Ok(None)
    }
    fn gateway(&self) -> Result<Arc<dyn PaymentGateway>, ConfigError>;
    /// The pages that the gateway needs in the shop.
    fn gateway_pages(&self) -> Result<RootRoutes, ConfigError> {
        Ok(RootRoutes::new())
    }
    /// `None`: mails are kept and shown, not sent.
    fn mailer(&self) -> Result<Option<Arc<dyn Mailer>>, ConfigError>;
    fn time_zones(&self) -> Result<TimeZoneSource, ConfigError>;
    /// Services that need one are not built where there is none.
    fn search_index(&self) -> Result<Option<Arc<dyn Search>>, ConfigError> {
        Ok(None)
    }
    /// The log of all events, where the home keeps one.
    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        None
    }
}

/// A user pool that makes access tokens.
pub struct PoolIssuer {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    pub client_id: String,
    pub keys: Arc<dyn PublicKeys>,
}

/// The unit of work of the service that owns the table.
pub fn work(platform: &dyn Platform, schema: TableSchema) -> UnitOfWork {
    UnitOfWork::new(platform.runtime(), schema, platform.store(schema))
}

/// Verifies the tokens of the user pool, or of the built-in issuer where there is none, and looks at the account.
/// With a pool the signing key is not needed: most functions in the cloud have no right to read it.
pub fn authenticator(platform: &dyn Platform) -> Result<Arc<dyn Authenticator>, ConfigError> {
    let accounts = Arc::new(identity::Reads::new(&work(platform, ACCOUNTS)));
    let clock = platform.runtime().clock.clone();
    Ok(Arc::new(match platform.pool_issuer()? {
        Some(pool) => TokenVerifier::trusting_none(accounts, clock).trust_pool(pool.issuer, pool.client_id, pool.keys),
        None => {
            let signer = platform.signer()?;
            TokenVerifier::new(signer.issuer(), signer.jwks(), accounts, clock)
        }
    }))
}
