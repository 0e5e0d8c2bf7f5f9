//! Homes on the servers that the tests are given, each with tables of its own.

// Every test target uses its own part of this.
#![allow(dead_code)]

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use dynamodb::Dynamo;
use kernel::Duration;
use ports::store::{Commit, CommitError, Consistency, Item, Key, Metered, Query, QueryPage, StoreError, TableSchema};
use ports::{Clock, Entropy, ManualClock, Store, SystemClock, SystemEntropy};
use tokio::net::TcpListener;

pub const DYNOXIDE: &str = "TEST_DYNOXIDE_ENDPOINT";
pub const MINISTACK: &str = "TEST_MINISTACK_ENDPOINT";

/// # Panics
/// If the variable is not set: nothing was tested then.
pub fn endpoint(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; it names the DynamoDB to test against, as http://127.0.0.1:8000"))
}

pub fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

pub fn random() -> u64 {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A caller that asks again when it is told that an outcome is not known. In the suite, who asks again has
/// no rival that could have overtaken the first time.
struct Insistent(Arc<dyn Store>);

#[async_trait]
impl Store for Insistent {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Metered<Option<Item>>, StoreError> {
        self.0.get(key, consistency).await
    }

    async fn get_many(&self, keys: &[Key], consistency: Consistency) -> Result<Metered<Vec<Option<Item>>>, StoreError> {
        self.0.get_many(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Metered<QueryPage>, StoreError> {
        self.0.query(query).await
    }

    async fn commit(&self, commit: Commit) -> Result<Metered<()>, CommitError> {
        for _ in 0..5 {
            match self.0.commit(commit.clone()).await {
                Err(CommitError::Store(StoreError::Unavailable(why))) if why.ends_with("the item has changed since") => {}
                done => return done,
            }
        }
        panic!("five outcomes that are not known")
    }
}

pub struct Home {
    pub dynamo: Dynamo,
    insists: bool,
    pub clock: Arc<ManualClock>,
    pub prefix: String,
}

impl Home {
    /// The same tables over another connection.
    pub fn through(&self, endpoint: &str) -> Dynamo {
        Dynamo::new(client(endpoint), &self.prefix, self.clock.clone())
    }
}

impl suite::Home for Home {
    fn table(&self, schema: TableSchema) -> Arc<dyn Store> {
        let table = self.dynamo.table(schema);
        if self.insists { Arc::new(Insistent(table)) } else { table }
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

/// Fresh tables. The clock stands in the future, so that the server's own time to live never strikes.
pub async fn home(endpoint: &str) -> Home {
    let clock = Arc::new(ManualClock::new(SystemClock.now().plus(Duration::from_secs(7 * 24 * 3600))));
    let prefix = format!("test-{:016x}-", random());
    let dynamo = Dynamo::new(client(endpoint), &prefix, clock.clone());
    for schema in suite::SCHEMAS {
        dynamo.create_table(schema).await.expect("the server makes tables");
    }
    Home { dynamo, insists: false, clock, prefix }
}

/// A proxy in this process before the server. Returns where it listens.
pub async fn proxy(endpoint: &str, plan: fault_proxy::Plan) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let upstream = endpoint.to_owned();
    tokio::spawn(async move {
        let Err(error) = fault_proxy::serve(listener, &upstream, plan).await;
        panic!("the proxy ended: {error}");
    });
    address
}

/// A home behind a proxy that lets a tenth of the calls fail.
pub async fn shaken_home(endpoint: &str) -> Home {
    let seed = random();
    eprintln!("the seed of the faults is {seed}");
    let home = home(&proxy(endpoint, fault_proxy::by_chance(seed, 0.1)).await).await;
    Home { insists: true, ..home }
}
