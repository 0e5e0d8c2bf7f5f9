//! Items: a key, a version, a JSON object, entries in indexes, a time to expire.

use std::sync::Arc;

use kernel::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// Partition key and sort key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

/// A JSON object as text, cheap to clone. Top-level integers are the counters that `Write::Add` moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// Fails if the value is not written as a JSON object.
    pub fn of(value: &impl Serialize) -> Result<Self, StoreError> {
        let text = serde_json::to_string(value).map_err(|error| StoreError::Invalid(format!("not JSON: {error}")))?;
        if text.starts_with('{') { Ok(Self(text.into())) } else { Err(StoreError::Invalid("the body is not an object".into())) }
    }

    /// For adapters: a text that `Body::of` or `Write::Add` made before.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.0).map_err(|error| StoreError::Failed(format!("an item cannot be read: {error}")))
    }
}

/// Where the item stands in index `index` (1 to 4). An item without an entry is not in that index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    pub index: u8,
    pub pk: String,
    pub sk: String,
}

impl IndexEntry {
    pub fn new(index: u8, pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { index, pk: pk.into(), sk: sk.into() }
    }
}

/// An item to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    pub key: Key,
    pub body: Body,
    /// At most one entry per index.
    pub indexes: Vec<IndexEntry>,
    /// Reads stop showing the item at this instant; its deletion may lag.
    pub expires_at: Option<Timestamp>,
}

/// An item that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub key: Key,
    /// 1 for a new item, one more with every guarded write; 0 if written with `Expect::Anything`.
    pub version: u64,
    pub body: Body,
    pub expires_at: Option<Timestamp>,
    /// What DynamoDB counts for it (`units::item_bytes`), with events that ride on it.
    pub size_bytes: usize,
}

/// A noun that is stored as an item. Implemented in the service's `storage.rs`.
pub trait Record: Serialize + DeserializeOwned {
    fn key(&self) -> Key;

    fn indexes(&self) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }

    fn to_item(&self) -> Result<NewItem, StoreError> {
        Ok(NewItem { key: self.key(), body: Body::of(self)?, indexes: self.indexes(), expires_at: self.expires_at() })
    }
}

/// A noun as it was read, with the version that guards its next write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    pub value: T,
    pub version: u64,
}

impl<T> std::ops::Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: DeserializeOwned> TryFrom<Item> for Stored<T> {
    type Error = StoreError;

    fn try_from(item: Item) -> Result<Self, StoreError> {
        match item.body.read() {
            Ok(value) => Ok(Self { value, version: item.version }),
            Err(error) => Err(StoreError::Failed(format!("{} / {}: {error}", item.key.pk, item.key.sk))),
        }
    }
}
