//! Files: product images, later invoices and photos.

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Duration;

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

/// How a client may bring a file itself, past the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUpload {
    /// `PUT` the bytes here. Whoever has the address may, until it expires.
    pub url: String,
    /// To be sent along as they are.
    pub headers: Vec<(String, String)>,
}

#[async_trait]
pub trait Blobs: Send + Sync {
    /// Durable when it returns. A second put under one name replaces the first.
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError>;

    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError>;

    /// Leave to put exactly so many bytes under a name, for so long. `None` where the home has no such
    /// thing: then the bytes go through the shop.
    async fn direct_upload(
        &self,
        name: &str,
        content_type: &str,
        size_bytes: u64,
        valid: Duration,
    ) -> Result<Option<DirectUpload>, BlobError> {
        let _ = (content_type, size_bytes, valid);
        check_blob_name(name)?;
        Ok(None)
    }
}

/// For adapters: whether a name is one that every home can keep.
pub fn check_blob_name(name: &str) -> Result<(), BlobError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=200).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(known) {
        Ok(())
    } else {
        Err(BlobError::Name(name.chars().take(200).collect()))
    }
}
