//! Makes a table, for tests and for emulators. The tables of an account are made by its CDK stack.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification,
};
use kernel::Duration;
use ports::store::{StoreError, TableSchema};

use crate::Dynamo;
use crate::layout::{PK, SK, TTL, index_name, index_pk, index_sk};

const LOOKS_MAX: u32 = 600;
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Dynamo {
    /// Makes the table with its indexes, its stream and its time to live, and waits until it can be used.
    /// A table that is there already is left as it is.
    pub async fn create_table(&self, schema: TableSchema) -> Result<(), StoreError> {
        let name = self.table_name(schema);
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage).build();
        let mut request = self
            .client()
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(key_schema(PK, SK)?))
            .stream_specification(stream.map_err(unbuilt)?);
        let mut names = vec![PK.to_owned(), SK.to_owned()];
        for index in 1..=schema.indexes {
            let (pk, sk) = (index_pk(index), index_sk(index));
            let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            let index = GlobalSecondaryIndex::builder().index_name(index_name(index)).set_key_schema(Some(key_schema(&pk, &sk)?));
            request = request.global_secondary_indexes(index.projection(keys).build().map_err(unbuilt)?);
            names.extend([pk, sk]);
        }
        for name in names {
            let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            request = request.attribute_definitions(definition.build().map_err(unbuilt)?);
        }
        match request.send().await {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => return self.until_active(&name).await,
            Err(error) => return Err(failed(&name, &error)),
        }
        self.until_active(&name).await?;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build().map_err(unbuilt)?;
        let switched = self.client().update_time_to_live().table_name(&name).time_to_live_specification(ttl).send().await;
        switched.map(drop).map_err(|error| failed(&name, &error))
    }

    async fn until_active(&self, name: &str) -> Result<(), StoreError> {
        for _ in 0..LOOKS_MAX {
            let seen = self.client().describe_table().table_name(name).send().await.map_err(|error| failed(name, &error))?;
            if seen.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(StoreError::Unavailable(format!("the table {name} does not become active")))
    }
}

fn key_schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, StoreError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(unbuilt);
    Ok(vec![element(pk, KeyType::Hash)?, element(sk, KeyType::Range)?])
}

fn unbuilt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("the description of a table: {error}"))
}

fn failed(name: &str, error: &(impl std::error::Error + Send + Sync + 'static)) -> StoreError {
    StoreError::Failed(format!("the table {name}: {}", DisplayErrorContext(error)))
}
