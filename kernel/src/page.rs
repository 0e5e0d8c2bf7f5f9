//! Pages of a listing: a bounded number of items and a cursor that continues after the last one.

use serde::{Deserialize, Serialize};

/// Where the next page starts. Opaque to clients, made by the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

/// How many there are, of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts<K> {
    pub items: Vec<Count<K>>,
}

/// How many there are of a kind. A hundred are counted at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Count<K> {
    pub status: K,
    pub count: usize,
    /// Whether there are, or may be, more than were counted.
    pub more: bool,
}

impl<K> Count<K> {
    /// Of the first page of all that there are, of a hundred.
    pub fn of<T>(status: K, page: &Page<T>) -> Self {
        Self { status, count: page.items.len(), more: page.next.is_some() }
    }
}

/// How many items a page may hold: 1 to 100 (default 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    pub const MAX: u32 = 100;

    pub fn new(limit: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }

    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}
