//! How an item lies in its table.
//!
//! | attribute | type | is |
//! |---|---|---|
//! | `pk`, `sk` | S | the key |
//! | `v` | N | the version |
//! | `data` | M | the body, see `body.rs` |
//! | `i1pk`, `i1sk` to `i5pk`, `i5sk` | S | the entries in the indexes `index1` to `index5` |
//! | `expires` | N | milliseconds, on items that expire |
//! | `ttl` | N | the same in seconds, rounded up: the table's TTL attribute |
//! | `events` | L of S | events that the commit told, for the stream, as `Envelope::stored_json` writes them |
//! | `w` | B | on items with a version above 0, the token of the commit that put them, see `commit.rs` |

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use contracts::Envelope;
use kernel::Timestamp;
use ports::store::{IdempotencyRecord, IndexEntry, Item, Key, NewItem, PK_BYTES_MAX, SK_BYTES_MAX, StoreError, units};

use crate::body;

pub type Attributes = HashMap<String, AttributeValue>;

pub const PK: &str = "pk";
pub const SK: &str = "sk";
pub const VERSION: &str = "v";
pub const DATA: &str = "data";
pub const EXPIRES: &str = "expires";
pub const TTL: &str = "ttl";
pub const EVENTS: &str = "events";
pub const TOKEN: &str = "w";

pub use ports::store::INDEXES_MAX;

/// AWS wants three characters at least.
pub fn index_name(index: u8) -> String {
    format!("index{index}")
}

pub fn index_pk(index: u8) -> String {
    format!("i{index}pk")
}

pub fn index_sk(index: u8) -> String {
    format!("i{index}sk")
}

pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([(PK.to_owned(), text(&key.pk)), (SK.to_owned(), text(&key.sk))])
}

/// Whether there can be an item under the key. DynamoDB refuses to look for others.
pub fn is_possible(key: &Key) -> bool {
    (1..=PK_BYTES_MAX).contains(&key.pk.len()) && (1..=SK_BYTES_MAX).contains(&key.sk.len())
}

pub fn to_attributes(item: &NewItem, version: u64) -> Result<Attributes, StoreError> {
    let mut attributes = key_attributes(&item.key);
    attributes.insert(VERSION.into(), number(version));
    attributes.insert(DATA.into(), body::to_attribute(&item.body)?);
    for entry in &item.indexes {
        attributes.insert(index_pk(entry.index), text(&entry.pk));
        attributes.insert(index_sk(entry.index), text(&entry.sk));
    }
    if let Some(at) = item.expires_at {
        attributes.insert(EXPIRES.into(), number(at.as_millis()));
        attributes.insert(TTL.into(), number(units::ttl(at)));
    }
    Ok(attributes)
}

/// The item, whether it has expired or not.
pub fn to_item(attributes: &Attributes) -> Result<Item, StoreError> {
    let key = Key::new(read_text(attributes, PK)?, read_text(attributes, SK)?);
    let body = attributes.get(DATA).ok_or_else(|| damaged(DATA)).and_then(body::from_attribute)?;
    let version = read_number(attributes, VERSION)?.ok_or_else(|| damaged(VERSION))?;
    let expires_at = expiry(attributes)?;
    let size_bytes = units::item_bytes(&key, version, &body, &entries(attributes)?, expires_at) + events_bytes(attributes);
    Ok(Item { key, version, body, expires_at, size_bytes })
}

fn entries(attributes: &Attributes) -> Result<Vec<IndexEntry>, StoreError> {
    let entry = |index| Ok(IndexEntry::new(index, read_text(attributes, &index_pk(index))?, read_text(attributes, &index_sk(index))?));
    (1..=INDEXES_MAX).filter(|index| attributes.contains_key(&index_pk(*index))).map(entry).collect()
}

fn events_bytes(attributes: &Attributes) -> usize {
    let events = attributes.get(EVENTS).and_then(|value| value.as_l().ok()).map_or(&[][..], Vec::as_slice);
    units::events_bytes(events.iter().filter_map(|event| event.as_s().ok()).map(String::as_str))
}

/// The item, if it has not expired.
pub fn to_living(attributes: &Attributes, now: Timestamp) -> Result<Option<Item>, StoreError> {
    if expiry(attributes)?.is_some_and(|at| at <= now) { Ok(None) } else { to_item(attributes).map(Some) }
}

pub fn version(attributes: &Attributes) -> Result<Option<u64>, StoreError> {
    read_number(attributes, VERSION)
}

/// What a commit leaves in what it puts, to be known again.
#[derive(Debug, Clone, PartialEq)]
pub struct Token(pub [u8; 8]);

impl Token {
    pub fn attribute(&self) -> AttributeValue {
        AttributeValue::B(Blob::new(self.0))
    }

    pub fn is_in(&self, attributes: &Attributes) -> bool {
        attributes.get(TOKEN) == Some(&self.attribute())
    }
}

pub fn read_text<'a>(attributes: &'a Attributes, name: &str) -> Result<&'a str, StoreError> {
    attributes.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| damaged(name))
}

fn expiry(attributes: &Attributes) -> Result<Option<Timestamp>, StoreError> {
    Ok(read_number(attributes, EXPIRES)?.map(Timestamp::from_millis))
}

fn read_number<N: std::str::FromStr>(attributes: &Attributes, name: &str) -> Result<Option<N>, StoreError> {
    let Some(value) = attributes.get(name) else {
        return Ok(None);
    };
    value.as_n().ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| damaged(name))
}

fn damaged(name: &str) -> StoreError {
    StoreError::Failed(format!("an item without a readable {name}"))
}

/// `None` for no events: the attribute is what the stream is filtered by.
pub fn event_list(events: &[(Envelope, String)]) -> Option<AttributeValue> {
    (!events.is_empty()).then(|| AttributeValue::L(events.iter().map(|(_, json)| text(json)).collect()))
}

/// An idempotency record, as it was first written.
pub fn to_record(attributes: &Attributes) -> Result<IdempotencyRecord, StoreError> {
    to_item(attributes)?.body.read()
}
