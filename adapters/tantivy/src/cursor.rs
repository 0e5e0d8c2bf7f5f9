//! Where the next page begins: after which hit, in which view of the index, at which instant.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Timestamp;
use ports::search::{SearchError, SearchQuery};
use serde::{Deserialize, Serialize};

use crate::collect::Place;

const CURSOR_CHARS_MAX: usize = 400;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Next {
    /// Of the query: a cursor fits no other.
    #[serde(rename = "q")]
    query: u64,
    /// The bits of the float.
    #[serde(rename = "k")]
    key: u64,
    #[serde(rename = "t")]
    tie: u64,
    /// The view that the first page was taken from.
    #[serde(rename = "s")]
    pub snapshot: (u64, u64),
    #[serde(rename = "e")]
    pub effort: u8,
    /// Milliseconds; what is open stays the same from page to page.
    #[serde(rename = "n")]
    now: i64,
}

impl Next {
    pub fn new(query: &SearchQuery, place: Place, snapshot: (u64, u64), effort: u8) -> Self {
        Self { query: fingerprint(query), key: place.key.to_bits(), tie: place.tie, snapshot, effort, now: query.now.as_millis() }
    }

    pub fn place(&self) -> Place {
        Place { key: f64::from_bits(self.key), tie: self.tie }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    pub fn write(&self) -> Result<String, SearchError> {
        let json = serde_json::to_vec(self).map_err(|error| SearchError::Failed(error.to_string()))?;
        Ok(URL_SAFE_NO_PAD.encode(json))
    }

    /// The cursor of this query, if it has one.
    pub fn read(query: &SearchQuery) -> Result<Option<Self>, SearchError> {
        let Some(text) = &query.cursor else { return Ok(None) };
        if text.len() > CURSOR_CHARS_MAX {
            return Err(SearchError::Cursor);
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| SearchError::Cursor)?;
        let next: Self = serde_json::from_slice(&json).map_err(|_| SearchError::Cursor)?;
        if next.query != fingerprint(query) || next.place().key.is_nan() {
            return Err(SearchError::Cursor);
        }
        Ok(Some(next))
    }
}

/// Of everything that decides what is found and in which order.
fn fingerprint(query: &SearchQuery) -> u64 {
    let mut hasher = DefaultHasher::new();
    let SearchQuery {
        text,
        kinds,
        categories,
        tags,
        price,
        rating_min,
        open_now,
        position,
        area,
        sort,
        facets: _,
        limit: _,
        cursor: _,
        explain: _,
        now: _,
    } = query;
    let position = position.map(|position| (position.lat.to_bits(), position.lon.to_bits()));
    (text, kinds, categories, tags, format!("{price:?} {rating_min:?} {area:?} {sort:?}"), open_now, position).hash(&mut hasher);
    hasher.finish()
}
