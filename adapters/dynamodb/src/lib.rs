//! The store on DynamoDB, one table per service. `layout.rs` says how an item lies there, `commit.rs` how
//! a commit is done exactly once, `retry.rs` what is tried again.

mod body;
mod commit;
mod create;
mod layout;
mod read;
mod retry;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use ports::store::{Commit, CommitError, Consistency, Item, Key, Metered, Query, QueryPage, StoreError, TableSchema};
use ports::{Clock, Store};

pub use retry::Patience;

/// The tables of an account whose names begin with a prefix.
#[derive(Clone)]
pub struct Dynamo {
    client: Client,
    table_prefix: String,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

impl Dynamo {
    /// Uses the client's region, credentials, endpoint and connections, but not its retries and time-outs:
    /// those are the adapter's own.
    pub fn new(client: Client, table_prefix: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table_prefix: table_prefix.into(), clock, patience: Patience::default() }.with_patience(Patience::default())
    }

    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(patience.attempt).connect_timeout(patience.attempt).build();
        let config = self.client.config().to_builder();
        let config = config
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { client: Client::from_conf(config), patience, ..self }
    }

    /// The table of a service, which must be there.
    pub fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        let (client, clock) = (self.client.clone(), self.clock.clone());
        Arc::new(DynamoTable { client, name: self.table_name(schema), schema, clock, patience: self.patience })
    }

    pub fn table_name(&self, schema: TableSchema) -> String {
        format!("{}{}", self.table_prefix, schema.name)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

pub(crate) struct DynamoTable {
    client: Client,
    name: String,
    schema: TableSchema,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

#[async_trait]
impl Store for DynamoTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Item>>, StoreError> {
        self.read(key, consistency).await
    }

    async fn get_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<Vec<Option<Item>>>, StoreError> {
        self.read_many(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Metered<QueryPage>, StoreError> {
        self.page(query).await
    }

    async fn commit(&self, commit: Commit) -> Result<Metered<()>, CommitError> {
        self.commit_once(commit).await
    }
}
