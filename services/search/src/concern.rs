//! A document that may have changed.

use kernel::{BusinessId, CategoryId, ProductId};

/// The consumer by which changes come to the index.
pub const CONSUMER: &str = "search";

/// What a change may show in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    Business(BusinessId),
    Product(ProductId),
    /// All documents in it and below it.
    Category(CategoryId),
}
