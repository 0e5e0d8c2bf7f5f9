//! Files in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ports::{Blob, BlobError, Blobs, check_blob_name};

#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<String, Blob>>,
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError> {
        check_blob_name(name)?;
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), blob);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        check_blob_name(name)?;
        Ok(self.blobs.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }
}
