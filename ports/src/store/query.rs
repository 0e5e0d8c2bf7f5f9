//! Queries: one partition of the table or of an index, a range of sort keys, a direction.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Cursor;

use super::{Item, KEYS_MAX, Key, PK_BYTES_MAX, SK_BYTES_MAX, StoreError};

/// Which sort keys, compared as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounds {
    All,
    Prefix(String),
    /// From and to, both included.
    Between(String, String),
    AtLeast(String),
    AtMost(String),
}

/// A listing of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// `None` for the table itself, 1 to 4 for an index.
    pub index: Option<u8>,
    pub pk: String,
    pub sk: Bounds,
    pub descending: bool,
    /// 1 to 1000.
    pub limit: usize,
    pub cursor: Option<Cursor>,
}

impl Query {
    pub fn table(pk: impl Into<String>) -> Self {
        Self { index: None, pk: pk.into(), sk: Bounds::All, descending: false, limit: 100, cursor: None }
    }

    pub fn index(index: u8, pk: impl Into<String>) -> Self {
        Self { index: Some(index), ..Self::table(pk) }
    }

    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.sk = Bounds::Prefix(prefix.into());
        self
    }

    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.sk = bounds;
        self
    }

    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.cursor = cursor;
        self
    }

    /// The smallest and the largest sort key of the bounds, both included; `None` where there is no end.
    pub fn sk_range(&self) -> (&str, Option<String>) {
        match &self.sk {
            Bounds::All => ("", None),
            // No sort key holds a character above this one, so it closes the prefix's range.
            Bounds::Prefix(prefix) => (prefix, Some(format!("{prefix}\u{10FFFF}"))),
            Bounds::Between(from, to) => (from, Some(to.clone())),
            Bounds::AtLeast(from) => (from, None),
            Bounds::AtMost(to) => ("", Some(to.clone())),
        }
    }

    /// Refuses what DynamoDB would refuse, and cursors of another listing.
    pub fn check(&self, indexes: u8) -> Result<Option<Start>, StoreError> {
        if !(1..=1000).contains(&self.limit) {
            return Err(StoreError::Invalid(format!("a page of {} items", self.limit)));
        }
        if self.index.is_some_and(|index| index == 0 || index > indexes) {
            return Err(StoreError::Invalid(format!("index {:?} is not declared", self.index)));
        }
        if self.pk.is_empty() || self.pk.len() > PK_BYTES_MAX {
            return Err(StoreError::Invalid(format!("the partition key {:.80}", self.pk)));
        }
        if matches!(&self.sk, Bounds::Between(from, to) if from > to) {
            return Err(StoreError::Invalid("a range that ends before it begins".into()));
        }
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let start = decode_start(cursor, self)?;
        let (least, most) = self.sk_range();
        let inside = start.sk.as_str() >= least && most.is_none_or(|most| start.sk <= most);
        if inside { Ok(Some(start)) } else { Err(StoreError::Cursor) }
    }
}

/// Items in the order of the query, and the cursor of the next page if there may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPage {
    pub items: Vec<Item>,
    pub next: Option<Cursor>,
}

/// The place of the last item of a page: its sort key in the listing, and its key in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub sk: String,
    pub key: Key,
}

/// A cursor names the last item, not a number of items: it stays right while others come and go.
pub fn encode_start(query: &Query, start: &Start) -> Cursor {
    let parts = if query.index.is_some() { vec![&start.sk, &start.key.pk, &start.key.sk] } else { vec![&start.sk] };
    Cursor(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&parts).unwrap_or_default()))
}

/// Fails for a cursor that `encode_start` did not make for such a query.
pub fn decode_start(cursor: &Cursor, query: &Query) -> Result<Start, StoreError> {
    let bytes = URL_SAFE_NO_PAD.decode(&cursor.0).map_err(|_| StoreError::Cursor)?;
    let mut parts: Vec<String> = serde_json::from_slice(&bytes).map_err(|_| StoreError::Cursor)?;
    if parts.iter().any(|part| part.len() > SK_BYTES_MAX * 2) {
        return Err(StoreError::Cursor);
    }
    match (query.index, parts.len()) {
        (None, 1) => {
            let sk = parts.remove(0);
            Ok(Start { key: Key::new(&query.pk, &sk), sk })
        }
        (Some(_), 3) => {
            let sk = parts.remove(0);
            let pk = parts.remove(0);
            Ok(Start { sk, key: Key::new(pk, parts.remove(0)) })
        }
        _ => Err(StoreError::Cursor),
    }
}

/// For adapters: refuses what `get_many` does not take.
pub fn check_keys(keys: &[Key]) -> Result<(), StoreError> {
    if keys.len() > KEYS_MAX {
        return Err(StoreError::Invalid(format!("{} keys at once", keys.len())));
    }
    let mut seen = std::collections::HashSet::with_capacity(keys.len());
    match keys.iter().find(|key| !seen.insert(*key)) {
        None => Ok(()),
        Some(key) => Err(StoreError::Invalid(format!("{:.80} / {:.80} twice", key.pk, key.sk))),
    }
}
