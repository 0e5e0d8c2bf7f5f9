//! Files: product images, later invoices and photos.

use async_trait::async_trait;
use bytes::Bytes;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub bytes: Bytes,
    /// `image/png` and the like.
    pub content_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Names are 1 to 200 of `a-z A-Z 0-9 . _ -`, with no leading dot.
    #[error("not a name of a file: {0}")]
    Name(String),
    #[error("the files are unavailable: {0}")]
    Failed(String),
}

#[async_trait]
pub trait Blobs: Send + Sync {
    /// Durable when it returns. A second put under one name replaces the first.
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError>;

    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError>;
}
