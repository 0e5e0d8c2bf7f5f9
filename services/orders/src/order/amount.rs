//! The amounts of an order, as they are stored.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What amounts are stored as: minor units. Not implemented for `Money`, which would be stored with its currency.
pub trait StoredAmount: Serialize + DeserializeOwned + Default + PartialEq {}

impl StoredAmount for i64 {}

pub fn is_zero<M: StoredAmount>(amount: &M) -> bool {
    *amount == M::default()
}
